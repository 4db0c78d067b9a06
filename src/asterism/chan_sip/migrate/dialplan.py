"""The lines of ``extensions.conf``, and of other files that name devices of chan_sip."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from asterism.chan_sip.migrate.report import Entry, Outcome, Report
from asterism.chan_sip.migrate.scanning import split_comment
from asterism.chan_sip.migrate.source import Kind, SourceFile, SourceLine, included_name
from asterism.chan_sip.migrate.text import Rewriter, World, handlers_in, variables_in

_HEADER = re.compile(r"\[(?P<name>[^\]]*)\]")
_LEFT = re.compile(r"(?<![\w/.@-])(SIP/(?!2\.0)|SIPPEER\(|SIP_HEADERS?\(|CHECKSIPDOMAIN\(|SIPCHANINFO\(|SIPAddHeader|"
                   r"SIPRemoveHeader|SIPDtmfMode|SIPSendCustomINFO)", re.IGNORECASE)  # fmt: skip
"""What must not be left in a line."""
_ALONE = re.compile(r"((?<![\w$])\w+\s*=>?\s*)SIP(?=\s*(?:$|[),]))", re.IGNORECASE)
"""A variable that is set to the technology, as in ``TECH=SIP``."""
_SCHEME = re.compile(r"(MessageSend\(\s*)sip:(?=[\w${])", re.IGNORECASE)


def learn(files: Iterable[SourceFile], world: World) -> None:
    """Have ``world`` know what the variables of the dialplan hold, and which contexts run before calls are made."""
    texts = [line.said for file in files for line in file.lines if line.kind is Kind.OPTION]
    for text in texts:
        devices, prefixes, others = variables_in(text)
        world.trunks |= devices
        world.prefixes |= prefixes
        world.others |= others
    world.handlers |= handlers_in(texts)


def migrate_file(
    file: SourceFile, name: str, world: World, report: Report, within: Callable[[Path], str | None]
) -> list[str]:
    """The lines of a dialplan file, changed where they name chan_sip's things; ``name`` is the file's in the report.

    ``within`` tells the name that a file has in the configuration folder, ``None`` for one that is elsewhere.
    """
    context = ""
    written: list[str] = []
    for line in file.lines:
        if line.kind is Kind.HEADER:
            found = _HEADER.match(line.said)
            context = found["name"].strip().lower() if found else ""
        if line.kind is Kind.INCLUDE:
            written.append(_include(line, name, report, within))
            continue
        if line.kind is not Kind.OPTION:
            written.append(line.raw)
            continue
        code, comment = (line.raw, "") if not line.comment else split_comment(line.raw)
        changed, entry = migrate_line(code, name, line.number, world, handler=context in world.handlers)
        if entry is not None:
            report.add(entry)
        written.append(changed + comment)
    return written


def _include(line: SourceLine, name: str, report: Report, within: Callable[[Path], str | None]) -> str:
    """An include, by a relative name where it had the absolute one of a file of the folder."""
    included = included_name(line.said)
    names = [within(each) for each in line.included]
    if None in names:
        why = "this file is outside of the configuration folder, and is not looked at"
        report.add(Entry(name, line.number, Outcome.UNTRANSLATED, line.said, "", why))
    elif included.startswith("/") and names:
        changed = f"#include {names[0] if len(names) == 1 else included}"
        if len(names) == 1:
            why = "the file of the new folder"
            report.add(Entry(name, line.number, Outcome.CHANGED, line.said, changed, why))
            return changed
        why = "these files of the old folder are included: name them by a relative path"
        report.add(Entry(name, line.number, Outcome.UNTRANSLATED, line.said, "", why))
    return line.raw


def migrate_line(code: str, name: str, number: int, world: World, *, handler: bool = False) -> tuple[str, Entry | None]:
    """One line without its comment: what it becomes, and what there is to report, if it names chan_sip's things."""
    rewriter = Rewriter(world, handler=handler)
    original, code = code, _ALONE.sub(r"\1PJSIP", code)
    if code != original:
        why = "the technology alone: destinations that begin with it are PJSIP/peer or PJSIP/number@peer"
        rewriter.notes.append((Outcome.CHANGED, why))
    before, equals, value = code.partition("=")
    message = _SCHEME.search(value)
    if message is not None:
        value = f"{value[: message.end(1)]}pjsip:{value[message.end() :]}"
        rewriter.notes.append((Outcome.TRANSLATED, ""))
    changed = before + equals + _assigned(rewriter, before, value)
    if not rewriter.notes:
        left = _LEFT.search(value)
        if left is None:
            return code, None
        why = f"'{left[0]}' is not understood here"
        return code, Entry(name, number, Outcome.UNTRANSLATED, code.strip(), "", why)
    after = "" if changed == original else changed.strip()
    return changed, Entry(name, number, rewriter.outcome, original.strip(), after, rewriter.why)


def _assigned(rewriter: Rewriter, name: str, value: str) -> str:
    """The right side of a line; the older ``Application,arguments`` gets parentheses where it is chan_sip's."""
    old = re.search(r"(?<=,)\s*(SIPAddHeader|SIPRemoveHeader|SIPDtmfMode)(?:,(.*?))?(\s*)$", value, re.IGNORECASE)
    if old is not None and name.strip().lower() in ("exten", "same"):
        value = f"{value[: old.start(1)]}{old[1]}({old[2] or ''}){old[3]}"
    return rewriter.rewrite(value)


def mentions(file: SourceFile, name: str) -> Iterator[Entry]:
    """Lines of a file that is not understood that name chan_sip's devices."""
    for line in file.lines:
        if line.kind in (Kind.OPTION, Kind.OTHER) and re.search(r"(?<![\w/.@-])SIP/(?!2\.0)", line.said):
            why = "this file is copied as it is: does the line mean devices of sip.conf?"
            yield Entry(name, line.number, Outcome.UNTRANSLATED, line.said, "", why)
