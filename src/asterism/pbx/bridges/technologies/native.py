"""``native_rtp``: two RTP streams of one format whose packets need no inspection."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.media.memory import MemoryStream
from asterism.pbx.bridges.direct import DirectMediaPair
from asterism.pbx.bridges.technologies.simple import SimpleBridge

if TYPE_CHECKING:
    from asterism.pbx.bridges.bridge import Bridge


class NativeRtp(SimpleBridge):
    """Packets are passed on as they are: relayed here, or sent by the far ends to each other.

    The relay stays while they are: it carries what is still under way, and is there when they come back.
    """

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

    def changed(self) -> None:
        """Connect the streams as they are now, and have the two send where they best do."""
        before = self.relayed
        super().changed()
        bridge = self._bridge
        if len(bridge.members) != 2:
            return
        log = bridge.pbx.log
        if log.verbosity >= 4 and self.relayed and not before:
            first, second = bridge.members
            log.verbose(4, "Locally RTP bridged '%s' and '%s' in stack", second.name, first.name)
        if self.direct is None:
            for channel in bridge.members:
                # Nearly every call is one or the other: what the options forbid costs no more than this.
                if not getattr(channel.driver, "may_move", False):
                    return
            self.direct = DirectMediaPair(bridge)
        self.direct.arrange()

    def stop(self) -> None:
        """Part the two; they send here again before."""
        if self.direct is not None:
            self.direct.end()
        super().stop()
