"""Options S and L: the end of a conversation, and the warnings before it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from asterism.config.values import is_true
from asterism.core.containment import FAILURES, report_failure, task_ends
from asterism.core.log import log_subject
from asterism.pbx.calls.features.table import away
from asterism.pbx.channels.saying.languages import numbers
from asterism.pbx.channels.saying.say import order_of, say
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.dialplan.applications.dial.options import DialOptions


class Sounds(NamedTuple):
    """What is heard of the limit, and by whom, as the caller's variables ``LIMIT_...`` say."""

    caller: bool
    callee: bool
    connect: str
    warning: str
    timeout: str


def sounds_of(channel: Channel) -> Sounds:
    """What a channel's variables say; without them the caller hears how much time is left."""

    def value(name: str) -> str:
        return (channel.get_variable(name) or "").strip()

    caller, callee = value("LIMIT_PLAYAUDIO_CALLER"), value("LIMIT_PLAYAUDIO_CALLEE")
    return Sounds(
        not caller or is_true(caller),
        is_true(callee),
        value("LIMIT_CONNECT_FILE"),
        value("LIMIT_WARNING_FILE"),
        value("LIMIT_TIMEOUT_FILE"),
    )


def told_of(caller: Channel, options: DialOptions) -> None:
    """Tell the log of a limit of which nothing is heard."""
    if not options.warnings.left:
        sounds = sounds_of(caller)
        if "L" not in options.letters or not (sounds.connect or sounds.timeout):
            caller.pbx.log.verbose(3, "Setting call duration limit to %.3f seconds.", options.limit)


class Limit:
    """The limit of one conversation: runs from when it is made to its end, or to :meth:`stop`.

    A warning that is being said when the time is up is said to its end, as in Asterisk 22.
    """

    __slots__ = ("_callee", "_caller", "_end", "_options", "_sounds", "_task", "_timer")

    def __init__(
        self, caller: Channel, options: DialOptions, callee: Callable[[], Channel | None], end: Callable[[], None]
    ) -> None:
        """``callee`` gives who the caller talks to by then, ``end`` is called when the time is up."""
        assert options.limit is not None
        self._caller = caller
        self._callee = callee
        self._options = options
        self._end = end
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        loop = caller.pbx.loop
        self._sounds = sounds_of(caller)
        if "L" in options.letters and (options.warnings.left or self._sounds.connect or self._sounds.timeout):
            self._task = loop.create_task(self._run(loop.time() + options.limit), name=f"limit of {caller.name}")
        else:
            self._timer = loop.call_later(options.limit, end)

    def stop(self) -> None:
        """The conversation is over."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    async def _run(self, end: float) -> None:
        log_subject.set(self._caller)
        try:
            await self._warn_until(end)
        except FAILURES as error:
            if task_ends(error):
                raise
            report_failure(self._caller.pbx.log, f"the limit of {self._caller.name}")
        self._end()

    async def _warn_until(self, end: float) -> None:
        loop, sounds = self._caller.pbx.loop, self._sounds
        left, every = self._options.warnings
        if sounds.connect:
            await self._tell(sounds.connect)
        while left > 0:
            await asyncio.sleep(end - left - loop.time())
            seconds = round(end - loop.time())
            await self._tell(sounds.warning, seconds)
            if not every:
                break
            # Those whose time came meanwhile are left out.
            left -= every * max(1, math.ceil((left - (end - loop.time())) / every))
        await asyncio.sleep(end - loop.time())
        if sounds.timeout:
            await self._tell(sounds.timeout)

    async def _tell(self, sound: str, seconds: int = 0) -> None:
        """Have the parties hear a sound, or how much time is left; they do not hear each other meanwhile."""
        parties = [self._caller] if self._sounds.caller else []
        callee = self._callee() if self._sounds.callee else None
        if callee is not None:
            parties.append(callee)
        await asyncio.gather(*[_hear(channel, sound, seconds) for channel in parties])


async def _hear(channel: Channel, sound: str, seconds: int) -> None:
    if not channel.alive or channel.bridge is None or channel.away:
        return
    try:
        with away(channel):
            await say(channel, [sound] if sound else time_left(seconds, order_of(channel)))
    except (ChannelHangup, Goto):
        return
    except RuntimeError as error:
        channel.pbx.log.warning("%s does not hear that its time runs out: %s", channel.name, error)


def time_left(seconds: int, language: str) -> list[str]:
    """The names of the sounds that say how much time is left."""
    minutes, rest = divmod(seconds, 60)
    names = []
    if minutes:
        names += [*numbers(minutes, language=language), "queue-minutes"]
    if rest:
        names += [*numbers(rest, language=language), "queue-seconds"]
    return ["vm-youhave", *names] if names else []
