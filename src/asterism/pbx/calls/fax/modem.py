"""A fax terminal on a channel's audio: 20 ms of it at a time, by absolute deadlines, unchanged by anything between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Protocol

from asterism.core.containment import FAILURES, report_failure
from asterism.media.formats import SLIN
from asterism.media.order import Sequencer
from asterism.media.stream import Frame
from asterism.media.taps import Direction, Tap
from asterism.media.translate import stream_translator
from asterism.media.transmitter import resume_each

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.media.codecs.codec import Translator
    from asterism.media.formats import Format
    from asterism.media.stream import AudioStream
    from asterism.pbx.channels.channel import Channel

PERIOD = 0.020
"""Seconds of audio that are made at a time."""
BLOCK = 160
"""The same in samples of 8 kHz."""
_SILENT = 0.5
"""Seconds without a packet after which time passes for the modem nevertheless."""
_BEHIND = 0.2
"""Seconds of delay after which the schedule begins anew instead of catching up with a burst."""


class Modem(Protocol):
    """What has audio of 16-bit linear samples at 8 kHz: a fax terminal, or the audio side of a gateway."""

    def hear(self, pcm: bytes) -> None:
        """Samples from the far end."""

    def miss(self, samples: int) -> None:
        """Samples of the far end were lost."""

    def say(self, samples: int) -> bytes:
        """What is to be sent next."""


class Ear(Tap):
    """Hears the far end for a modem: in order, decoded, with what is missing told as missing."""

    shows_simple: ClassVar[bool] = True

    def __init__(self, channel: Channel, hear: Callable[[bytes], None], miss: Callable[[int], None]) -> None:
        self._channel = channel
        self._hear, self._miss = hear, miss
        self._order = Sequencer()
        self._source: Format | None = None
        self._translate: Translator | None = None
        self.heard_at = channel.pbx.loop.time()
        """When something came last."""

    def take(self, frame: Frame) -> None:
        """Hear one frame, as it comes from the network."""
        self.heard_at = self._channel.pbx.loop.time()
        lost = self._order.lost
        frames = self._order.put(frame)
        if self._order.lost > lost and frames and frame.format.frame_bytes:
            gap = frames.pop(0)
            self._miss(len(self._linear(gap)) // 2)
        for each in frames:
            self._hear(self._linear(each))

    def _linear(self, frame: Frame) -> bytes:
        if frame.format is not self._source:
            self._source = frame.format
            self._translate = stream_translator(frame.format, SLIN)
        return b"" if self._translate is None else self._translate(frame.payload)


class Mouth(Tap):
    """Stands last before the network: nothing else is sent meanwhile, and what is sent is changed by nothing."""

    changes: ClassVar[bool] = True
    last: ClassVar[bool] = True

    def change(self, frame: Frame) -> Frame | None:
        """What others send is not sent."""
        return None


class ModemOnChannel:
    """A modem, while it has a channel's audio: a :class:`~asterism.pbx.channels.ending.Voice`.

    ``after`` is called after each block that was made: whoever drives the modem looks at what has happened.
    """

    def __init__(self, channel: Channel, modem: Modem, after: Callable[[], object]) -> None:
        """Begin.

        Raises:
            ChannelHangup: the channel has hung up.
            RuntimeError: it is spoken to already.
        """
        channel.check()
        self._channel, self._modem, self._after = channel, modem, after
        self._ear = Ear(channel, modem.hear, modem.miss)
        self._mouth = Mouth()
        self._timer: asyncio.TimerHandle | None = None
        self._next = self._began = channel.pbx.loop.time()
        channel.speak(self)
        channel.attach(self._ear, Direction.IN)
        channel.attach(self._mouth, Direction.OUT)
        self._timer = channel.pbx.loop.call_soon(self._step)  # type: ignore[assignment]

    def follow(self, stream: AudioStream) -> None:
        """Nothing to do: each block goes to what is the audio then."""

    def stop(self) -> None:
        """Let go of the channel's audio; harmless when it has."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        channel = self._channel
        channel.detach(self._ear)
        channel.detach(self._mouth)
        channel.silent(self)

    def _step(self) -> None:
        channel, loop = self._channel, self._channel.pbx.loop
        try:
            if loop.time() - self._ear.heard_at > _SILENT:
                self._modem.miss(BLOCK)
            frame = Frame(SLIN, self._modem.say(BLOCK))
            stream = channel.stream
            if stream is not None:
                resume_each((stream,), self._began, 0.0)  # that a block comes late is no pause of the modem
                stream.write_behind(self._mouth, frame)
        except FAILURES:
            report_failure(channel.pbx.log, f"the fax of {channel.name}")
        self._next += PERIOD
        now = loop.time()
        if self._next < now - _BEHIND:
            self._next = now
        self._timer = loop.call_at(self._next, self._step)
        self._after()
