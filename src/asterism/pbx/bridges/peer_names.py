"""The variables of a channel that name the others in its bridge: BRIDGEPEER and BRIDGEPVTCALLID."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

PEER_VARIABLES = ("BRIDGEPEER", "BRIDGEPVTCALLID")

MAX_NAMED = 10
"""Members that BRIDGEPEER names at most: in a large bridge it would cost each of them the names of all."""


def name_peers(members: Collection[Channel], *, as_they_came: bool) -> None:
    """Set the variables of each member that name the others.

    Args:
        members: in the order in which they came.
        as_they_came: the names of more than two are in that order, as in a conference of Asterisk 22; otherwise the
            last one is first.
    """
    if len(members) == 2:
        first, second = members
        _name_peer(first, second)
        _name_peer(second, first)
        return
    told = list(members) if as_they_came else list(members)[::-1]
    if len(told) == 1:
        forget_peers(told[0])
        return
    names = [channel.name for channel in told[: MAX_NAMED + 1]]
    others = ",".join(names[:MAX_NAMED])
    for index, channel in enumerate(told):
        if index <= MAX_NAMED:
            value = ",".join(name for name in names if name != channel.name)
        elif channel.get_variable("BRIDGEPEER") == others:
            continue  # those that it names are there still
        else:
            value = others
        channel.set_variable("BRIDGEPEER", value)
        forget_peers(channel, PEER_VARIABLES[1:])


def forget_peers(channel: Channel, names: Sequence[str] = PEER_VARIABLES) -> None:
    """Delete the variables that are set; unset ones raise no event."""
    channel.delete_variables([name for name in names if channel.get_variable(name) is not None])


def _name_peer(channel: Channel, other: Channel) -> None:
    variables = {"BRIDGEPEER": other.name}
    if call_id := other.call_id:
        variables["BRIDGEPVTCALLID"] = call_id
    channel.set_variables(variables)
