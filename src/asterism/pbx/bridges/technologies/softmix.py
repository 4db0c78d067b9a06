"""``softmix``: any number of parties, each of which hears all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.containment import FAILURES, attempt, report_failure
from asterism.media.conversion import why_none
from asterism.media.formats import SLIN
from asterism.pbx.bridges.linking import apart, disconnect_channel
from asterism.pbx.bridges.member import SPEAKS_ONLY
from asterism.pbx.bridges.mixing import PACKET_MS, Mixer, Port
from asterism.pbx.bridges.running import Running
from asterism.pbx.channels.music.playing import music_of

if TYPE_CHECKING:
    from asterism.media.stream import AudioStream
    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.bridges.mixing import Levels
    from asterism.pbx.channels.channel import Channel

RESTART_S = 5.0
"""A mix that a failure has ended begins anew, but so many seconds after it began at the earliest."""


class SoftMix:
    """Mixes the members' audio at every turn of the clock that all bridges share."""

    name: ClassVar[str] = "softmix"
    kind: ClassVar[str] = "MultiMix"
    priority: ClassVar[int] = 10
    capacity: ClassVar[int] = 0

    __slots__ = ("_began", "_bridge", "_clock", "_mixer", "_over", "_ports", "_rate", "_running", "_turn")

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._began = bridge.pbx.loop.time()
        self._over = False
        self._mixer = Mixer(bridge.mixing)
        self._clock = bridge.pbx.bridges.clock_of(min(bridge.mixing.interval, PACKET_MS))
        self._rate = self._mixer.rate
        self._running = Running(self._mixer, bridge.pbx.bridges.thread, self._fail)
        self._ports: dict[Channel, tuple[AudioStream, Port]] = {}
        self._turn = self._take_turn

    @classmethod
    def suits(cls, bridge: Bridge) -> bool:  # noqa: ARG003 - it mixes any
        """See :class:`~asterism.pbx.bridges.table.Technology`."""
        return True

    def start(self) -> None:
        """Mix those that there are."""
        self._clock.add(self._turn, self._bridge.pbx.log)
        for channel in self._bridge.members:
            self._join(channel)
        self._arrange_video()

    def join(self, channel: Channel) -> None:
        """Let one more be heard and hear, see and be seen; one without audio, as soon as it has some."""
        self._join(channel)
        self._arrange_video()

    def _join(self, channel: Channel) -> None:
        if channel.tone is not None and music_of(channel) is None:
            channel.stop_tone()
        stream = channel.stream
        if stream is None:
            return
        fmt = stream.format
        if not self._mixer.can(fmt):
            self._bridge.pbx.log.warning(
                "%s neither hears nor is heard in bridge %s: %s",
                channel.name,
                self._bridge.uniqueid,
                why_none(fmt, SLIN) or why_none(SLIN, fmt),
            )
            return
        port = self._mixer.add(fmt, stream, hears=SPEAKS_ONLY not in self._bridge.members[channel].roles)
        self._ports[channel] = (stream, port)
        stream.relay_to(None)
        self._connect(channel, stream, port)
        self._follow_rate()

    def _connect(self, channel: Channel, stream: AudioStream, port: Port) -> None:
        """Have one be heard, and hear, or not."""
        member = self._bridge.members[channel]
        deaf = member.deaf
        stream.sink = None if channel.away or member.muted or deaf else port
        port.stream = None if apart(channel) else stream
        if port.deaf is not deaf:
            self._mixer.set_deaf(port, deaf)

    def adjust(self, channel: Channel) -> None:
        """A member is muted or deaf now, or is not any more."""
        found = self._ports.get(channel)
        if found is not None:
            deaf = found[1].deaf
            self._connect(channel, *found)
            if found[1].deaf is not deaf:
                self._arrange_video()

    def reconnect(self, channel: Channel) -> None:
        """A member begins or ceases to be by itself, or to hear music."""
        found = self._ports.get(channel)
        if found is not None:
            self._connect(channel, *found)
        self._arrange_video()

    def leave(self, channel: Channel) -> None:
        """Let one go; the others go on."""
        self._arrange_video(without=channel)
        self._leave(channel)

    def _leave(self, channel: Channel) -> None:
        found = self._ports.pop(channel, None)
        if found is not None:
            self._mixer.remove(found[1])
            self._follow_rate()
        disconnect_channel(channel)

    def changed(self) -> None:
        """Re-enter members with another stream or format; members that hear music are sent nothing."""
        for channel in self._bridge.members:
            stream, port = self._ports.get(channel, (None, None))
            now = channel.stream
            if port is not None and now is stream and now is not None and now.format is port.format:
                now.relay_to(None)
                self._connect(channel, now, port)
                continue
            if port is not None:
                del self._ports[channel]
                self._mixer.remove(port)
            self._join(channel)
        self._follow_rate()
        self._arrange_video()

    def stop(self) -> None:
        """Send what is waiting, then let go of all."""
        self._over = True
        if self._bridge.video is not None:
            self._bridge.video.stop()
            self._mixer.on_levels = None
        self._clock.remove(self._turn)
        try:
            self._running.stop()
        except FAILURES:
            report_failure(self._bridge.pbx.log, f"the mix of bridge {self._bridge.uniqueid}")
        for channel in list(self._ports):
            self._leave(channel)

    def _take_turn(self) -> None:
        try:
            if self._clock.stall is not None:
                self._mixer.resume(*self._clock.stall)
            self._running.turn()
        except FAILURES as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """A turn has raised: detach all members, and have the bridge begin another mix."""
        bridge, loop = self._bridge, self._bridge.pbx.loop
        bridge.pbx.log.error("a turn of the mix of bridge %s failed", bridge.uniqueid, exc_info=error)
        if self._over:
            return
        self._over = True
        self._clock.remove(self._turn)
        self._running.drop()
        for channel in list(self._ports):
            self._leave(channel)
        bridge.forget_mixer(self)
        loop.call_at(max(loop.time(), self._began + RESTART_S), bridge.connect_media)

    def _arrange_video(self, without: Channel | None = None) -> None:
        """Show the video of members as they are now, where the bridge shows any."""
        video = self._bridge.video
        if video is not None:
            attempt(self._bridge.pbx.log, f"the video of bridge {self._bridge.uniqueid}", None, video.arrange, without)
            self._mixer.on_levels = self._hear if video.listens else None

    def _hear(self, levels: Levels) -> None:
        """Tell how loud members were in a turn."""
        video = self._bridge.video
        if video is not None:
            channels = {port: channel for channel, (_, port) in self._ports.items()}
            heard = {channels[port]: level for port, level in levels if port in channels}
            attempt(self._bridge.pbx.log, f"the video of bridge {self._bridge.uniqueid}", None, video.hear, heard)

    def _follow_rate(self) -> None:
        """After a change of the rate, connect the members' streams to their new buffers."""
        if self._mixer.rate != self._rate:
            self._rate = self._mixer.rate
            for channel, (stream, port) in self._ports.items():
                self._connect(channel, stream, port)
