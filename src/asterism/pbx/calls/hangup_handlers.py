"""Subroutines that a channel runs at its end, the newest first: ``CHANNEL(hangup_handler_push)`` and its kin.

They run behind ``h``, on any channel, also on one that only was called; whatever waits in them ends at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.containment import FAILURES, report_failure, task_ends
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.events import EventType, Fields
from asterism.core.log import log_subject
from asterism.core.module import Module
from asterism.core.restriction import restriction
from asterism.pbx.dialplan.language.places import Place, parse_place
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.events import channel_fields
from asterism.pbx.vocabulary.flow import EndDialplan, FunctionError

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host, HostServer

MOST = 64
"""Handlers of one channel."""
LONGEST = 1024
"""Characters of one handler."""


def _fields(channel: Channel, handler: str) -> Fields:
    place = dict(zip(("Context", "Exten", "Priority"), channel.told_place, strict=True))
    return [*((name, place.get(name, value)) for name, value in channel_fields(channel)), ("Handler", handler)]


def _event(name: str, summary: str) -> EventType:
    return EventType(
        name,
        "dialplan",
        _fields,
        Documentation(summary, arguments=(Argument("Handler", "The subroutine: context,exten,priority(arguments)."),)),
    )


PUSHED = _event("HangupHandlerPush", "A channel has got a hangup handler.")
POPPED = _event("HangupHandlerPop", "A channel has lost a hangup handler.")
RUNS = _event("HangupHandlerRun", "A channel that ends runs a hangup handler.")


class HangupHandlers:
    """The handlers of one channel."""

    __slots__ = ("_channel", "_running", "_stack")

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._running = False
        self._stack: list[tuple[str, Place]] = []
        """As they are shown, and where they are; the newest last."""

    def push(self, text: str) -> None:
        """Add ``[[context,]exten,]priority[(arguments)]``; what is left out is the channel's place.

        Raises:
            FunctionError: it is too long, or there are too many.
        """
        if len(self._stack) >= MOST or len(text) > LONGEST:
            raise FunctionError(f"a channel has at most {MOST} hangup handlers of {LONGEST} characters")
        channel, found = self._channel, parse_place(text)
        place = Place(found.context or channel.context, found.exten or channel.exten, found.priority, found.args)
        shown = f"{place.context},{place.exten},{place.priority}"
        if place.args:
            shown += f"({','.join(place.args)})"
        self._stack.append((shown, place))
        channel.pbx.bus.publish(PUSHED, channel, shown)

    def pop(self) -> None:
        """Remove the newest, if there is one."""
        if self._stack:
            shown, _ = self._stack.pop()
            self._channel.pbx.bus.publish(POPPED, self._channel, shown)

    def wipe(self) -> None:
        """Remove all, the newest first."""
        while self._stack:
            self.pop()

    def shown(self) -> list[str]:
        """The subroutines with their arguments, in the order in which they run."""
        return [shown for shown, _ in reversed(self._stack)]

    def run_before_end(self) -> bool:
        """Whether the channel's end is to wait: its handlers run, or begin to; then they end the channel."""
        if not self._stack and not self._running:
            return False
        if not self._running:
            self._running = True
            loop = self._channel.pbx.loop
            loop.create_task(self._run_and_end(), name=f"hangup handlers of {self._channel.name}")
        return True

    async def run(self) -> None:
        """Run all of them, the newest first; none is left then. Another one may be pushed meanwhile."""
        channel = self._channel
        self._running = True
        try:
            while self._stack:
                shown, place = self._stack.pop()
                channel.pbx.bus.publish(RUNS, channel, shown)
                try:
                    await channel.pbx.dialplan.gosub(
                        channel, place.context, place.exten, place.priority, place.args, hanging_up=True
                    )
                except (ChannelHangup, EndDialplan):
                    continue
                except FAILURES as error:
                    if task_ends(error):
                        raise
                    report_failure(channel.pbx.log, f"hangup handler {shown} of {channel.name}")
        finally:
            self._running = False
            self._stack.clear()

    async def _run_and_end(self) -> None:
        log_subject.set(self._channel)
        restriction.set(0)
        try:
            await self.run()
        finally:
            self._channel.hang_up()


def push(channel: Channel, text: str) -> None:
    """Write ``CHANNEL(hangup_handler_push)``; raises ``FunctionError``."""
    handlers_of(channel).push(text)


def change(channel: Channel, remove: Callable[[HangupHandlers], None], text: str) -> None:
    """Remove handlers of a channel, and add one if ``text`` names it."""
    remove(handlers_of(channel))
    if text:
        push(channel, text)


def handlers_of(channel: Channel) -> HangupHandlers:
    """The handlers of a channel, which begin with none."""
    if not isinstance(channel.handlers, HangupHandlers):
        channel.handlers = HangupHandlers(channel)
    return channel.handlers


class HangupHandlerCommands(Module):
    """The events of hangup handlers, and the command that lists them."""

    name: ClassVar[str] = "pbx_hangup_handlers"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Hangup handlers"

    def load(self, server: HostServer) -> None:
        """Register the events and the command."""
        self._pbx: Host = server.pbx
        server.register_events(PUSHED, POPPED, RUNS)
        server.register_marked(self)

    def _names(self, words: list[str]) -> list[str]:
        return [*(channel.name for channel in self._pbx.channels), "all"] if len(words) == 1 else []

    @command(
        "core show hanguphandlers",
        Documentation(
            "List the hangup handlers of channels.",
            "core show hanguphandlers <channel>|all",
            "The first of a channel runs first.",
        ),
        "_names",
    )
    def show(self, call: CommandCall) -> str:
        """Run the command."""
        if len(call.args) != 1:
            raise UsageError("core show hanguphandlers <channel>|all")
        name = call.args[0]
        found = [each for each in self._pbx.channels if name.lower() in ("all", each.name.lower())]
        if not found and name.lower() != "all":
            raise CommandError("Channel does not exist.")
        lines = ["Channel                        Handler"]
        for channel in found:
            shown = channel.name
            for handler in channel.handlers.shown() if channel.handlers is not None else ():
                lines.append(f"{shown:<30} {handler}")
                shown = ""
        return "".join(f"{line}\n" for line in lines)
