"""Listings of the dialplan for ``dialplan show`` and the manager's ShowDialPlan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from asterism.pbx.dialplan.language.contexts import HINT, Context, ContextTable, Extension, Priority


@dataclass(slots=True)
class Count:
    """Numbers of extensions, priorities and contexts that a listing has shown."""

    extensions: int = 0
    priorities: int = 0
    contexts: int = 0


def show(table: ContextTable, context: str = "", exten: str = "") -> str:
    """The listing of everything, of one context, or of what ``exten`` matches in a context (or in all).

    Raises :class:`LookupError` with what to say when there is nothing to show.
    """
    count = Count()
    if context and context not in table.contexts:
        raise LookupError(f"There is no existence of '{context}' context")
    lines: list[str] = []
    for found in table.contexts.values():
        if not context or found.name == context:
            lines += _context(table, found, exten, count, set(), "Context")
    if exten and not count.extensions:
        raise LookupError(
            f"There is no existence of {exten}@{context} extension" if context else f"'{exten}' not found"
        )
    lines.append(
        f"-= {count.extensions} {_plural('extension', count.extensions)} "
        f"({count.priorities} {'priority' if count.priorities == 1 else 'priorities'}) "
        f"in {count.contexts} {_plural('context', count.contexts)}. =-\n"
    )
    return "\n".join(lines)


def entries(
    table: ContextTable, context: Context, exten: str, count: Count
) -> Iterator[tuple[Context, Extension, Priority]]:
    """The lines of a context for the manager's listing, with includes when an extension is asked for."""
    found = [context, *table.reachable(context.name)] if exten else [context]
    count.contexts += len(found)
    for one in found:
        for extension in one.sorted_extensions():
            if exten and not _matches(extension, exten):
                continue
            count.extensions += 1
            for line in _lines(extension):
                count.priorities += 1
                yield one, extension, line


def _context(table: ContextTable, context: Context, exten: str, count: Count, seen: set[str], title: str) -> list[str]:
    lines: list[str] = []
    seen.add(context.name)
    for extension in context.sorted_extensions():
        if exten and not _matches(extension, exten):
            continue
        count.extensions += 1
        lines += _extension(extension, count)
    includes: list[str] = []
    for include in context.includes:
        if exten:
            inner = table.get(include.context)
            if inner is not None and inner.name not in seen:
                includes += _context(table, inner, exten, count, seen, "Included context")
        else:
            lines.append(_row("Include =>", f"'{include.text}'", include.registrar))
    if not exten:
        lines += [_row("Ignore pattern =>", f"'{text}'", owner) for text, owner in context.ignore_patterns]
    if exten and not lines:
        return includes
    count.contexts += 1
    return [f"[ {title} '{context.name}' created by '{context.registrar}' ]", *lines, *includes, ""]


def _extension(extension: Extension, count: Count) -> list[str]:
    head = f"'{extension.name}' =>"
    if extension.callerid is not None:
        head = f"'{extension.name}' (CID match '{extension.callerid}') =>"
    rows: list[str] = []
    for line in _lines(extension):
        count.priorities += 1
        if rows:
            head = f"   [{line.label}]" if line.label else ""
        text = f"hint: {line.application}" if line.number == HINT else f"{line.number}. {line.application}({line.data})"
        rows.append(_row(head, text, place(line)))
    return rows


def _lines(extension: Extension) -> list[Priority]:
    return [extension.priorities[number] for number in sorted(extension.priorities)]


def place(line: Priority) -> str:
    """Origin of a line: file and line, or its registrar."""
    position = line.position
    return line.registrar if position is None else f"{PurePath(position.path).name}:{position.line}"


def _row(head: str, text: str, origin: str) -> str:
    return f"  {head + ' ':<17} {text:<45} [{origin}]"


def _matches(extension: Extension, exten: str) -> bool:
    from asterism.pbx.dialplan.language.patterns import matches

    return extension.name == exten or matches(extension.name, exten)


def _plural(word: str, count: int) -> str:
    return word if count == 1 else word + "s"
