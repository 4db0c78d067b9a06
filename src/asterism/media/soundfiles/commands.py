"""The console command on sound files: ``core show file formats``."""

from __future__ import annotations

from typing import ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Documentation
from asterism.core.module import Module
from asterism.media.server import MediaServer
from asterism.media.soundfiles.table import kinds, unreadable

_ROW = "%-10s %-10s %-20s\n"


class FileFormats(Module):
    """Shows the kinds of sound files that are known."""

    name: ClassVar[str] = "file_formats"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Listing of sound file formats"

    def load(self, server: MediaServer) -> None:
        """Register the command."""
        server.register_marked(self)

    @command(
        "core show file formats",
        Documentation(
            "List the sound file formats.",
            "core show file formats",
            "Format, name and extensions of each. Where files of one cannot be decoded here, what is missing follows.",
        ),
    )
    def show_file_formats(self, call: CommandCall) -> str:
        """``core show file formats``."""
        call.takes_nothing()
        lines = [_ROW % ("Format", "Name", "Extensions"), _ROW % ("------", "----", "----------")]
        for kind in kinds():
            row = _ROW % (kind.format.name, kind.name, "|".join(kind.extensions))
            missing = unreadable(kind)
            lines.append(f"{row[:-1]} ({missing})\n" if missing else row)
        return "".join(lines) + f"{len(lines) - 2} file formats registered.\n"
