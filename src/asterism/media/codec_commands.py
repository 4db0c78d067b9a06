"""Console commands on codecs: ``core show codecs|codec|translation``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Documentation
from asterism.core.errors import UsageError
from asterism.core.module import Module
from asterism.media.formats import ALAW, FORMATS, LINEAR, PASSED, ULAW, Format
from asterism.media.server import MediaServer
from asterism.media.translate import path

_DISCLAIMER = (
    "Disclaimer: this command is for informational purposes only.\n"
    "\tIt does not indicate anything about your configuration.\n"
)
_CODEC = "%8s %-5s %-12s %-16s %7s %s\n"
_IDS: Mapping[str, int] = MappingProxyType(
    {
        "g723": 4, "ulaw": 5, "alaw": 6, "gsm": 7, "g726": 8, "slin": 11, "slin16": 13, "lpc10": 20, "g729": 21,
        "speex": 22, "speex16": 23, "ilbc": 25, "g722": 26, "opus": 30, "h261": 33, "h263": 34, "h263p": 35, "h264": 36,
        "h265": 37, "mpeg4": 38, "vp8": 39, "vp9": 40, "t140": 42,
    }
)  # fmt: skip
_QUALITY: Mapping[str, int] = MappingProxyType(
    {
        "g723": 20, "ulaw": 100, "alaw": 100, "gsm": 40, "g726": 85, "slin": 115, "slin16": 117, "lpc10": 8,
        "g729": 45, "speex": 40, "speex16": 40, "ilbc": 35, "g722": 110, "opus": 75,
    }
)  # fmt: skip
_FAMILY: Mapping[str, str] = MappingProxyType({"speex16": "speex", "slin16": "slin"})
_KNOWN: Mapping[str, Format] = MappingProxyType({**FORMATS, **PASSED["video"], **PASSED["text"]})
_TRANSLATED = (ULAW, ALAW, *LINEAR.values())
_SHORT_NAMES: Mapping[str, str] = MappingProxyType({"slin": "slin8"})


def _microseconds(source: Format, target: Format) -> int:
    """Measured cost of translating one second of audio, in microseconds; 0 without a path."""
    way = path(source, target)
    return 0 if way is None else max(1, round(way.cost * 1e6))


class CodecCommands(Module):
    """Shows the known codecs and the costs of translating between them."""

    name: ClassVar[str] = "codecs"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Listings of codecs"

    def load(self, server: MediaServer) -> None:
        """Register the commands."""
        server.register_marked(self)

    @command(
        "core show codecs",
        Documentation(
            "List the codecs.",
            "core show codecs [audio|video|image|text]",
            "Those of video and text are passed on and not converted.",
        ),
        ("audio", "video", "image", "text"),
    )
    def show_codecs(self, call: CommandCall) -> str:
        """``core show codecs [audio|video|image|text]``."""
        if len(call.args) > 1 or (call.args and call.args[0] not in ("audio", "video", "image", "text")):
            raise UsageError
        head = _CODEC % ("ID", "TYPE", "NAME", "FORMAT", "QUALITY", "DESCRIPTION")
        rows = [self._row(one) for one in _KNOWN.values() if not call.args or call.args[0] == one.media]
        return _DISCLAIMER + head + "-" * 96 + "\n" + "".join(rows)

    @staticmethod
    def _row(one: Format) -> str:
        family = _FAMILY.get(one.name, one.name)
        return _CODEC % (
            _IDS.get(one.name, 0), one.media, family, one.name, _QUALITY.get(one.name, 0), f"({one.description})"
        )  # fmt: skip

    @command(
        "core show codec",
        Documentation("Show one codec.", "core show codec <number>", "By its number in 'core show codecs'."),
    )
    def show_codec(self, call: CommandCall) -> str:
        """``core show codec N``."""
        if len(call.args) != 1 or not call.args[0].isascii() or not call.args[0].isdigit():
            raise UsageError
        for name, number in _IDS.items():
            if number == int(call.args[0]):
                return f"{number:>11} {_KNOWN[name].description}\n"
        return f"Codec {call.args[0]} not found\n"

    @command(
        "core show translation",
        Documentation(
            "Show what translating between codecs costs.",
            "core show translation",
            "A second of audio, in microseconds of the processor's time, measured once.",
        ),
    )
    def show_translation(self, call: CommandCall) -> str:
        """``core show translation``."""
        if call.args:
            raise UsageError
        names = [_SHORT_NAMES.get(one.name, one.name) for one in _TRANSLATED]
        width = max(6, *(len(name) for name in names))
        lines = [
            "         Translation times between formats (in microseconds) for one second of data\n",
            "          Source Format (Rows) Destination Format (Columns)\n\n",
            " " * 9 + "".join(f" {name:>{width}}" for name in names) + "\n",
        ]
        for source, name in zip(_TRANSLATED, names, strict=True):
            cells = ["-" if source is target else str(_microseconds(source, target)) for target in _TRANSLATED]
            lines.append(f"{name:>9}" + "".join(f" {cell:>{width}}" for cell in cells) + "\n")
        return "".join(lines)

    @command("core show image formats", Documentation("List the image file formats.", "core show image formats"))
    def show_image_formats(self, call: CommandCall) -> str:
        """``core show image formats``: none."""
        if call.args:
            raise UsageError
        row = "%10s %-49s %11s %10s\n"
        head = row % ("Name", "Extensions", "Description", "Format") + row % (
            "----",
            "----------",
            "-----------",
            "------",
        )
        return f"{head}\n0 image formats registered.\n"
