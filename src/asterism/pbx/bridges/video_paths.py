"""The streams that carry the video of a bridge's members to each other, and what comes back on them.

A member's *screens* are its streams of video, those first that this server has not added; its *camera* is the first of
them on which it may send something. Each camera has a fan-out, and each screen is shown one camera at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from asterism.media.memory import MemoryStream
from asterism.media.stream import VIDEO

if TYPE_CHECKING:
    from asterism.media.fanout import FanOut
    from asterism.media.formats import Format
    from asterism.media.rtp import RtpSession
    from asterism.media.stream import AudioStream
    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.channels.channel import Channel

LEAST_INTERVAL = 0.1
"""Seconds between two estimates that senders are told, at least."""


class ReportOptions(NamedTuple):
    """What becomes of what the receivers of video report to its senders."""

    discard: float = 2.0
    """Seconds after a request for a whole picture in which further ones are combined into one."""
    interval: float = 0.0
    """Seconds between two estimates of bandwidth that senders are told; 0: they are told none."""
    behaviour: str = "average"
    """How they sum up the receivers' estimates: the ``average``, ``lowest`` or ``highest`` of a sender's own receivers;
    the same with ``_all``, of the receivers of all; ``force``: none of theirs counts."""
    forced: int = 0
    """Bits per second that are told with ``force``."""


def combined(options: ReportOptions, own: Sequence[int], everybody: Sequence[int]) -> int | None:
    """The bits per second that a sender is told; ``None``: nothing, because nobody has estimated anything.

    Args:
        options: how to sum up.
        own: the estimates of the sender's receivers.
        everybody: those of the receivers of all senders.
    """
    if options.behaviour == "force":
        return options.forced or None
    what, _, whose = options.behaviour.partition("_")
    found = everybody if whose else own
    if not found:
        return None
    if what == "average":
        return sum(found) // len(found)
    return min(found) if what == "lowest" else max(found)


class _Asked(NamedTuple):
    """What a driver was asked for last: it is asked once, whatever it makes of it."""

    streams: int
    """How many there were to be."""
    ending: frozenset[RtpSession]
    """Ports of those that were to end."""
    driver: object


class VideoPaths:
    """See above.

    Attributes:
        cameras: the camera of each member that has one, in the order in which they came.
        screens: the screens of each member that has video.
    """

    def __init__(self, bridge: Bridge, options: ReportOptions) -> None:
        self._bridge = bridge
        self._options = options
        self.cameras: dict[Channel, RtpSession] = {}
        self.screens: dict[Channel, list[RtpSession]] = {}
        self._own: dict[Channel, int] = {}
        """How many of its screens a member has by itself: they are not ended here."""
        self._away: set[Channel] = set()
        """Those that are by themselves for a while: their streams stay, and nothing is sent on them or taken."""
        self._fans: dict[RtpSession, FanOut] = {}
        self._everybody: dict[Channel, dict[RtpSession, Channel]] = {}
        """Whom each screen shows, where everybody is shown to everybody."""
        self._asked: dict[Channel, _Asked] = {}
        self._states: dict[RtpSession, tuple[bool, tuple[Format, ...]]] = {}
        self._unfit: set[tuple[Channel, Channel]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._pairs: set[MemoryStream] = set()
        """Ends of pairs that members have as their streams of video: the real streams are beyond them."""
        self._looks_again: asyncio.Handle | None = None

    @property
    def active(self) -> bool:
        """Whether there is more than one member with video."""
        return len(self.cameras) > 1

    # -- who is there --------------------------------------------------------------------------------------------

    def look(self, members: Sequence[Channel]) -> None:
        """Find the streams of these members, who are all that there are."""
        before = self.screens
        self.screens, self.cameras = {}, {}
        inside = self._bridge.members
        self._watch(members)
        for channel in members:
            own, added, camera = _ports(channel)
            if not own or inside[channel].deaf:
                continue
            self.screens[channel] = own + added
            self._own[channel] = len(own)
            if camera is not None:
                self.cameras[channel] = camera
        self._away = {channel for channel in self.screens if channel.away}
        for channel in [one for one in before if one not in self.screens]:
            self._forget(channel, before[channel], self._own.pop(channel), gone=channel not in members)
        cameras = set(self.cameras.values())
        for port in [one for one in self._fans if one not in cameras]:
            self._fans.pop(port).close()
        if self._options.interval and self._timer is None and self.active:
            self._later()

    def _watch(self, members: Sequence[Channel]) -> None:
        """Be told when the streams beyond the pairs of members are others."""
        pairs = {each.port for one in members for each in one.streams if isinstance(each.port, MemoryStream)}
        for pair in self._pairs - pairs:
            pair.on_path = None
        for pair in pairs - self._pairs:
            pair.on_path = self._path_changed
        self._pairs = pairs

    def _path_changed(self) -> None:
        """Look in the next pass of the loop: whoever changes it is not done yet."""
        if self._looks_again is None:
            self._looks_again = self._bridge.pbx.loop.call_soon(self._look_again)

    def _look_again(self) -> None:
        self._looks_again = None
        if self._bridge.video is not None:
            self._bridge.connect_media()

    def _forget(self, channel: Channel, ports: list[RtpSession], own: int, *, gone: bool) -> None:
        self._everybody.pop(channel, None)
        for port in ports:
            self._states.pop(port, None)
        if not gone:
            return
        self._unfit = {pair for pair in self._unfit if channel not in pair}
        if self._asked.pop(channel, None) is not None and channel.alive:
            _ask(channel, own, ports[own:], ())  # it goes on elsewhere, where there is one other at most

    # -- who is shown --------------------------------------------------------------------------------------------

    def show(self, shown: Mapping[Channel, Channel]) -> None:
        """Show members the camera of one other each, on their first screen."""
        for channel, ports in self.screens.items():
            if self._asked.pop(channel, None) is not None:
                own = self._own[channel]
                _ask(channel, own, ports[own:], ())
        self._everybody.clear()
        self._connect({self.screens[viewer][0]: source for viewer, source in shown.items() if viewer not in self._away})

    def show_everybody(self) -> None:
        """Show each member the cameras of all others, as many as it has screens, and offer it those that it lacks."""
        plan: dict[RtpSession, Channel] = {}
        for viewer, ports in self.screens.items():
            others = [channel for channel in self.cameras if channel is not viewer]
            before = self._everybody.get(viewer, {})
            own = self._own[viewer]
            added = sorted(ports[own:], key=lambda port: before.get(port) not in others)
            more = max(0, len(others) - own)
            staying = {*ports[:own], *added[:more]}
            shown = {port: before[port] for port in ports if port in staying and before.get(port) in others}
            missing = [channel for channel in others if channel not in shown.values()]
            idle = [port for port in ports if port in staying and port not in shown]
            shown.update(zip(idle, missing, strict=False))
            self._everybody[viewer] = shown
            if viewer not in self._away:
                plan.update(shown)
            ending = frozenset(added[more:])
            wanted = _Asked(own + more, ending, viewer.driver)
            if self._asked.get(viewer) != wanted and (len(ports) != wanted.streams or ending):
                self._asked[viewer] = wanted
                _ask(viewer, wanted.streams, ending, missing[len(idle) :])
        self._connect(plan)

    def _connect(self, plan: Mapping[RtpSession, Channel]) -> None:
        """Have each screen show the camera of a member, and all others nothing."""
        targets: dict[RtpSession, list[RtpSession]] = {}
        for screen, source in plan.items():
            if source in self._away:
                continue
            targets.setdefault(self.cameras[source], []).append(screen)
        for camera in self._fans.keys() - targets.keys():
            self._fans[camera].show(())
        for camera, screens in targets.items():
            fan = self._fans.get(camera)
            if fan is None:
                fan = self._fans[camera] = camera.fan_out(self._options.discard, self._tell_unfit)
            fresh = fan.show(screens)
            # One that was on hold, or takes another codec now, has missed what came before.
            changed = [self._note(screen) for screen in screens]
            if fresh or any(changed):
                fan.ask_key_frame()

    def _note(self, screen: RtpSession) -> bool:
        """Keep the state of a screen; whether it begins to be sent something by that."""
        state = screen.hold, tuple(screen.formats)
        before = self._states.get(screen)
        self._states[screen] = state
        return before is not None and before != state and not screen.hold

    def _tell_unfit(self, screen: AudioStream, fmt: Format) -> None:
        """Tell once that a member is not shown another, because it does not take its codec."""
        camera = next((port for port, fan in self._fans.items() if _shows(fan, screen)), None)
        source = next((channel for channel, port in self.cameras.items() if port is camera), None)
        viewer = next((channel for channel, ports in self.screens.items() if screen in ports), None)
        if source is None or viewer is None or (source, viewer) in self._unfit:
            return
        self._unfit.add((source, viewer))
        self._bridge.pbx.log.notice(
            "%s is not shown the video of %s in bridge %s: it does not take %s",
            viewer.name, source.name, self._bridge.uniqueid, fmt.name,
        )  # fmt: skip

    # -- what receivers report -----------------------------------------------------------------------------------

    def _later(self) -> None:
        interval = max(LEAST_INTERVAL, self._options.interval)
        self._timer = self._bridge.pbx.loop.call_later(interval, self._tell_bandwidths)

    def _tell_bandwidths(self) -> None:
        """Tell each sender what its receivers take."""
        self._timer = None
        if not self.active:
            return
        found = {fan: fan.take_bandwidths() for fan in self._fans.values()}
        everybody = [one for each in found.values() for one in each]
        for fan, own in found.items():
            bandwidth = combined(self._options, own, everybody)
            if bandwidth is not None and fan.branches:
                fan.tell_bandwidth(bandwidth)
        self._later()

    def stop(self) -> None:
        """Show nobody until the next :meth:`look`; the streams stay as they are."""
        for fan in self._fans.values():
            fan.close()
        self._fans.clear()
        self._states.clear()
        self.cameras = {}
        self._watch(())
        if self._looks_again is not None:
            self._looks_again.cancel()
            self._looks_again = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _ports(channel: Channel) -> tuple[list[RtpSession], list[RtpSession], RtpSession | None]:
    """The streams of video of a channel that it has by itself, those that were added, and its camera."""
    own: list[RtpSession] = []
    added: list[RtpSession] = []
    camera = None
    for stream in channel.streams:
        if stream.type != VIDEO or stream.port is None:
            continue
        port = stream.port
        screen, source = (port.beyond(), port.before()) if isinstance(port, MemoryStream) else (port, port)
        if screen is None or screen.closed or not hasattr(screen, "fan_out"):
            continue
        if stream.one_way:
            added.append(cast("RtpSession", screen))
            continue
        own.append(cast("RtpSession", screen))
        if camera is None and source is not None and hasattr(source, "fan_out") and stream.direction != "sendonly":
            camera = cast("RtpSession", source)
    return own, added, camera


def _shows(fan: FanOut, screen: AudioStream) -> bool:
    return any(branch.target is screen for branch in fan.branches)


def _ask(channel: Channel, count: int, ending: Collection[RtpSession], sources: Sequence[Channel]) -> None:
    """Ask a driver to have so many streams of video, where it can."""
    if not hasattr(channel.driver, "show_videos"):
        return
    codecs = next((codecs for source in sources for kind, codecs in source.offered if kind == VIDEO), ())
    channel.ask_driver("show_videos", None, count, ending, codecs)
