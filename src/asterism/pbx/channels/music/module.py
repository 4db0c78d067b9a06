"""The module of music on hold: reads ``musiconhold.conf``, brings ``moh ...`` on the console."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.pbx.channels.music.classes import FILE, read_settings
from asterism.pbx.channels.music.playing import music_of
from asterism.pbx.vocabulary.host import HostServer
from asterism.pbx.vocabulary.module import PbxModule
from asterism.pbx.vocabulary.settings_file import load_settings


class MusicModule(PbxModule):
    """Classes of music, and the commands that show them."""

    name: ClassVar[str] = "res_musiconhold"
    description: ClassVar[str] = "Music on hold"

    def load(self, server: HostServer) -> None:
        """Read the file (a class that is wrong is left out) and register the commands."""
        self._server = server
        super().load(server)
        self.reload()

    def reload(self) -> None:
        """Read ``musiconhold.conf`` again; what plays goes on."""
        paths = self._server.paths
        read = partial(read_settings, data=Path(paths.data), system=Path(paths.share))
        settings = load_settings(self._server, FILE, read)
        if settings is not None:
            self.pbx.music.use(settings)

    def unload(self) -> None:
        """End the programs."""
        self.pbx.music.close()

    def use_count(self) -> int:
        """Number of channels that hear music."""
        return sum(music_of(channel) is not None for channel in self.pbx.channels)

    @command(
        "moh show classes",
        Documentation("List the classes of music on hold.", "moh show classes", "Each with its mode and its folder."),
    )
    def show_classes(self, call: CommandCall) -> str:
        """Run the command."""
        if call.args:
            raise UsageError
        lines: list[str] = []
        for music in self.pbx.music.settings.classes.values():
            lines += [f"Class: {music.name}", f"\tMode: {music.mode}", f"\tDirectory: {music.directory or 'nodir'}"]
            if music.application:
                lines.append(f"\tApplication: {music.application}")
            if music.mode != "files":
                lines.append(f"\tFormat: {music.format.name}")
        return "".join(f"{line}\n" for line in lines)

    @command("moh show files", Documentation("List the files of each class of music on hold.", "moh show files"))
    def show_files(self, call: CommandCall) -> str:
        """Run the command."""
        if call.args:
            raise UsageError
        lines: list[str] = []
        for music in self.pbx.music.settings.classes.values():
            if music.files:
                lines.append(f"Class: {music.name}")
                lines += [f"\tFile: {name}" for name in music.files]
        return "".join(f"{line}\n" for line in lines)

    @command("moh reload", Documentation("Read musiconhold.conf again.", "moh reload", "What plays goes on."))
    def reload_classes(self, call: CommandCall) -> str:
        """Run the command."""
        if call.args:
            raise UsageError
        self.reload()
        return "\n"

    @command(
        "moh unregister class",
        Documentation(
            "Forget a class of music that came from a database.",
            "moh unregister class <class>",
            "Classes of the file are changed there.",
            (Argument("class", "Its name.", True),),
        ),
    )
    def unregister(self, call: CommandCall) -> str:
        """Run the command: every class is the file's."""
        if len(call.args) != 1:
            raise UsageError
        return f"No such realtime moh class '{call.args[0]}'\n"
