"""Dialplan functions, one family per file; each family is a module."""
