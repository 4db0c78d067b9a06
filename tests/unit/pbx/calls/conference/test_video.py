"""Whose video a conference shows: what profiles, marked users and programs say."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, run
from video_kit import VideoConference

from asterism.pbx.bridges.video import VideoMode, VideoOptions
from asterism.pbx.bridges.video_paths import ReportOptions
from asterism.pbx.calls.conference.profiles import BridgeProfile
from asterism.pbx.calls.conference.video import options_of


def test_the_options_of_a_profile() -> None:
    profile = BridgeProfile(
        "x", video_mode="sfu", video_update_discard=500, remb_send_interval=1500, remb_behavior="force",
        remb_estimated_bitrate=64000,
    )  # fmt: skip
    assert options_of(profile) == VideoOptions(VideoMode.SFU, ReportOptions(0.5, 1.5, "force", 64000))
    assert options_of(BridgeProfile("x")) == VideoOptions(VideoMode.NONE, ReportOptions(2.0, 0.0, "average", 0))


@pytest.mark.parametrize(
    ("mode", "first", "then", "left"), [("first_marked", "ann", "ann", "bob"), ("last_marked", "ann", "bob", "ann")]
)
def test_marked_users_are_shown_in_their_order(mode: str, first: str, then: str, left: str) -> None:
    async def scenario(server: FakeServer) -> None:
        room = VideoConference(server, video_mode=mode)
        await room.come("zoe")
        assert (room.shown(), room.conference.bridge.video_mode) == ("", "none")
        users = {"ann": await room.come("ann", marked=True)}
        assert room.shown() == first
        users["dave"] = await room.come("dave", marked=True, video=False)
        users["bob"] = await room.come("bob", marked=True)
        assert (room.shown(), room.conference.bridge.video_mode) == (then, "single")
        await room.go(users.pop(then))
        assert room.shown() == left
        before, after = server.fields("BridgeVideoSourceUpdate")[-1], users[left].channel.uniqueid
        assert (before["BridgeVideoSource"], room.conference.bridge.video_source) == (after, after)
        await room.go(users.pop(left))
        assert (room.shown(), room.conference.bridge.video_source) == ("", "")
        await room.end()

    run(scenario)


def test_a_source_by_hand_comes_before_the_marked_until_it_is_released() -> None:
    async def scenario(server: FakeServer) -> None:
        room = VideoConference(server, video_mode="first_marked")
        zoe, ann = await room.come("zoe"), await room.come("ann", marked=True)
        room.conference.set_video_source(zoe.channel)
        assert (room.shown(), room.conference.video.source) == ("zoe", zoe.channel)
        await room.come("bob", marked=True)
        assert room.shown() == "zoe"
        room.conference.set_video_source(None)
        assert room.shown() == "ann"
        assert (await room.come("eve", marked=True)) is not ann
        assert room.shown() == "ann"
        await room.end()

    run(scenario)


def test_a_conference_without_a_mode_knows_nothing_of_video_until_a_source_is_set() -> None:
    async def scenario(server: FakeServer) -> None:
        room = VideoConference(server)
        ann = await room.come("ann", marked=True)
        room.conference.set_video_source(None)
        assert room.conference.bridge.video is None
        stranger = server.sip.incoming("bob", "1")
        with pytest.raises(ValueError, match="is not in conference room"):
            room.conference.set_video_source(stranger)
        room.conference.set_video_source(ann.channel)
        assert room.shown() == "ann"
        (told,) = server.fields("BridgeVideoSourceUpdate")
        assert list(told)[-3:] == ["BridgeVideoSourceMode", "BridgeVideoSource", "BridgePreviousVideoSource"]
        assert (told["BridgeVideoSource"], told["BridgePreviousVideoSource"]) == (ann.channel.uniqueid, "")
        stranger.queue_hangup()
        await room.end()

    run(scenario)


def test_the_mode_of_a_profile_is_that_of_the_bridge() -> None:
    async def scenario(server: FakeServer) -> None:
        room = VideoConference(server, video_mode="follow_talker", mixing_interval=40)
        assert server.fields("ConfbridgeStart")[-1]["BridgeVideoSourceMode"] == "talker"
        await room.come("ann")
        await room.come("bob")
        assert room.conference.bridge.video_source
        await room.end()

    run(scenario)


def test_events_of_a_source_that_leaves_are_in_the_order_of_the_record() -> None:
    async def scenario(server: FakeServer) -> None:
        room = VideoConference(server)
        alice, bob = await room.come("alice"), await room.come("bob")
        room.conference.set_video_source(alice.channel)
        server.recorded.clear()
        await room.go(alice)
        await room.go(bob)
        wanted = {"BridgeLeave", "BridgeVideoSourceUpdate", "ConfbridgeLeave"}
        names = [each for each in server.names() if each in wanted]
        assert names[:2] == ["BridgeLeave", "ConfbridgeLeave"]
        assert names.index("BridgeVideoSourceUpdate") == 2, "with the next change of the bridge"
        first, second = server.fields("ConfbridgeLeave")
        assert first["BridgeVideoSource"] == alice.channel.uniqueid
        assert "BridgeVideoSource" not in second
        (update,) = server.fields("BridgeVideoSourceUpdate")
        assert update["BridgePreviousVideoSource"] == alice.channel.uniqueid
        assert (update["BridgeNumChannels"], update["BridgeVideoSourceMode"]) == ("1", "single")

    run(scenario)
