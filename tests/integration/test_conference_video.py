"""Phones with video in a conference: who sees whom, in each mode, by pictures that say who sent them."""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from asterism.media import feedback
from asterism.pbx.calls.conference.conference import Conference, User
from asterism.pbx.calls.conference.profiles import BridgeProfile, UserProfile
from asterism.server.server import Server
from asterism.testing import Phone, PhoneCall, PhoneVideo, assert_idle, running_server, until

ENDPOINT = """
[{user}]
type=endpoint
context=phones
allow=!all,ulaw,{codecs}
max_video_streams={streams}
auth={user}
[{user}]
type=auth
username={user}
password=secret
"""
NAMES = ("ann", "bob", "carol", "dave")
MARKED = ("bob", "carol")


class Room:
    """A server with a conference that phones of four people call."""

    def __init__(self, server: Server, options: dict[str, Any]) -> None:
        self.server = server
        self.options = options
        self.phones: dict[str, Phone] = {}
        self.calls: dict[str, PhoneCall] = {}

        @server.pbx.extension("phones", "_80X")
        async def dial(channel: Any) -> None:
            inner = {"800": "700@phones/n", "801": "800@phones/n", "802": "700@phones"}[channel.exten]
            await channel.dial(f"Local/{inner}", 20)

        @server.pbx.extension("phones", "700")
        async def enter(channel: Any) -> None:
            channel.raw_answer()
            name = channel.name.partition("/")[2].partition("-")[0]
            profile = UserProfile("default_user", marked=name in MARKED)
            await self.conference.attend(User(channel, profile))

    @property
    def conference(self) -> Conference:
        found = self.server.pbx.conferences.get("room")
        return found or Conference(self.server.pbx, "room", BridgeProfile("brd", **self.options))

    def channel(self, name: str) -> Any:
        return next(one for one in self.conference.users if one.name.startswith(f"PJSIP/{name}-"))

    async def come(self, *names: str, video: Sequence[str] = ("H264",), most: int = 1, number: str = "700") -> None:
        for name in names:
            phone = self.phones.get(name)
            if phone is None:
                phone = self.phones[name] = Phone(name, self.server, "secret")
            phone.video, phone.most_videos = list(video), most
            call = self.calls[name] = await phone.dial(number)
            await call.answered()
            call.play()
            for one in call.videos[:1]:
                if one is not None:
                    one.show(name)

    async def go(self, name: str) -> None:
        await self.calls.pop(name).hangup()

    def video(self, name: str, index: int = 0) -> PhoneVideo:
        found = self.calls[name].videos[index]
        assert found is not None
        return found

    async def see(self, **shown: str) -> None:
        """Wait until each sees who it is to see, stream by stream; ``-``: nothing more comes."""
        for name, those in shown.items():
            for index, other in enumerate(those.split(",")):
                if other != "-":
                    await self.video(name, index).sees(other)

    def open(self, name: str) -> int:
        return sum(one is not None for one in self.calls[name].videos)

    def talk(self, name: str) -> None:
        for each, call in self.calls.items():
            if each == name:
                call.play(440)
            else:
                call.audio.stop()


@asynccontextmanager
async def room(streams: int = 1, codecs: str = "h264,vp8", **options: Any) -> AsyncIterator[Room]:
    pjsip = "".join(ENDPOINT.format(user=name, codecs=codecs, streams=streams) for name in NAMES)
    async with running_server({"pjsip.conf": pjsip, "extensions.conf": "[phones]\n"}) as server:
        one = Room(server, options)
        yield one
        for call in list(one.calls.values()):
            if not call.over:
                await call.hangup()
        for phone in one.phones.values():
            phone.close()
        await assert_idle(server)


async def test_all_see_the_talker_who_sees_the_one_before() -> None:
    async with room(video_mode="follow_talker") as one:
        await one.come("ann", "bob", "carol")
        await one.see(ann="bob", bob="ann", carol="ann")
        for talker, before in (("bob", "ann"), ("carol", "bob"), ("ann", "carol")):
            one.talk(talker)
            await one.see(**{name: before if name == talker else talker for name in ("ann", "bob", "carol")})
        await one.go("ann")
        await one.see(bob="carol", carol="bob")


def _is_shown_whole(viewer: PhoneVideo, name: str) -> bool:
    """Whether somebody's pictures come, and one of them since the last change stood alone."""
    since = itertools.takewhile(lambda each: each.name == name, reversed(viewer.seen))
    return any(each.whole for each in since)


