"""Two baresip phones that send VP8 and one that only looks: a room that follows the talker, and one of everybody."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from peers import LIMIT, Baresip, own_host, server_process
from server_process import ServerProcess

from asterism.testing import Phone, PhoneVideo, until

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 700,1,Answer()
 same => n,ConfBridge(room,brd,usr)
"""
CONFBRIDGE = """
[general]
[brd]
type=bridge
video_mode={mode}
video_update_discard=500
[usr]
type=user
quiet=yes
"""
CAROL = """
[103]
type=endpoint
context=phones
allow=!all,ulaw,vp8
max_video_streams=3
auth=103
[103]
type=auth
username=103
password=secret103
"""
START = b"\x9d\x01\x2a"
"""What a whole picture of VP8 begins with, before its size (RFC 6386 9.1)."""


def sizes(video: PhoneVideo) -> list[tuple[int, int]]:
    """The sizes of the whole pictures that were seen, each change once."""
    found: list[tuple[int, int]] = []
    for payload in video.payloads:
        at = payload.find(START, 0, 20)
        if at > 0:
            width, height = (one & 0x3FFF for one in struct.unpack_from("<HH", payload, at + 3))
            if found[-1:] != [(width, height)]:
                found.append((width, height))
    return found


def _decodes(phone: Baresip, size: str) -> bool:
    return f"receiving with resolution {size} " in phone.log()


@dataclass
class World:
    """The server, both baresip phones in the room, and a simulated one."""

    server: ServerProcess
    ann: Baresip
    bob: Baresip
    carol: Phone


@asynccontextmanager
async def world(root: Path, mode: str, options: str = "") -> AsyncIterator[World]:
    host = own_host()
    files = {"confbridge": CONFBRIDGE.format(mode=mode)}
    async with (
        server_process(
            root / "server", host, EXTENSIONS, CAROL, options="allow=!all,ulaw,vp8\n" + options, files=files
        ) as server,
        Baresip(root / "ann", "101", host, 440, video="320x240") as ann,
        Baresip(root / "bob", "102", host, 660, video="176x144") as bob,
        Phone("103", (host, 5060), "secret103") as carol,
    ):
        for phone in (ann, bob):
            await phone.registered()
            phone.command("dial", f"sip:700@{host}")
            await phone.event("CALL_ESTABLISHED")
        carol.video = ["VP8"]
        yield World(server, ann, bob, carol)
        ann.command("hangup")
        bob.command("hangup")
        await bob.event("CALL_CLOSED")


async def test_all_see_who_talks(tmp_path: Path) -> None:
    async with world(tmp_path, "follow_talker") as one:
        server, ann, bob, carol = one.server, one.ann, one.bob, one.carol
        call = await carol.dial("700")
        await call.answered()
        call.play()
        bob.command("mute")
        await until(lambda: sizes(call.video)[-1:] == [(320, 240)], LIMIT, lambda: f"{sizes(call.video)}")
        ann.command("mute")
        bob.command("mute")
        await until(lambda: sizes(call.video)[-1:] == [(176, 144)], LIMIT, lambda: f"{sizes(call.video)}")
        shown = server.rx("bridge show all").stdout.splitlines()[1].split()[0]
        assert "Video-Mode: talker" in server.rx(f"bridge show {shown}").stdout
        for phone, size in ((ann, "176 x 144"), (bob, "320 x 240")):
            await until(partial(_decodes, phone, size), LIMIT, phone.story)
        packets = list(call.video.seen)
        assert len({one.ssrc for one in packets}) == 1
        assert all((after.sequence - before.sequence) & 0xFFFF == 1 for before, after in pairwise(packets))
        await call.hangup()


async def test_each_is_shown_all_others_as_far_as_the_phones_go(tmp_path: Path) -> None:
    """The foreign phones have one stream of video each, and go on with it when they are offered another."""
    async with world(tmp_path, "sfu", "max_video_streams=3\n") as one:
        one.carol.most_videos = 3
        call = await one.carol.dial("700")
        await call.answered()
        await until(lambda: len([each for each in call.videos if each is not None]) == 2, LIMIT)

        def seen() -> list[list[tuple[int, int]]]:
            return [[] if each is None else sizes(each) for each in call.videos]

        await until(lambda: seen() == [[(320, 240)], [(176, 144)]], LIMIT, lambda: f"{seen()}")
        for phone, size in ((one.ann, "176 x 144"), (one.bob, "320 x 240")):
            await until(partial(_decodes, phone, size), LIMIT, phone.story)
        await call.hangup()
