"""Options of endpoints about media, in whole calls."""

from __future__ import annotations

import socket
from typing import Any

from call_kit import RELAYED, two_phones

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
