"""What a channel is in a bridge, and what is done with it there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.channels.channel import Channel


class Waiting(NamedTuple):
    """Audio that a member of a holding bridge hears."""

    kind: str = "m"
    """``m`` music, ``r`` ringing, ``s`` silence, ``h`` whatever its device does on hold, ``n`` nothing at all."""
    music_class: str = ""


LeaveHandler = Callable[["Bridge", "Channel"], None]
"""Called with the bridge that a member has left and the channel that caused it: the member's own, or another."""


DigitHandler = Callable[["Channel", str, int], bool]
"""Called with a member's channel, a digit of its far end and its length in milliseconds; true: it is not passed on."""


SPEAKS_ONLY = "speaks only"
"""The role of a member of a bridge that mixes to which nobody listens: it is sent nothing."""


@dataclass(slots=True, eq=False)
class Member:
    """A channel in a bridge. What belongs to it here goes with it when it moves to another bridge."""

    channel: Channel
    roles: frozenset[str] = frozenset()
    """Roles of the member in this bridge (``announcer``); a technology gives the names their meaning."""
    on_leave: LeaveHandler | None = None
    """Called once the channel is in no bridge any more. Without it, and without a task, the channel is hung up."""
    on_digit: DigitHandler | None = None
    """Gets each digit of the channel, which is then heard here and not merely passed on in its packets."""
    features: bool = False
    """Whether its digits may start something, so that its packets are not merely passed on."""
    waiting: Waiting | None = None
    """Audio that it hears in a holding bridge; ``None``: music."""
    holds: bool = False
    """Whether its far end has put the other party on hold."""
    hold_class: object = None
    """The music class that the far end suggested for the hold."""
    texts: bool = True
    """Whether it gets the texts that others send within their calls."""
    muted: bool = False
    """Whether it only hears, in a bridge that mixes."""
    deaf: bool = False
    """Whether it hears silence and is not heard, in a bridge that mixes."""
    kept: bool = False
    """Whether it is on hold for a transfer, whoever comes and goes meanwhile."""
