"""AGC and DENOISE: one direction of a channel's audio at one loudness, and with less noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.media import denoise
from asterism.media.agc import AutomaticGain
from asterism.media.denoise import Denoiser
from asterism.media.taps import Direction, Tap
from asterism.pbx.channels.volume import channel_taps
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_DIRECTIONS = {"tx": Direction.OUT, "rx": Direction.IN}
_DIRECTION = (
    Argument("channeldirection", "", True, (("tx", "what the far end hears"), ("rx", "what the far end says"))),
)
_OFF = ("off", "no", "false", "0", "")
_ON = ("on", "yes", "true", "1")


class EnhancingFunctions(PbxModule):
    """The functions."""

    name: ClassVar[str] = "func_speex"
    description: ClassVar[str] = "Automatic gain, and less noise"

    @function(
        "AGC",
        Documentation(
            "Bring a channel's audio to one loudness.",
            "AGC(channeldirection)",
            "Set(AGC(rx)=8000) makes what the far end says louder, by at most 30 dB, or softer; Set(AGC(rx)=off) ends "
            "it. Read, it is 1 or 0.",
            _DIRECTION,
            ("VOLUME", "DENOISE"),
        ),
    )
    def read_gain(self, channel: Channel | None, args: str) -> str:
        """Whether it is on."""
        return _read(channel, args, "agc")

    @function_writer("AGC")
    def write_gain(self, channel: Channel | None, args: str, value: str) -> None:
        """Set the level, or end it."""
        text = value.strip().lower()
        try:
            level = 0.0 if text in _OFF else float(text)
        except ValueError:
            level = math.nan
        if not 0 <= level <= 32768:
            raise FunctionError(f"'{value}' is no level: 1 to 32768, or off")
        _write(channel, args, "agc", AutomaticGain(level) if level else None)

    @function(
        "DENOISE",
        Documentation(
            "Take steady noise out of a channel's audio.",
            "DENOISE(channeldirection)",
            f"Set(DENOISE(rx)=on), or off. Read, it is 1 or 0. It needs a library of the system ({denoise.PACKAGE}).",
            _DIRECTION,
            ("AGC",),
        ),
    )
    def read_noise(self, channel: Channel | None, args: str) -> str:
        """Whether it is on."""
        return _read(channel, args, "denoise")

    @function_writer("DENOISE")
    def write_noise(self, channel: Channel | None, args: str, value: str) -> None:
        """Begin or end it."""
        text = value.strip().lower()
        if text not in (*_ON, *_OFF):
            raise FunctionError(f"it is on or off, not '{value}'")
        if text in _ON and denoise.reason():
            raise FunctionError(f"noise cannot be taken out here: {denoise.reason()}")
        _write(channel, args, "denoise", Denoiser() if text in _ON else None)


def _place(channel: Channel | None, args: str, kind: str) -> tuple[Channel, Direction, dict[Direction, Tap]]:
    direction = _DIRECTIONS.get(args.strip().lower())
    if direction is None:
        raise FunctionError("it takes tx or rx")
    channel = needs_channel(channel)
    taps: dict[Direction, Tap] = channel.data.setdefault(kind, {})
    return channel, direction, taps


def _read(channel: Channel | None, args: str, kind: str) -> str:
    channel, direction, taps = _place(channel, args, kind)
    return "1" if direction in taps and taps[direction] in channel_taps(channel) else "0"


def _write(channel: Channel | None, args: str, kind: str, tap: Tap | None) -> None:
    channel, direction, taps = _place(channel, args, kind)
    before = taps.pop(direction, None)
    if before is not None and before in channel_taps(channel):
        channel.detach(before)
    if tap is not None:
        taps[direction] = tap
        channel.attach(tap, direction)
