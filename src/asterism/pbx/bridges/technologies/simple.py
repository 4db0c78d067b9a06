"""``simple_bridge``: two parties that hear each other, translated where their formats differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.pbx.bridges.linking import connect_channels, disconnect_channel
from asterism.pbx.channels.music.playing import music_of

if TYPE_CHECKING:
    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.bridges.direct import DirectMediaPair
    from asterism.pbx.channels.channel import Channel


class SimpleBridge:
    """Two parties. Packets are still relayed inside the media layer where they need no inspection."""

    name: ClassVar[str] = "simple_bridge"
    kind: ClassVar[str] = "1to1Mix"
    priority: ClassVar[int] = 50
    capacity: ClassVar[int] = 2

    __slots__ = ("_bridge", "direct", "relayed")

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self.direct: DirectMediaPair | None = None
        """Has the two exchange their packets themselves, where a technology does that."""
        self.relayed = False
        """Whether packets go from party to party inside the media layer."""

    @classmethod
    def suits(cls, bridge: Bridge) -> bool:
        """See :class:`~asterism.pbx.bridges.table.Technology`."""
        return len(bridge.members) <= 2

    def start(self) -> None:
        """Connect the streams, once there are two."""
        self.changed()

    def join(self, channel: Channel) -> None:
        """With the second party the audio is connected."""
        self.changed()

    def leave(self, channel: Channel) -> None:
        """Part the two."""
        self.stop()

    def changed(self) -> None:
        """Connect the streams as they are now."""
        channels = self._bridge.channels
        if len(channels) != 2:
            return
        for channel in channels:
            if channel.tone is not None and music_of(channel) is None:
                channel.stop_tone()
        self.relayed = connect_channels(*channels)

    def stop(self) -> None:
        """Part the two."""
        self.relayed = False
        for channel in self._bridge.members:
            disconnect_channel(channel)
