"""What an extension written in Python does with its channel: answer, play, listen, speak, read digits, dial.

::

    async def greet(channel: Channel) -> None:
        await channel.answer()
        await channel.play("hello-world")
        digits = await channel.read_digits(4)
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast

from asterism.media.formats import SLIN, SLIN16
from asterism.media.stream import Frame
from asterism.media.translate import translator
from asterism.pbx.vocabulary import events

if TYPE_CHECKING:
    from asterism.media.stream import AudioStream
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.pbx.calls.dialing import DialResult
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.technology import ChannelDriver

WAKE_DIGIT = 1
WAKE_AUDIO = 2
WAKE_SIGNAL = 4
"""What a parked channel may be woken by, besides its hang-up."""

MAX_FRAMES = 50
"""Frames kept for ``audio()`` (a second of 20 ms frames); the oldest are dropped."""


class ChannelApi:
    """The part of :class:`~asterism.pbx.channels.channel.Channel` that is awaited by extensions."""

    __slots__ = ()

    if TYPE_CHECKING:  # what the channel that derives from this has, and documents
        pbx: Pbx
        driver: ChannelDriver | None
        dead: bool
        _digits: list[tuple[str, int]]

        @property
        def stream(self) -> AudioStream | None: ...  # noqa: D102
        def ask_driver(self, method: str, default: Any, *args: object) -> Any: ...  # noqa: D102
        def check(self) -> None: ...  # noqa: D102
        def raw_answer(self) -> None: ...  # noqa: D102
        def stop_tone(self) -> None: ...  # noqa: D102
        def wake(self, kind: int = 0) -> None: ...  # noqa: D102
        async def park(self, timeout: float | None = None, wake_on: int = 0) -> bool: ...  # noqa: D102
        async def wait(self, seconds: float) -> None: ...  # noqa: D102

    async def answer(self, delay: float = 0.0) -> None:
        """Answer the call, then wait ``delay`` seconds."""
        self.check()
        self.raw_answer()
        if delay > 0:
            await self.wait(delay)

    async def wait_for_media(self, timeout: float) -> bool:
        """Wait until the far end sends audio, at most ``timeout`` seconds; whether it did.

        What is played before that the far end may not hear: its way back may not be open yet. At once ``False`` for
        a channel without audio.
        """
        stream = self.driver.media if self.driver is not None else None
        if stream is None or stream.closed:
            return False
        before = stream.sink

        def take(frame: Frame) -> None:
            if before is not None:
                before(frame)
            self.wake(WAKE_AUDIO)

        stream.sink = take
        try:
            return await self.park(timeout, WAKE_AUDIO)
        finally:
            if stream.sink is take:
                stream.sink = before

    async def play(self, name: str, interrupt: str = "", language: str = "") -> str:
        """Play a sound file of the channel's language to its end.

        ``interrupt`` are digits that end it; returns the digit that did, or an empty text. Raises
        :class:`~asterism.media.files.SoundError` when there is no such sound.
        """
        from asterism.pbx.channels.playing import play

        return await play(cast("Channel", self), name, interrupt, language)

    async def audio(self) -> AsyncIterator[Frame]:
        """What the far end says: frames of 16-bit linear PCM, normally 20 ms, at 8 or 16 kHz.

        ``frame.payload`` are the samples, ``frame.format`` tells the rate. Ends by
        :class:`ChannelHangup`. A reader that is slow loses the oldest frames.
        """
        self.check()
        stream = self.stream
        if stream is None:
            return
        queue: deque[Frame] = deque(maxlen=MAX_FRAMES)

        def take(frame: Frame) -> None:
            queue.append(frame)
            self.wake(WAKE_AUDIO)

        self.stop_tone()
        stream.sink = take
        try:
            while True:
                while queue:
                    frame = queue.popleft()
                    linear = SLIN16 if frame.format.sample_rate > 8000 else SLIN
                    convert = translator(frame.format, linear)
                    if convert is not None:
                        yield Frame(linear, convert(frame.payload))
                        self.check()
                await self.park(None, WAKE_AUDIO)
        finally:
            if stream.sink is take:
                stream.sink = None

    async def write_audio(self, frame: Frame) -> None:
        """Send a frame to the far end now; the writer keeps the pace."""
        self.check()
        stream = self.stream
        if stream is not None:
            stream.write(frame)

    async def read_digit(self, timeout: float | None = None) -> str | None:
        """The next DTMF digit, ``None`` when none came within ``timeout`` seconds."""
        loop = self.pbx.loop
        end = None if timeout is None else loop.time() + timeout
        self.check()
        while not self._digits:
            left = None if end is None else end - loop.time()
            if left is not None and left <= 0:
                return None
            await self.park(left, WAKE_DIGIT)
        return self._digits.pop(0)[0]

    async def read_digits(self, count: int, timeout: float = 5.0, terminator: str = "#") -> str:
        """Up to ``count`` digits; ends at the terminator, which is left out, or after a pause of ``timeout``."""
        digits = ""
        while len(digits) < count:
            digit = await self.read_digit(timeout)
            if digit is None or digit == terminator:
                break
            digits += digit
        return digits

    def flush_digits(self) -> None:
        """Forget the digits that nobody has read."""
        self._digits.clear()

    def send_digit(self, digit: str, duration_ms: int = 100) -> None:
        """Send a DTMF digit to the far end."""
        if self.dead or self.driver is None:
            return
        bus = self.pbx.bus
        bus.publish(events.DTMF_BEGIN, self, digit, "Sent")
        self.ask_driver("send_digit", None, digit, duration_ms)
        bus.publish(events.DTMF_END, self, digit, duration_ms, "Sent")

    async def dial(self, destinations: str, timeout: float | None = None, options: str = "") -> DialResult:
        """Call others and talk with the first that answers, as the application ``Dial`` does.

        ``destinations`` is a dial string ("PJSIP/101&PJSIP/102"), ``options`` Dial's letters.
        Returns when the call that it made is over, also without an answer; raises
        :class:`ChannelHangup` when this channel hung up.
        """
        from asterism.pbx.dialplan.applications.dial import dial

        return await dial(cast("Channel", self), destinations, timeout, options)
