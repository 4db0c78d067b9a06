"""Running the turns of a mix: on the loop, or in a thread while they take long.

G.711 takes a fraction of a millisecond for fifty parties, and a thread would only cost more. A codec that takes
several milliseconds of each turn would keep the loop from everybody's packets; its turns go, as wholes and one after
the other, to one thread that all mixes of a server share.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import thread_time
from typing import TYPE_CHECKING

from asterism.pbx.bridges.mixing import MOST

if TYPE_CHECKING:
    from asterism.pbx.bridges.mixing import Mixer, Output

LONG = 0.005
"""Seconds of the processor's time that a turn may take on the loop."""
_SHORT = 0.0025
"""A turn that takes no longer may come back to the loop..."""
_CALM = 50
"""...after so many of them in a row."""


class MixThread:
    """The one thread for long turns; it exists only while a mix uses it."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        self._users = 0

    @property
    def running(self) -> bool:
        """Whether there is a thread."""
        return self._executor is not None

    def acquire(self) -> None:
        """A mix uses it from now on."""
        self._users += 1
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "mix")

    def release(self) -> None:
        """A mix releases the thread; the last one ends it."""
        self._users -= 1
        if not self._users and self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None

    def submit(self, work: Callable[[], tuple[float, list[Output]]]) -> Future[tuple[float, list[Output]]]:
        """Have something worked after what was given before. Only between ``acquire`` and ``release``."""
        assert self._executor is not None
        return self._executor.submit(work)


class Running:
    """The turns of one mix, each sent in its order wherever it was worked."""

    def __init__(self, mixer: Mixer, thread: MixThread, failed: Callable[[BaseException], None]) -> None:
        """``failed`` is told what a turn has raised in the thread; on the loop :meth:`turn` raises it."""
        self._mixer = mixer
        self._thread = thread
        self._failed = failed
        self._away = False
        self._calm = 0
        self._pending: deque[Future[tuple[float, list[Output]]]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticks = 0
        self._later: deque[list[Output]] = deque()
        """Packets of a turn that has several, of which one is sent each time."""

    @property
    def away(self) -> bool:
        """Whether turns are worked in the thread."""
        return self._away

    def turn(self) -> None:
        """Work the next interval, or have it worked.

        Of an interval of several packets it is called for each packet: one is sent, and the work done, when it is time.
        """
        packets = self._mixer.packets
        if packets > 1:
            self._ticks += 1
            if self._ticks % packets != 1:
                self._send_next()
                return
        work = self._mixer.begin()
        if self._away:
            if len(self._pending) < MOST:  # else it cannot keep up, and what waits too long is dropped
                future = self._thread.submit(lambda: _timed(work))
                self._pending.append(future)
                future.add_done_callback(self._done)
            self._send_next()
            return
        spent, outputs = _timed(work)
        if packets > 1:
            self._emit(outputs)
            self._send_next()
        else:
            self._mixer.send(outputs)
        if spent > LONG:
            self._away, self._calm = True, 0
            self._loop = asyncio.get_running_loop()
            self._thread.acquire()

    def _send_next(self) -> None:
        """Send the next packet of a turn that has several."""
        if self._later:
            self._mixer.send(self._later.popleft())

    def _emit(self, outputs: list[Output]) -> None:
        """Send what a turn has made, or keep its packets for their time."""
        packets = self._mixer.packets
        if packets == 1:
            self._mixer.send(outputs)
            return
        if len(self._later) < MOST * packets:
            self._later += [[one for one in outputs if one.packet == number] for number in range(packets)]

    def stop(self) -> None:
        """Send what has been worked; the mix is over.

        What is waiting is worked and sent only where turns are short: the loop waits for no thread.
        """
        away = self._away
        self._deliver()
        self.drop()
        while self._later:
            self._mixer.send(self._later.popleft())
        if not away:
            self._mixer.drain()

    def drop(self) -> None:
        """Have nothing more worked, and let go of the thread."""
        for future in self._pending:
            future.cancel()
        self._pending.clear()
        if self._away:
            self._come_back()

    def _done(self, _: Future[tuple[float, list[Output]]]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        pending = self._pending
        while pending and pending[0].done():
            future = pending.popleft()
            if future.cancelled():
                continue
            error = future.exception()
            if error is not None:
                self._failed(error)
                return
            spent, outputs = future.result()
            self._emit(outputs)
            self._calm = self._calm + 1 if spent <= _SHORT else 0
        if self._away and not pending and self._calm >= _CALM:
            self._come_back()

    def _come_back(self) -> None:
        self._away = False
        self._thread.release()


def _timed(work: Callable[[], list[Output]]) -> tuple[float, list[Output]]:
    started = thread_time()
    outputs = work()
    return thread_time() - started, outputs
