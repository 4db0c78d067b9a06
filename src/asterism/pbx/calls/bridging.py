"""The manager's ``Bridge``: two channels leave what they do and talk to each other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.vocabulary.controls import WAKE_CALL
from asterism.pbx.vocabulary.errors import ChannelHangup

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host, HostServer


class Meeting:
    """Two channels on their way into one bridge.

    Each arrives when it has left what it did; the second one to arrive makes the bridge. A channel that hangs up
    before lets the other go on.
    """

    def __init__(self, pbx: Host, first: Channel, second: Channel) -> None:
        self._pbx = pbx
        self._expected = (first, second)
        self._arrived: list[Channel] = []
        self._over = False

    async def attend(self, channel: Channel) -> None:
        """Be bridged until either leaves; raises :class:`ChannelHangup` when this channel hung up."""
        self._arrived.append(channel)
        if len(self._arrived) == 2 and not self._over:
            self._begin()
        try:
            while not self._over:
                await channel.park()
        except ChannelHangup:
            self._end(channel)
            raise

    def _begin(self) -> None:
        first, second = self._expected
        for channel in (first, second):
            channel.raw_answer()
        bridge = Bridge(self._pbx)
        for channel in (first, second):
            bridge.enter(channel, on_leave=self._left)

    def _left(self, bridge: Bridge, leaver: Channel) -> None:
        if bridge.ended:
            bridge.destroy()
        self._end(leaver)

    def leave(self, channel: Channel) -> None:
        """Part from the other: what the channel waited in was ended from outside."""
        if channel.bridge is not None:
            channel.bridge.depart(channel)
        self._end(channel)

    def _end(self, leaver: Channel) -> None:
        if self._over:
            return
        self._over = True
        for channel in self._expected:
            if channel is not leaver:
                channel.wake()


async def bridge_with(channel: Channel, other: Channel) -> None:
    """Have two channels talk to each other until either leaves; see ``Channel.bridge_with``."""
    channel.check()
    if other is channel:
        raise ValueError("a channel does not talk to itself")
    if not other.alive or other.control_listener is not None:
        raise RuntimeError(f"{other.name} has hung up, or is still being called")
    if channel.speaks is not None or channel.bridge is not None:
        raise RuntimeError(f"{channel.name} is spoken to, or in a bridge")
    meeting = Meeting(channel.pbx, channel, other)
    other.divert(meeting.attend)
    try:
        await meeting.attend(channel)
    except BaseException:
        meeting.leave(channel)
        raise


async def join(channel: Channel, bridge: Bridge) -> None:
    """Be in a bridge until the channel is taken out of it; see ``Channel.join``."""
    channel.check()
    if channel.speaks is not None or channel.bridge is not None:
        raise RuntimeError(f"{channel.name} is spoken to, or in a bridge")
    channel.raw_answer()
    left: asyncio.Future[bool] = channel.pbx.loop.create_future()

    def leave(_bridge: Bridge, _leaver: Channel) -> None:
        if not left.done():
            left.set_result(True)

    bridge.enter(channel, on_leave=leave)
    try:
        await channel.park(None, WAKE_CALL, left)
    finally:
        bridge.depart(channel)


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
                    "Accepted; no tone is played.",
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
        first, second = found
        if first is second or any(each.control_listener is not None for each in found):
            call.error("Unable to set up bridge of these channels")
            return
        meeting = Meeting(self._pbx, first, second)
        # The channel without a task of its own goes first: leaving its bridge must not end it.
        for channel in sorted(found, key=lambda each: each.task is not None):
            channel.divert(meeting.attend)
        call.success("Channels have been bridged")
