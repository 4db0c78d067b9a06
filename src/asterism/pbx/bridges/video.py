"""Which member's video goes to whom, in a bridge of any number of members.

The bridge has one source, of which all are shown the video, or each is shown everybody else at a time, or nobody is
shown anybody. What this module decides is carried out by :mod:`asterism.pbx.bridges.video_paths`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from asterism.pbx.bridges.floor import Floor
from asterism.pbx.bridges.video_paths import ReportOptions, VideoPaths
from asterism.pbx.vocabulary import events

if TYPE_CHECKING:
    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.channels.channel import Channel


class VideoMode(StrEnum):
    """Whose video is shown, in the words of events and listings."""

    NONE = "none"
    """Nobody's."""
    SINGLE = "single"
    """That of one member, who was chosen: also to itself."""
    TALKER = "talker"
    """That of whoever talks; the talker is shown who talked before."""
    SFU = "sfu"
    """That of everybody to everybody else, each in a stream of its own."""


Member = TypeVar("Member")


def one_for_all(
    viewers: Sequence[Member], source: Member | None, previous: Member | None = None
) -> dict[Member, Member]:
    """Whose video each is shown where there is one source; the source is shown ``previous``, or itself.

    Args:
        viewers: everybody who can be shown something.
        source: who is shown to all others; ``None``: nobody is.
        previous: who is shown to the source.
    """
    if source is None:
        return {}
    shown = dict.fromkeys(viewers, source)
    if source in shown and previous is not None:
        shown[source] = previous
    return shown


class VideoOptions(NamedTuple):
    """What there is to choose for the video of a bridge."""

    mode: VideoMode = VideoMode.NONE
    reports: ReportOptions = ReportOptions()
    """What becomes of what receivers report."""


class BridgeVideo:
    """The video of one bridge, of which ``bridge.video`` refers to it."""

    def __init__(self, bridge: Bridge, options: VideoOptions, interval: float = 0.02) -> None:
        """Begin in the mode of the options; ``interval`` is that of the turns of the mix in seconds."""
        self._bridge = bridge
        self._paths = VideoPaths(bridge, options.reports)
        self._options = options
        self._floor: Floor[Channel] = Floor(interval)
        self._previous: Channel | None = None
        self._told = ""
        self.mode = options.mode
        self.source: Channel | None = None
        """Who is shown to all others, where there is one source."""

    @property
    def source_id(self) -> str:
        """The uniqueid of the source; empty without one."""
        return "" if self.source is None else self.source.uniqueid

    @property
    def listens(self) -> bool:
        """Whether it is to be told how loud each member is at every turn (:meth:`hear`)."""
        return self.mode is VideoMode.TALKER and self._paths.active

    # -- what is chosen ------------------------------------------------------------------------------------------

    def set_source(self, channel: Channel | None) -> None:
        """Have the video of one member be shown to all; ``None``: as the options say. Publishes it.

        Where these say that nobody is shown, the mode stays as it is, without a source.
        """
        self._previous = None
        self._floor.holder = None
        if channel is None:
            if self._options.mode is not VideoMode.NONE:
                self.mode = self._options.mode
            self._change(None)
        else:
            self.mode = VideoMode.SINGLE
            self._change(channel)
        self._bridge.connect_media()

    def forget(self, channel: Channel) -> None:
        """A member has left for good; that it was the source is told with the next change of the bridge."""
        if self.source is channel:
            self.source = None
        if self._previous is channel:
            self._previous = None

    def tell(self) -> None:
        """Publish the source, if it is another one than was told last."""
        now = self.source_id
        if now != self._told:
            before, self._told = self._told, now
            self._bridge.pbx.bus.publish(events.BRIDGE_VIDEO_SOURCE_UPDATE, self._bridge, before)

    def _change(self, source: Channel | None) -> None:
        self.source = source
        self.tell()

    # -- what happens --------------------------------------------------------------------------------------------

    def hear(self, said: Mapping[Channel, float]) -> None:
        """A turn of the mix: the mean absolute samples of those who said something."""
        if self._floor.hear(said):
            self.arrange()

    def arrange(self, without: Channel | None = None) -> None:
        """Show the video of members as they are now; ``without`` is one that is about to leave."""
        members = [channel for channel in self._bridge.members if channel is not without]
        paths = self._paths
        paths.look(members)
        if self.mode is VideoMode.SFU:
            paths.show_everybody()
            return
        if self.mode is VideoMode.TALKER:
            self._follow_talker()
        if self.source in paths.cameras:
            paths.show(one_for_all(list(paths.screens), self.source, self._previous))
        else:
            paths.show({})

    def _follow_talker(self) -> None:
        """Choose the source among those that have video: who has the floor, or was shown, or came first."""
        floor, cameras = self._floor, list(self._paths.cameras)
        floor.watch(cameras)
        before, previous = self.source, self._previous
        source = floor.holder
        if source is None:
            source = before if before in cameras else previous if previous in cameras else None
        if source is None and cameras:
            source = cameras[0]
        if source is not before and before in cameras:
            previous = before
        if previous is source or previous not in cameras:
            previous = next((channel for channel in cameras if channel is not source), None)
        self._previous = previous
        if source is not before:
            self._change(source)

    def stop(self) -> None:
        """Show nobody's video until it is arranged again: nobody is there, or the bridge is over."""
        self._paths.stop()
        self._previous = None
        if self.mode is VideoMode.TALKER:
            self.source = None
