"""What is common to all who listen to other channels, or speak to them: beginning, waiting, ending."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Self

from asterism.pbx.calls.spying.mouth import Mouth
from asterism.pbx.calls.spying.tapped_mix import Place, TappedMix
from asterism.pbx.vocabulary.controls import WAKE_DIGIT

if TYPE_CHECKING:
    from asterism.media.stream import AudioStream
    from asterism.pbx.channels.channel import Channel


class Session:
    """A channel that hears others by its ``ear`` and speaks to them by its ``mouth``; one at a time on a channel.

    Methods other than :meth:`next_digit` and :meth:`wait` return at once.
    """

    def __init__(self, spy: Channel) -> None:
        self.spy = spy
        self.active = False
        """Whether it has begun and is not over."""
        self._ear = TappedMix(spy, self._listener, self._gone)
        self._mouth = Mouth(spy, self._gone)
        self._waiting: asyncio.Future[bool] | None = None

    def _listener(self) -> Place | None:
        stream = self.spy.stream
        return None if stream is None else (stream.format, stream)

    def _gone(self, channel: Channel) -> None:
        """A channel that is heard or spoken to, or the spy, is over."""
        raise NotImplementedError

    def _start(self) -> None:
        """Begin to hear and speak."""
        raise NotImplementedError

    def _ended(self) -> None:
        """It is over: nothing is heard or spoken any more."""

    def begin(self) -> None:
        """Begin.

        Raises:
            ChannelHangup: The spy has hung up.
            RuntimeError: It is spoken to already.
        """
        self.spy.check()
        self.spy.speak(self)
        self.active = True
        self._start()

    def stop(self) -> None:
        """End it; harmless when it is over."""
        if not self.active:
            return
        self.active = False
        self._mouth.stop()
        self._ear.stop()
        self.spy.silent(self)
        self._ended()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(True)

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
