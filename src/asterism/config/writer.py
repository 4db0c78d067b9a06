"""Changing a configuration file in place: every line that is not changed stays, comments and blanks included.

The writer works on the lines of one file; what the file includes is not followed, so an included file is edited
under its own name.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asterism.config.comments import CommentStripper
from asterism.core.errors import AsterismError

_HEADER = re.compile(r"\[(?P<name>[^\]]*)\]\s*(?:\((?P<arguments>.*)\))?")


class EditError(AsterismError):
    """An edit names a section, option or line that is not there, or text that no file can hold."""


def replace_file(path: Path, data: bytes, mode: int) -> None:
    """Have a file with these octets and permissions, at once: a crash leaves the old or the new one.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


@dataclass(slots=True)
class Line:
    """One line: its ``text`` as it stands, and what it says (``name`` empty for anything but an option)."""

    text: str
    name: str = ""
    value: str = ""
    arrow: bool = False


@dataclass(slots=True)
class Block:
    """A section: its header line and what follows, up to the next header.

    The comments right above the next header belong to that one, and are in its ``lead``.
    """

    name: str
    header: str
    arguments: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    lead: list[Line] = field(default_factory=list)

    def options(self) -> list[Line]:
        """The option lines, in order."""
        return [line for line in self.lines if line.name]


