"""Attended transfer: somebody who has two calls connects their other parties, and leaves both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.pbx.bridges.bridge import HOLDING, SMART, Bridge
from asterism.pbx.calls.local import destination, half_of
from asterism.pbx.calls.transfers import events
from asterism.pbx.calls.transfers.blind import peers_of
from asterism.pbx.calls.transfers.following import OK, Follower
from asterism.pbx.calls.transfers.leaving import MARK, release, tell_unhold
from asterism.pbx.calls.transfers.limits import allow
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.pbx.channels.replacing import may_replace, replace_far_end
from asterism.pbx.vocabulary.controls import ChannelState, SoftHangup
from asterism.pbx.vocabulary.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asterism.pbx.calls.transfers.events import Parties
    from asterism.pbx.calls.transfers.results import Outcome
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.events import FieldList

ATTENDEDTRANSFER = "ATTENDEDTRANSFER"
_CALLING = frozenset({"dial"})
"""Applications that call somebody: what becomes of the transfer is known when somebody answers."""


def attended(first: Channel, second: Channel, *, outcome: Outcome | None = None) -> TransferResult:
    """Connect whoever is with ``first`` to whoever, or whatever, ``second`` has; both are legs of the transferer.

    - Both bridged: of two-party calls one party moves to the other's bridge; where several are with either, all come
      into one.
    - One bridged, the other runs an application, which may be a Dial that rings: the bridged party takes the
      transferer's place there. Several parties are linked to it by a Local channel.
    - Neither bridged, or both in the same bridge, or a leg whose attended transfer by key is under way: FAIL.

    The legs are hung up. Everybody's connected line is told. Publishes AttendedTransfer, sets ATTENDEDTRANSFER.
    ``outcome`` is told what becomes of it; only of a transfer that was begun (SUCCESS).
    """
    one, two = first.bridge, second.bridge
    if first is second or not (first.alive and second.alive) or MARK in first.data or MARK in second.data:
        return TransferResult.FAIL
    if one is two:
        return TransferResult.FAIL  # neither is bridged, or both are in one
    transferees, targets = peers_of(first), peers_of(second)
    who = events.parties(first, second, _lone(transferees), _lone(targets))
    if not transferees and not targets:
        return _tell(TransferResult.INVALID, who)
    parked = isinstance(two, Bridge) and second in first.pbx.parking.calls
    if parked and isinstance(one, Bridge) and one.uses is SMART and len(transferees) == 1:
        return _to_space(first, second, transferees[0], outcome)
    consulting = first.pbx.features.transfers
    if first in consulting or second in consulting:
        return _tell(TransferResult.FAIL, who)  # its end would take away whoever it has called
    if any(isinstance(bridge, Bridge) and bridge.uses is HOLDING for bridge in (one, two)):
        return _tell(TransferResult.NOT_PERMITTED, who)
    if not allow((transferees or targets)[0]):
        return _tell(TransferResult.FAIL, who)
    if isinstance(one, Bridge) and isinstance(two, Bridge):
        if not transferees or not targets:
            return _tell(TransferResult.INVALID, who)
        found = _connect(first, second, one, two, transferees, targets)
    elif isinstance(one, Bridge):
        found = _to_application(first, second, second, transferees)
    else:
        found = _to_application(first, second, first, targets)
    if found is None:
        return _tell(TransferResult.FAIL, who)
    place, pending = found
    events.tell_attended(TransferResult.SUCCESS, who, place)
    if isinstance(one, Bridge) and isinstance(two, Bridge):
        _show(transferees, targets)
    if outcome is not None:
        if pending is not None:
            Follower(pending, outcome).indicated_already()
        else:
            outcome.done(OK)
    return TransferResult.SUCCESS


def _to_space(first: Channel, second: Channel, transferee: Channel, outcome: Outcome | None) -> TransferResult:
    """Have the transferee wait in the space where the transferer's other leg is parked."""
    waits = second.bridge
    assert waits is not None
    who = events.parties(first, second, transferee, None)
    if not allow(transferee):
        return _tell(TransferResult.FAIL, who)
    tell_unhold(first)
    if not first.pbx.parking.swap(second, transferee):
        return _tell(TransferResult.FAIL, who)
    release(first)
    release(second)
    events.tell_attended(TransferResult.SUCCESS, who, events.to_bridge(waits))
    if outcome is not None:
        outcome.done(OK)
    return TransferResult.SUCCESS


