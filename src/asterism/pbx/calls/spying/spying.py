"""One channel that listens to another, and may speak to it, or to everybody in its call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING, Self

from asterism.media.taps import Direction
from asterism.media.volume import Gain
from asterism.pbx.calls.spying import events
from asterism.pbx.calls.spying.mouth import Mouth
from asterism.pbx.calls.spying.tapped_mix import Place, Source, TappedMix
from asterism.pbx.vocabulary.controls import WAKE_DIGIT

if TYPE_CHECKING:
    from asterism.media.stream import AudioStream
    from asterism.pbx.channels.channel import Channel

LOUDEST = 4
"""The loudest volume, and negated the softest one; 0 leaves it as it is."""


class Mode(Enum):
    """Who hears the one who spies."""

    LISTEN = "listen"
    """Nobody."""
    WHISPER = "whisper"
    """The far end of the channel that is spied on."""
    PRIVATE = "private"
    """The same, and the one who spies hears nothing."""
    BARGE = "barge"
    """The far end of the channel, and everybody that it talks to."""


def gain_of(volume: int) -> float:
    """The factor that a volume means: a positive one multiplies, a negative one divides."""
    if not volume:
        return 1.0
    return float(volume) if volume > 0 else -1 / volume


class Spying:
    """One channel spies on another, from :meth:`begin` on.

    It ends by :meth:`stop`, or with one of the two. What the channel does meanwhile, holds, transfers, other bridges,
    does not matter. Methods other than :meth:`next_digit` and :meth:`wait` return at once.
    """

    def __init__(
        self,
        spy: Channel,
        target: Channel,
        mode: Mode = Mode.LISTEN,
        *,
        only_says: bool = False,
        volume: int = 0,
        on_end: Callable[[Spying], None] | None = None,
    ) -> None:
        """Prepare it.

        Args:
            spy: who listens.
            target: whom to listen to.
            mode: who hears the spy.
            only_says: whether only what the target's far end says is heard, not what it hears.
            volume: how loud it is heard, -4 to 4.
            on_end: called when it is over.
        """
        self.spy, self.target = spy, target
        self._mode = mode
        self._only_says = only_says
        self._on_end = on_end
        self._ear = TappedMix(spy, self._listener, self._gone)
        self._mouth = Mouth(spy, self._gone)
        self._gain = Gain()
        self._louder = False
        self._volume = 0
        self._started = volume
        self._waiting: asyncio.Future[bool] | None = None
        self.active = False
        """Whether it has begun and is not over."""

    @property
    def mode(self) -> Mode:
        """Who hears the spy; may be changed at any time."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        if self.active:
            self._apply()

    @property
    def volume(self) -> int:
        """How loud it is heard, -4 to 4; may be changed at any time."""
        return self._volume

    @volume.setter
    def volume(self, volume: int) -> None:
        self._volume = volume = max(-LOUDEST, min(LOUDEST, volume))
        self._gain.factor = gain_of(volume)
        louder = self.active and self._gain.factor != 1.0
        if louder and not self._louder:
            self.spy.attach(self._gain, Direction.OUT)
        elif self._louder and not louder:
            self.spy.detach(self._gain)
        self._louder = louder

    def begin(self) -> None:
        """Begin to spy.

        Raises:
            RuntimeError: The spy is spoken to already.
            ValueError: It would spy on itself.
        """
        spy, target = self.spy, self.target
        if spy is target:
            raise ValueError("a channel cannot spy on itself")
        spy.check()
        spy.speak(self)
        if target.dead:
            spy.silent(self)
            return
        spy.stop_tone()
        self.active = True
        self.volume = self._started
        self._apply()
        spy.pbx.bus.publish(events.CHAN_SPY_START, spy, target)

    def _apply(self) -> None:
        """Listen, and speak, as the mode says."""
        target, mode = self.target, self._mode
        heard: list[Source] = []
        if mode is not Mode.PRIVATE:
            heard.append((target, Direction.IN))
            if not self._only_says:
                heard.append((target, Direction.OUT))
        spoken: list[Source] = []
        if mode is not Mode.LISTEN:
            spoken.append((target, Direction.OUT))
            if mode is Mode.BARGE:
                spoken.append((target, Direction.IN))
        self._ear.hear(*heard)
        self._mouth.speak_to(*spoken)

    def _listener(self) -> Place | None:
        stream = self.spy.stream
        return None if stream is None else (stream.format, stream)

    def _gone(self, _channel: Channel) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; harmless when it is over."""
        if not self.active:
            return
        self.active = False
        self._mouth.stop()
        self._ear.stop()
        self.volume = self._volume
        self.spy.silent(self)
        self.spy.pbx.bus.publish(events.CHAN_SPY_STOP, self.spy, self.target)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(True)
        if self._on_end is not None:
            self._on_end(self)

    def follow(self, stream: AudioStream) -> None:
        """Nothing to do: the mix asks for the spy's audio at each turn."""

    async def next_digit(self) -> str:
        """Wait for the spy's next digit; ``""`` once it is over.

        Raises:
            ChannelHangup: The spy has hung up; it is over then.
            Goto: It was sent elsewhere; likewise.
        """
        return await self._wait(True)

    async def wait(self) -> None:
        """Wait until it is over; raises as :meth:`next_digit`. Digits are kept for a later read."""
        await self._wait(False)

    async def _wait(self, digits: bool) -> str:
        spy = self.spy
        try:
            while self.active:
                if digits:
                    digit = await spy.read_digit(0)
                    if digit is not None:
                        return digit
                self._waiting = spy.pbx.loop.create_future()
                try:
                    await spy.park(None, WAKE_DIGIT if digits else 0, self._waiting)
                finally:
                    self._waiting = None
        except BaseException:
            self.stop()
            raise
        return ""

    async def __aenter__(self) -> Self:
        """Begin, unless it has."""
        if not self.active:
            self.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it."""
        self.stop()
