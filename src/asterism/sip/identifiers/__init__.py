"""The endpoint identifiers, one module per family as in Asterisk."""
