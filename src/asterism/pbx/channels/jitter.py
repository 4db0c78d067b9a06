"""JITTERBUFFER: what the far end says comes in order and at an even pace, somewhat later."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.media.durations import ticks_of
from asterism.media.jitter import JitterBuffer, JitterSettings
from asterism.media.order import WINDOW, lost_frames, ticks_ahead
from asterism.media.taps import Direction, Tap
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.media.stream import Frame
    from asterism.pbx.channels.channel import Channel

_KEY = "jitterbuffer"
"""Where ``channel.data`` keeps the tap."""
_DEFAULT = JitterSettings()


class JitterTap(Tap):
    """Keeps back what arrives until its time has come."""

    changes: ClassVar[bool] = True

    def __init__(self, channel: Channel, settings: JitterSettings) -> None:
        self._channel = channel
        self.buffer = JitterBuffer(settings)
        self._timer: asyncio.TimerHandle | None = None
        self._timestamp: int | None = None
        """Timestamp of the last packet, extended beyond its 32 bits."""
        self._expected: int | None = None
        """Timestamp of the frame that is to be passed on next."""

    def change(self, frame: Frame) -> Frame | None:
        """Keep a frame; audio without timestamps passes as it is."""
        came = frame.timestamp
        if came is None:
            return frame
        if self._timestamp is None:
            self._timestamp = came
        # Timestamps are of 32 bits, and the difference may be negative.
        self._timestamp += (came - self._timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        loop = self._channel.pbx.loop
        self.buffer.put(self._timestamp / frame.format.clock_rate, frame, loop.time())
        self._schedule()
        return None

    def _schedule(self) -> None:
        due = self.buffer.due()
        if self._timer is not None:
            if due == self._timer.when():
                return
            self._timer.cancel()
        self._timer = None if due is None else self._channel.pbx.loop.call_at(due, self._give)

    def _give(self) -> None:
        """Pass on what is due."""
        self._timer = None
        while (frame := self.buffer.get(self._channel.pbx.loop.time())) is not None:
            self._pass(frame)
        self._schedule()

    def _pass(self, frame: Frame | None) -> None:
        stream = self._channel.stream
        if frame is None or stream is None:
            return
        for each in (*self._lost(frame), frame._replace(timestamp=None)):
            passed = stream.change_behind(self, each)
            if passed is not None and stream.sink is not None:
                stream.sink(passed)

    def _lost(self, frame: Frame) -> list[Frame]:
        """What stands for the packets that are missing before a frame: silence, or what its decoder makes up."""
        fmt, payload, timestamp = frame
        if timestamp is None:
            return []
        expected = self._expected
        self._expected = timestamp + ticks_of(fmt, payload) & 0xFFFFFFFF
        ahead = 0 if expected is None else ticks_ahead(timestamp, expected)
        return lost_frames(fmt, ahead, payload) if 0 < ahead <= WINDOW * fmt.clock_rate else []

    def flush(self) -> None:
        """Pass on all that waits, at once."""
        while (due := self.buffer.due()) is not None:
            self._pass(self.buffer.get(due))

    def ended(self) -> None:
        """Drop what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    failed = ended


def buffer_input(channel: Channel, settings: JitterSettings | None) -> None:
    """Put a jitter buffer on what the far end says, in the place of one that is there; ``None`` takes that off."""
    tap: JitterTap | None = channel.data.pop(_KEY, None)
    if tap is not None:
        tap.flush()
        channel.detach(tap)
        tap.ended()
    if settings is not None:
        tap = channel.data[_KEY] = JitterTap(channel, settings)
        channel.attach(tap, Direction.IN)


def is_buffered(channel: Channel) -> bool:
    """Whether there is a jitter buffer on what the far end says."""
    return _KEY in channel.data


class JitterFunction(PbxModule):
    """The function JITTERBUFFER."""

    name: ClassVar[str] = "func_jitterbuffer"
    description: ClassVar[str] = "Jitter buffer of a channel"

    @function_writer(
        "JITTERBUFFER",
        Documentation(
            "Put a jitter buffer on what the channel's far end says.",
            "JITTERBUFFER(type)",
            "The value is default, or up to four values with commas: the longest delay in milliseconds (200), the jump "
            "of the timestamps that begins anew (1000), what the adaptive kind adds to the delay that is needed (40), "
            "and whether video follows (accepted; it does not): Set(JITTERBUFFER(adaptive)=200,,60).",
            (
                Argument(
                    "type", "", True,
                    (("fixed", "one delay"), ("adaptive", "the delay that is needed"), ("disabled", "none any more")),
                ),
            ),
        ),
    )  # fmt: skip
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Put it there, or take it off."""
        kind = args.strip().lower()
        if kind not in ("fixed", "adaptive", "disabled"):
            raise FunctionError("it takes fixed, adaptive or disabled")
        channel = needs_channel(channel)
        buffer_input(channel, None if kind == "disabled" else _settings(kind == "adaptive", value))


def _settings(adaptive: bool, value: str) -> JitterSettings:
    words = [] if value.strip().lower() == "default" else [word.strip() for word in value.split(",")]
    numbers = []
    for index, default in enumerate((_DEFAULT.max_size, _DEFAULT.resync, _DEFAULT.extra)):
        word = words[index] if index < len(words) else ""
        if word and not (word.isascii() and word.isdigit() and len(word) < 6):
            raise FunctionError(f"'{word}' is no length in milliseconds")
        numbers.append(int(word) if word else default)
    return JitterSettings(adaptive, *numbers)
