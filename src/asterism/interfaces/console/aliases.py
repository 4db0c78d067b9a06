"""Other names for commands: ``cli_aliases.conf``."""

from __future__ import annotations

from typing import ClassVar

from asterism.config.file import ConfigFile
from asterism.core.commands import Command, CommandCall, command
from asterism.core.documentation import Documentation
from asterism.core.errors import ConfigError, DuplicateError, UsageError
from asterism.core.module import CoreServer, Module
from asterism.core.registry import Owner
from asterism.interfaces.console.runner import CommandRunner, split_words


class CommandAliases(Module):
    """Registers the aliases of the templates that ``[general]`` names, and ``cli show aliases``."""

    name: ClassVar[str] = "res_clialiases"
    aliases: ClassVar[tuple[str, ...]] = ("cli_aliases",)
    description: ClassVar[str] = "Aliases of console commands"

    def load(self, server: CoreServer) -> None:
        """Read the file and register."""
        self._server = server
        self._runner = CommandRunner(server)
        self._owner = Owner(self.name)
        self._known: dict[str, str] = {}
        server.register_marked(self)
        server.owner.on_release(self._owner.release)
        self.reload()

    def reload(self) -> None:
        """Read ``cli_aliases.conf`` again; one that cannot be read changes nothing."""
        log = self._server.log
        try:
            config = ConfigFile.load(self._server.paths.etc / "cli_aliases.conf", missing_ok=True)
        except ConfigError as error:
            log.error("%s", error)
            return
        self._owner.release()
        self._known = {}
        templates = [option.value for option in config.options("general") if option.name.lower() == "template"]
        for name in dict.fromkeys(templates):
            for option in config.options(name):
                self._add(" ".join(option.name.split()), option.value)

    def _add(self, alias: str, real: str) -> None:
        if not alias or not real or split_words(real)[: len(alias.split())] == alias.split():
            self._server.log.warning("cli_aliases.conf: '%s' cannot be another name of '%s'", alias, real)
            return

        async def run(call: CommandCall) -> str:
            words = "".join(f' "{word}"' for word in (each.replace('"', '\\"') for each in call.args))
            line = real + words
            await self._runner.run(line, call.write, columns=call.columns, color=call.color, console=call.console)
            return ""

        try:
            self._server.commands.add(
                self._owner,
                alias,
                Command(alias, run, lambda words: self._runner.complete(" ".join((real, *words)))),
                Documentation(f"Another name of '{real}'.", alias),
            )
        except DuplicateError:
            self._server.log.notice("cli_aliases.conf: '%s' is a command already", alias)
            return
        self._known[alias] = real

    @command("cli show aliases", Documentation("List the aliases of commands.", "cli show aliases"))
    def show(self, call: CommandCall) -> str:
        """``cli show aliases``."""
        if call.args:
            raise UsageError
        rows = [("Alias Command", "Real Command"), *sorted(self._known.items())]
        return "".join(f"{alias:<30} {real}\n" for alias, real in rows)
