"""The files that are migrated, line by line, each with those that it includes."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from asterism.chan_sip.migrate.scanning import split_comment
from asterism.config.comments import CommentStripper

_INCLUDE = re.compile(r"#(?P<how>include|tryinclude)\s+(?P<name>.*)", re.IGNORECASE)


class Kind(Enum):
    """What a line is."""

    BLANK = "blank"
    COMMENT = "comment"
    HEADER = "header"
    OPTION = "option"
    INCLUDE = "include"
    OTHER = "other"


@dataclass(slots=True)
class SourceLine:
    """One line: as it stands, what it says without comments, and its own comment."""

    path: Path
    number: int
    raw: str
    kind: Kind
    said: str
    comment: str = ""
    included: tuple[Path, ...] = ()
    """The files that an include names and that are there."""

    @property
    def place(self) -> tuple[str, int]:
        """Its file and number, as positions of the configuration reader have them."""
        return str(self.path), self.number


@dataclass(slots=True)
class SourceFile:
    """One file."""

    path: Path
    lines: list[SourceLine] = field(default_factory=list)

    def includes(self) -> Iterator[Path]:
        """The files that it includes."""
        for line in self.lines:
            yield from line.included


def read_lines(path: Path, root: Path) -> SourceFile:
    """One file; its includes are looked up in ``root``. Raises ``OSError``."""
    found = SourceFile(path)
    comments = CommentStripper()
    text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    raw_lines = text.split("\n")
    if raw_lines and not raw_lines[-1]:
        raw_lines.pop()
    for number, raw in enumerate(raw_lines, 1):
        inside = comments.depth
        said = comments.strip(raw, number)
        kind = _kind(raw, said, bool(inside or comments.depth))
        line = SourceLine(path, number, raw.rstrip("\r"), kind, said)
        if not inside and not comments.depth and said:
            line.comment = split_comment(line.raw)[1]
        if kind is Kind.INCLUDE:
            line.included = tuple(_included(said, root))
        found.lines.append(line)
    return found


def read_tree(path: Path, root: Path) -> dict[Path, SourceFile]:
    """A file and all that it includes, in the order in which they are reached; those that cannot be read are not."""
    found: dict[Path, SourceFile] = {}
    waiting = [path]
    while waiting:
        each = waiting.pop()
        if each in found:
            continue
        try:
            found[each] = read_lines(each, root)
        except (OSError, ValueError):
            continue
        waiting.extend(reversed(list(found[each].includes())))
    return found


def _kind(raw: str, said: str, inside: bool) -> Kind:
    if not said:
        return Kind.COMMENT if raw.strip() or inside else Kind.BLANK
    if said.startswith("["):
        return Kind.HEADER
    if said.startswith("#"):
        return Kind.INCLUDE if _INCLUDE.match(said) else Kind.OTHER
    return Kind.OPTION if "=" in said else Kind.OTHER


def included_name(said: str) -> str:
    """The name that an include has, without quotes."""
    found = _INCLUDE.match(said)
    name = "" if found is None else found["name"].strip()
    if len(name) > 1 and (name[0], name[-1]) in (('"', '"'), ("<", ">"), ("'", "'")):
        name = name[1:-1].strip()
    return name


def _included(said: str, root: Path) -> Iterator[Path]:
    full = str(root / included_name(said))
    try:
        names = sorted(glob.glob(full)) or [full]
        yield from (Path(name) for name in names if Path(name).is_file())
    except (OSError, ValueError, RecursionError, re.error):
        return
