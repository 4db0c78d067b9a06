"""Direct media: two far ends that exchange their packets themselves, while the bridge has them all the same.

The bridge only says who is to send where; how a far end is told is its driver's affair
(:class:`~asterism.pbx.channels.technology.DirectMedia`). What is played here is heard here: a party that hears music
comes back for as long as it lasts, the other one stays where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.pbx.channels.music.playing import music_of

if TYPE_CHECKING:
    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.bridges.member import Member
    from asterism.pbx.channels.channel import Channel

_ENOUGH = 10
"""Maximum number of redirections of media within :data:`_SPAN`: some far ends move whenever the other one has moved."""
_SPAN = 32.0
"""The span in seconds."""


class DirectMediaPair:
    """Direct media between the two members of a bridge."""

    __slots__ = ("_bridge", "_count", "_given_up", "_moved", "_since", "_targets", "engaged")

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self.engaged = False
        """Whether they were told to send to each other, and not yet to come back."""
        self._moved: tuple[Channel, ...] = ()
        """The channels that were told to send directly; at the end of direct media the bridge may have others."""
        self._given_up = False
        self._count = 0
        self._since = 0.0
        self._targets: object = None

    def arrange(self) -> None:
        """Tell both where to send as things are now."""
        first, second = self._bridge.members.values()
        if not self._fits(first, second):
            self.end()
            return
        log = self._bridge.pbx.log
        if not self.engaged and log.verbosity >= 4:
            log.verbose(
                4, "Remotely bridged '%s' and '%s' - media will flow directly between them",
                second.channel.name, first.channel.name,
            )  # fmt: skip
        self.engaged = True
        self._moved = (first.channel, second.channel)
        _tell(first.channel, second.channel)
        _tell(second.channel, first.channel)

    def _fits(self, first: Member, second: Member) -> bool:
        one, two = first.channel.driver, second.channel.driver
        if not getattr(one, "may_move", False) or not getattr(two, "may_move", False):
            return False
        if self._given_up or not _untouched(first) or not _untouched(second):
            return False
        if not first.channel.ask_driver("direct_media", False, two):
            return False
        return bool(second.channel.ask_driver("direct_media", False, one)) and self._calm(one, two)

    def _calm(self, *drivers: object) -> bool:
        """Whether the far ends stay where they are; not when each move of one makes the other move, without end."""
        targets = [getattr(driver, "media_targets", None) for driver in drivers]
        if targets == self._targets:
            return True
        self._targets = targets
        now = self._bridge.pbx.loop.time()
        if now - self._since > _SPAN:
            self._since, self._count = now, 0
        self._count += 1
        if self._count > _ENOUGH:
            self._given_up = True
            bridge = self._bridge
            bridge.pbx.log.info("media of bridge %s stays here: its parties move on and on", bridge.uniqueid)
        return not self._given_up

    def end(self) -> None:
        """Have both send to this server again, except one that has hung up."""
        if not self.engaged:
            return
        self.engaged = False
        moved, self._moved = self._moved, ()
        for channel in moved:
            if channel.alive:
                channel.ask_driver("send_to", None, None)


def _tell(channel: Channel, other: Channel) -> None:
    channel.ask_driver("send_to", None, None if music_of(channel) is not None else other.driver)


def _untouched(member: Member) -> bool:
    """Whether no tap and no digit handler of this server needs the member's media."""
    channel = member.channel
    taps = channel.taps
    return not channel.away and member.on_digit is None and not member.features and (taps is None or not taps.taps)
