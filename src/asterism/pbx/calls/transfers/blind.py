"""Blind transfer: whoever talks to a channel goes to an extension, the channel leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.core.containment import FAILED
from asterism.pbx.bridges.bridge import HOLDING, SMART, Bridge
from asterism.pbx.calls.bridging import join
from asterism.pbx.calls.local import half_of
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
    bridge, pbx = transferer.bridge, transferer.pbx
    others = peers_of(transferer)
    if not others or not transferer.alive or not isinstance(bridge, Bridge):
        return TransferResult.INVALID
    transferee = others[0]
    told = (transferer, transferee, bridge, external, context, exten)
    if MARK in transferer.data:
        return _refuse(TransferResult.FAIL, *told)
    if bridge.uses is HOLDING:
        return _refuse(TransferResult.NOT_PERMITTED, *told)
    if any(one.state is not ChannelState.UP for one in others):
        # Whom a consultation still rings: it would be sent away only when it answers.
        return _refuse(TransferResult.FAIL, *told)
    takes = next((found for one in pbx.transfer_targets if (found := one(context, exten)) is not None), None)
    alone = len(others) == 1 and bridge.uses is SMART
    if not (alone and takes is not None) and not pbx.dialplan.exists(context, exten, 1, transferee.caller.number):
        return _refuse(TransferResult.INVALID, *told)
    if not allow(transferee):
        return _refuse(TransferResult.FAIL, *told)
    if alone and takes is not None:
        return _taken(transferer, transferee, bridge, context, exten, external, outcome, prepare, takes)
    kept = Kept(transferer, outcome) if keeps else None
    listener = outcome if kept is None else kept
    if alone:
        _one(transferer, transferee, bridge, context, exten, external, listener, prepare, kept)
        return TransferResult.SUCCESS
    if _many(transferer, others, bridge, context, exten, external, listener, prepare, kept):
        return TransferResult.SUCCESS
    transferer.data.pop(MARK, None)
    return _refuse(TransferResult.FAIL, *told)


def _refuse(
    result: TransferResult,
    transferer: Channel,
    transferee: Channel,
    bridge: Bridge,
    external: bool,
    context: str,
    exten: str,
) -> TransferResult:
    events.tell_blind(result, transferer, transferee, bridge, external, context, exten)
    return result


def _taken(
    transferer: Channel,
    transferee: Channel,
    bridge: Bridge,
    context: str,
    exten: str,
    external: bool,
    outcome: Outcome | None,
    prepare: Callable[[Channel], None] | None,
    takes: Takes,
) -> TransferResult:
    """Have somebody take the only other one away who tells the transferer, and ends its leg, itself: parking."""
    told = (transferer, transferee, bridge, external, context, exten)

    def begun() -> None:
        tell_unhold(transferer)
        if prepare is not None:
            prepare(transferee)
        events.tell_blind(TransferResult.SUCCESS, *told)

    def done() -> None:
        if outcome is not None:
            outcome.done(OK)

    return TransferResult.SUCCESS if takes(transferee, transferer, begun, done) else _refuse(TransferResult.FAIL, *told)


def _one(
    transferer: Channel,
    transferee: Channel,
    bridge: Bridge,
    context: str,
    exten: str,
    external: bool,
    outcome: Outcome | None,
    prepare: Callable[[Channel], None] | None,
    kept: Kept | None,
) -> None:
    """Transfer the only other one."""
    tell_unhold(transferer)
    transferer.set_variable(BLINDTRANSFER, transferee.name)
    transferee.set_variable(BLINDTRANSFER, transferer.name)
    if prepare is not None:
        prepare(transferee)
    transferer.delete_variables(_PEER_VARIABLES)
    events.tell_blind(TransferResult.SUCCESS, transferer, transferee, bridge, external, context, exten)
    if kept is not None:
        kept.expects(transferee)
    # As in Asterisk 22 it is told to be there before it has left the bridge.
    transferee.context, transferee.exten, transferee.priority = context, exten, 1
    transferee.new_exten(transferee.application, transferee.appdata)
    # Nobody who called it hangs it up when it leaves the bridge, and it goes last, as in Asterisk 22.
    transferee.moved = transferee.moved or transferee.task is None
    if kept is None:
        release(transferer)
    else:
        kept.keep()
    Follower(transferee, outcome, None if kept is None else kept.back, _ENDS_WITH_IT)
    transferee.redirect(Goto(context, exten, 1))


def _many(
    transferer: Channel,
    others: list[Channel],
    bridge: Bridge,
    context: str,
    exten: str,
    external: bool,
    outcome: Outcome | None,
    prepare: Callable[[Channel], None] | None,
    kept: Kept | None,
) -> bool:
    """Have a Local channel that runs the extension take the transferer's place; whether it does."""
    pbx = transferer.pbx
    try:
        local = pbx.request(f"Local/{exten}@{context}", transferer)
    except RequestError as error:
        pbx.log.notice("%s cannot transfer to %s@%s: %s", transferer.name, exten, context, error)
        return False
    half = half_of(local)
    assert half is not None
    runs = half.other.channel
    names = ",".join(one.name for one in others)
    tell_unhold(transferer)
    transferer.set_variable(BLINDTRANSFER, names)
    local.set_variables({"TRANSFERERNAME": transferer.name, BLINDTRANSFER: transferer.name})
    local.connected = transferer.caller
    if prepare is not None:
        prepare(local)
    if local.ask_driver("call", FAILED, None) in (False, FAILED):
        local.hang_up()
        return False
    events.tell_blind(TransferResult.SUCCESS, transferer, others[0], bridge, external, context, exten)

    def failed() -> bool:
        local.soft_hangup()  # nobody is to come from there any more
        return False

    Follower(runs, outcome, failed, _ENDS_WITH_IT)
    if kept is not None:
        kept.rejoins(lambda channel: _rejoin(channel, bridge))
    transferer.moved = transferer.moved or (transferer.task is None and kept is not None)
    bridge.enter(local, swap=transferer)
    if kept is None:
        release(transferer)
    else:
        kept.keep()
    return True


async def _rejoin(channel: Channel, bridge: Bridge) -> None:
    """Go back to the others, if they are still there."""
    if not bridge.ended and bridge.members:
        await join(channel, bridge)
