"""``native_rtp``: two RTP streams of one format whose packets nobody has to look into."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.media.memory import MemoryStream
from asterism.pbx.bridges.technologies.simple import SimpleBridge

if TYPE_CHECKING:
    from asterism.pbx.bridges.bridge import Bridge


class NativeRtp(SimpleBridge):
    """Packets are passed on as they are: relayed here, or sent by the phones to each other."""

    name: ClassVar[str] = "native_rtp"
    kind: ClassVar[str] = "Native"
    priority: ClassVar[int] = 90

    __slots__ = ()

    @classmethod
    def suits(cls, bridge: Bridge) -> bool:
        """See :class:`~asterism.pbx.bridges.table.Technology`."""
        if len(bridge.members) != 2:
            return False
        fmt = None
        for member in bridge.members.values():
            stream = member.channel.stream
            if stream is None or isinstance(stream, MemoryStream) or member.features or member.channel.shows_simple:
                return False
            if fmt is not None and stream.format is not fmt:
                return False
            fmt = stream.format
        return True
