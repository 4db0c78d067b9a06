"""One recording of a channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from asterism.core.errors import AsterismError
from asterism.core.log import log_subject
from asterism.media.recording.capture import Capture, Heard
from asterism.media.recording.mixdown import Batch, Mixdown, Source
from asterism.media.recording.soundfile import UnwritableError
from asterism.media.taps import Direction
from asterism.pbx.calls.recording.announcing import announce
from asterism.pbx.calls.recording.settings import SHORTEST_INTERVAL, RecordingError, RecordingSettings

if TYPE_CHECKING:
    from asterism.media.recording.thread import RecordingThread
    from asterism.pbx.channels.channel import Channel

TURN = 0.5
"""Seconds between two turns, in which what was captured is given to the thread that writes it."""
_BOTH_WAYS = (Direction.IN, Direction.OUT)


class Recording:
    """A recording that runs, made by :meth:`asterism.pbx.calls.recording.table.Recordings.start`.

    ::

        async with channel.record("greeting.wav") as recording:
            ...
            recording.pause()

    It ends by :meth:`stop`, with its channel, or when its files cannot be written (:attr:`error`). It follows its
    channel through bridges, holds and transfers. Methods other than :meth:`wait` return at once and are to be called
    from the server's loop; each is harmless when the recording is over.
    """

    def __init__(
        self,
        channel: Channel,
        identifier: str,
        settings: RecordingSettings,
        thread: RecordingThread,
        on_end: Callable[[Recording], None],
        on_closed: Callable[[Recording], None],
        announced: bool = True,
    ) -> None:
        """Prepare it; :meth:`begin` begins.

        Raises:
            RecordingError: files of a kind cannot be written.
        """
        self.channel = channel
        self.identifier = identifier
        """As MixMonitor shows it: 0x and hexadecimal digits."""
        self.settings = settings
        self.announced = announced
        """Whether MixMonitor or a key began it: what those end, mute and list. Else whoever began it keeps it."""
        self.error = ""
        """Why it ended by itself; empty while it did not."""
        self.on_over: Callable[[], None] | None = None
        """Called when it has ended, whatever ended it; its files may still be open."""
        self._thread = thread
        self._on_end, self._on_closed = on_end, on_closed
        self._loop = channel.pbx.loop
        try:
            self._mixdown = Mixdown(settings.outputs, settings.gain_received, settings.gain_sent)
        except UnwritableError as error:
            raise RecordingError(str(error)) from error
        # Belongs to the thread: whether the files are open and could be written until now.
        self._writable = False
        self._captures = {direction: Capture(self._loop.time, self.stop) for direction in self._directions()}
        self._muted: set[Direction] = set()
        self._holds: set[str] = set()
        """Reasons for which nothing is recorded now; the time line stands still."""
        self._origin = self._held = 0.0
        self._interval = max(settings.beep, SHORTEST_INTERVAL)
        self.due = 0.0
        """When its next turn is."""
        self._skipping: asyncio.TimerHandle | None = None
        self._beeping: asyncio.TimerHandle | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._over = False
        self._told_of_loss = False

    def _directions(self) -> tuple[Direction, ...]:
        sources = {one.source for one in self.settings.outputs}
        if sources == {Source.RECEIVED}:
            return (Direction.IN,)
        if sources == {Source.SENT}:
            return (Direction.OUT,)
        return _BOTH_WAYS

    # -- what there is to see ---------------------------------------------------------------------------------

    @property
    def active(self) -> bool:
        """Whether it has not ended; it may be paused."""
        return not self._over

    @property
    def paused(self) -> bool:
        """Whether :meth:`pause` holds it."""
        return "paused" in self._holds

    @property
    def path(self) -> Path:
        """Its file; of several the mixed one, or the first."""
        return self.settings.path(Source.MIXED, Source.STEREO) or self.settings.outputs[0].path

    @property
    def seconds(self) -> float:
        """Playing time of what has been written."""
        return self._mixdown.seconds

    # -- its life ---------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin to record."""
        settings, channel = self.settings, self.channel
        now = self._loop.time()
        self._origin, self.due = now, now + TURN
        if settings.skip:
            self._hold("skip")
            self._skipping = self._loop.call_later(settings.skip, self._release, "skip")
        if settings.bridged_only and channel.bridge is None:
            self._hold("unbridged")
        self._thread.submit(self._open)
        for direction, capture in self._captures.items():
            channel.attach(capture, direction)
        if settings.beep_at_start:
            announce((channel,), "beep")
        if settings.beep:
            self._beeping = self._loop.call_later(self._interval, self._beep)

    def _beep(self) -> None:
        announce((self.channel,), "beep", _BOTH_WAYS)
        self._beeping = self._loop.call_later(self._interval, self._beep)

    def pause(self) -> None:
        """Record nothing until :meth:`resume`; what is recorded then follows without a gap."""
        self._hold("paused")

    def resume(self) -> None:
        """Record again."""
        self._release("paused")

    def bridged(self, on: bool) -> None:
        """The channel has come into a bridge, or has left it; for a recording of bridges only."""
        if on:
            self._release("unbridged")
        else:
            self._hold("unbridged")

    def mute(self, direction: Direction, on: bool = True) -> None:
        """Record silence instead of a direction, or (``on`` false) what is said again.

        Args:
            direction: ``Direction.IN`` is what the channel says, ``Direction.OUT`` what it hears.
            on: whether it is muted.
        """
        if on != (direction in self._muted):
            if not self._over and not self._holds:
                self._give(self._loop.time())
            self._muted ^= {direction}

    def _hold(self, reason: str) -> None:
        if self._over:
            return
        if not self._holds:
            self._held = now = self._loop.time()
            self._give(now, complete=True)
        self._holds.add(reason)

    def _release(self, reason: str) -> None:
        if self._over or reason not in self._holds:
            return
        self._holds.discard(reason)
        if not self._holds:
            self._collect()
            self._origin += self._loop.time() - self._held

    def turn(self, now: float) -> None:
        """Give what was captured since the last turn to the thread."""
        self.due = max(self.due + TURN, now)
        if self._over:
            return
        if self._holds:
            self._collect()
        else:
            self._give(now)

    def _collect(self) -> dict[Direction, list[Heard]]:
        return {direction: capture.collect() for direction, capture in self._captures.items()}

    def _give(self, now: float, complete: bool = False) -> None:
        heard = self._collect()
        for direction in self._muted:
            heard.pop(direction, None)
        batch = Batch(heard.get(Direction.IN, ()), heard.get(Direction.OUT, ()), self._origin, now, complete)
        # What ends a time line is always taken: the thread has to know of it.
        taken = self._thread.submit(partial(self._work, batch), 0 if complete else batch.size)
        if not taken and not self._told_of_loss:
            self._told_of_loss = True
            with self._subject():
                log = self.channel.pbx.log
                log.warning(
                    "The recording of %s lacks what could not be written in time: %s", self.channel.name, self.path
                )

    def stop(self, cut: float = 0.0) -> None:
        """End it, and take the last ``cut`` seconds off its files; :meth:`wait` waits until they are closed."""
        if self._over:
            return
        if not self._holds:
            self._give(self._loop.time(), complete=True)
        self._over = True
        for timer in (self._skipping, self._beeping):
            if timer is not None:
                timer.cancel()
        for capture in self._captures.values():
            self.channel.detach(capture)
        self._thread.submit(partial(self._close, cut))
        if self.settings.beep_at_end:
            announce((self.channel,), "beep")
        self._on_end(self)
        if self.on_over is not None:
            self.on_over()

    async def wait(self, timeout: float | None = None) -> None:
        """Wait until it is over and its files are closed, ``timeout`` seconds at most.

        Raises:
            TimeoutError: they are not.
        """
        await asyncio.wait_for(asyncio.shield(self._closed), timeout)

    async def __aenter__(self) -> Self:
        """It has begun already."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop it and wait until its files are closed."""
        self.stop()
        await self.wait()

    # -- in the thread ----------------------------------------------------------------------------------------

    def _open(self) -> None:
        try:
            self._mixdown.open()
        except Exception as error:
            self._trouble(error)
        else:
            self._writable = True

    def _work(self, batch: Batch) -> None:
        if not self._writable:
            return
        try:
            self._mixdown.work(batch)
        except Exception as error:
            self._trouble(error)

    def _trouble(self, error: Exception) -> None:
        self._writable = False
        expected = isinstance(error, (OSError, AsterismError))
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        self._tell(self._failed, text or type(error).__name__, None if expected else error)
        self._mixdown.close()

    def _close(self, cut: float) -> None:
        try:
            if self._writable and cut > 0:
                with suppress(OSError):
                    self._mixdown.cut(cut)
        except Exception as error:
            self._trouble(error)
        try:
            self._writable = False
            self._mixdown.close()
        finally:  # or whoever waits for it would wait for ever
            self._tell(self._is_closed)

    def _tell(self, callback: Callable[..., None], *args: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: the server has gone
            self._loop.call_soon_threadsafe(callback, *args)

    # -- told by the thread -----------------------------------------------------------------------------------

    def _failed(self, why: str, unexpected: Exception | None) -> None:
        if not self.error:
            self.error = why
            with self._subject():
                self.channel.pbx.log.warning(
                    "The recording of %s ends, %s cannot be written: %s",
                    self.channel.name,
                    self.path,
                    why,
                    exc_info=unexpected,
                )
        self.stop()

    def _is_closed(self) -> None:
        if self._mixdown.undecoded:
            names = ", ".join(sorted(one.name for one in self._mixdown.undecoded))
            with self._subject():
                log = self.channel.pbx.log
                log.warning(
                    "The recording of %s is silent where the audio was %s: %s", self.channel.name, names, self.path
                )
        if not self._closed.done():
            self._closed.set_result(None)
            self._on_closed(self)

    @contextmanager
    def _subject(self) -> Iterator[None]:
        """Log lines of this recording carry the fields of its channel's."""
        token = log_subject.set(self.channel)
        try:
            yield
        finally:
            log_subject.reset(token)
