"""Where sections and comments of ``sip.conf`` go in ``pjsip.conf``: the order and the files of the source are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asterism.chan_sip.migrate.sharing import Written
from asterism.chan_sip.migrate.source import Kind, SourceFile, included_name
from asterism.config.file import Option

Place = tuple[str, int]
_ORDER = ("transport", "global", "system", "endpoint", "auth", "aor", "identify", "registration")


@dataclass(slots=True)
class Comments:
    """The comments of option lines: ``above`` are whole lines, ``beside`` ends of lines."""

    above: dict[Place, list[str]] = field(default_factory=dict)
    beside: dict[Place, str] = field(default_factory=dict)


def written_name(name: str) -> str:
    """The name of the file that takes the place of one of ``sip.conf``'s: ``sip_x.conf`` becomes ``pjsip_x.conf``."""
    folder, slash, base = name.rpartition("/")
    if "sip" in base.lower() and "pjsip" not in base.lower():
        base = re.sub("sip", "pjsip", base, count=1, flags=re.IGNORECASE)
    else:
        base = f"pjsip_{base}"
    return f"{folder}{slash}{base}"


class Layout:
    """Writes the files.

    Args:
        files: ``sip.conf`` and all that it includes, by path, itself first.
        sections: what is written where a line of ``sip.conf`` stands (a header, or a ``register`` line), by its place.
        last: what comes from no line of these files.
        remarks: comments about lines that are not translated, by the place of the line.
    """

    def __init__(
        self,
        files: Mapping[Path, SourceFile],
        sections: Mapping[Place, list[Written]],
        last: Iterable[Written],
        remarks: Mapping[Place, str],
        within: Callable[[Path], str | None],
    ) -> None:
        self._files = files
        self._sections = sections
        self._last = list(last)
        self._remarks = remarks
        self._within = within
        self._comments = Comments()
        self._bodies: dict[Place, list[Place]] = {}
        self._texts: dict[Path, list[str]] = {}
        self._open: list[Path] = []
        self._header: Place | None = None

    def write(self) -> dict[str, str]:
        """The new files: name in the configuration folder to text. The first is the one for ``sip.conf`` itself."""
        main = next(iter(self._files))
        self._collect(main)
        self._open = []
        self._text(main)
        lines = self._texts[main]
        for each in self._last:
            lines += ["", *self._section(each, None)]
        found: dict[str, str] = {}
        for path, text in self._texts.items():
            name = self._within(path)
            if name is not None and text:
                found[written_name(name)] = "\n".join(_squeezed(text)) + "\n"
        return found

    # Comments

    def _collect(self, path: Path) -> None:
        """Find out which comments belong to which option, in the order in which the reader meets the lines."""
        if path in self._open or path not in self._files:
            return
        self._open.append(path)
        pending: list[str] = []
        for line in self._files[path].lines:
            if line.kind is Kind.COMMENT:
                pending.append(line.raw)
                continue
            if line.kind is Kind.OPTION:
                self._comments.above[line.place] = pending
                if line.comment:
                    self._comments.beside[line.place] = line.comment
                if self._header is not None:
                    self._bodies[self._header].append(line.place)
            elif line.kind is Kind.HEADER:
                self._header = line.place
                self._bodies[line.place] = []
            elif line.kind is Kind.INCLUDE:
                for each in line.included:
                    self._collect(each)
            if line.kind is not Kind.BLANK:
                pending = []
            elif pending and _is_block(pending):
                continue
            else:
                pending = []
        self._open.remove(path)

    # Texts

    def _text(self, path: Path) -> bool:
        """Write one file; whether there is anything in it but comments."""
        if path in self._texts or path in self._open or path not in self._files:
            return bool(self._texts.get(path))
        self._open.append(path)
        lines: list[str] = []
        pending: list[str] = []
        something = False
        for line in self._files[path].lines:
            if line.kind in (Kind.COMMENT, Kind.BLANK):
                pending.append(line.raw)
                if line.kind is Kind.BLANK:
                    lines += pending
                    pending = []
                continue
            if line.kind is Kind.HEADER:
                lines += pending
                lines += self._group(line.place, line.comment)
                something = something or line.place in self._sections
            elif line.kind is Kind.INCLUDE:
                lines += pending
                something = self._include(line.said, line.included, line.comment, lines) or something
            elif line.kind is Kind.OPTION and line.place in self._sections:
                if lines and lines[-1].strip():
                    lines.append("")
                lines += self._comments.above.get(line.place, ())
                lines += self._group(line.place, line.comment, {line.place})
                something = True
            pending = []
        lines += pending
        self._open.remove(path)
        self._texts[path] = lines if something or path == next(iter(self._files)) else []
        return something

    def _include(self, said: str, included: tuple[Path, ...], comment: str, lines: list[str]) -> bool:
        name = included_name(said)
        found = [each for each in included if self._text(each)]
        if not included and said.lower().startswith("#tryinclude"):
            lines.append(f"#tryinclude {written_name(name)}{'  ' if comment else ''}{comment}")
            return True
        if not found:
            return False
        note = comment
        for each in found:
            within = self._within(each)
            if within is None:
                # Nothing is written outside of the new folder.
                lines += ["", f"; what was in {each}", *_squeezed(self._texts[each]), ""]
            else:
                lines.append(f"#include {written_name(within)}{'  ' if note else ''}{note}")
                note = ""
        return True

    def _group(self, place: Place, comment: str, told: set[Place] | None = None) -> list[str]:
        """The sections that stand for a header or a line, with the comments of its lines.

        ``told`` are the places whose comments are written already.
        """
        sections = sorted(self._sections.get(place, ()), key=_rank)
        body = self._bodies.get(place, ())
        used = {_place(option) for section in sections for option in section.options}
        lines: list[str] = []
        for each in body:
            if each not in used and each not in self._sections:
                lines += self._comments.above.get(each, ())
            if each in self._remarks:
                lines.append(f"; {self._remarks[each]}")
        told = set() if told is None else told
        for number, section in enumerate(sections):
            if number or (lines and lines[-1].strip() and not lines[-1].lstrip().startswith(";")):
                lines.append("")
            lines += self._section(section, told, comment if not number else "")
        return lines

    def _section(self, section: Written, told: set[Place] | None, comment: str = "") -> list[str]:
        words = [*(["!"] if section.template else []), *section.bases]
        header = f"[{section.name}]" + (f"({','.join(words)})" if words else "")
        lines = [f"{header}  {comment}" if comment else header]
        if not section.bases:
            lines.append(f"type = {section.kind}")
        for option in sorted(section.options, key=_line_order):
            place = _place(option)
            beside = ""
            if told is not None and place not in told:
                told.add(place)
                lines += self._comments.above.get(place, ())
                beside = self._comments.beside.get(place, "")
            value = option.value.replace(";", "\\;")
            lines.append(f"{option.name} = {value}".rstrip() + (f"  {beside}" if beside else ""))
        return lines


def _place(option: Option) -> Place:
    return option.position.path, option.position.line


def _line_order(option: Option) -> int:
    """Nothing is moved but what takes a value back: that comes first."""
    return 0 if (option.name, option.value) == ("disallow", "all") else 1


def _rank(section: Written) -> tuple[bool, bool, int]:
    """Transports and the like first, then templates, then what uses them."""
    place = _ORDER.index(section.kind) if section.kind in _ORDER else len(_ORDER)
    return place > _ORDER.index("system"), not section.template, place


def _is_block(lines: list[str]) -> bool:
    return sum(line.count(";--") - line.count("--;") for line in lines) > 0


def _squeezed(lines: list[str]) -> list[str]:
    """Without blank lines at the ends, and with one where there were several."""
    found: list[str] = []
    for line in lines:
        if line.strip() or (found and found[-1].strip()):
            found.append(line)
    while found and not found[-1].strip():
        found.pop()
    return found
