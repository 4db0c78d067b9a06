"""What the digits of one who spies mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.pbx.calls.spying.spying import LOUDEST, Mode

if TYPE_CHECKING:
    from asterism.pbx.calls.spying.settings import SpySettings

MODES = MappingProxyType({"4": Mode.LISTEN, "5": Mode.WHISPER, "6": Mode.BARGE})
"""What digits switch to, with option ``d``."""
_MOST = 32
"""Digits of a channel's name."""


class Doing(Enum):
    """What is to be done."""

    NOTHING = "nothing"
    NEXT = "next"
    """Look for another channel."""
    EXIT = "exit"
    VOLUME = "volume"
    """Make it louder by one; after the loudest comes the softest."""
    MODE = "mode"
    CHANNEL = "channel"
    """Go to the channel with these digits."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a digit means."""

    doing: Doing
    mode: Mode = Mode.LISTEN
    digits: str = ""


NOTHING = Key(Doing.NOTHING)


class Keys:
    """Reads digits one by one."""

    def __init__(self, settings: SpySettings, *, names: bool) -> None:
        """``names``: whether digits may choose a channel."""
        self._settings = settings
        self._names = names and not (settings.exits_to_extension or settings.switches_modes or settings.exact)
        self._typed = ""

    def take(self, digit: str) -> Key:
        """What it means while a channel is spied on."""
        settings = self._settings
        if digit == settings.exit_digit:
            return Key(Doing.EXIT)
        if digit == settings.next_digit:
            self._typed = ""
            return Key(Doing.NEXT)
        if settings.switches_modes and digit in MODES:
            return Key(Doing.MODE, mode=MODES[digit])
        if digit == "#":
            typed, self._typed = self._typed, ""
            return Key(Doing.CHANNEL, digits=typed) if typed else Key(Doing.VOLUME)
        if self._names and digit.isdigit():
            self._typed = (self._typed + digit)[-_MOST:]
        return NOTHING


def next_volume(volume: int) -> int:
    """The volume after this one, around the whole range."""
    return volume + 1 if volume < LOUDEST else -LOUDEST
