"""The video of a conference: whose is shown, as its profile, marked users, menus and the manager say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.media.stream import VIDEO
from asterism.pbx.bridges.video import BridgeVideo, VideoMode, VideoOptions
from asterism.pbx.bridges.video_paths import ReportOptions

if TYPE_CHECKING:
    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.calls.conference.profiles import BridgeProfile
    from asterism.pbx.calls.conference.user import User
    from asterism.pbx.channels.channel import Channel

FIRST, LAST = "first_marked", "last_marked"
_MODES = {"follow_talker": VideoMode.TALKER, "sfu": VideoMode.SFU}
"""Modes of profiles that the bridge has by itself; with others a source is set, or there is none."""


def options_of(profile: BridgeProfile) -> VideoOptions:
    """What a profile says of video, as the bridge needs it."""
    reports = ReportOptions(
        profile.video_update_discard / 1000,
        profile.remb_send_interval / 1000,
        profile.remb_behavior,
        profile.remb_estimated_bitrate,
    )
    return VideoOptions(_MODES.get(profile.video_mode, VideoMode.NONE), reports)


class ConferenceVideo:
    """The video of one conference; without a mode and a source that was set, its bridge knows nothing of video."""

    def __init__(self, bridge: Bridge, profile: BridgeProfile) -> None:
        self._bridge = bridge
        self._profile = profile
        self._marked: list[Channel] = []
        """Marked users that came with video, in that order, where one of them is the source."""
        if profile.video_mode in _MODES:
            self._begin()

    def _begin(self) -> BridgeVideo:
        video = self._bridge.video
        if video is None:
            options = options_of(self._profile)
            video = self._bridge.video = BridgeVideo(self._bridge, options, self._profile.mixing_interval / 1000)
        return video

    @property
    def source(self) -> Channel | None:
        """Whose video all are shown; ``None``: there is no such source."""
        video = self._bridge.video
        return None if video is None else video.source

    def set_source(self, channel: Channel | None) -> None:
        """Have all be shown the video of one user; ``None``: whose the profile says."""
        if channel is None:
            channel = self._chosen
            if channel is None and self._bridge.video is None:
                return
        self._begin().set_source(channel)

    @property
    def _chosen(self) -> Channel | None:
        """The marked user who is the source by the profile."""
        if not self._marked:
            return None
        return self._marked[0 if self._profile.video_mode == FIRST else -1]

    def come(self, user: User) -> None:
        """A user has come into the bridge."""
        mode = self._profile.video_mode
        if not user.marked or mode not in (FIRST, LAST) or not _has_video(user.channel):
            return
        self._marked.append(user.channel)
        if mode == LAST or self.source is None:
            self.set_source(user.channel)

    def leave(self, user: User) -> None:
        """A user has left the conference."""
        channel, video = user.channel, self._bridge.video
        if channel in self._marked:
            self._marked.remove(channel)
        if video is None:
            return
        if video.source is channel and self._chosen is not None:
            video.set_source(self._chosen)
        video.forget(channel)


def _has_video(channel: Channel) -> bool:
    return any(stream.type == VIDEO and stream.port is not None for stream in channel.streams)
