"""Console commands that show the registered applications and functions."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.like import like_text
from asterism.core.registry import Entry, Registry
from asterism.pbx.vocabulary.module import PbxModule

_WIDTH = 79


def show_entry(kind: str, entry: Entry[Any], call: Callable[[str], str]) -> str:
    """The documentation of an application or function, in sections."""
    documentation = entry.documentation
    arguments = []
    for one in documentation.arguments:
        lines = [one.name]
        if one.description:
            lines += textwrap.wrap(one.description, _WIDTH, initial_indent="    ", subsequent_indent="    ")
        for value, meaning in one.values:
            text = f"{value} - {meaning}" if meaning else value
            lines += textwrap.wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="    ")
        arguments.append("\n".join(lines))
    sections = [
        ("Synopsis", textwrap.fill(documentation.synopsis, _WIDTH)),
        ("Provided By", entry.owner.name),
        ("Description", _paragraphs(documentation.description) or "Not available"),
        ("Syntax", documentation.syntax or entry.name),
        ("Arguments", "\n\n".join(arguments) or "Not available"),
        ("See Also", ", ".join(call(name) for name in documentation.see_also) or "Not available"),
    ]
    body = "\n\n".join(f"[{title}]\n{text}" for title, text in sections)
    return f"\n  -= Info about {kind} '{entry.name}' =- \n\n{body}\n\n"


def _paragraphs(text: str) -> str:
    return "\n".join(textwrap.fill(part, _WIDTH) for part in text.split("\n"))


def _name(documentation: Documentation, name: str) -> str:
    return documentation.syntax or f"{name}()"


class ReferenceModule(PbxModule):
    """``core show application`` and its like."""

    name = "pbx_reference"
    part_of = ("core",)
    description = "Documentation of applications and functions"

    @command(
        "core show applications",
        Documentation("List the applications.", "core show applications [like <text>|describing <text>...]"),
        ("like", "describing"),
    )
    def show_applications(self, call: CommandCall) -> str:
        """All, or those whose name or synopsis holds a text."""
        found, filtered = _select(self.pbx.applications, call.args, either=True)
        rows = "".join(f"  {entry.name:>20}: {entry.documentation.synopsis}\n" for entry in found)
        kind = "Matching" if filtered else "Registered"
        end = "Matching" if filtered else "Registered"
        return f"    -= {kind} Asterisk Applications =-\n{rows}    -= {len(found)} Applications {end} =-\n"

    def complete_application(self, words: list[str]) -> list[str]:
        """Names of applications."""
        return [entry.name for entry in self.pbx.applications]

    def complete_function(self, words: list[str]) -> list[str]:
        """Names of functions."""
        return [entry.name for entry in self.pbx.functions] if len(words) == 1 else []

    @command(
        "core show application",
        Documentation("Describe applications.", "core show application <name> [...]"),
        "complete_application",
    )
    def show_application(self, call: CommandCall) -> str:
        """One or several."""
        if not call.args:
            raise UsageError("it takes the name of an application")
        found = [entry for name in call.args if (entry := self.pbx.applications.entry(name)) is not None]
        if not found:
            raise CommandError("Your application(s) is (are) not registered")
        return "".join(show_entry("Application", entry, lambda name: f"{name}()") for entry in found)

    @command(
        "core show functions", Documentation("List the functions.", "core show functions [like <text>]"), ("like",)
    )
    def show_functions(self, call: CommandCall) -> str:
        """All, or those whose name holds a text."""
        found, filtered = _select(self.pbx.functions, call.args)
        rows = "".join(
            f"{entry.name:<20.20}  {_name(entry.documentation, entry.name):<35.35}  {entry.documentation.synopsis}\n"
            for entry in found
        )
        title = "Matching" if filtered else "Installed"
        count = f"{len(found)} {'matching ' if filtered else ''}custom functions installed."
        return f"{title} Custom Functions:\n{'-' * 80}\n{rows}{count}\n"

    @command(
        "core show function", Documentation("Describe a function.", "core show function <name>"), "complete_function"
    )
    def show_function(self, call: CommandCall) -> str:
        """One."""
        if len(call.args) != 1:
            raise UsageError("it takes the name of a function")
        entry = self.pbx.functions.entry(call.args[0])
        if entry is None:
            raise CommandError("No function by that name registered.")
        return show_entry("Function", entry, str)


def _select(registry: Registry[Any], args: list[str], either: bool = False) -> tuple[list[Entry[Any]], bool]:
    entries = sorted(registry, key=lambda entry: entry.name.lower())
    if not args:
        return entries, False
    how, *words = args
    if not (either and how.lower() == "describing" and words):
        wanted = like_text(args)
        return [entry for entry in entries if wanted(entry.name)], True
    return [
        entry
        for entry in entries
        if all(
            word.lower() in f"{entry.documentation.synopsis} {entry.documentation.description}".lower()
            for word in words
        )
    ], True
