"""Echo and StreamEcho, with a phone, and with streams other than audio."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from ivr_kit import ivr
from rtp_kit import Peer, make_media

from asterism.media.formats import PASSED, ULAW
from asterism.media.payload_types import PayloadTypes
from asterism.media.stream import AUDIO, VIDEO, ChannelStream
from asterism.pbx.dialplan.applications.echo import _Back

DIALPLAN = """
exten => 600,1,Answer()
 same => n,{application}({args})
 same => n,NoOp(over)
"""


@pytest.mark.parametrize("application", ["Echo", "StreamEcho"])
async def test_a_phone_hears_itself_until_the_key(application: str) -> None:
    async with ivr(DIALPLAN.format(application=application, args="")) as world:
        call = await world.dial("600")
        call.play(700)
        await call.hears(700)
        call.send_digits("7")
        await call.audio.hears_digits("7")
        await call.hears(700)
        call.send_digits("#")
        await call.ended()
        assert any("NoOp(over)" in line for line in world.events)


async def test_further_streams_are_not_asked_for() -> None:
    async with ivr(DIALPLAN.format(application="StreamEcho", args="2,video")) as world:
        call = await world.dial("600")
        call.play(700)
        await call.hears(700)
        assert any("no further streams" in line for line in world.told())
        await call.hangup()


async def test_video_comes_back_packet_by_packet() -> None:
    media = make_media()
    sound, picture = Peer(), Peer()
    sessions = [media.open_rtp("127.0.0.1"), media.open_rtp("127.0.0.1")]
    for session, peer, code, fmt in zip(
        sessions, (sound, picture), (0, 99), (ULAW, PASSED["video"]["h264"]), strict=True
    ):
        session.set_formats(PayloadTypes(((code, fmt),)))
        session.set_remote(*peer.address)
    streams = [ChannelStream(AUDIO, sessions[0]), ChannelStream(VIDEO, sessions[1])]
    channel: Any = SimpleNamespace(streams=streams, stream=sessions[0])
    back = _Back(channel)
    back.begin()
    picture.send(sessions[1], b"first", 99, timestamp=9000)
    picture.send(sessions[1], b"last", 0x80 | 99, timestamp=9000)
    packets = [await picture.receive(), await picture.receive()]
    assert [(header[1], body) for header, body in packets] == [(99, b"first"), (0x80 | 99, b"last")]
    assert packets[0][0][3] == packets[1][0][3]  # one picture, one time
    sound.send(sessions[0])
    assert (await sound.receive())[1] == b"\x55" * 160
    back.stop()
    picture.send(sessions[1], b"more", 99)
    assert await picture.silent()
    for session in sessions:
        session.close()
    await asyncio.sleep(0)