async def test_numbers_go_on_and_a_whole_picture_comes_at_each_change() -> None:
    async with room(video_mode="follow_talker", video_update_discard=100) as one:
        await one.come("ann", "bob", "carol")
        viewer = one.video("carol")
        await one.see(carol="ann")
        viewer.seen.clear()
        for talker in ("bob", "ann"):
            before = one.video(talker).requests
            one.talk(talker)
            await until(partial(_is_shown_whole, viewer, talker))
            assert one.video(talker).requests > before
        packets = list(viewer.seen)
        assert viewer.names == ["ann", "bob", "ann"]
        assert {each.ssrc for each in packets} == {packets[0].ssrc}
        for first, second in pairwise(packets):
            assert second.sequence == (first.sequence + 1) & 0xFFFF
            step = second.timestamp - first.timestamp & 0xFFFFFFFF
            assert 0 <= step < 90000
            assert step == 0 or first.marker or first.name != second.name


@pytest.mark.parametrize(
    ("mode", "shown", "after"), [("first_marked", "bob", "carol"), ("last_marked", "carol", "bob")]
)
async def test_the_first_or_last_marked_is_shown_to_all(mode: str, shown: str, after: str) -> None:
    async with room(video_mode=mode) as one:
        await one.come("ann", "bob", "carol")
        await one.see(ann=shown, bob=shown, carol=shown)
        await one.go(shown)
        await one.see(**{"ann": after, after: after})
        assert one.conference.bridge.video_source == one.channel(after).uniqueid


async def test_nobody_is_shown_until_a_source_is_set() -> None:
    async with room() as one:
        await one.come("ann", "bob")
        await until(lambda: one.channel("ann").streams[1].port.rx_packets > 20)
        assert not one.video("bob").seen
        one.conference.set_video_source(one.channel("ann"))
        await one.see(ann="ann", bob="ann")
        one.conference.set_video_source(one.channel("bob"))
        await one.see(ann="bob", bob="bob")


async def test_each_is_shown_everybody_else_on_streams_that_are_offered() -> None:
    async with room(4, video_mode="sfu") as one:
        await one.come("ann", "bob", most=4)
        await one.see(ann="bob", bob="ann")
        await one.come("carol", "dave", most=4)
        await until(lambda: all(one.open(name) == 3 for name in NAMES))
        await one.see(ann="bob,carol,dave", bob="ann,carol,dave", carol="ann,bob,dave", dave="ann,bob,carol")
        offered = [one.video("ann", index).section.direction for index in range(3)]
        assert offered == ["sendrecv", "recvonly", "recvonly"], "what is added is only sent"
        await one.go("carol")
        await until(lambda: all(one.open(name) == 2 for name in ("ann", "bob", "dave")))
        assert one.calls["ann"].videos[1] is None, "it was offered with port 0"
        await one.video("ann", 2).sees("dave")
        await one.come("carol", most=4)
        await until(lambda: all(one.open(name) == 3 for name in NAMES))
        assert len(one.calls["ann"].videos) == 3, "the place is used again"
        await one.see(ann="bob,carol,dave")


async def test_streams_are_limited_by_the_endpoint_and_by_what_the_phone_takes() -> None:
    async with room(2, video_mode="sfu") as one:
        await one.come("ann", "bob", "carol", most=9)
        await one.come("dave", most=1)
        await until(lambda: all(one.open(name) == 2 for name in ("ann", "bob", "carol")))
        await one.see(ann="bob,carol", bob="ann,carol", carol="ann,bob", dave="ann")
        offers = [each for each in one.calls["dave"].requests if each.method == "INVITE"]
        assert len(offers) == 1, "what was refused is not offered again"
        await one.go("bob")
        await one.see(ann="dave,carol", carol="ann,dave", dave="ann")


async def test_a_phone_without_the_codec_or_without_video_is_shown_nothing() -> None:
    async with room(video_mode="follow_talker") as one:
        await one.come("ann")
        await one.come("bob", video=["VP8"])
        await one.come("carol")
        await one.come("dave", video=[])
        await one.see(carol="ann")
        assert one.calls["dave"].videos == []
        one.talk("dave")
        await one.calls["ann"].hears(440)
        await one.see(carol="ann")
        assert not one.video("bob").seen


