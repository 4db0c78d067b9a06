"""Digits that a far end sends as tones in its audio: they become digits of the channel and leave the audio."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.media.inband import InbandDigits
from asterism.media.order import silent_frame
from asterism.media.taps import Direction, Tap

if TYPE_CHECKING:
    from asterism.media.stream import Frame
    from asterism.pbx.channels.channel import Channel

_KEY = "inband_digits"
"""Where ``channel.data`` keeps the tap."""


class InbandTap(Tap):
    """Tells the channel of digits in what its far end says.

    The tones are taken out from their first piece on: the channel's peer is sent the digit in the way that it takes
    digits, and must not hear it twice.
    """

    changes: ClassVar[bool] = True

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._digits = InbandDigits()

    def change(self, frame: Frame) -> Frame | None:
        """Hear a frame and pass it on, or silence instead."""
        self._tell(self._digits.take(frame))
        if not self._digits.heard:
            return frame
        return silent_frame(frame)

    def _tell(self, happened: list[tuple[str, int]]) -> None:
        for digit, duration in happened:
            if duration < 0:
                self._channel.queue_digit_begin(digit)
            else:
                self._channel.queue_digit(digit, duration)

    def end(self) -> None:
        """The tap has been removed: a digit that has begun ends."""
        self._tell(self._digits.end())

    failed = end


def detect_digits(channel: Channel, on: bool) -> None:
    """Have digits found in what the far end says, or not; for drivers, when their way of sending digits is settled."""
    tap: InbandTap | None = channel.data.get(_KEY)
    if on and tap is None:
        tap = channel.data[_KEY] = InbandTap(channel)
        channel.attach(tap, Direction.IN)
    elif not on and tap is not None:
        channel.detach(channel.data.pop(_KEY))
        tap.end()
