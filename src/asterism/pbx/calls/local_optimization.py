"""Local channels that leave the call: what their two halves connect is connected without them.

Both halves are in a bridge each. One party, the *source*, moves to the other half's bridge and takes the place of that
half, with all that belongs to it in a bridge (what its digits start, what becomes of it afterwards). The half that it
leaves alone ends, and the half that it replaced ends with that one. Where neither bridge has just one other party, the
bridges are merged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.pbx.bridges.bridge import HOLDING, SMART, Bridge
from asterism.pbx.calls import local_events
from asterism.pbx.channels.t38 import T38State, known_t38
from asterism.pbx.vocabulary.causes import Cause

if TYPE_CHECKING:
    from asterism.pbx.calls.local import LocalHalf, LocalPair
    from asterism.pbx.channels.channel import Channel

_GRACE = 1.0
"""Seconds after which a half that was replaced ends although the other one goes on in its dialplan."""


def optimise(pair: LocalPair) -> bool:
    """Have the halves leave the call if they may and can; whether they do."""
    one, two = pair.one, pair.two
    first, second = one.channel.bridge, two.channel.bridge
    if not (pair.optimises and _may_leave(one) and _may_leave(two)) or first is second:
        return False
    assert isinstance(first, Bridge)
    assert isinstance(second, Bridge)
    callee, caller = _lone_peer(second, two.channel), _lone_peer(first, one.channel)
    # Asterisk takes whoever is heard first. As observed: a caller in its dialplan, unless somebody asked for it.
    if caller is not None and (callee is None or pair.first_moves or (caller.task is not None and not pair.asked)):
        _swap(pair, caller, one, two)
    elif callee is not None:
        _swap(pair, callee, two, one)
    elif first.uses is SMART and second.uses is SMART and not (first.permanent and second.permanent):
        # One that stays when it is empty belongs to somebody: it is the other that ends.
        _merge(pair, *((second, first) if second.permanent else (first, second)))
    else:
        return False
    return True


def _may_leave(half: LocalHalf) -> bool:
    """Whether a half is in a call, no tap listens to it or changes its audio, and nobody is busy with its fax."""
    channel, media = half.channel, half.media
    bridge, t38 = channel.bridge, known_t38(channel)
    return (
        channel.alive
        and isinstance(bridge, Bridge)
        and not bridge.ended
        and bridge.uses is not HOLDING
        and media.taps_in is None
        and media.taps_out is None
        and (t38 is None or (t38.user is None and t38.state is not T38State.NEGOTIATING))
    )


def _lone_peer(bridge: Bridge, channel: Channel) -> Channel | None:
    """The party that may move away from a half, ``None`` where it is one of several or in a conference."""
    peer = bridge.peer(channel) if bridge.uses is SMART else None
    return peer if peer is not None and peer.alive else None


def _begin(pair: LocalPair, source: Channel | None, dest: str) -> int:
    technology = pair.technology
    number, technology.optimisations = technology.optimisations, technology.optimisations + 1
    pair.optimises = False
    bus = pair.pbx.bus
    if bus.listeners[local_events.LOCAL_OPTIMIZATION_BEGIN]:
        bus.publish(
            local_events.LOCAL_OPTIMIZATION_BEGIN, pair.one.channel, pair.two.channel, source, dest, number
        )  # fmt: skip
    return number


def _end(pair: LocalPair, success: bool, number: int) -> None:
    pair.one.tell_caller()
    pair.two.tell_caller()
    bus = pair.pbx.bus
    if bus.listeners[local_events.LOCAL_OPTIMIZATION_END]:
        bus.publish(local_events.LOCAL_OPTIMIZATION_END, pair.one.channel, pair.two.channel, success, number)


def _swap(pair: LocalPair, source: Channel, left: LocalHalf, replaced: LocalHalf) -> None:
    """Move ``source`` from the bridge with ``left`` into the place of ``replaced``."""
    origin, target = left.channel.bridge, replaced.channel.bridge
    assert isinstance(origin, Bridge)
    assert isinstance(target, Bridge)
    number = _begin(pair, source, replaced.channel.uniqueid)
    target.members[replaced.channel].on_leave = _stays
    origin.move(source, target, swap=replaced.channel)
    _end(pair, False, number)
    _leave(left.channel)
    pair.pbx.loop.call_later(_GRACE, _release, replaced)


def _merge(pair: LocalPair, first: Bridge, second: Bridge) -> None:
    number = _begin(pair, None, first.uniqueid)
    try:
        first.merge(second)
    except RuntimeError as error:
        pair.pbx.log.warning("%s stays in the call: %s", pair.one.channel.name, error)
        _end(pair, False, number)
        return
    _end(pair, True, number)
    for half in (pair.two, pair.one):
        _leave(half.channel)


def _leave(channel: Channel) -> None:
    """Remove a half that is not needed any more from its bridge; it then ends as after any call."""
    channel.hangup_cause = channel.hangup_cause or Cause.NORMAL_CLEARING
    if channel.bridge is not None:
        channel.bridge.depart(channel)


def _stays(bridge: Bridge, leaver: Channel) -> None:
    """Leave the replaced half alone: it ends with the other half."""


def _release(half: LocalHalf) -> None:
    if half.channel.alive and half.channel.bridge is None:
        half.channel.queue_hangup(Cause.NORMAL_CLEARING)
