"""What transfers do with the legs of those who transfer: end them, or keep them until the outcome is known."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.calls.bridging import Guest, Meeting
from asterism.pbx.calls.transfers.following import OK
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.errors import Goto
from asterism.pbx.vocabulary.flow import EndDialplan

if TYPE_CHECKING:
    from asterism.pbx.calls.transfers.results import Outcome
    from asterism.pbx.channels.channel import Channel

MARK = "transfer"
"""Key of ``channel.data``: set while a transfer that the channel asked for is on its way."""


def occupy(channel: Channel, body: Callable[[Channel], Awaitable[None]]) -> None:
    """Have a channel leave what it does, run ``body``, and end then, whatever its dialplan would do next."""

    async def whole(channel: Channel) -> None:
        await body(channel)
        channel.hangup_cause = channel.hangup_cause or Cause.NORMAL_CLEARING
        if dialplan:
            raise EndDialplan

    dialplan = channel.task is not None
    if dialplan:
        channel.redirect(Goto(channel.context, channel.exten, channel.priority, whole))
        return
    channel.moved = True
    if channel.bridge is not None:
        channel.bridge.depart(channel)
    if channel.alive:
        channel.pbx.start(channel, whole)


def release(channel: Channel) -> None:
    """End a transferer's leg, which leaves its bridge."""
    if channel.task is not None:
        occupy(channel, _nothing)
        return
    if channel.bridge is not None:
        channel.bridge.depart(channel)  # whoever called it hangs it up
    if channel.alive:
        channel.soft_hangup(cause=Cause.NORMAL_CLEARING)


async def _nothing(_channel: Channel) -> None:
    pass


def tell_unhold(transferer: Channel) -> None:
    """Whom a transferer holds is not held any more: as in Asterisk 22, this is told even where nobody was."""
    bus = transferer.pbx.bus
    if bus.listeners[events.UNHOLD]:
        bus.publish(events.UNHOLD, transferer)


class Kept:
    """A transferer that waits, in silence, until it is known what has become of its transfer.

    It is the :class:`Outcome` of that, and passes on what it hears. When the transfer fails it has the transferred
    party back: the two meet again.
    """

    def __init__(self, transferer: Channel, outcome: Outcome | None) -> None:
        self._transferer = transferer
        self._outcome = outcome
        self._over = False
        self._meeting: Meeting | None = None
        self._rejoin: Callable[[Channel], Awaitable[None]] | None = None
        self._place = ("", "", 1)
        self._transferred: Channel | None = None
        bridge = transferer.bridge
        self._held = isinstance(bridge, Bridge) and bridge.members[transferer].holds
        transferer.data[MARK] = self

    def keep(self) -> None:
        """Have the transferer wait from now on."""
        occupy(self._transferer, self.wait)

    def expects(self, transferred: Channel) -> None:
        """The channel that comes back if the transfer fails."""
        self._transferred = transferred
        self._place = transferred.context, transferred.exten, transferred.priority

    def rejoins(self, rejoin: Callable[[Channel], Awaitable[None]]) -> None:
        """What the transferer does if the transfer fails, where nobody comes back: it goes back to the others."""
        self._rejoin = rejoin

    # -- Outcome ----------------------------------------------------------------------------------------------

    def progress(self, status: int) -> None:
        """Pass it on."""
        if self._outcome is not None:
            self._outcome.progress(status)

    def done(self, status: int) -> None:
        """Pass it on; the transferer waits no longer."""
        outcome, self._outcome = self._outcome, None
        try:
            if outcome is not None:
                outcome.done(status)
        finally:
            self._over = True
            if status == OK:
                self._rejoin = None
            if self._transferer.data.get(MARK) is self:
                self._transferer.wake()  # elsewhere, it waits for something else

    def back(self) -> bool:
        """The transfer has failed: the transferred party is sent back to the transferer, if that still waits."""
        transferred, transferer = self._transferred, self._transferer
        if transferred is None or not transferer.alive or transferer.data.get(MARK) is not self:
            return False
        meeting = self._meeting = Meeting(transferer.pbx, Guest(transferred), Guest(transferer), begun=self._hold)

        async def meet(channel: Channel) -> None:
            await meeting.attend(channel)
            raise EndDialplan

        context, exten, priority = self._place
        transferred.redirect(Goto(context, exten, priority, meet, meeting.miss))
        return True

    def _hold(self, bridge: Bridge) -> None:
        """Whom the transferer held before is held again, as long as the far end has not ended that."""
        stream = self._transferer.stream
        if self._held and stream is not None and not stream.sends:
            bridge.pass_control(self._transferer, Control.HOLD, None)

    async def wait(self, channel: Channel) -> None:
        """What the transferer does meanwhile."""
        try:
            while not self._over:
                await channel.park()
        finally:
            if channel.data.get(MARK) is self:
                del channel.data[MARK]
        if self._meeting is not None:
            await self._meeting.attend(channel)
        elif self._rejoin is not None:
            await self._rejoin(channel)
