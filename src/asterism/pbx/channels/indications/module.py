"""The module of tones: reads ``indications.conf``, brings ``indication ...`` on the console."""

from __future__ import annotations

from typing import ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.media.zones import Zone
from asterism.pbx.channels.indications.settings import FILE, IndicationSettings, read_settings
from asterism.pbx.vocabulary.host import HostServer
from asterism.pbx.vocabulary.module import PbxModule
from asterism.pbx.vocabulary.settings_file import load_settings

_COUNTRY = Argument("country", "A zone's name.", True)


class Indications(PbxModule):
    """The tones of countries, and the commands that show and change them."""

    name: ClassVar[str] = "indications"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Tones of countries"

    def load(self, server: HostServer) -> None:
        """Read the file and register the commands."""
        self._server = server
        super().load(server)
        server.owner.on_release(self._release)
        self.reload()

    def reload(self) -> None:
        """Read ``indications.conf`` again: for tones that begin from now on."""
        settings = load_settings(self._server, FILE, read_settings)
        if settings is not None:
            self.pbx.tone_zones.settings = settings

    def _release(self) -> None:
        self.pbx.tone_zones.settings = IndicationSettings()

    @command(
        "indication show",
        Documentation(
            "List the zones of tones, or the tones of zones.",
            "indication show [country ...]",
            "Without a country all zones; the one that channels have by default is marked.",
            (Argument("country", "A zone's name."),),
            ("indication add", "indication remove"),
        ),
    )
    def show(self, call: CommandCall) -> str:
        """Run the command."""
        settings = self.pbx.tone_zones.settings
        if not call.args:
            rows = [
                f"{zone.name:<8}{zone.description}{' (default)' if zone.name == settings.country else ''}"
                for zone in sorted(settings.zones.values())
            ]
            return "".join(f"{row}\n" for row in ("Country Description", "=" * 27, *rows))
        found = [self.pbx.tone_zones.get(name) for name in call.args]
        lines: list[str] = []
        for name, zone in zip(call.args, found, strict=True):
            lines += [f"No indications defined for country '{name}'"] if zone is None else _table(zone)
        return "".join(f"{line}\n" for line in lines)

    @command(
        "indication add",
        Documentation(
            "Add a tone to a zone.",
            "indication add <country> <tone> <list>",
            "Until the file is read again. The list is as in indications.conf, in quotes or without spaces.",
            (_COUNTRY, Argument("tone", "Its name.", True), Argument("list", "What is heard.", True)),
            ("indication show", "indication remove"),
        ),
    )
    def add(self, call: CommandCall) -> str:
        """Run the command."""
        if len(call.args) != 3:
            raise UsageError
        try:
            self.pbx.tone_zones.add(*call.args)
        except UsageError as error:
            return f"{error}\n"
        return f"Tone '{call.args[1]}' of country '{call.args[0]}' set\n"

    @command(
        "indication remove",
        Documentation(
            "Remove a tone from a zone, or a zone.",
            "indication remove <country> [<tone>]",
            "Until the file is read again.",
            (_COUNTRY, Argument("tone", "A tone; without one the whole zone goes.")),
            ("indication show", "indication add"),
        ),
    )
    def remove(self, call: CommandCall) -> str:
        """Run the command."""
        if not 1 <= len(call.args) <= 2:
            raise UsageError
        try:
            removed = self.pbx.tone_zones.remove(*call.args)
        except UsageError as error:
            return f"{error}\n"
        return "Removed\n" if removed else f"There is no '{' '.join(call.args)}'\n"


def _table(zone: Zone) -> list[str]:
    cadence = ",".join(map(str, zone.cadence))
    return [
        "Country Indication      PlayList",
        "=" * 37,
        *(f"{zone.name:<7} {name:<15} {parts}" for name, parts in zone.tones.items()),
        *([f"{zone.name:<7} {'ringcadence':<15} {cadence}"] if cadence else []),
    ]
