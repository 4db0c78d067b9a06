"""Members with video, where only who sees whom matters: ports that keep what they are shown, and their drivers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fake_technology import FakeDriver, FakeServer, FakeStream, settle

from asterism.media.formats import PASSED, ULAW, Format
from asterism.media.stream import AUDIO, VIDEO, ChannelStream
from asterism.pbx.bridges.bridge import MIXING, Bridge
from asterism.pbx.bridges.video import BridgeVideo, VideoMode, VideoOptions
from asterism.pbx.bridges.video_paths import ReportOptions
from asterism.pbx.calls.conference.conference import Conference, User
from asterism.pbx.calls.conference.profiles import BridgeProfile, UserProfile
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.party import PartyId

H264 = PASSED["video"]["h264"]


class Branch:
    def __init__(self, target: Camera) -> None:
        self.target = target


class Fan:
    """A fan-out that only notes whom it shows."""

    def __init__(self, source: Camera, interval: float, unfit: Any) -> None:
        self.source, self.interval, self.unfit = source, interval, unfit
        self.branches: list[Branch] = []
        self.asked = 0
        self.bandwidths: list[int] = []
        self.told: list[int] = []
        self.closed = False

    def show(self, targets: Collection[Camera]) -> bool:
        fresh = [one for one in targets if one.shown is not self.source]
        for branch in self.branches:
            if branch.target not in targets and branch.target.shown is self.source:
                branch.target.shown = None
        for one in targets:
            one.shown = self.source
        self.branches = [Branch(one) for one in targets]
        return bool(fresh)

    def ask_key_frame(self, full: bool = False) -> None:
        self.asked += 1

    def take_bandwidths(self) -> list[int]:
        found, self.bandwidths = self.bandwidths, []
        return found

    def tell_bandwidth(self, bandwidth: int) -> None:
        self.told.append(bandwidth)

    def close(self) -> None:
        self.show(())
        self.closed = True


class Camera(FakeStream):
    """A stream of video."""

    def __init__(self, name: str, fmt: Format = H264) -> None:
        super().__init__(fmt)
        self.name = name
        self.shown: Camera | None = None
        self.fans: list[Fan] = []

    def fan_out(self, interval: float, unfit: Any) -> Fan:
        self.fans.append(Fan(self, interval, unfit))
        return self.fans[-1]

    @property
    def fan(self) -> Fan:
        return self.fans[-1]


class Stream(ChannelStream):
    """A stream of video, maybe one that was added, or on which nothing comes."""

    def __init__(self, port: Camera, added: bool, looks: bool) -> None:
        super().__init__(VIDEO, port)
        self.one_way = added
        self._looks = looks

    @property
    def direction(self) -> str:
        return "sendonly" if self.one_way or self._looks else "sendrecv"


class Phone(FakeDriver):
    """A far end with video, which takes streams that it is offered up to a number."""

    most = 1
    offered: Any = ()

    def __init__(self, technology: Any) -> None:
        super().__init__(technology)
        self.videos: list[Camera] = []
        self.own = 1
        """How many of its streams it has had by itself."""
        self.looks = False
        """Whether it only receives."""
        self.asked: list[tuple[int, int]] = []
        self.takes = True

    @property
    def streams(self) -> tuple[ChannelStream, ...]:
        videos = [Stream(one, index >= self.own, self.looks) for index, one in enumerate(self.videos)]
        return (ChannelStream(AUDIO, self.media), *videos)

    def show_videos(self, count: int, ending: Collection[Any], codecs: Any) -> None:
        self.asked.append((count, len(ending)))
        if self.takes and self.channel is not None:
            self.channel.pbx.loop.call_soon(self.take, count, list(ending))

    def take(self, count: int, ending: list[Any]) -> None:
        self.videos = [one for one in self.videos if one not in ending]
        del self.videos[count:]
        while len(self.videos) < min(count, self.most):
            self.videos.append(Camera(f"{self.videos[0].name} {len(self.videos)}"))
        if self.channel is not None and self.channel.bridge is not None:
            self.channel.bridge.connect_media()


class Room:
    """A bridge that mixes, with phones."""

    def __init__(self, server: FakeServer, mode: VideoMode, reports: ReportOptions | None = None) -> None:
        self.server = server
        self.bridge = Bridge(server.pbx, uses=MIXING, kind="base", name="room", dissolve=False, permanent=True)
        self.bridge.video = self.video = BridgeVideo(self.bridge, VideoOptions(mode, reports or ReportOptions()))
        self.phones: dict[str, Channel] = {}

    def come(self, *names: str, video: bool = True, most: int = 1) -> None:
        for name in names:
            driver = Phone(self.server.sip)
            driver.media = FakeStream(ULAW)
            driver.most = most
            if video:
                driver.videos.append(Camera(name))
            channel = self.server.pbx.create_channel(
                self.server.sip, f"PJSIP/{name}", driver, state=ChannelState.UP, caller=PartyId(name, name),
                context="internal", exten="1", dialed="1",
            )  # fmt: skip
            driver.channel = channel
            self.phones[name] = channel
            self.bridge.enter(channel, on_leave=lambda _bridge, _leaver: None)

    def go(self, name: str) -> None:
        self.bridge.depart(self.phones.pop(name))

    def phone(self, name: str) -> Phone:
        driver = self.phones[name].driver
        assert isinstance(driver, Phone)
        return driver

    def sees(self) -> dict[str, str]:
        """What each phone is shown, screen by screen: the names of cameras."""
        return {
            name: ",".join("-" if one.shown is None else one.shown.name for one in self.phone(name).videos)
            for name in self.phones
        }


class VideoConference:
    """A conference of phones with video."""

    def __init__(self, server: FakeServer, **options: Any) -> None:
        self.server = server
        self.conference = Conference(server.pbx, "room", BridgeProfile("brd", **options))

    async def come(self, name: str, *, video: bool = True, **flags: Any) -> User:
        driver = Phone(self.server.sip)
        driver.media = FakeStream(ULAW)
        if video:
            driver.videos.append(Camera(name))
        channel = self.server.pbx.create_channel(
            self.server.sip, f"PJSIP/{name}", driver, state=ChannelState.UP, caller=PartyId(name, name),
            context="internal", exten="1", dialed="1",
        )  # fmt: skip
        driver.channel = channel
        user = User(channel, UserProfile("default_user", **flags))

        async def body(_: Any) -> None:
            await self.conference.attend(user)

        self.server.pbx.start(channel, body)
        await settle()
        return user

    async def go(self, user: User) -> None:
        user.channel.queue_hangup()
        await settle()

    def shown(self) -> str:
        """The name of the camera that everybody is shown."""
        drivers = [user.channel.driver for user in self.conference.users.values()]
        cameras = {port.shown for driver in drivers if isinstance(driver, Phone) for port in driver.videos}
        (one,) = cameras or {None}
        return "" if one is None else one.name

    async def end(self) -> None:
        self.conference.end()
        await settle()
        assert not self.server.pbx.bridges
