"""What is made of the reports of receivers, and what is told of codecs that do not fit."""

from __future__ import annotations

import logging
import random

import pytest
from fake_technology import FakeServer, FakeStream, run, settle
from video_kit import H264, Camera, Phone, Room

from asterism.media.formats import PASSED, ULAW
from asterism.pbx.bridges.video import VideoMode
from asterism.pbx.bridges.video_paths import ReportOptions, combined
from asterism.testing import until

OWN, ALL = [100, 400], [100, 400, 10, 900]


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        ("average", 250), ("lowest", 100), ("highest", 400), ("average_all", 352), ("lowest_all", 10),
        ("highest_all", 900), ("force", 7000),
    ],
)  # fmt: skip
def test_estimates_are_summed_up_as_the_option_says(behaviour: str, told: int) -> None:
    options = ReportOptions(behaviour=behaviour, forced=7000)
    assert combined(options, OWN, ALL) == told
    alone = combined(options, [], ALL)
    assert alone == (told if behaviour.endswith("_all") or behaviour == "force" else None)
    assert combined(options, [], []) == (7000 if behaviour == "force" else None)
    assert combined(ReportOptions(behaviour="force"), OWN, ALL) is None


def test_senders_are_told_every_interval() -> None:
    async def scenario(server: FakeServer) -> None:
        room = Room(server, VideoMode.TALKER, ReportOptions(interval=0.1, behaviour="lowest_all"))
        began = server.pbx.loop.time()
        room.come("ann", "bob", "carol")
        ann, bob = (room.phone(name).videos[0].fan for name in ("ann", "bob"))
        ann.bandwidths, bob.bandwidths = [500, 300], [900]
        await until(lambda: bob.told)
        assert server.pbx.loop.time() - began >= 0.099
        assert (ann.told, bob.told) == ([300], [300])
        room.go("bob")
        room.go("carol")
        paths = room.video._paths
        await until(lambda: paths._timer is None)
        room.bridge.dismiss()
        await settle()

    run(scenario)


def test_a_codec_that_does_not_fit_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(server: FakeServer) -> None:
        room = Room(server, VideoMode.TALKER)
        room.come("ann", "bob")
        ann, bob = (room.phone(name).videos[0] for name in ("ann", "bob"))
        server.log.propagate = True
        server.log.parent = logging.getLogger()
        for _ in range(3):
            ann.fan.unfit(bob, PASSED["video"]["vp8"])
            room.bridge.connect_media()
        lines = [one.getMessage() for one in caplog.records if "not shown" in one.getMessage()]
        assert len(lines) == 1
        assert room.phones["bob"].name in lines[0]
        assert "vp8" in lines[0]
        room.bridge.dismiss()
        await settle()

    run(scenario)


def test_who_has_left_is_forgotten() -> None:
    async def scenario(server: FakeServer) -> None:
        room = Room(server, VideoMode.SFU)
        room.come("ann", "bob", "carol", most=9)
        await settle()
        bob = room.phones["bob"]
        room.phone("ann").videos[0].fan.unfit(room.phone("bob").videos[0], H264)
        room.go("bob")
        await settle()
        paths = room.video._paths
        for table in (paths.cameras, paths.screens, paths._everybody, paths._asked):
            assert len(table) == 2
            assert bob not in table
        assert len(paths._fans) == 2
        assert not paths._unfit
        room.bridge.dismiss()
        await settle()

    run(scenario)


def test_another_far_end_is_offered_its_streams_and_the_others_are_left_alone() -> None:
    """A transfer into the room takes everybody's audio apart for a moment (``disconnect_media``)."""

    async def scenario(server: FakeServer) -> None:
        room = Room(server, VideoMode.SFU)
        room.come("ann", "bob", "carol", most=9)
        await settle()
        asked = room.phone("bob").asked[:]
        room.bridge.disconnect_media()
        other = Phone(server.sip)
        other.media, other.most, other.videos = FakeStream(ULAW), 9, [Camera("zoe")]
        other.channel = room.phones["ann"]
        room.phones["ann"].driver = other
        room.bridge.connect_media()
        await settle()
        assert room.sees() == {"ann": "bob,carol", "bob": "zoe,carol", "carol": "zoe,bob"}
        assert (other.asked, room.phone("bob").asked) == ([(2, 0)], asked)
        room.bridge.dismiss()
        await settle()

    run(scenario)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_each_is_shown_every_other_once(seed: int) -> None:
    async def scenario(server: FakeServer) -> None:
        rng = random.Random(seed)
        room = Room(server, VideoMode.SFU)
        for step in range(60):
            names = list(room.phones)
            what = rng.randrange(6)
            if what < 2 or len(names) < 2:
                if len(names) < 7:
                    room.come(f"p{step}", most=9, video=rng.random() < 0.9)
            elif what == 2:
                room.go(rng.choice(names))
            elif what == 3:
                room.bridge.set_away(room.phones[rng.choice(names)], rng.random() < 0.5)
            elif what == 4:
                room.video.set_source(rng.choice([None, *room.phones.values()]))
            else:
                room.bridge.connect_media()
            if rng.random() < 0.5:
                await settle()
        room.video.set_source(None)
        for channel in room.phones.values():
            room.bridge.set_away(channel, False)
        await settle(40)
        sees = {name: shown.split(",") for name, shown in room.sees().items() if shown}
        for name, shown in sees.items():
            others = sorted(one for one in sees if one != name)
            assert sorted(shown) == (others or [shown[0]]), sees
        room.bridge.dismiss()
        await settle()

    run(scenario)


def test_what_is_over_is_forgotten() -> None:
    async def scenario(server: FakeServer) -> None:
        room = Room(server, VideoMode.SFU)
        room.come("ann", "bob", "carol", most=9)
        await settle()
        cameras = [room.phone(name).videos[0] for name in ("ann", "bob", "carol")]
        room.bridge.dismiss()
        await settle()
        assert all(camera.fan.closed for camera in cameras)
        assert room.bridge.video is None

    run(scenario)
