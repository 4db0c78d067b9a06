"""Tables of recurring texts and their parsed values, so that each is parsed once.

The tables are the one thing in the stack that outlives a call of a function: each is the memory of a pure function, as
``functools.lru_cache`` would be. They are plain dictionaries because those who parse every message look into them by
themselves, which costs no call of a function.
"""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")

MOST = 8192
"""Texts kept in a table; then it is emptied, which costs less than to know which was used last."""
LONGEST = 512
"""Longer texts are not kept: they do not come again, and would let strangers fill the memory."""


def keep(table: dict[str, T], text: str, meaning: T) -> None:
    """Keep the parsed value of ``text``, if it is worth that."""
    if len(text) > LONGEST:
        return
    if len(table) >= MOST:
        table.clear()
    table[text] = meaning
