"""Write the reference of what the modules register: applications, functions, actions, events, console commands.

``python docs/generate_registries.py [FOLDER]`` starts a server with every module, and writes into FOLDER
(``docs/_build`` by default) one page for each registry, the same as ``core-en_US.xml`` in Asterisk's documentation
schema, and the Python API from its docstrings.
"""

from __future__ import annotations

import asyncio
import inspect
import re
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from asterism.core.documentation import Argument
from asterism.core.registry import Entry
from asterism.server.server import Server
from asterism.testing import running_server

FOLDER = Path(__file__).parent / "_build"
PAGES = {
    "applications": "Dialplan applications",
    "functions": "Dialplan functions",
    "actions": "Manager actions",
    "events": "Manager events",
    "commands": "Console commands",
}
_ELEMENTS = {"applications": "application", "functions": "function", "actions": "manager", "events": "managerEvent"}


def registries(server: Server) -> dict[str, list[Entry[Any]]]:
    """The entries of every registry, by the name of its page, sorted."""
    found: dict[str, Iterable[Entry[Any]]] = {
        "applications": server.pbx.applications,
        "functions": server.pbx.functions,
        "actions": server.actions,
        "events": server.bus.types,
        "commands": server.commands,
    }
    return {name: sorted(entries, key=lambda entry: entry.name.lower()) for name, entries in found.items()}


def page(title: str, entries: Iterable[Entry[Any]]) -> str:
    """One page: what there is, then each entry."""
    lines = [f"# {title}\n"]
    for entry in entries:
        documentation = entry.documentation
        lines.append(f"\n## {entry.name}\n\n{_text(documentation.synopsis)}\n")
        if documentation.syntax:
            lines.append(f"\n```\n{documentation.syntax}\n```\n")
        if documentation.description:
            paragraphs = documentation.description.strip().split("\n")
            lines.append("\n" + "\n\n".join(_text(one.strip()) for one in paragraphs if one.strip()) + "\n")
        if documentation.arguments:
            lines.append("\n")
            lines += [_argument(one) for one in documentation.arguments]
        privilege = getattr(entry.item, "privilege", "")
        if privilege:
            lines.append(f"\nPrivilege: {privilege}\n")
        if documentation.see_also:
            lines.append(f"\nSee also: {', '.join(documentation.see_also)}\n")
        lines.append(f"\nModule: `{entry.owner.name}`\n")
    return "".join(lines)


def _argument(argument: Argument) -> str:
    required = " (required)" if argument.required else ""
    description = f": {_text(argument.description)}" if argument.description else ""
    line = f"- `{argument.name}`{required}{description}\n"
    return line + "".join(
        f"  - `{value}`{f': {_text(meaning)}' if meaning else ''}\n" for value, meaning in argument.values
    )


