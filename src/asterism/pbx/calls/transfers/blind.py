"""Blind transfer: whoever talks to a channel goes to an extension, the channel leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asterism.core.containment import FAILED
from asterism.pbx.bridges.bridge import HOLDING, SMART, Bridge
from asterism.pbx.calls.bridging import join
from asterism.pbx.calls.local import destination, half_of
from asterism.pbx.calls.transfers import events
from asterism.pbx.calls.transfers.following import OK, Follower
from asterism.pbx.calls.transfers.leaving import MARK, Kept, release, tell_unhold
from asterism.pbx.calls.transfers.limits import allow
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import Goto, RequestError

if TYPE_CHECKING:
    from asterism.pbx.calls.transfers.results import Outcome
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Takes

BLINDTRANSFER = "BLINDTRANSFER"
_ENDS_WITH_IT = (BLINDTRANSFER,)
_PEER_VARIABLES = ("BRIDGEPEER", "BRIDGEPVTCALLID")


def context_of(transferer: Channel) -> str:
    """The context in which extensions that a channel transfers to are looked up: TRANSFER_CONTEXT, or its own."""
    return transferer.get_variable("TRANSFER_CONTEXT") or transferer.context


def peers_of(channel: Channel) -> list[Channel]:
    """Who is in a channel's bridge besides it, in the order of arrival."""
    bridge = channel.bridge
    if not isinstance(bridge, Bridge):
        return []
    return [one for one in bridge.members if one is not channel and one.alive]


def blind(
    transferer: Channel,
    context: str,
    exten: str,
    *,
    external: bool = True,
    outcome: Outcome | None = None,
    prepare: Callable[[Channel], None] | None = None,
    keeps: bool = False,
) -> TransferResult:
    """Send everybody else in a channel's bridge to an extension; the channel leaves and ends.

    Several others stay together: a Local channel that runs the extension takes the transferer's place. Publishes
    BlindTransfer and sets BLINDTRANSFER.

    Args:
        transferer: who asks for it.
        context: where the extension is, see :func:`context_of`.
        exten: the extension.
        external: whether something else than a key asked for it; told by the event.
        outcome: is told what becomes of it; only of a transfer that was begun (SUCCESS).
        prepare: called with the channel that runs the extension before it does, to set variables.
        keeps: the transferer waits, in silence, until the outcome is known, and has the transferred party back if
            nobody talks to that. Otherwise it is hung up at once.
    """
    bridge, others = transferer.bridge, peers_of(transferer)
    if not others or not transferer.alive or not isinstance(bridge, Bridge):
        return TransferResult.INVALID
    return _Transfer(transferer, others, bridge, context, exten, external, outcome, prepare).run(keeps)


