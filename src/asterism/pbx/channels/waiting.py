"""Waiting on a channel: several tasks at a time, each for something else.

A wait is one future that names the kinds of things that end it; there is no queue and no task behind it. The far end's
digits are kept for whoever reads them next. Two tasks that wait for the same kind would take each other's: the second
one gets a :class:`RuntimeError`.

A hang-up ends every wait by :class:`ChannelHangup`, a redirect by its ``Goto``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asterism.pbx.channels.variables import ChannelVariables
from asterism.pbx.vocabulary.controls import WAKE_CALL, WAKE_DIGIT, WAKE_NAMES
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto, Redirected

if TYPE_CHECKING:
    from asterism.pbx.channels.extension import Extension

MAX_DIGITS = 64
"""Digits kept for a reader; the oldest are dropped."""


def _expire(future: asyncio.Future[bool]) -> None:
    if not future.done():
        future.set_result(False)


class ChannelWaits(ChannelVariables):
    """The part of a channel that tasks wait on; the channel makes what it keeps."""

    __slots__ = ("_digits", "_goto", "_waits", "alive", "extension", "name", "task")

    alive: bool
    name: str
    task: asyncio.Task[None] | None
    extension: Extension | None
    """The code written in Python that the channel runs, while it does."""
    _goto: Goto | None
    _waits: list[tuple[int, asyncio.Future[bool]]]
    _digits: list[tuple[str, int]]

    def check(self) -> None:
        """Raise what is pending: :class:`ChannelHangup`, or the ``Goto`` of a redirect."""
        if not self.alive:
            if self.extension is not None:
                self.extension.tell()
            raise ChannelHangup
        goto = self._goto
        if goto is None:
            return
        if self.extension is not None:
            self.extension.tell()
        if self.task is None or asyncio.current_task() is self.task:
            self._goto = None  # other tasks hear of it as well, but it is the channel's own that goes
        raise Redirected(goto.context, goto.exten, goto.priority, goto.before, goto.missed)

    @property
    def leaving(self) -> bool:
        """Whether a hang-up or a redirect is to end what the channel does."""
        return not self.alive or self._goto is not None

    def wake(self, kind: int = WAKE_CALL) -> None:
        """End the waits for a kind; by default that of the task that runs the call (:meth:`park` without kinds)."""
        for kinds, future in self._waits:
            if kinds & kind and not future.done():
                future.set_result(True)

    def _wake_all(self) -> None:
        """End every wait, each by what :meth:`check` raises."""
        for _, future in self._waits:
            if not future.done():
                future.set_result(True)

    async def park(
        self, timeout: float | None = None, wake_on: int = WAKE_CALL, future: asyncio.Future[bool] | None = None
    ) -> bool:
        """Suspend until woken (``True``) or ``timeout`` seconds have passed (``False``).

        ``wake_on`` are the kinds that end it, 0: none, only time does. ``future`` is one that somebody else may end
        as well; it is the wait's own. One future and at most one timer per wait.
        Raises :class:`ChannelHangup`, or the ``Goto`` of a redirect, and ``RuntimeError`` where another task waits for
        one of the kinds.
        """
        extension = self.extension
        if not self.alive or self._goto is not None:
            if extension is not None:
                # Whoever swallows every exception in a loop must not keep the others from their turn.
                await asyncio.sleep(0)
            self.check()
        waits = self._waits
        for kinds, _ in waits:
            if kinds & wake_on:
                common = " and ".join(name for kind, name in WAKE_NAMES.items() if kind & kinds & wake_on)
                raise RuntimeError(f"another task waits on {self.name} already, for {common}")
        loop = self.pbx.loop
        if future is None:
            future = loop.create_future()
        wait = (wake_on, future)
        waits.append(wait)
        timer = None if timeout is None else loop.call_later(max(0.0, timeout), _expire, future)
        within = extension is not None and extension.begin_wait()
        try:
            woken = await future
        finally:
            waits.remove(wait)
            if timer is not None:
                timer.cancel()
            if within:
                extension.waiting = False  # type: ignore[union-attr]
        if not self.alive or self._goto is not None:
            self.check()
        return woken

    async def wait(self, seconds: float) -> None:
        """Wait; the far end's digits are kept for a later read. Any number of tasks may."""
        await self.park(seconds, 0)

    async def wait_for_hangup(self) -> None:
        """Wait until the channel has hung up, and return then instead of raising; any number of tasks may.

        Raises the ``Goto`` of a redirect.
        """
        try:
            while True:
                await self.park(None, 0)
        except ChannelHangup:
            return

    async def read_digit(self, timeout: float | None = None) -> str | None:
        """The next DTMF digit, ``None`` when none came within ``timeout`` seconds.

        One task at a time reads digits; a second one gets a ``RuntimeError``.
        """
        loop = self.pbx.loop
        end = None if timeout is None else loop.time() + timeout
        if not self.alive or self._goto is not None:
            await self.park(0, 0)
        while not self._digits:
            left = None if end is None else end - loop.time()
            if left is not None and left <= 0:
                return None
            await self.park(left, WAKE_DIGIT)
        return self._digits.pop(0)[0]

    def flush_digits(self) -> None:
        """Drop the unread digits."""
        self._digits.clear()

    def keep_digit(self, digit: str, duration_ms: int) -> None:
        """Keep a digit for whoever reads next, and wake the reader."""
        self._digits.append((digit, duration_ms))
        del self._digits[:-MAX_DIGITS]
        self.wake(WAKE_DIGIT)
