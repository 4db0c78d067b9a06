"""The hold of those who wait for a transferer: music, and a far end that is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.pbx.vocabulary.controls import Control

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.bridges.member import Member
    from asterism.pbx.channels.channel import Channel


def hold(bridge: Bridge, without: Channel | None = None) -> list[Member]:
    """Put the other party on hold; several go on talking to each other. Gives those who are held."""
    members = [member for channel, member in bridge.members.items() if channel is not without]
    if len(members) != 1:
        return []
    (member,) = members
    if not member.kept:
        member.kept = True
        if not member.channel.on_hold:
            member.channel.indicate(Control.HOLD)
    return members


def release(held: Iterable[Member]) -> None:
    """End their hold, except where their peer's own far end holds them."""
    for member in held:
        channel = member.channel
        if not member.kept:
            continue
        member.kept = False
        if channel.dead:
            continue
        bridge = channel.bridge
        peer = None if bridge is None else bridge.peer(channel)
        theirs = bridge.members.get(peer) if peer is not None else None  # type: ignore[union-attr]
        if channel.on_hold and not (theirs is not None and theirs.holds):
            channel.indicate(Control.UNHOLD)
