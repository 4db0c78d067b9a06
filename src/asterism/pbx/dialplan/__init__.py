"""The dialplan: contexts, extensions, patterns, variables, expressions, and what executes them."""
