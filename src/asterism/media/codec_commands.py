"""Console commands on codecs: ``core show codecs|codec|translation``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Documentation
from asterism.core.errors import UsageError
from asterism.core.module import Module
from asterism.media.codecs.discovery import decodes, encodes, shortcomings
from asterism.media.formats import FORMATS, LINEAR, PASSED, Format
from asterism.media.server import MediaServer
from asterism.media.translate import path

_DISCLAIMER = (
    "Disclaimer: this command is for informational purposes only.\n"
    "\tIt does not indicate anything about your configuration.\n"
)
_CODEC = "%8s %-5s %-12s %-16s %7s %s\n"
_IDS: Mapping[str, int] = MappingProxyType(
    {
        "g723": 4, "ulaw": 5, "alaw": 6, "gsm": 7, "g726": 8, "g726aal2": 9, "slin": 11, "slin12": 12, "slin16": 13,
        "slin24": 14, "slin32": 15, "slin44": 16, "slin48": 17, "slin96": 18, "slin192": 19, "lpc10": 20, "g729": 21,
        "speex": 22, "speex16": 23, "ilbc": 25, "g722": 26, "opus": 30, "h261": 33, "h263": 34, "h263p": 35,
        "h264": 36, "h265": 37, "mpeg4": 38, "vp8": 39, "vp9": 40, "red": 41, "t140": 42,
    }
)  # fmt: skip
_QUALITY: Mapping[str, int] = MappingProxyType(
    {
        "g723": 20, "ulaw": 100, "alaw": 100, "gsm": 40, "g726": 85, "g726aal2": 85, "slin": 115, "slin12": 116,
        "slin16": 117, "slin24": 118, "slin32": 119, "slin44": 120, "slin48": 121, "slin96": 122, "slin192": 123,
        "lpc10": 8, "g729": 45, "speex": 40, "speex16": 40, "ilbc": 35, "g722": 110, "opus": 75,
    }
)  # fmt: skip
_KNOWN: Mapping[str, Format] = MappingProxyType(
    {**FORMATS, **{one.name: one for one in LINEAR.values()}, **PASSED["video"], **PASSED["text"]}
)
_SHORT_NAMES: Mapping[str, str] = MappingProxyType({"slin": "slin8", "speex": "speex8"})


def _family(one: Format) -> str:
    return "slin" if one.encoding == "L16" else "speex" if one.encoding == "speex" else one.name


def _number(one: Format) -> int:
    return _IDS.get(one.name, 0)


def translation_table() -> str:
    """Cost of converting between each two formats that can be; measured at first, which takes part of a second."""
    formats = sorted((one for one in _KNOWN.values() if decodes(one) or encodes(one)), key=_number)
    names = [_SHORT_NAMES.get(one.name, one.name) for one in formats]
    widths = [max(5, len(name)) for name in names]
    lines = [
        "         Translation times between formats (in microseconds) for one second of data\n",
        "          Source Format (Rows) Destination Format (Columns)\n\n",
        " " * 9 + "".join(f" {name:>{width}}" for name, width in zip(names, widths, strict=True)) + "\n",
    ]
    for source, name in zip(formats, names, strict=True):
        cells = (f" {_cell(source, target):>{width}}" for target, width in zip(formats, widths, strict=True))
        lines.append(f"{name:>9}" + "".join(cells) + "\n")
    return "".join(lines)


def _cell(source: Format, target: Format) -> str:
    way = None if source is target else path(source, target)
    return "-" if way is None else str(max(1, round(way.cost * 1e6)))


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
            "Those of video and text are passed on and not converted. Behind the list: codecs of audio that are only "
            "passed on because a library is missing, and what to install.",
        ),
        ("audio", "video", "image", "text"),
    )
    def show_codecs(self, call: CommandCall) -> str:
        """``core show codecs [audio|video|image|text]``."""
        if len(call.args) > 1 or (call.args and call.args[0] not in ("audio", "video", "image", "text")):
            raise UsageError
        shown = [one for one in _KNOWN.values() if not call.args or call.args[0] == one.media]
        head = _CODEC % ("ID", "TYPE", "NAME", "FORMAT", "QUALITY", "DESCRIPTION")
        missing = [f"Not converted here: {one.name}: {why}\n" for one, why in shortcomings(shown).items()]
        rows = [self._row(one) for one in shown]
        return _DISCLAIMER + head + "-" * 96 + "\n" + "".join(rows) + "".join(missing)

    @staticmethod
    def _row(one: Format) -> str:
        return _CODEC % (
            _number(one), one.media, _family(one), one.name, _QUALITY.get(one.name, 0), f"({one.description})"
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
            "A second of audio, in microseconds of the processor's time, measured once. '-': there is no way.",
        ),
    )
    async def show_translation(self, call: CommandCall) -> str:
        """``core show translation``."""
        if call.args:
            raise UsageError
        return await asyncio.get_running_loop().run_in_executor(None, translation_table)

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
