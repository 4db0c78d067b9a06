"""The identifier that all channels of a call share: that of the oldest of them."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 64
"""Characters of an identifier that may be one of the system's own."""


def oldest_of(linkedids: Iterable[str]) -> str:
    """The identifier of the oldest channel; one that a caller has chosen counts as the youngest."""
    return min(linkedids, key=_age)


def _age(linkedid: str) -> tuple[float, int]:
    # "system-1795259898.16": seconds, then the running number.
    seconds, _, number = linkedid.rpartition("-")[2].partition(".")
    if len(linkedid) < _LONGEST and seconds.isdecimal() and number.isdecimal():
        return float(seconds), int(number)
    return float("inf"), 0
