"""VOLUME: how loud one direction of a channel's audio is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.media.taps import Direction
from asterism.media.volume import Gain
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.core.events import EventType
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

_KEY = "volume"
"""Where ``channel.data`` keeps it."""
_DIRECTIONS = {"tx": Direction.OUT, "rx": Direction.IN}
_LIMIT = 100.0


class _Volume:
    """Volume settings of one channel."""

    __slots__ = ("by_digits", "taps", "values")

    def __init__(self) -> None:
        self.values: dict[Direction, float] = {}
        self.taps: dict[Direction, Gain] = {}
        self.by_digits = False

    def set(self, channel: Channel, direction: Direction, value: float) -> None:
        """Have a direction as loud as ``value`` says.

        The tap is there only while it changes anything, or where digits may change it: those have to be heard here.
        """
        value = max(-_LIMIT, min(_LIMIT, value))
        self.values[direction] = value
        factor = _factor(value)
        tap = self.taps.get(direction)
        if factor == 1.0 and not self.by_digits:
            if tap is not None:
                channel.detach(self.taps.pop(direction))
        elif tap is not None and tap in channel_taps(channel):
            tap.factor = factor
        else:
            tap = self.taps[direction] = Gain(factor)
            channel.attach(tap, direction)


def volume_of(channel: Channel, direction: Direction) -> float:
    """How loud a direction was made, as :func:`set_volume` takes it."""
    found: _Volume | None = channel.data.get(_KEY)
    return 0.0 if found is None else found.values.get(direction, 0.0)


def set_volume(channel: Channel, direction: Direction, value: float) -> None:
    """Have a direction as loud as ``value`` says: see :class:`VolumeFunction`."""
    _of(channel).set(channel, direction, value)


def change_volume(channel: Channel, direction: Direction, steps: int) -> None:
    """Make a direction louder or softer by steps, each of which can be heard: twice, three times..."""
    volume = _of(channel)
    value = volume.values.get(direction, 0.0)
    for _ in range(abs(steps)):
        value += 1 if steps > 0 else -1
        if abs(value) == 1:  # which changes nothing
            value = value * 2 if (value > 0) is (steps > 0) else 0.0
    volume.set(channel, direction, value)


def _of(channel: Channel) -> _Volume:
    found: _Volume = channel.data.setdefault(_KEY, _Volume())
    return found


def channel_taps(channel: Channel) -> tuple[object, ...]:
    """The taps that are on a channel now: one that failed is not."""
    return () if channel.taps is None else channel.taps.taps


def _factor(value: float) -> float:
    """A positive value multiplies, a negative one divides, 0 changes nothing."""
    if not value:
        return 1.0
    return value if value > 0 else -1.0 / value


class VolumeFunction(PbxModule):
    """The function VOLUME."""

    name: ClassVar[str] = "func_volume"
    description: ClassVar[str] = "Volume of a channel's audio"

    def load(self, server: HostServer) -> None:
        """Register the function, and hear of digits."""
        super().load(server)
        server.bus.subscribe(server.owner, events.DTMF_END, self.digit_ended)

    @function_writer(
        "VOLUME",
        Documentation(
            "Set how loud a channel's audio is.",
            "VOLUME(direction[,options])",
            "A positive value multiplies, a negative one divides, 0 or 1 leaves the audio as it is: Set(VOLUME(TX)=3), "
            "Set(VOLUME(RX)=-2). The value may have decimals.",
            (
                Argument("direction", "", True, (("TX", "what the far end hears"), ("RX", "what the far end says"))),
                Argument("options", "", False, (("p", "the far end's * makes both directions louder by 1, # softer"),)),
            ),
            ("MUTEAUDIO", "TALK_DETECT"),
        ),
    )
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Set one direction."""
        where, _, options = args.partition(",")
        direction = _DIRECTIONS.get(where.strip().lower())
        if direction is None:
            raise FunctionError("it takes TX or RX")
        try:
            number = float(value.strip() or "0")
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise FunctionError(f"'{value}' is no number")
        channel = needs_channel(channel)
        volume = _of(channel)
        volume.by_digits = "p" in options
        volume.set(channel, direction, number)

    def digit_ended(self, _: EventType, args: tuple[object, ...]) -> None:
        """Change the volume by a digit of the far end, where that was asked for."""
        channel, digit, heard = args[0], args[1], args[3]
        volume: _Volume | None = channel.data.get(_KEY)  # type: ignore[attr-defined]
        if volume is None or not volume.by_digits or heard != "Received" or digit not in ("*", "#"):
            return
        step = 1 if digit == "*" else -1
        for direction in Direction:
            volume.set(channel, direction, volume.values.get(direction, 0.0) + step)  # type: ignore[arg-type]
