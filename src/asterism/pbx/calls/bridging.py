"""Bringing channels into bridges: two that leave what they do, one that joins; the manager's ``Bridge``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.media.soundfiles import SoundError
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.channels.playing import play

if TYPE_CHECKING:
    from asterism.pbx.bridges.member import DigitHandler, Waiting
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host, HostServer


COURTESY = "beep"
"""The sound that a party hears that is told of the bridge it is brought into."""


@dataclass(slots=True, eq=False)
class Guest:
    """One of the two channels of a :class:`Meeting`, and what is to become of it there."""

    channel: Channel
    answers: bool = True
    """Whether it is answered when the two meet."""
    tone: bool = False
    """Whether it hears a courtesy tone before."""
    on_digit: DigitHandler | None = None
    """See :class:`~asterism.pbx.bridges.member.Member`."""
    features: bool = False
    afterwards: Callable[[Channel], None] | None = None
    """Called when it has left and is still there; it may raise where else it goes."""
    arrived: bool = False
    gone: bool = False


class Meeting:
    """Two channels on their way into one bridge.

    Each arrives when it has left what it did; the second one to arrive makes the bridge. A channel that hangs up, or is
    sent elsewhere, before lets the other go on. Once they are bridged each stays until it is in no bridge any more,
    whoever else comes or goes.
    """

    def __init__(
        self,
        pbx: Host,
        first: Guest,
        second: Guest,
        *,
        told_first: Guest | None = None,
        begun: Callable[[Bridge], None] | None = None,
    ) -> None:
        """``first`` enters first; ``told_first``, by default the same, gets its connected line update first.

        ``begun`` is called with the bridge once both are in it.
        """
        self._pbx = pbx
        self._begun = begun
        self._guests = (first, second)
        self._told = (second, first) if told_first is second else (first, second)
        self._over = False
        self.bridge: Bridge | None = None
        """The bridge that they met in; ``None`` as long as they have not."""

    def invite(self, channel: Channel) -> None:
        """Have a channel leave what it does for the meeting."""
        channel.divert(self.attend, self.miss)

    async def attend(self, channel: Channel) -> None:
        """Be bridged until it is in no bridge any more.

        Raises:
            ChannelHangup: The channel has hung up.
            Goto: It goes elsewhere.
        """
        guest = self._guest(channel)
        try:
            if guest.tone:
                await _courtesy(channel)
            guest.arrived = True
            if all(each.arrived for each in self._guests) and not self._over:
                self._begin()
            while not guest.gone and not (self._over and self.bridge is None):
                await channel.park()
        finally:
            self._leave(guest)
        if guest.afterwards is not None:
            guest.afterwards(channel)

    def miss(self, channel: Channel) -> None:
        """A channel has hung up, or was sent elsewhere, on its way here."""
        self._leave(self._guest(channel))

    def _guest(self, channel: Channel) -> Guest:
        first, second = self._guests
        return first if first.channel is channel else second

    def _begin(self) -> None:
        for guest in self._guests:
            if guest.answers:
                guest.channel.raw_answer()
        if not all(guest.channel.alive for guest in self._guests):
            self._cancel()
            return
        bridge = self.bridge = Bridge(self._pbx)
        try:
            for guest in self._guests:
                left = partial(self._left, guest)
                bridge.enter(guest.channel, on_leave=left, on_digit=guest.on_digit, features=guest.features)
        except RuntimeError as error:  # a menu of a conference runs this, and the channel is in its bridge
            first, second = (guest.channel.name for guest in self._guests)
            self._pbx.log.warning("%s and %s do not meet: %s", first, second, error)
            bridge.dismiss()
            self.bridge = None
            self._cancel()
            return
        for guest in self._told:
            other = self._guests[guest is self._guests[0]].channel.caller
            if other != guest.channel.connected:
                guest.channel.set_connected(other)
        if self._begun is not None:
            self._begun(bridge)

    @staticmethod
    def _left(guest: Guest, bridge: Bridge, _leaver: Channel) -> None:
        guest.gone = True
        if bridge.ended:
            bridge.destroy()
        guest.channel.wake()

    def _leave(self, guest: Guest) -> None:
        """End the guest's part: cancel the meeting if there is no bridge yet, else take the channel out of it."""
        if self.bridge is None:
            self._cancel()
        elif not guest.gone and guest.channel.bridge is not None:
            guest.channel.bridge.depart(guest.channel)

    def _cancel(self) -> None:
        self._over = True
        for guest in self._guests:
            if guest.arrived:
                guest.channel.wake()


async def _courtesy(channel: Channel) -> None:
    try:
        await play(channel, COURTESY)
    except (SoundError, RuntimeError) as error:
        channel.pbx.log.warning("%s hears no courtesy tone: %s", channel.name, error)


def may_be_fetched(channel: Channel) -> bool:
    """Whether a channel can be taken away from what it does: it does something, and no Dial is calling it.

    One that has just answered, and that its Dial has not taken into a bridge yet, is the Dial's.
    """
    busy = channel.task is not None or channel.bridge is not None
    return busy and channel.alive and channel.control_listener is None


