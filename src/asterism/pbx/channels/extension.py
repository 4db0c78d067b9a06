"""Code written in Python that a channel runs, in a task of its own, and how a hang-up ends it.

Awaits on the channel raise :class:`ChannelHangup`, or the ``Goto`` of a redirect. When the code waits for something
else just then (a sleep, HTTP, a group of tasks), its task is cancelled. Either way the code has :data:`GRACE` seconds
for its ``finally``; then it is cancelled once more and left to itself, and the call goes on without it. An exception
group that holds nothing but hang-ups is a hang-up. Dialplan applications are not run this way: nothing cancels them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

from asterism.core.exits import hold_exits
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto, Redirected
from asterism.pbx.vocabulary.flow import EndDialplan, HandedOver, SubroutineReturned

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

GRACE = 5.0
"""Seconds that code has between the hang-up and its end."""
_LEFT = 0.1
"""Seconds that it has after it was cancelled at the end of :data:`GRACE`."""
_FLOW = (ChannelHangup, Goto, EndDialplan, HandedOver, SubroutineReturned)
"""Exceptions that end code without being a fault."""


class Extension:
    """A run of code for a channel; ``channel.extension`` while it lasts."""

    __slots__ = (
        "_afterwards",
        "_channel",
        "_error",
        "_function",
        "_log",
        "_name",
        "_over",
        "_timer",
        "_told",
        "task",
        "waiting",
    )

    def __init__(self, channel: Channel, function: Callable[[Any], Awaitable[None]], name: str) -> None:
        self._channel = channel
        self._function = function
        self._name = name
        self._error: BaseException | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._told = False
        self._afterwards = not channel.alive
        self.waiting = False
        """Whether its task waits on the channel, and hears of a hang-up by itself."""
        loop = channel.pbx.loop
        _quiet_hangups(loop)
        self._log = channel.pbx.log
        self._over: asyncio.Future[None] = loop.create_future()
        self.task: asyncio.Task[None] = loop.create_task(self._work(), name=channel.name)

    async def _work(self) -> None:
        hold_exits(asyncio.get_running_loop(), self._log)  # in the context of this task
        try:
            await self._function(self._channel)
        except BaseException as error:
            self._error = error
        finally:
            self._finish()

    def _finish(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    async def run(self) -> None:
        """Wait for the code to end; raises what its end means for the channel (see :func:`raise_end`)."""
        channel = self._channel
        outer, channel.extension = channel.extension, self
        try:
            await self._over
        except asyncio.CancelledError:
            self.task.cancel()
            await asyncio.wait((self.task,), timeout=GRACE)
            raise
        finally:
            channel.extension = outer
            if self._timer is not None:
                self._timer.cancel()
        error, self._error = self._error, None
        if error is not None:
            raise_end(channel, error, self._name)
        if channel.leaving and not self._afterwards:
            channel.check()

    # -- the channel's side ---------------------------------------------------------------------------

    def begin_wait(self) -> bool:
        """A task begins to wait on the channel; whether it is the code's own (not one that it has started)."""
        if asyncio.current_task() is not self.task:
            return False
        self.waiting = True
        return True

    def tell(self) -> None:
        """A hang-up or redirect is about to be raised: note when it is in the code's own task."""
        if asyncio.current_task() is self.task:
            self._told = True

    def end(self) -> None:
        """The channel has hung up, or is sent elsewhere. Code that runs after the hang-up (``h``) is left alone."""
        if self._timer is not None or self._afterwards:
            return
        loop = self._channel.pbx.loop
        self._timer = loop.call_later(GRACE, self._press)
        if self.waiting:
            self._told = True
        elif asyncio.current_task() is self.task:
            loop.call_soon(self._cancel_untold)  # its next await on the channel may come first
        else:
            self._cancel_untold()

    def _cancel_untold(self) -> None:
        if not self._told and not self.waiting:
            self._told = True
            self.task.cancel()

    def _press(self) -> None:
        self._channel.pbx.log.warning(
            "%s on %s has not ended within %g seconds of the hang-up", self._name, self._channel.name, GRACE
        )
        self.task.cancel()
        self._timer = self._channel.pbx.loop.call_later(_LEFT, self._finish)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The exceptions of a group and of the groups in it."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


def _is_end(error: BaseException) -> bool:
    return isinstance(error, (*_FLOW, asyncio.CancelledError))


def raise_end(channel: Channel, error: BaseException, name: str) -> None:
    """Raise what it means for ``channel`` that code ended by ``error``; a fault is logged under ``name``.

    Raises:
        ChannelHangup: The channel has hung up; or that of another channel came through.
        Goto: It goes elsewhere.
        EndDialplan: The call ends, after a fault with cause 38.
        HandedOver: It goes on in another call.
    """
    ends = [leaf for leaf in _leaves(error) if _is_end(leaf)]
    flows = [leaf for leaf in ends if isinstance(leaf, _FLOW)]
    fault: BaseException | None = error
    if isinstance(error, BaseExceptionGroup):
        fault = error.split(lambda one: not isinstance(one, BaseExceptionGroup) and _is_end(one))[1]
    elif ends:
        fault = None
    if fault is None and not flows and not channel.leaving:
        fault = error  # it was cancelled, and not by us
    if fault is not None:
        channel.pbx.log.error("%s failed", name, exc_info=fault, extra={"extension": name})
    if channel.leaving:
        channel.check()
    if fault is not None:
        raise EndDialplan(Cause.NETWORK_OUT_OF_ORDER)
    raise flows[0]


class _QuietHangups:
    """An exception handler of the loop: a task without anybody waiting may end by a hang-up or redirect."""

    def __init__(self, before: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None) -> None:
        self._before = before

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None and all(isinstance(leaf, ChannelHangup | Redirected) for leaf in _leaves(error)):
            return
        if self._before is not None:
            self._before(loop, context)
        else:
            loop.default_exception_handler(context)


def _quiet_hangups(loop: asyncio.AbstractEventLoop) -> None:
    handler = loop.get_exception_handler()
    if not isinstance(handler, _QuietHangups):
        loop.set_exception_handler(_QuietHangups(handler))
