"""The options of ``Dial``, and of ``Bridge``: letters, some with an argument in parentheses."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from asterism.pbx.dialplan.language.arguments import number, split_letters, split_names
from asterism.pbx.dialplan.language.foreign import is_foreign
from asterism.pbx.dialplan.language.places import Place, parse_place, split_place
from asterism.pbx.vocabulary.causes import Cause, parse_cause

KNOWN = "AaBbCcDdEeFfGgHhIijKkLmNnOoPpQRrSsTtUuWwXxz"
"""The letters of the options that Dial has."""
BRIDGE = "FhHkKLnpStTwWx"
"""The letters of Bridge, with the same meaning except for ``n``, ``p`` and ``x``."""
_WITH_ARGUMENT = frozenset("ABbDFfGLmnoOPQrSsUu")
_SHORTEST = 0.02
"""Seconds between two warnings at least."""
_BETWEEN = frozenset("ADGPpU")
"""Options by which something happens between the answer and the conversation."""


class Warnings(NamedTuple):
    """When the parties are told that their time runs out, in seconds; 0: never."""

    left: float = 0.0
    """The first time, when so much is left."""
    every: float = 0.0
    """And from then on, each time that so much has passed."""


class Digits(NamedTuple):
    """What option D sends: DTMF to the called and to the calling party, and to the called one before its answer.

    ``mf`` and ``sf`` are sent before the answer, with these kinds of tones; what is to wait for a wink is not sent.
    """

    called: str = ""
    calling: str = ""
    progress: str = ""
    mf: str = ""
    mf_wink: str = ""
    sf: str = ""
    sf_wink: str = ""


_NO_DIGITS = Digits()
_NO_WARNINGS = Warnings()


@dataclass(frozen=True, slots=True)
class DialOptions:
    """Parsed options of Dial or Bridge; times in seconds."""

    letters: frozenset[str] = frozenset()
    between: bool = False
    """Whether something happens between the answer and the conversation."""
    callee_gosub: Place | None = None
    caller_gosub: Place | None = None
    answered_gosub: Place | None = None
    caller_hangup: Place | None = None
    both: Place | None = None
    announcements: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    """Names of sounds for the called and for the calling party."""
    digits: Digits = _NO_DIGITS
    limit: float | None = None
    warnings: Warnings = _NO_WARNINGS
    caller_id: str = ""
    forwarder_id: str = ""
    tag: str | None = None
    presentation: str | None = None
    music: str = ""
    ring_tone: str = ""
    privacy: str = ""
    """Where the database keeps who may call; empty: the extension."""
    delete_introduction: bool = False
    losers_cause: int = Cause.ANSWERED_ELSEWHERE
    problems: tuple[str, ...] = field(default=(), compare=False)


def split_options(text: str) -> list[tuple[str, str | None]]:
    """The letters of Dial's options in order, each with its argument."""
    return split_letters(text, _WITH_ARGUMENT)


def parse_options(text: str, known: str = KNOWN) -> DialOptions:
    """Read the option text. What cannot be honoured is listed in ``problems``, for a warning.

    ``known`` are the letters that there are: Dial's, or :data:`BRIDGE`.
    """
    return _cached(text, known) if len(text) <= 256 and not is_foreign(text) else _parse(text, known)


@lru_cache(maxsize=256)
def _cached(text: str, known: str) -> DialOptions:
    return _parse(text, known)


def _parse(text: str, known: str) -> DialOptions:
    values: dict[str, str | None] = {}
    problems: list[str] = []
    for letter, argument in split_options(text):
        if letter in known:
            values[letter] = argument
        else:
            problems.append(f"Unrecognized option: '{letter}'")
    letters = frozenset(values)

    def given(letter: str) -> str:
        return values.get(letter) or ""

    def place(letter: str) -> Place | None:
        return parse_place(given(letter)) if given(letter) else None

    limit, warnings = _limits(values, problems)
    announced = [tuple(split_names(part)) for part in given("A").split(":", 1)]
    return DialOptions(
        letters=letters,
        between=not letters.isdisjoint(_BETWEEN),
        callee_gosub=place("b"),
        caller_gosub=place("B"),
        answered_gosub=_context_place(given("U")),
        caller_hangup=place("F"),
        both=place("G"),
        announcements=(announced[0], announced[1] if len(announced) > 1 else ()),
        digits=Digits(*given("D").split(":")[: len(Digits._fields)]),
        limit=limit,
        warnings=warnings,
        caller_id=given("o"),
        forwarder_id=given("f"),
        tag=values.get("s"),
        presentation=values.get("u"),
        music=given("m").strip(),
        ring_tone=given("r").strip(),
        privacy=given("P").strip(),
        delete_introduction=given("n").strip() == "1",
        losers_cause=_losers_cause(values, problems),
        problems=tuple(problems),
    )


def _context_place(text: str) -> Place | None:
    """``context^arg1^arg2`` of option U: the context's s,1; other extensions and priorities are no form of it."""
    if not text:
        return None
    context, *args = split_place(text)
    return Place(context, "s", 1, tuple(args))


def _limits(values: dict[str, str | None], problems: list[str]) -> tuple[float | None, Warnings]:
    """How long the conversation may be, by ``S(seconds)`` or ``L(ms[:left[:every]])``, and when to warn."""
    limits: list[float] = []
    warnings = Warnings()
    if "S" in values:
        seconds = number(values["S"] or "")
        if seconds is None:
            problems.append("option S needs seconds")
        else:
            limits.append(seconds)
    if "L" in values:
        first, *rest = (values["L"] or "").split(":")
        milliseconds = number(first)
        if milliseconds is None:
            problems.append("option L needs milliseconds")
        else:
            limits.append(milliseconds / 1000)
            times = [number(each) for each in rest[:2] if each.strip()]
            if None in times:
                problems.append("option L needs milliseconds")
            warnings = _warnings(milliseconds / 1000, *[(each or 0.0) / 1000 for each in times])
    return min(limits, default=None), warnings


def _warnings(limit: float, left: float = 0.0, every: float = 0.0) -> Warnings:
    """A warning that would come before the call is not given; of those that repeat, the first within the call is."""
    every = max(every, _SHORTEST) if every else 0.0
    if left > limit and every:
        left -= -(-(left - limit) // every) * every
    return Warnings(left, every) if 0 < left <= limit else Warnings()


def _losers_cause(values: dict[str, str | None], problems: list[str]) -> int:
    if "Q" not in values:
        return Cause.ANSWERED_ELSEWHERE
    cause = parse_cause(values["Q"] or "")
    if cause is None and (values["Q"] or "").lower() != "none":
        problems.append("option Q needs a cause")
    return cause or 0