class EditableFile:
    """A file as lines, with the edits that the manager's UpdateConfig knows."""

    def __init__(self, text: str = "") -> None:
        self.head: list[Line] = []
        self.blocks: list[Block] = []
        self._parse(text)

    @classmethod
    def load(cls, path: Path) -> EditableFile:
        """Read a file. Raises ``OSError``."""
        return cls(path.read_bytes().decode("utf-8", "surrogateescape"))

    def _parse(self, text: str) -> None:
        comments = CommentStripper()
        raw_lines = text.split("\n")
        if raw_lines and not raw_lines[-1]:
            raw_lines.pop()
        for number, raw in enumerate(raw_lines, 1):
            inside = comments.depth
            said = comments.strip(raw, number)
            found = _HEADER.match(said) if said and not inside else None
            if found is not None:
                arguments = [part.strip() for part in (found["arguments"] or "").split(",") if part.strip()]
                block = Block(found["name"].strip(), raw, arguments)
                previous = self.blocks[-1].lines if self.blocks else self.head
                if self.blocks:
                    block.lead = _take_lead(previous)
                self.blocks.append(block)
                continue
            line = Line(raw)
            name, equals, value = said.partition("=")
            if equals and said[:1] != "#" and not inside:
                line.arrow = value.startswith(">")
                line.name, line.value = name.strip().removesuffix("+").strip(), value[line.arrow :].strip()
            (self.blocks[-1].lines if self.blocks else self.head).append(line)

    def __str__(self) -> str:
        lines = [line.text for line in self.head]
        for block in self.blocks:
            lines += [line.text for line in block.lead]
            lines.append(block.header)
            lines += [line.text for line in block.lines]
        return "\n".join(lines) + "\n" if lines else ""

    def save(self, path: Path) -> None:
        """Replace the file at once, keeping its mode; a crash leaves the old or the new one. Raises ``OSError``."""
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o640
        replace_file(path, str(self).encode("utf-8", "surrogateescape"), mode)

    # Sections

    def sections(self, name: str = "") -> Iterator[Block]:
        """The sections, or those of a name in any case."""
        key = name.lower()
        for block in self.blocks:
            if not key or block.name.lower() == key:
                yield block

    def section(self, name: str) -> Block:
        """The first section of a name. Raises :class:`EditError`."""
        found = next(self.sections(name), None) if name else None
        if found is None:
            raise EditError(f"there is no section '{name}'")
        return found

    def add_section(
        self, name: str, *, template: bool = False, inherits: tuple[str, ...] = (), duplicate: bool = False
    ) -> Block:
        """Add a section at the end. Raises :class:`EditError` if there is one and ``duplicate`` is not set."""
        if not name or any(char in "[]()" for char in name):
            raise EditError(f"'{name}' is no name for a section")
        _check(name)
        if not duplicate and any(True for _ in self.sections(name)):
            raise EditError(f"there is already a section '{name}'")
        for base in inherits:
            self.section(base)
        arguments = [*(["!"] if template else []), *inherits]
        header = f"[{name}]({','.join(arguments)})" if arguments else f"[{name}]"
        block = Block(name, header, arguments)
        if self.blocks or self.head:
            last = self.blocks[-1].lines if self.blocks else self.head
            if not last or last[-1].text.strip():
                block.lead = [Line("")]
        self.blocks.append(block)
        return block

    def rename_section(self, block: Block, name: str) -> None:
        """Rename a section; references of sections that inherit from it are changed too. Raises :class:`EditError`."""
        if not name or any(char in "[]()" for char in name):
            raise EditError(f"'{name}' is no name for a section")
        _check(name)
        old = block.name
        block.header = block.header.replace(f"[{old}]", f"[{name}]", 1) if f"[{old}]" in block.header else f"[{name}]"
        block.name = name
        if "!" in block.arguments:
            for other in self.blocks:
                if any(argument.lower() == old.lower() for argument in other.arguments):
                    other.arguments = [name if each.lower() == old.lower() else each for each in other.arguments]
                    other.header = f"[{other.name}]({','.join(other.arguments)})"

    def remove_section(self, block: Block) -> None:
        """Take a section out, with its own comments; those above its header go too."""
        self.blocks = [each for each in self.blocks if each is not block]

    def empty_section(self, block: Block) -> None:
        """Take all options out of a section; its comments stay."""
        block.lines = [line for line in block.lines if not line.name]

    # Options

    def append(self, block: Block, name: str, value: str, *, arrow: bool = False) -> None:
        """Add an option after the section's last one."""
        at = next((i + 1 for i in range(len(block.lines) - 1, -1, -1) if block.lines[i].name), 0)
        block.lines.insert(at, _option_line(name, value, arrow))

    def insert(self, block: Block, index: int, name: str, value: str, *, arrow: bool = False) -> None:
        """Add an option before the ``index``-th option. Raises :class:`EditError`."""
        options = block.options()
        if not 0 <= index <= len(options):
            raise EditError(f"section '{block.name}' has no line {index}")
        if index == len(options):
            self.append(block, name, value, arrow=arrow)
        else:
            at = next(i for i, line in enumerate(block.lines) if line is options[index])
            block.lines.insert(at, _option_line(name, value, arrow))

    def update(self, block: Block, name: str, value: str, match: str | None = None) -> None:
        """Change the options of a name (those with value ``match`` alone). Raises :class:`EditError`."""
        found = [line for line in block.options() if _is(line, name, match)]
        if not found:
            raise EditError(f"section '{block.name}' has no option '{name}' to change")
        for line in found:
            made = _option_line(name, value, line.arrow)
            made.text += _trailing_comment(line.text)
            line.text, line.value = made.text, made.value

    def delete(self, block: Block, name: str, match: str | None = None) -> None:
        """Take the options of a name out (those with value ``match`` alone). Raises :class:`EditError`."""
        keep = [line for line in block.lines if not _is(line, name, match)]
        if len(keep) == len(block.lines):
            raise EditError(f"section '{block.name}' has no option '{name}' to delete")
        block.lines = keep

    def delete_line(self, block: Block, index: int) -> None:
        """Take the ``index``-th option out. Raises :class:`EditError`."""
        options = block.options()
        if not 0 <= index < len(options):
            raise EditError(f"section '{block.name}' has no line {index}")
        block.lines = [line for line in block.lines if line is not options[index]]


def _take_lead(lines: list[Line]) -> list[Line]:
    """Split off the comment lines that stand right above the next header."""
    at = len(lines)
    while at and not lines[at - 1].name and lines[at - 1].text.lstrip().startswith(";"):
        at -= 1
    # Block comments are not taken apart: their first and last line belong together.
    if any(";--" in line.text or "--;" in line.text for line in lines[at:]):
        return []
    lead = lines[at:]
    del lines[at:]
    return lead


def _option_line(name: str, value: str, arrow: bool) -> Line:
    if not name or any(char in "=;[]#" for char in name):
        raise EditError(f"'{name}' is no name for an option")
    _check(name)
    _check(value)
    text = value.replace(";", "\\;")
    return Line(f"{name} {'=>' if arrow else '='} {text}".rstrip(), name, value, arrow)


def _check(text: str) -> None:
    if any(char in "\r\n\0" for char in text):
        raise EditError("a line of a file cannot hold a line end")


def _is(line: Line, name: str, match: str | None) -> bool:
    return line.name.lower() == name.lower() and bool(line.name) and (match is None or line.value == match)


def _trailing_comment(text: str) -> str:
    found = re.search(r"(?<!\\)\s*;.*$", text)
    return found.group() if found else ""
