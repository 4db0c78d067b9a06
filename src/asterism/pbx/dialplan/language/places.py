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
    """The pieces of ``text`` between ``^`` or commas."""
    pieces: list[str] = []
    start = 0
    for piece in shadow(text).replace("^", ",").split(","):
        pieces.append(text[start : start + len(piece)])
        start += len(piece) + 1
    return pieces


def parse_place(text: str) -> Place:
    """Read ``[[context^]exten^]priority[(arg1[^...])]``; a comma may stand for each ``^``."""
    place, parenthesis, rest = text.partition("(")
    args = tuple(split_place(rest.rstrip(")"))) if parenthesis else ()
    parts = [part.strip() for part in split_place(place)]
    context, exten, priority = [*[""] * (3 - len(parts)), *parts][-3:]
    number_ = int(priority) if priority.isascii() and priority.isdigit() and len(priority) < 8 else priority or 1
    return Place(context, exten, number_, args)
