"""``config show help``: what the option tables say, at the console."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.module import Module
from asterism.data.options import ConfiguredObject, OptionSpec
from asterism.data.server import DataServer


class ConfigHelp(Module):
    """Explains types of objects and their options."""

    name: ClassVar[str] = "config_help"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Help on configuration objects"

    def load(self, server: DataServer) -> None:
        """Register the command."""
        self._data = server.data
        server.register_marked(self)

    def _types(self) -> dict[str, type[ConfiguredObject]]:
        return {cls.TYPE: cls for cls in self._data.types()}

    def complete(self, words: list[str]) -> Iterable[str]:
        """Types, then the options of the type."""
        words = words[1:] if words[0].startswith("res_") and len(words) > 1 else words
        if len(words) == 1:
            return self._types()
        cls = self._types().get(words[0])
        return [spec.name for spec in cls.OPTIONS] if cls is not None and len(words) == 2 else ()

    @command(
        "config show help",
        Documentation(
            "Explain the objects of configuration files and their options.",
            "config show help [<module>] [<type> [<option>]]",
            "Without a type, the types there are; with one, its options; with an option, all about it.\n"
            "The name of the module, as Asterisk wants it in front, may be left out.",
            (
                Argument("module", "The module that has the type (res_pjsip)."),
                Argument("type", "A type of objects: endpoint, aor, ..."),
                Argument("option", "One of its options."),
            ),
        ),
        "complete",
    )
    def show_help(self, call: CommandCall) -> str:
        """``config show help``."""
        types = self._types()
        words = call.args
        if words and words[0] not in types and words[0].startswith("res_"):
            words = words[1:]
        if len(words) > 2:
            raise UsageError
        if not words:
            lines = [f"{name:<26} {_summary(cls)}\n" for name, cls in sorted(types.items())]
            return "Configuration object types:\n" + "".join(lines)
        cls = types.get(words[0])
        if cls is None:
            raise CommandError(f"There is no type '{words[0]}'; types: {', '.join(sorted(types))}")
        if len(words) == 1:
            return f"{cls.TYPE}: {_summary(cls)}\n\n" + "".join(
                f"{spec.name:<40} {spec.help}\n" for spec in cls.OPTIONS
            )
        for spec in cls.OPTIONS:
            if spec.name == words[1].lower():
                return _describe(cls, spec)
        raise CommandError(f"{cls.TYPE} has no option '{words[1]}'")


def _summary(cls: type[ConfiguredObject]) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _describe(cls: type[ConfiguredObject], spec: OptionSpec) -> str:
    default = "" if spec.secret else spec.show(spec.default)
    rows = [f"[{cls.TYPE}] {spec.name} = {spec.kind.accepted}", f"Default: {default or '(empty)'}", "", spec.help]
    if spec.no_effect:
        rows += ["", f"Accepted without effect: {spec.no_effect}."]
    return "".join(f"{row}\n" for row in rows)