def _lone(channels: Sequence[Channel]) -> Channel | None:
    return channels[0] if len(channels) == 1 else None


def _tell(result: TransferResult, who: Parties) -> TransferResult:
    events.tell_attended(result, who, list(events.NOWHERE))
    return result


def _mark(first: Channel, transferees: Sequence[Channel]) -> None:
    first.set_variable(ATTENDEDTRANSFER, ",".join(one.name for one in transferees))
    for one in transferees:
        one.set_variable(ATTENDEDTRANSFER, first.name)


def _connect(
    first: Channel,
    second: Channel,
    one: Bridge,
    two: Bridge,
    transferees: Sequence[Channel],
    targets: Sequence[Channel],
) -> tuple[FieldList, Channel | None] | None:
    """Bring everybody into one bridge; ``None`` where there is none that can have all."""
    transferee, target = _lone(transferees), _lone(targets)
    if transferee is not None and one.uses is SMART:
        stays, goes, mover, place, other = two, one, transferee, second, first
    elif target is not None and two.uses is SMART:
        stays, goes, mover, place, other = one, two, target, first, second
    else:
        return _merge(first, second, one, two, transferees)
    tell_unhold(first)
    tell_unhold(second)
    _mark(first, transferees)
    # The place is left with the transferer's hold: who comes in its stead holds nobody.
    stays.members[place].holds = False
    goes.move(mover, stays, swap=place)
    _unmark(transferees)
    place.soft_hangup(SoftHangup.DEVICE)
    release(other)
    return events.to_bridge(stays), None


def _merge(
    first: Channel,
    second: Channel,
    one: Bridge,
    two: Bridge,
    transferees: Sequence[Channel],
) -> tuple[FieldList, Channel | None] | None:
    """Several parties on both sides: one bridge takes in the other."""
    stays, goes = (two, one) if two.permanent and not one.permanent else (one, two)
    if goes.permanent or (stays.uses is not SMART and goes.uses is not SMART):
        return None
    try:
        stays.check_room(len(goes.members) - 2)
    except RuntimeError:
        return None
    tell_unhold(first)
    tell_unhold(second)
    _mark(first, transferees)
    release(first)
    release(second)
    stays.merge(goes)
    _unmark(transferees)
    return events.to_bridge(stays), None


def _unmark(transferees: Sequence[Channel]) -> None:
    for one in transferees:
        one.delete_variables((ATTENDEDTRANSFER,))


def _show(transferees: Sequence[Channel], targets: Sequence[Channel]) -> None:
    """Show each party of a call of two whom it talks to now."""
    transferee, target = _lone(transferees), _lone(targets)
    if transferee is None or target is None:
        return
    target.set_connected(transferee.caller)
    transferee.set_connected(target.caller)


def _to_application(
    first: Channel, second: Channel, doer: Channel, others: Sequence[Channel]
) -> tuple[FieldList, Channel | None] | None:
    """Have the others take the transferer's place in what ``doer`` runs; ``None`` where it runs nothing."""
    leaver = second if doer is first else first
    bridge = leaver.bridge
    if doer.task is None or doer.control_listener is not None or not isinstance(bridge, Bridge):
        return None
    name = doer.application
    pending = doer.state is not ChannelState.UP or name.lower() in _CALLING
    other = _lone(others) if bridge.uses is SMART else None
    local: Channel | None = None
    taker = other
    if taker is None:
        try:
            local = doer.pbx.request(destination(doer.exten, doer.context), leaver)
        except RequestError:
            return None
        half = half_of(local)
        assert half is not None
        taker = half.other.channel
    elif not may_replace(doer, taker):
        return None
    tell_unhold(leaver)
    _mark(leaver, others)
    if local is None:
        doer.set_variable(ATTENDEDTRANSFER, leaver.name)
        bridge.members[leaver].holds = False
        replace_far_end(doer, taker)
        place = events.to_application(name)
    else:
        local.set_variables({"TRANSFERERNAME": leaver.name, ATTENDEDTRANSFER: leaver.name})
        place = events.to_link(local, taker)
        replace_far_end(doer, taker)
        local.raw_answer()
        bridge.enter(local, swap=leaver)
        _unmark(others)
    release(leaver)
    if doer.connected and not doer.dead:
        doer.set_connected(doer.connected)
    return place, doer if pending else None
