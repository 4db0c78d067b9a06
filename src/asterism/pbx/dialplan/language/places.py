"""Places in the dialplan as options and requests write them."""

from __future__ import annotations

from dataclasses import dataclass

from asterism.pbx.dialplan.language.foreign import shadow


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the dialplan as options write it, ``context^exten^priority(arg1^arg2)``; empty: the current one."""

    context: str
    exten: str
    priority: int | str
    args: tuple[str, ...] = ()


def split_place(text: str) -> list[str]:
    """The pieces of ``text`` between ``^`` or commas, except those in quotes, parentheses or behind a backslash.

    Quotes and backslashes stay, as in the arguments of ``Gosub``.
    """
    pieces: list[str] = []
    start = depth = 0
    quoted = escaped = False
    for index, character in enumerate(shadow(text)):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character in "^," and not depth:
            pieces.append(text[start:index])
            start = index + 1
        elif character == "(":
            depth += 1
        elif character == ")" and depth:
            depth -= 1
    pieces.append(text[start:])
    return pieces


def parse_place(text: str) -> Place:
    """Read ``[[context^]exten^]priority[(arg1[^...])]``; a comma may stand for each ``^``."""
    place, parenthesis, rest = text.partition("(")
    end = shadow(rest).rfind(")")
    inside = rest if end < 0 else rest[:end]
    args = tuple(split_place(inside)) if parenthesis and inside else ()
    parts = [part.strip() for part in split_place(place.rstrip().rstrip(",^"))]
    context, exten, priority = [*[""] * (3 - len(parts)), *parts][-3:]
    number_ = int(priority) if priority.isascii() and priority.isdigit() and len(priority) < 8 else priority or 1
    return Place(context, exten, number_, args)
