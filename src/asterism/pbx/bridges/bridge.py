"""Two channels that talk to each other.

Audio goes the cheapest way there is: packet by packet inside the media layer when it can relay
the two streams, otherwise frame by frame from one stream's sink to the other's ``write``, which
translates. A two-party bridge ends with the first channel that leaves it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.core.identifiers import random_uuid
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.controls import Control

if TYPE_CHECKING:
    from asterism.media.stream import AudioStream
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host

_PASSED_ON = frozenset(
    {Control.HOLD, Control.UNHOLD, Control.FLASH, Control.RINGING, Control.PROGRESS, Control.SOURCE_UPDATE}
)

_PEER_VARIABLES = ("BRIDGEPEER", "BRIDGEPVTCALLID")


class Bridge:
    """A two-party bridge.

    ``on_end`` is called once with the channel that left first, as soon as the bridge is over and
    both have left it; whoever made the bridge decides there what becomes of them.
    """

    __slots__ = (
        "_destroyed",
        "_ended",
        "channels",
        "created",
        "creator",
        "name",
        "on_digit",
        "on_end",
        "pbx",
        "relayed",
        "reported_count",
        "technology",
        "type",
        "uniqueid",
    )

    def __init__(self, pbx: Host, on_end: Callable[[Channel], None] | None = None) -> None:
        self.pbx = pbx
        self.uniqueid = random_uuid()
        self.type = "basic"
        self.technology = "simple_bridge"
        self.creator = ""
        self.name = ""
        self.created = time.time()
        self.channels: list[Channel] = []
        self.reported_count = 0
        self.relayed = False
        self.on_end = on_end
        self.on_digit: Callable[[Channel, str], bool] | None = None
        self._ended = False
        self._destroyed = False
        pbx.bridges[self.uniqueid] = self
        if pbx.bus.listeners[events.BRIDGE_CREATE]:
            pbx.bus.publish(events.BRIDGE_CREATE, self)

    def __repr__(self) -> str:
        return f"<Bridge {self.uniqueid} {[channel.name for channel in self.channels]}>"

    @property
    def duration(self) -> int:
        """Whole seconds since the bridge was created."""
        return max(0, int(time.time() - self.created))

    @property
    def ended(self) -> bool:
        """Whether the channels have left."""
        return self._ended

    def peer(self, channel: Channel) -> Channel | None:
        """The other channel."""
        for other in self.channels:
            if other is not channel:
                return other
        return None

    def enter(self, channel: Channel) -> None:
        """Let a channel in; the second one connects the audio and makes one call (linkedid) of both."""
        channels = self.channels
        if self._ended or len(channels) >= 2:
            raise RuntimeError(f"bridge {self.uniqueid} takes no more channels")
        channels.append(channel)
        channel.bridge = self
        count = self.reported_count = len(channels)
        if count == 2 and channels[0].linkedid != channel.linkedid:
            self._merge_linkedid()
        bus = self.pbx.bus
        if bus.listeners[events.BRIDGE_ENTER]:
            bus.publish(events.BRIDGE_ENTER, self, channel)
        if count == 2:
            first, second = channels
            self.connect_media()
            self._name_peers(first, second)
            self._name_peers(second, first)

    def depart(self, leaver: Channel) -> None:
        """Take a channel out; that ends the bridge, its peer leaves with it."""
        if self._ended or leaver not in self.channels:
            return
        self._ended = True
        other = self.peer(leaver)
        self.disconnect_media()
        bus = self.pbx.bus
        leavers = [leaver] if other is None else [leaver, other]
        if other is not None:
            for channel in leavers:
                channel.delete_variables(_PEER_VARIABLES)
        for channel in leavers:
            self.reported_count -= 1
            channel.bridge = None
            if bus.listeners[events.BRIDGE_LEAVE]:
                bus.publish(events.BRIDGE_LEAVE, self, channel)
        for channel in leavers:
            if channel.on_hold:
                channel.indicate(Control.UNHOLD)
        # Whoever made the bridge holds it: they must not hold each other, or only the collector frees them.
        on_end, self.on_end, self.on_digit = self.on_end, None, None
        if on_end is not None:
            on_end(leaver)
        else:
            self.destroy()

    def destroy(self) -> None:
        """Forget the bridge; publishes BridgeDestroy. Called by whoever made it, after ``on_end``."""
        if self._destroyed:
            return
        self._destroyed = True
        pbx = self.pbx
        pbx.bridges.pop(self.uniqueid, None)
        if pbx.bus.listeners[events.BRIDGE_DESTROY]:
            pbx.bus.publish(events.BRIDGE_DESTROY, self)

    # -- what one party does and the other hears of ------------------------------------------------

    def pass_control(self, source: Channel, control: Control, data: object) -> None:
        """Show the peer what ``source`` did."""
        other = self.peer(source)
        if other is None:
            return
        if control in _PASSED_ON:
            other.indicate(control, data)
        elif control is Control.CONNECTED_LINE:
            other.set_connected(source.caller)

    def pass_digit_begin(self, source: Channel, digit: str, relayed: bool) -> None:
        """A digit has begun: tell that it goes out to the peer when its packets are relayed."""
        other = self.peer(source)
        if relayed and other is not None:
            self.pbx.bus.publish(events.DTMF_BEGIN, other, digit, "Sent")

    def pass_digit(self, source: Channel, digit: str, duration_ms: int, relayed: bool) -> None:
        """A digit has ended: a feature may take it, else the peer gets it."""
        if self.on_digit is not None and self.on_digit(source, digit):
            return
        other = self.peer(source)
        if other is None:
            return
        if relayed:
            self.pbx.bus.publish(events.DTMF_END, other, digit, duration_ms, "Sent")
        else:
            other.send_digit(digit, duration_ms)

    # -- audio -------------------------------------------------------------------------------------

    def connect_media(self) -> None:
        """Connect the two audio streams; called again by a driver whose stream or formats changed."""
        if len(self.channels) != 2 or self._ended:
            return
        for channel in self.channels:
            if channel.tone is not None:
                channel.stop_tone()
        self.relayed = connect_channels(*self.channels)

    def disconnect_media(self) -> None:
        """Part the audio streams."""
        for channel in self.channels:
            disconnect_channel(channel)

    # -- details -------------------------------------------------------------------------------------

    def _name_peers(self, channel: Channel, other: Channel) -> None:
        variables = {"BRIDGEPEER": other.name}
        if call_id := other.call_id:
            variables["BRIDGEPVTCALLID"] = call_id
        channel.set_variables(variables)

    def _merge_linkedid(self) -> None:
        oldest = min((channel.linkedid for channel in self.channels), key=_age)
        for channel in self.channels:
            channel.linkedid = oldest


def _stream(channel: Channel) -> AudioStream | None:
    return channel.stream


def connect_channels(first: Channel, second: Channel) -> bool:
    """Connect the audio of two channels both ways; whether it is relayed inside the media layer."""
    one, two = _stream(first), _stream(second)
    if one is None or two is None:
        return False
    relayed = _connect(one, two)
    _connect(two, one)
    return relayed


def disconnect_channel(channel: Channel) -> None:
    """Take a channel's audio from whatever it was connected to."""
    stream = _stream(channel)
    if stream is not None:
        stream.relay_to(None)
        stream.sink = None


def _connect(source: AudioStream, target: AudioStream) -> bool:
    if source.relay_to(target):
        source.sink = None
        return True
    source.sink = target.write
    return False


_LONGEST_AGE = 64
"""Characters of an identifier that may be one of the system's own."""


def _age(uniqueid: str) -> tuple[float, int]:
    # "system-1795259898.16": seconds, then the running number; a caller's own id sorts last.
    seconds, _, number = uniqueid.rpartition("-")[2].partition(".")
    if len(uniqueid) < _LONGEST_AGE and seconds.isdecimal() and number.isdecimal():
        return float(seconds), int(number)
    return float("inf"), 0
