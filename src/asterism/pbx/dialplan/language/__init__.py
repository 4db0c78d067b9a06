"""The language of the dialplan: contexts, patterns, expressions, substitution, and what runs it."""
