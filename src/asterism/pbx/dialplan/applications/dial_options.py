"""The options of ``Dial``, and of ``Bridge``: letters, some with an argument in parentheses."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from asterism.pbx.dialplan.language.arguments import number, split_letters
from asterism.pbx.dialplan.language.foreign import is_foreign
from asterism.pbx.dialplan.language.places import Place, parse_place, split_place
from asterism.pbx.vocabulary.causes import Cause, parse_cause

KNOWN = "aBbcDFfGgHhIiKkLmoQRrSsTtUuWwXxz"
"""The letters of the options that Dial has."""
BRIDGE = "FhHkKLnpStTwWx"
"""The letters of Bridge, with the same meaning except for ``n`` and ``x``."""
_WITH_ARGUMENT = frozenset("ABbDFfGLmMnoOPQrSsUu")


@dataclass(frozen=True, slots=True)
class DialOptions:
    """Parsed options of Dial or Bridge; times in seconds."""

    letters: frozenset[str] = frozenset()
    callee_gosub: Place | None = None
    caller_gosub: Place | None = None
    answered_gosub: Place | None = None
    caller_hangup: Place | None = None
    both: Place | None = None
    digits: tuple[str, str, str] = ("", "", "")
    limit: float | None = None
    caller_id: str = ""
    forwarder_id: str = ""
    tag: str | None = None
    presentation: str | None = None
    music: str = ""
    losers_cause: int = Cause.ANSWERED_ELSEWHERE
    problems: tuple[str, ...] = field(default=(), compare=False)


def split_options(text: str, with_argument: frozenset[str] = _WITH_ARGUMENT) -> list[tuple[str, str | None]]:
    """The letters in order, each with its argument; ``with_argument`` are those that may have one."""
    return split_letters(text, with_argument)


def parse_options(text: str, known: str = KNOWN) -> DialOptions:
    """Read the option text. What cannot be honoured is listed in ``problems``, for a warning.

    ``known`` are the letters that there are: Dial's, or :data:`BRIDGE`.
    """
    return _cached(text, known) if len(text) <= 256 and not is_foreign(text) else _parse(text, known)


@lru_cache(maxsize=256)
def _cached(text: str, known: str) -> DialOptions:
    return _parse(text, known)


def _parse(text: str, known: str) -> DialOptions:
    letters: set[str] = set()
    values: dict[str, str | None] = {}
    problems: list[str] = []
    for letter, argument in split_options(text):
        if letter not in known:
            problems.append(f"option '{letter}' is not supported")
            continue
        letters.add(letter)
        values[letter] = argument

    def place(letter: str) -> Place | None:
        argument = values.get(letter)
        return parse_place(argument) if argument else None

    limits: list[float] = []
    if "S" in letters:
        seconds = number(values["S"] or "")
        if seconds is None:
            problems.append("option S needs seconds")
        else:
            limits.append(seconds)
    if "L" in letters:
        first, _, warnings = (values["L"] or "").partition(":")
        milliseconds = number(first)
        if milliseconds is None:
            problems.append("option L needs milliseconds")
        else:
            limits.append(milliseconds / 1000)
        if warnings:
            problems.append("the warnings of option L are not played")
    losers = parse_cause(values.get("Q") or "") if "Q" in letters else int(Cause.ANSWERED_ELSEWHERE)
    if losers is None:
        losers = 0
        if (values.get("Q") or "").lower() != "none":
            problems.append("option Q needs a cause")
    called, calling, progress = [*(values.get("D") or "").split(":"), "", "", ""][:3]
    gosub = values.get("U")
    answered: Place | None = None
    if gosub:
        # U(context^arg1^arg2): the context's s,1; U(ctx^ext^prio...) is not a form of this option.
        context, *args = split_place(gosub)
        answered = Place(context, "s", 1, tuple(args))
    return DialOptions(
        letters=frozenset(letters),
        callee_gosub=place("b"),
        caller_gosub=place("B"),
        answered_gosub=answered,
        caller_hangup=place("F"),
        both=place("G"),
        digits=(called, calling, progress),
        limit=min(limits, default=None),
        caller_id=values.get("o") or "",
        forwarder_id=values.get("f") or "",
        tag=values.get("s"),
        presentation=values.get("u"),
        music=(values.get("m") or "").strip(),
        losers_cause=losers,
        problems=tuple(problems),
    )
