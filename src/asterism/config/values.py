"""How option values are read when the file's owner has no option table."""

from __future__ import annotations

_TRUE = frozenset(("yes", "true", "y", "t", "1", "on"))
_FALSE = frozenset(("no", "false", "n", "f", "0", "off"))


def is_true(text: str | None) -> bool:
    """Asterisk's rule: ``yes true y t 1 on`` in any case are true, everything else is false."""
    return text is not None and text.strip().lower() in _TRUE


def is_boolean(text: str) -> bool:
    """Whether ``text`` is one of the words meant as a boolean, true or false."""
    word = text.strip().lower()
    return word in _TRUE or word in _FALSE