async def test_hold_ends_what_a_phone_is_sent_and_its_end_brings_a_whole_picture() -> None:
    async with room(video_mode="last_marked", video_update_discard=0) as one:
        await one.come("ann", "bob")
        await one.see(ann="bob")
        call, section = one.calls["ann"], one.video("ann").section
        section.direction = "sendonly"
        await call.hold()
        one.video("ann").seen.clear()
        await until(lambda: one.channel("bob").streams[1].port.rx_packets > 60)
        assert len(one.video("ann").seen) <= 2, "what was under way"
        before = one.video("bob").requests
        section.direction = "sendrecv"
        await call.unhold()
        await one.video("ann").sees_whole()
        assert one.video("bob").requests > before


async def test_what_receivers_report_reaches_the_present_source() -> None:
    async with room(
        video_mode="last_marked", video_update_discard=0, remb_send_interval=100, remb_behavior="lowest"
    ) as one:
        await one.come("ann", "bob", "carol")
        await one.see(ann="carol", bob="carol")
        source = one.video("carol")
        before = source.requests
        one.video("ann").ask_whole()
        await until(lambda: source.requests > before)
        for name, bandwidth in (("ann", 400_000), ("bob", 250_000)):
            viewer = one.video(name)
            viewer.report(feedback.bandwidth_estimate(viewer.ssrc, viewer.seen[-1].ssrc, bandwidth))
        told: list[int] = []

        def estimated() -> bool:
            for data in source.controls:
                told.extend(feedback.bandwidth_of(each) for each in feedback.parse(data) if each.kind == feedback.REMB)
            return 250_000 - 255 <= min(told, default=0) <= 250_000

        await until(estimated)
        viewer = one.video("ann")
        last = viewer.seen[-1]
        nack = struct.pack("!HH", last.sequence, 0)
        source.controls.clear()
        viewer.report(feedback.build(feedback.Feedback(feedback.NACK, last.ssrc, nack), 1, last.ssrc, int))
        await until(
            lambda: any(each.kind == feedback.NACK for data in source.controls for each in feedback.parse(data))
        )
        assert not any(
            each.kind == feedback.NACK for data in one.video("bob").controls for each in feedback.parse(data)
        )


async def test_a_phone_that_dials_without_video_adds_it_later() -> None:
    """It is nobody's business before, and takes part as soon as it is there."""
    async with room(video_mode="follow_talker") as one:
        await one.come("ann", "bob")
        await one.come("carol", video=[])
        await one.see(ann="bob", bob="ann")
        call = one.calls["carol"]
        call.phone.video = ["H264"]
        call.add_video()
        await call.reinvite()
        one.video("carol").show("carol")
        await one.see(carol="ann")
        one.talk("carol")
        await one.see(ann="carol", bob="carol", carol="ann")


@pytest.mark.parametrize("number", ["800", "801", "802"])
async def test_who_comes_through_local_channels_sees_and_is_seen(number: str) -> None:
    """Through one, through two in a row, and through one that leaves the call, as dialplans call conferences."""
    async with room(video_mode="follow_talker", video_update_discard=0) as one:
        await one.come("ann", "bob")
        await one.come("carol", number=number)
        await one.see(ann="bob", bob="ann", carol="ann")
        one.talk("carol")
        await one.see(ann="carol", bob="carol", carol="ann")
        source = one.video("carol")
        before = source.requests
        one.video("bob").ask_whole()
        await until(lambda: source.requests > before)
        # On hold nothing more is shown to her, and afterwards a whole picture first.
        call, section = one.calls["carol"], source.section
        section.direction = "sendonly"
        await call.hold()
        section.direction = "sendrecv"
        await call.unhold()
        await source.sees_whole()
        await one.see(ann="carol", bob="carol", carol="ann")
        await one.go("carol")
        await one.see(ann="bob", bob="ann")


async def test_two_who_come_through_local_channels_see_each_other() -> None:
    async with room(video_mode="follow_talker") as one:
        await one.come("ann", "bob", number="800")
        await one.see(ann="bob", bob="ann")
        await one.go("bob")
        await one.come("carol", number="801")
        await one.see(ann="carol", carol="ann")


async def test_comings_and_goings_leave_nothing() -> None:
    async with room(4, video_mode="sfu") as one:
        await one.come("ann", most=4)
        for _ in range(6):
            await one.come("bob", "carol", most=4)
            await one.go("bob")
            await one.come("dave", most=4)
            await asyncio.gather(one.go("dave"), one.go("carol"))
        await until(lambda: one.open("ann") == 1)
        assert len(one.calls["ann"].videos) <= 3
        video = one.conference.bridge.video
        assert video is not None
        assert len(video._paths._fans) <= 1
