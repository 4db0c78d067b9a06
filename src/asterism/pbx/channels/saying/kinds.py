"""What a text is to be said as: the kinds of ``SAYFILES``, and those of ``Playback``'s option ``say``."""

from __future__ import annotations

import datetime
import re
import time
import zoneinfo
from collections.abc import Callable, Iterator
from types import MappingProxyType

from asterism.pbx.channels.saying.dates import moment_names
from asterism.pbx.channels.saying.languages import rules_of
from asterism.pbx.channels.saying.rules import MOST
from asterism.pbx.channels.saying.spelling import digits, letters, phonetic

MOST_CHARACTERS = 4096
"""Characters of a text that are said; of a longer one the rest is left out."""
_WHOLE = re.compile(r"\s*([+-]?)([0-9]+)\s*", re.ASCII)
_AMOUNT = re.compile(r"[^0-9.]*([0-9]*)(?:\.([0-9]*))?.*", re.ASCII | re.DOTALL)
_MOST_PLACES = 64
"""Characters of a number that are looked at, leading zeros included."""


def whole_number(text: str) -> int:
    """The whole number that a text is.

    Raises:
        ValueError: it is none, or one of more than 12 digits; the message is a clause for the log.
    """
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise ValueError("could not be parsed as a number")
    places = found[2].lstrip("0") or "0"
    if len(places) > len(str(MOST)):
        raise ValueError(f"is a number of {len(places)} digits, more than {len(str(MOST))}")
    return -int(places) if found[1] == "-" else int(places)


def amount(text: str) -> tuple[int, int, bool]:
    """A text as whole units, hundredths, and whether there is a minus; other characters before it are passed over.

    Raises:
        ValueError: there is no number, or one of more than 12 digits.
    """
    text = text[:_MOST_PLACES].replace(",", "")
    found = _AMOUNT.fullmatch(text)
    if found is None or not (found[1] or found[2]):
        raise ValueError("could not be parsed as an amount")
    return whole_number(found[1] or "0"), int(f"{found[2] or ''}00"[:2]), "-" in text[: found.start(1)]


def _number(text: str, language: str) -> list[str]:
    return rules_of(language).number(whole_number(text))


def _ordinal(text: str, language: str) -> list[str]:
    return rules_of(language).ordinal(whole_number(text))


def _money(text: str, language: str) -> list[str]:
    return rules_of(language).money(*amount(text))


KINDS: MappingProxyType[str, Callable[[str, str], Iterator[str] | list[str]]] = MappingProxyType(
    {
        "alpha": lambda text, _: letters(text[:MOST_CHARACTERS]),
        "digits": lambda text, _: digits(text[:MOST_CHARACTERS]),
        "money": _money,
        "number": _number,
        "ordinal": _ordinal,
        "phonetic": lambda text, _: phonetic(text[:MOST_CHARACTERS]),
    }
)
"""By the name that ``SAYFILES`` has for it: text and language to names of prompts. They raise :class:`ValueError`."""
PREFIXES = MappingProxyType(
    {
        "num": "number", "number": "number", "enum": "ordinal", "ordinal": "ordinal", "char": "alpha",
        "letters": "alpha", "alpha": "alpha", "phonetic": "phonetic", "digit": "digits", "digits": "digits",
        "money": "money",
    }
)  # fmt: skip
"""What stands before the colon in ``Playback(num:123,say)``, with the kind that it means."""
_TIMES = MappingProxyType({"date": True, "time": False, "datetime": None})


def zone_of(name: str) -> datetime.tzinfo | None:
    """A time zone by its name; ``None`` for the system's, which no name means.

    Raises:
        ValueError: there is no such time zone.
    """
    if not (name := name.strip()):
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone '{name[:_MOST_PLACES]}'") from None


def moment_of(text: str, zone: datetime.tzinfo | None) -> datetime.datetime:
    """Seconds since 1970 as a moment in a time zone; now for an empty text.

    Raises:
        ValueError: it is no number, or out of range.
    """
    try:
        return datetime.datetime.fromtimestamp(float(text) if text.strip() else time.time(), zone)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"'{text[:_MOST_PLACES]}' is no time") from None


def time_names(
    text: str,
    zone: str = "",
    form: str = "",
    language: str = "en",
    complain: Callable[[str, int], None] | None = None,
) -> list[str]:
    """The prompts of a time: seconds since 1970, a zone's name, a format (:mod:`~.dates`); all may be empty.

    Raises:
        ValueError: the number or the zone means nothing.
    """
    tz = zone_of(zone)
    return moment_names(rules_of(language), moment_of(text, tz), datetime.datetime.now(tz), form, complain)


def is_text(text: str) -> bool:
    """Whether a text begins with a prefix that :func:`names_of` knows."""
    prefix, colon, _ = text.partition(":")
    return bool(colon) and (prefix.strip().lower() in PREFIXES or prefix.strip().lower() in _TIMES)


def names_of(text: str, language: str = "en") -> Iterator[str] | list[str]:
    """The prompts of ``prefix:[format:]text``, such as ``num:21``, ``char:abc``, ``datetime:ABdY:1700000000``.

    Raises:
        ValueError: the prefix or what follows it means nothing.
    """
    prefix, colon, rest = text.partition(":")
    kind = PREFIXES.get(prefix.strip().lower())
    if kind is not None and colon:
        return KINDS[kind](rest, language)
    if prefix.strip().lower() not in _TIMES or not colon:
        raise ValueError(f"'{text[:_MOST_PLACES]}' does not begin with what it is: {', '.join((*PREFIXES, *_TIMES))}")
    form, colon, moment = rest.rpartition(":")
    if not form:
        part = _TIMES[prefix.strip().lower()]
        form = "" if part is None else rules_of(language).date if part else "HM"
    return time_names(moment, "", form, language)