def _text(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*").replace("\n", " ")


def xml(found: dict[str, list[Entry[Any]]]) -> str:
    """All but the commands as one document in Asterisk's documentation schema."""
    root = ElementTree.Element("docs")
    kinds = {kind: {entry.name for entry in found[name]} for name, kind in (*_ELEMENTS.items(), ("commands", "astcli"))}
    for name, element in _ELEMENTS.items():
        for entry in found[name]:
            root.append(_element(element, entry, kinds))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE docs SYSTEM "appdocsxml.dtd">\n{text}\n'


def _element(name: str, entry: Entry[Any], kinds: dict[str, set[str]]) -> ElementTree.Element:
    documentation = entry.documentation
    made = ElementTree.Element(name, name=entry.name, language="en_US", module=entry.owner.name)
    holder = made
    if name == "managerEvent":
        holder = ElementTree.SubElement(
            made, "managerEventInstance", {"class": f"EVENT_FLAG_{entry.item.privilege.split(',')[0].upper()}"}
        )
    ElementTree.SubElement(holder, "synopsis").text = documentation.synopsis
    if documentation.arguments:
        syntax = ElementTree.SubElement(holder, "syntax")
        for argument in documentation.arguments:
            parameter = ElementTree.SubElement(syntax, "parameter", name=argument.name)
            if argument.required:
                parameter.set("required", "true")
            if argument.description:
                ElementTree.SubElement(parameter, "para").text = argument.description
            if argument.values:
                values = ElementTree.SubElement(parameter, "enumlist")
                for value, meaning in argument.values:
                    item = ElementTree.SubElement(values, "enum", name=value)
                    if meaning:
                        ElementTree.SubElement(item, "para").text = meaning
    if documentation.description:
        description = ElementTree.SubElement(holder, "description")
        for paragraph in documentation.description.strip().split("\n"):
            if paragraph.strip():
                ElementTree.SubElement(description, "para").text = paragraph.strip()
    if documentation.see_also:
        also = ElementTree.SubElement(holder, "see-also")
        for other in documentation.see_also:
            ElementTree.SubElement(also, "ref", type=_kind_of(other, name, kinds)).text = other
    return made


def _kind_of(other: str, own: str, kinds: dict[str, set[str]]) -> str:
    """The type of a reference: the element's own kind where there is such a name, else any that has it."""
    return next((kind for kind in (own, *kinds) if other in kinds[kind]), own)


API = (
    "asterism.server.server:Server",
    "asterism.pbx.assembly.channel:Channel",
    "asterism.pbx.assembly.pbx:Pbx",
    "asterism.sip.core:SipCore",
    "asterism.sip.rx:Rx",
    "asterism.sip.service:Service",
    "asterism.sip.service:InterceptionStep",
    "asterism.sip.works:Work",
    "asterism.data.data:Data",
    "asterism.core.events:EventBus",
    "asterism.core.events:EventType",
    "asterism.core.module:Module",
    "asterism.core.registry:Registry",
    "asterism.media.core:Media",
    "asterism.testing.phone:Phone",
    "asterism.testing.call:PhoneCall",
    "asterism.testing.audio:PhoneAudio",
    "asterism.testing.servers:running_server",
    "asterism.testing.servers:assert_idle",
    "asterism.testing.servers:idle_counts",
    "asterism.testing.servers:free_port",
    "asterism.testing.tone:make_tone",
    "asterism.testing.tone:detect",
    "asterism.testing.waiting:until",
)
"""What the page on the Python API describes, in its order."""


def api_page() -> str:
    """The classes and functions of :data:`API` with their public members and the beginnings of their docstrings."""
    lines = ["# Python API\n\nMade from the docstrings; the source has the whole of them.\n"]
    for target in API:
        place, _, name = target.partition(":")
        found = getattr(import_module(place), name)
        lines.append(f"\n## {name}\n\n`{place}.{name}{_signature(found)}`\n\n{_first(found)}\n")
        if not isinstance(found, type):
            continue
        members = [
            (key, value)
            for key, value in _own_members(found).items()
            if not key.startswith("_") and (callable(value) or isinstance(value, (property, classmethod)))
        ]
        if members:
            lines.append("\n| | |\n|---|---|\n")
        for key, value in members:
            member = getattr(found, key)
            prefix = "await " if inspect.iscoroutinefunction(member) else ""
            call = f"{prefix}{key}" if isinstance(value, property) else f"{prefix}{key}{_signature(member)}"
            lines.append(f"| `{call.replace('|', chr(92) + '|')}` | {_first(value)} |\n")
    return "".join(lines)


def _own_members(found: type) -> dict[str, object]:
    """The members of a class, with those of its bases in the same layer."""
    layer = found.__module__.split(".")[:2]
    members: dict[str, object] = {}
    for base in found.__mro__:
        if base.__module__.split(".")[:2] == layer:
            members = {**vars(base), **members}
    return members


class _Plain:
    """An annotation that is shown as written, without quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _signature(found: Any) -> str:
    signature = inspect.signature(found)
    parameters = [
        one.replace(annotation=_Plain(one.annotation)) if isinstance(one.annotation, str) else one
        for one in signature.parameters.values()
        if one.name != "self"
    ]
    return str(signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty))


def _first(found: Any) -> str:
    text = (inspect.getdoc(found) or "").partition("\n\n")[0]
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", text)
    return _text(text).replace("``", "`").replace("|", "\\|")


async def collect() -> dict[str, str]:
    """The text of every file, by name."""
    async with running_server({}) as server:
        found = registries(server)
        made = {f"{name}.md": page(title, found[name]) for name, title in PAGES.items()}
        return {**made, "core-en_US.xml": xml(found), "python.md": api_page()}


def main() -> int:
    """Write everything."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in asyncio.run(collect()).items():
        (folder / name).write_text(text)
        print(f"wrote {folder / name}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
