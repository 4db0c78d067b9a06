"""``holding_bridge``: each waits by itself, with music, ringing or silence; announcers are heard by all who wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.media.formats import SLIN
from asterism.media.stream import Frame
from asterism.media.translate import silence
from asterism.pbx.bridges.bridge import ANNOUNCER
from asterism.pbx.bridges.linking import apart, disconnect_channel
from asterism.pbx.bridges.member import Waiting
from asterism.pbx.channels.music.playing import music_of, start_music, stop_music
from asterism.pbx.vocabulary.controls import Control

if TYPE_CHECKING:
    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.channels.channel import Channel

_DEFAULT = Waiting()
_SILENCE = Frame(SLIN, bytes(SLIN.frame_bytes))


class HoldingBridge:
    """Members wait as their :class:`~asterism.pbx.bridges.member.Waiting` says, unless an announcer is there."""

    name: ClassVar[str] = "holding_bridge"
    kind: ClassVar[str] = "Holding"
    priority: ClassVar[int] = 50
    capacity: ClassVar[int] = 0

    __slots__ = ("_bridge", "_busy", "_entertained", "_turn")

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._entertained: dict[Channel, Waiting] = {}
        self._busy = False
        self._turn = self._send_silence

    @classmethod
    def suits(cls, bridge: Bridge) -> bool:  # noqa: ARG003 - whoever uses it has it
        """See :class:`~asterism.pbx.bridges.table.Technology`."""
        return True

    def start(self) -> None:
        """Begin with those that there are."""
        self.changed()

    def join(self, channel: Channel) -> None:
        """One more waits, or announces."""
        self.changed()

    def leave(self, channel: Channel) -> None:
        """One waits no longer; with the last announcer the others wait as before."""
        self._arrange([other for other in self._bridge.members if other is not channel], channel)

    def changed(self) -> None:
        """Have everybody hear what belongs to it now."""
        self._arrange(self._bridge.channels)

    def stop(self) -> None:
        """The bridge gives up this technology: no member waits here any more."""
        self._arrange([], *self._bridge.members)

    def _arrange(self, staying: list[Channel], *leaving: Channel) -> None:
        if self._busy:
            return  # music that starts or stops has the bridge look at its audio anew
        self._busy = True
        try:
            for channel in leaving:
                self._release(channel)
                disconnect_channel(channel)
            members = self._bridge.members
            announcers = [channel for channel in staying if ANNOUNCER in members[channel].roles]
            for channel in staying:
                stream = channel.stream
                if stream is not None:
                    stream.relay_to(None)
                    stream.sink = self._announce if channel in announcers else None
                if announcers:
                    self._release(channel)
                else:
                    self._entertain(channel, members[channel].waiting or _DEFAULT)
        finally:
            self._busy = False

    def _announce(self, frame: Frame) -> None:
        for channel, member in self._bridge.members.items():
            if ANNOUNCER not in member.roles and not apart(channel) and (stream := channel.stream) is not None:
                stream.write(frame)

    def _entertain(self, channel: Channel, waiting: Waiting) -> None:
        before = self._entertained.get(channel)
        if before is not None and before != waiting:
            self._release(channel)
            before = None
        begun = before is not None
        self._entertained[channel] = waiting
        if waiting.kind == "m":
            if not begun or music_of(channel) is None:  # its stream may be another one now
                start_music(channel, waiting.music_class)
        elif begun:
            return
        elif waiting.kind == "r":
            channel.indicate(Control.RINGING)
        elif waiting.kind == "h":
            channel.indicate(Control.HOLD, waiting.music_class or None)
        elif waiting.kind == "s":
            pbx = self._bridge.pbx
            pbx.bridges.clock.add(self._turn, pbx.log)

    def _release(self, channel: Channel) -> None:
        waiting = self._entertained.pop(channel, None)
        if waiting is None:
            return
        if waiting.kind == "m":
            stop_music(channel)
        elif waiting.kind == "r":
            channel.indicate(Control.STOP)
        elif waiting.kind == "h":
            if channel.on_hold:
                channel.indicate(Control.UNHOLD)
        elif waiting.kind == "s" and not any(other.kind == "s" for other in self._entertained.values()):
            self._bridge.pbx.bridges.clock.remove(self._turn)

    def _send_silence(self) -> None:
        for channel, waiting in self._entertained.items():
            stream = channel.stream
            if waiting.kind == "s" and stream is not None and not apart(channel):
                payload = silence(stream.format, stream.format.frame_bytes)
                stream.write(Frame(stream.format, payload) if payload else _SILENCE)