@dataclass(slots=True)
class _Transfer:
    """One blind transfer; see :func:`blind`."""

    transferer: Channel
    others: list[Channel]
    bridge: Bridge
    context: str
    exten: str
    external: bool
    outcome: Outcome | None
    prepare: Callable[[Channel], None] | None

    def run(self, keeps: bool) -> TransferResult:
        """Check whether it can be done, and do it."""
        transferer, transferee, pbx = self.transferer, self.others[0], self.transferer.pbx
        context, exten = self.context, self.exten
        if MARK in transferer.data:
            return self._told(TransferResult.FAIL)
        if self.bridge.uses is HOLDING:
            return self._told(TransferResult.NOT_PERMITTED)
        if any(one.state is not ChannelState.UP for one in self.others):
            # Whom a consultation still rings: it would be sent away only when it answers.
            return self._told(TransferResult.FAIL)
        alone = len(self.others) == 1 and self.bridge.uses is SMART
        targets = pbx.transfer_targets if alone else ()
        takes = next((found for one in targets if (found := one(context, exten)) is not None), None)
        if takes is None and not pbx.dialplan.exists(context, exten, 1, transferee.caller.number):
            return self._told(TransferResult.INVALID)
        if not allow(transferee):
            return self._told(TransferResult.FAIL)
        if takes is not None:
            return self._hand_over(takes)
        kept = Kept(transferer, self.outcome) if keeps else None
        listener = self.outcome if kept is None else kept
        if alone:
            self._one(listener, kept)
            return TransferResult.SUCCESS
        if self._many(listener, kept):
            return TransferResult.SUCCESS
        transferer.data.pop(MARK, None)
        return self._told(TransferResult.FAIL)

    def _told(self, result: TransferResult) -> TransferResult:
        """Publish the result."""
        events.tell_blind(result, self.transferer, self.others[0], self.bridge, self.external, self.context, self.exten)
        return result

    def _hand_over(self, takes: Takes) -> TransferResult:
        """Have somebody take the only other one away who tells the transferer, and ends its leg, itself: parking."""
        transferee = self.others[0]

        def begun() -> None:
            tell_unhold(self.transferer)
            if self.prepare is not None:
                self.prepare(transferee)
            self._told(TransferResult.SUCCESS)

        def done() -> None:
            if self.outcome is not None:
                self.outcome.done(OK)

        if takes(transferee, self.transferer, begun, done):
            return TransferResult.SUCCESS
        return self._told(TransferResult.FAIL)

    def _one(self, listener: Outcome | None, kept: Kept | None) -> None:
        """Transfer the only other one."""
        transferer, transferee = self.transferer, self.others[0]
        tell_unhold(transferer)
        transferer.set_variable(BLINDTRANSFER, transferee.name)
        transferee.set_variable(BLINDTRANSFER, transferer.name)
        if self.prepare is not None:
            self.prepare(transferee)
        transferer.delete_variables(_PEER_VARIABLES)
        self._told(TransferResult.SUCCESS)
        if kept is not None:
            kept.expects(transferee)
        # As in Asterisk 22 it is told to be there before it has left the bridge.
        transferee.context, transferee.exten, transferee.priority = self.context, self.exten, 1
        transferee.new_exten(transferee.application, transferee.appdata)
        # Nobody who called it hangs it up when it leaves the bridge, and it goes last, as in Asterisk 22.
        transferee.moved = transferee.moved or transferee.task is None
        self._leave(kept)
        Follower(transferee, listener, None if kept is None else kept.back, _ENDS_WITH_IT)
        transferee.redirect(Goto(self.context, self.exten, 1))

    def _many(self, listener: Outcome | None, kept: Kept | None) -> bool:
        """Have a Local channel that runs the extension take the transferer's place; whether it does."""
        transferer, bridge, pbx = self.transferer, self.bridge, self.transferer.pbx
        try:
            local = pbx.request(destination(self.exten, self.context), transferer)
        except RequestError as error:
            pbx.log.notice("%s cannot transfer to %s@%s: %s", transferer.name, self.exten, self.context, error)
            return False
        half = half_of(local)
        assert half is not None
        runs = half.other.channel
        tell_unhold(transferer)
        transferer.set_variable(BLINDTRANSFER, ",".join(one.name for one in self.others))
        local.set_variables({"TRANSFERERNAME": transferer.name, BLINDTRANSFER: transferer.name})
        local.connected = transferer.caller
        if self.prepare is not None:
            self.prepare(local)
        if local.ask_driver("call", FAILED, None) in (False, FAILED):
            local.hang_up()
            return False
        self._told(TransferResult.SUCCESS)

        def failed() -> bool:
            local.soft_hangup()  # nobody is to come from there any more
            return False

        Follower(runs, listener, failed, _ENDS_WITH_IT)
        if kept is not None:
            kept.rejoins(lambda channel: _rejoin(channel, bridge))
        transferer.moved = transferer.moved or (transferer.task is None and kept is not None)
        bridge.enter(local, swap=transferer)
        self._leave(kept)
        return True

    def _leave(self, kept: Kept | None) -> None:
        """The transferer goes, or waits for the outcome."""
        if kept is None:
            release(self.transferer)
        else:
            kept.keep()


async def _rejoin(channel: Channel, bridge: Bridge) -> None:
    """Go back to the others, if they are still there."""
    if not bridge.ended and bridge.members:
        await join(channel, bridge)
