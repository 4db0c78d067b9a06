"""Options of endpoints about media, in whole calls."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from call_kit import CONFIG, RELAYED, two_phones

from asterism.testing import until

PJSIP = (
    RELAYED["pjsip.conf"]
    + """
[101](+)
rtp_port_start=31900
rtp_port_end=31999
tos_audio=ef
cos_audio=5
rtp_keepalive=1
"""
)


async def test_ports_marks_and_keep_alives_of_an_endpoint():
    async with two_phones({"pjsip.conf": PJSIP}) as world:
        call, incoming = await world.connect()
        ours = {call.remote_description.port: "ann", incoming.remote_description.port: "bob"}
        sessions: dict[str, Any] = {ours[one.local[1]]: one for one in world.server.media.sessions}
        assert 31900 <= sessions["ann"].local[1] < 31999
        tos = {name: one._socket.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) for name, one in sessions.items()}
        assert tos == {"ann": 0xB8, "bob": 0}
        assert sessions["ann"]._keep_alive is not None
        assert sessions["bob"]._keep_alive is None
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize(("asymmetric_rtp_codec", "sent"), [("no", 8), ("yes", 0)])
async def test_one_that_sends_another_codec_than_the_first_is_sent_it_or_not(asymmetric_rtp_codec: str, sent: int):
    config = {
        "pjsip.conf": f"{CONFIG['pjsip.conf']}[101](+)\nasymmetric_rtp_codec={asymmetric_rtp_codec}\n",
        "extensions.conf": f"{CONFIG['extensions.conf']}exten => 605,1,Answer()\n same => n,Milliwatt()\n",
    }
    async with two_phones(config) as world:
        call = await world.ann.dial("605")
        await call.answered()
        audio = call.audio
        await call.hears(1004)
        assert audio.heard_codecs == {0}
        audio.codec = 8
        call.play(440)
        session = next(iter(world.server.media.sessions))
        await until(lambda: session.rx_packets > 5)
        audio.heard_codecs.clear()
        heard = audio.received
        await until(lambda: audio.received > heard + 10)
        assert sent in audio.heard_codecs
        assert 8 - sent not in list(audio.heard_codecs - {sent})
        await call.hangup()
