"""What happens between an answer and the conversation: screening, announcements, a subroutine, digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.pbx.dialplan.applications.dial.called import APPLICATION, drop, ending_with, gosub, hear
from asterism.pbx.dialplan.applications.dial.digits import send
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import DialStatus
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto
from asterism.pbx.vocabulary.flow import EndDialplan

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.dialplan.applications.dial.options import DialOptions
    from asterism.pbx.dialplan.applications.dial.screening import Screening
    from asterism.pbx.dialplan.language.places import Place

_CALL_ENDS = ("ABORT", "HANGUP")
"""Values of GOSUB_RESULT that end the caller's call as well."""
_CALLER_GOES_ON = ("BUSY", "CONGESTION", "CONTINUE")
"""Values by which only the called channel ends."""


class Answered:
    """The caller, who is not connected yet, and the channel that has answered."""

    def __init__(self, caller: Channel, peer: Channel, options: DialOptions, screening: Screening | None) -> None:
        self._caller = caller
        self._peer = peer
        self._options = options
        self._screening = screening

    async def run(self) -> DialStatus | None:
        """Do what the options ask for; why there is no conversation, ``None``: there is one.

        Raises ``Goto`` or ``EndDialplan`` when the caller is to go elsewhere or to end, and :class:`ChannelHangup` when
        it hung up. Without a conversation the called channel has ended.
        """
        caller, peer, options = self._caller, self._peer, self._options
        try:
            if "a" in options.letters:
                caller.raw_answer()
            refused = await self._with_peer()
        except BaseException:
            if not peer.moved:
                drop(peer, caller.hangup_cause)
            raise
        if refused is not None:
            return refused
        self._tell_end(DialStatus.ANSWER)
        return None

    async def _with_peer(self) -> DialStatus | None:
        """The steps in their order. A called party that hangs up meanwhile ends them: nobody is talked to then."""
        peer, options = self._peer, self._options
        try:
            if self._screening is not None:
                with ending_with(self._caller, peer):
                    refused = await self._screening.ask(peer)
                if refused is not None:
                    return self._refuse(str(refused), refused)
            if any(options.announcements):
                await self._announce(*options.announcements)
            if options.both is not None:
                self._part(options.both)
            if options.answered_gosub is not None:
                refused = await self._subroutine(options.answered_gosub)
                if refused is not None:
                    return refused
            await send(self._caller, peer, options)
        except ChannelHangup:
            self._caller.check()  # raises, if it was the caller's
        return None

    async def _announce(self, called: Sequence[str], calling: Sequence[str]) -> None:
        """Option A: both hear theirs at the same time."""
        caller, loop = self._caller, self._caller.pbx.loop
        heard: asyncio.Future[bool] = loop.create_future()
        task = loop.create_task(_hear(self._peer, called))

        def done(_task: asyncio.Task[None]) -> None:
            if not heard.done():
                heard.set_result(True)

        task.add_done_callback(done)
        try:
            await _hear(caller, calling)
            if not heard.done():
                await caller.park(None, 0, heard)
        finally:
            task.cancel()
        if not task.cancelled() and task.done():
            task.result()

    def _part(self, place: Place) -> None:
        """Option G: both parties go on in the dialplan, the called one a priority later. Always raises ``Goto``."""
        caller, peer, pbx = self._caller, self._peer, self._caller.pbx
        context, exten = place.context or caller.context, place.exten or caller.exten
        priority = place.priority
        if isinstance(priority, str):
            priority = pbx.dialplan.resolve_priority(context, exten, priority) or 1
        peer.moved = True
        peer.context, peer.exten, peer.priority = context, exten, priority + 1
        peer.new_exten(*APPLICATION)
        self._place_caller(context, exten, priority)
        self._tell_end(DialStatus.ANSWER)
        pbx.start(peer)
        raise Goto(context, exten, priority)

    async def _subroutine(self, place: Place) -> DialStatus | None:
        """Option U; what its GOSUB_RESULT asks for."""
        caller, peer = self._caller, self._peer
        try:
            with ending_with(caller, peer):
                await gosub(peer, place)
        except EndDialplan:
            caller.check()
            drop(peer)
            return None
        result = peer.get_variable("GOSUB_RESULT") or ""
        word, _, target = result.partition(":")
        if word == "GOTO":
            found = target.replace("^", ",").split(",")
            context, exten, priority = [*[""] * (3 - len(found)), *found][-3:]
            number = int(priority[:9]) if priority.isascii() and priority.isdigit() else 1
            self._place_caller(context or caller.context, exten or caller.exten, number)
            self._refuse(f"GOTO:{','.join(found)}")
            raise Goto(context, exten, priority or 1)
        if word in _CALL_ENDS:
            self._refuse(word)
            raise EndDialplan
        if word in _CALLER_GOES_ON:
            return self._refuse(word, DialStatus(word))
        return None

    def _place_caller(self, context: str, exten: str, priority: int) -> None:
        """Show the caller where it is about to go: it gets to ``priority`` by the next step."""
        caller = self._caller
        caller.context, caller.exten, caller.priority = context, exten, priority - 1

    def _refuse(self, told: str, status: DialStatus | None = None) -> DialStatus | None:
        """End the called channel, whose DialEnd tells why."""
        caller, peer = self._caller, self._peer
        self._tell_end(told)
        drop(peer, Cause.NORMAL_CLEARING)
        caller.hangup_cause = Cause.NORMAL_CLEARING
        return status

    def _tell_end(self, status: str) -> None:
        bus = self._caller.pbx.bus
        if bus.listeners[events.DIAL_END]:
            bus.publish(events.DIAL_END, self._caller, self._peer, status)


async def _hear(channel: Channel, names: Sequence[str]) -> None:
    for name in names:
        await hear(channel, name)
