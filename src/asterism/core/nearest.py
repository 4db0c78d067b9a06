"""Suggestion of the known word nearest to an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache

_LIKENESS = 0.75


def suggestion(word: str, accepted: Iterable[str]) -> str:
    """``; did you mean 'Dial'?`` for the nearest of ``accepted`` to ``word``, empty when none is near."""
    near = _nearest(word[:64].lower(), tuple(accepted))
    return f"; did you mean '{near}'?" if near else ""


@lru_cache(maxsize=256)
def _nearest(word: str, accepted: tuple[str, ...]) -> str:
    # Remembered: the same mistake is often made for every phone.
    folded = {each.lower(): each for each in accepted}
    near = difflib.get_close_matches(word, folded, 1, _LIKENESS)
    return folded[near[0]] if near else ""
