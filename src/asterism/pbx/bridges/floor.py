"""Who has the floor: the loudest of several who talk, without a change at every breath."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import exp
from typing import Generic, TypeVar

THRESHOLD = 200.0
"""The mean absolute sample below which somebody is not talking."""
LOUDEST = 2000.0
"""What is louder counts as this: a bang is no talk."""
FACTOR = 1.5
"""How much louder another one must be than whoever has the floor..."""
LEAD = 0.6
"""...for how many seconds..."""
HELD = 1.5
"""...and how many seconds after the last change."""
_MEMORY = 0.5
"""Seconds after which what was said counts a third."""

Who = TypeVar("Who")


class Floor(Generic[Who]):
    """Hears how loud each is at every turn of a mix; its clock is the number of turns.

    Attributes:
        holder: who has the floor; ``None``: nobody has talked yet, or whoever had it is gone.
    """

    def __init__(self, interval: float) -> None:
        """``interval`` is that of the turns in seconds."""
        self.holder: Who | None = None
        self._interval = interval
        self._gain = 1 - exp(-interval / _MEMORY)
        self._loudness: dict[Who, float] = {}
        self._rival: Who | None = None
        self._lead = 0.0
        self._held = HELD

    def watch(self, those: Iterable[Who]) -> None:
        """Say who may have the floor from now on."""
        before = self._loudness
        self._loudness = {who: before.get(who, 0.0) for who in those}
        if self.holder not in self._loudness:
            self.holder = None
            self._held = HELD
        if self._rival not in self._loudness:
            self._rival = None

    def hear(self, said: Mapping[Who, float]) -> bool:
        """Take the mean absolute samples of a turn; whether somebody else has the floor now."""
        loudness, gain, holder = self._loudness, self._gain, self.holder
        best, most = None, THRESHOLD
        for who, before in loudness.items():
            level = said.get(who, 0.0)
            now = loudness[who] = before + ((LOUDEST if level > LOUDEST else level) - before) * gain
            if now > most:
                best, most = who, now
        self._held += self._interval
        floor = THRESHOLD if holder is None else max(THRESHOLD, FACTOR * loudness[holder])
        rival = self._rival
        if rival is not None and loudness[rival] <= floor:
            rival = None
        if best is not None and most > floor and (rival is None or most > FACTOR * loudness[rival]):
            if rival is not best:
                self._lead = 0.0
            rival = best
        self._rival = rival
        if rival is None:
            return False
        self._lead += self._interval
        if self._lead < LEAD or self._held < HELD:
            return False
        self.holder, self._rival, self._held = rival, None, 0.0
        return True