def _check_free(channel: Channel) -> None:
    channel.check()
    if channel.speaks is not None or channel.bridge is not None:
        raise RuntimeError(f"{channel.name} is spoken to, or in a bridge")


async def bridge_with(channel: Channel, other: Channel, on_digit: DigitHandler | None = None) -> None:
    """Have two channels talk to each other until either leaves; see ``Channel.bridge_with``."""
    if other is channel:
        raise ValueError("a channel does not talk to itself")
    if not may_be_fetched(other):
        raise RuntimeError(f"{other.name} has hung up, or is still being called")
    _check_free(channel)
    meeting = Meeting(channel.pbx, Guest(channel, on_digit=on_digit, features=on_digit is not None), Guest(other))
    meeting.invite(other)
    await meeting.attend(channel)


async def join(
    channel: Channel,
    bridge: Bridge,
    *,
    roles: frozenset[str] = frozenset(),
    waiting: Waiting | None = None,
    timeout: float | None = None,
    answer: bool = True,
) -> bool:
    """Be in a bridge until the channel is in no bridge any more, or ``timeout`` seconds are over (``False``).

    See ``Channel.join``; ``roles`` and ``waiting`` are those of a :class:`~asterism.pbx.bridges.member.Member`.

    Raises:
        ChannelHangup: The channel has hung up.
        RuntimeError: The bridge takes no more, or the channel is spoken to or bridged already.
    """
    _check_free(channel)
    bridge.check_room()
    if answer:
        channel.raw_answer()
        channel.check()
    return await stay(channel, bridge, timeout=timeout, roles=roles, waiting=waiting)


async def stay(
    channel: Channel,
    bridge: Bridge,
    *,
    timeout: float | None = None,
    entered: Callable[[], None] | None = None,
    roles: frozenset[str] = frozenset(),
    on_digit: DigitHandler | None = None,
    features: bool = False,
    waiting: Waiting | None = None,
    muted: bool = False,
) -> bool:
    """Enter a bridge from the channel's own task, and stay until it is in none; ``False``: the time was over.

    ``entered`` is called once it is in. The rest is of a :class:`~asterism.pbx.bridges.member.Member`.

    Raises:
        ChannelHangup: The channel has hung up.
        RuntimeError: The bridge takes no more.
    """
    out = False

    def left(last: Bridge, _leaver: Channel) -> None:
        nonlocal out
        out = True
        if last.ended:
            last.destroy()
        channel.wake()

    loop = channel.pbx.loop
    end = None if timeout is None else loop.time() + timeout
    bridge.enter(
        channel, roles=roles, on_leave=left, on_digit=on_digit, features=features, waiting=waiting, muted=muted
    )
    if entered is not None:
        entered()
    try:
        while not out:
            rest = None if end is None else end - loop.time()
            if rest is not None and rest <= 0:
                return False
            await channel.park(rest)
    finally:
        if not out and channel.bridge is not None:
            channel.bridge.depart(channel)
    return True


class BridgeAction(Module):
    """The action Bridge."""

    name: ClassVar[str] = "pbx_bridging"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Bridging of channels by the manager"

    def load(self, server: HostServer) -> None:
        """Register the action."""
        self._pbx: Host = server.pbx
        server.register_marked(self)

    @action(
        "Bridge",
        "call",
        Documentation(
            "Bridge two channels already in the PBX.",
            description="Both leave what they do and talk to each other. Afterwards a channel that was in the dialplan "
            "goes on with its next priority; a channel without one ends.",
            arguments=(
                Argument("Channel1", "Name of the first channel.", True),
                Argument("Channel2", "Name of the second channel.", True),
                Argument(
                    "Tone",
                    "Who hears a courtesy tone before; nobody by default.",
                    values=(("no", ""), ("Channel1", ""), ("Channel2", ""), ("Both", "")),
                ),
            ),
            see_also=("Redirect", "BridgeList"),
        ),
    )
    def bridge(self, call: ActionCall) -> None:
        """Run the action."""
        names = call.get("Channel1"), call.get("Channel2")
        if not all(names):
            call.error("Missing channel parameter in request")
            return
        found: list[Channel] = []
        for number, name in enumerate(names, 1):
            channel = self._pbx.channels.get(name)
            if channel is None or not channel.alive:
                call.error(f"Channel{number} does not exist: {name}")
                return
            found.append(channel)
        if found[0] is found[1] or not all(may_be_fetched(each) for each in found):
            call.error("Unable to set up bridge of these channels")
            return
        tone = call.get("Tone").lower()
        guests = [Guest(channel, tone=tone in ("both", f"channel{number}")) for number, channel in enumerate(found, 1)]
        meeting = Meeting(self._pbx, *guests, told_first=guests[1])
        # The channel without a task of its own goes first: leaving its bridge must not end it.
        for channel in sorted(found, key=lambda each: each.task is not None):
            meeting.invite(channel)
        call.success("Channels have been bridged")
