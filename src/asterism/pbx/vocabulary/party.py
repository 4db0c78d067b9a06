"""Parties of a call: caller ID, connected line, redirecting, presentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

PRESENTATIONS: dict[str, int] = {
    "allowed_not_screened": 0x00,
    "allowed_passed_screen": 0x01,
    "allowed_failed_screen": 0x02,
    "allowed": 0x03,
    "prohib_not_screened": 0x20,
    "prohib_passed_screen": 0x21,
    "prohib_failed_screen": 0x22,
    "prohib": 0x23,
    "unavailable": 0x43,
}
"""Presentation words of ``CALLERID(pres)`` with their numbers (Q.931 octet 3a: presentation and screening)."""

_PRESENTATION_WORDS = {number: word for word, number in PRESENTATIONS.items()}
_PRESENTATION_TEXTS = {
    0x00: "Presentation Allowed, Not Screened",
    0x01: "Presentation Allowed, Passed Screen",
    0x02: "Presentation Allowed, Failed Screen",
    0x03: "Presentation Allowed, Network Number",
    0x20: "Presentation Prohibited, Not Screened",
    0x21: "Presentation Prohibited, Passed Screen",
    0x22: "Presentation Prohibited, Failed Screen",
    0x23: "Presentation Prohibited, Network Number",
    0x43: "Number Unavailable",
}


@dataclass(frozen=True, slots=True)
class PartyId:
    """One party: number and name with their presentation; an empty text means unknown."""

    number: str = ""
    name: str = ""
    number_presentation: int = 0
    name_presentation: int = 0
    tag: str = ""
    subaddress: str = ""

    def __bool__(self) -> bool:
        return bool(self.number or self.name)

    def __str__(self) -> str:
        """``"Name" <number>``, as ``CALLERID(all)`` prints it."""
        return f'"{self.name}" <{self.number}>'

    @property
    def presentation(self) -> int:
        """The stricter of the two presentations."""
        return max(self.number_presentation, self.name_presentation)

    @property
    def private(self) -> bool:
        """Whether the party does not want to be shown."""
        return max(self.number_presentation, self.name_presentation) & 0x60 == 0x20

    def with_(self, **changes: str | int) -> PartyId:
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def with_number(self, number: str) -> PartyId:
        """A copy with another number; every call makes one."""
        return PartyId(number, self.name, self.number_presentation, self.name_presentation, self.tag, self.subaddress)


_CACHED_LENGTH = 256
"""Longer caller IDs are read again each time: they would fill the memory."""
NOBODY = PartyId()
"""The unknown party."""


_MOST_DIVERSIONS = 255
"""The highest count that diversions add up to."""


@dataclass(frozen=True, slots=True)
class Redirecting:
    """How a call was diverted: the party that diverted it last, the one first dialled, where to, why."""

    from_: PartyId = NOBODY
    to: PartyId = NOBODY
    original: PartyId = NOBODY
    reason: str = "unknown"
    original_reason: str = "unknown"
    count: int = 0
    private: Mapping[str, PartyId] = field(default_factory=dict, hash=False)
    """Parties for use here only, by ``orig``, ``from``, ``to``; never told to a far end."""

    @property
    def times(self) -> int:
        """How often the call was diverted: ``count``, but no less than there are parties that did it."""
        return max(self.count, len({one.number for one in (self.from_, self.original) if one.number}))

    def then(self, later: Redirecting) -> Redirecting:
        """Both, one after the other: the first diversion of these, the last one of ``later``."""
        if not self.times:
            return later
        if not later.times:
            return self
        mine = bool(self.original.number)
        return replace(
            later,
            original=self.original if mine else self.from_,
            original_reason=self.original_reason if mine and self.times > 1 else self.reason,
            count=min(self.times + later.times, _MOST_DIVERSIONS),
        )


def parse_caller_id(text: str) -> PartyId:
    """Read ``"Name" <number>``, ``Name <number>``, ``<number>`` or a bare number or name.

    A bare text of dial characters is a number, any other a name.
    """
    return _parsed(text) if len(text) <= _CACHED_LENGTH else _parse(text)


@lru_cache(maxsize=1024)
def _parsed(text: str) -> PartyId:
    return _parse(text)


def _parse(text: str) -> PartyId:
    text = text.strip()
    head, bracket, rest = text.rpartition("<")
    if bracket and rest.endswith(">"):
        name = head.strip()
        if len(name) > 1 and name.startswith('"') and name.endswith('"'):
            name = name[1:-1].replace('\\"', '"')
        return PartyId(number=rest[:-1].strip(), name=name)
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        return PartyId(name=text[1:-1].replace('\\"', '"'))
    if text and all(char in "0123456789*#+-.() ABCDabcd" for char in text) and any(char.isdigit() for char in text):
        return PartyId(number=text)
    return PartyId(name=text)


def parse_presentation(text: str) -> int | None:
    """The number of a presentation word or number, ``None`` when it is neither."""
    text = text.strip().lower()
    if text in PRESENTATIONS:
        return PRESENTATIONS[text]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None


def presentation_word(presentation: int) -> str:
    """The word of a presentation, "unknown" for a number without one."""
    return _PRESENTATION_WORDS.get(presentation, "unknown")


def presentation_text(presentation: int) -> str:
    """``CID-CallingPres`` of the manager: ``0 (Presentation Allowed, Not Screened)``."""
    return f"{presentation} ({_PRESENTATION_TEXTS.get(presentation, 'unknown')})"
