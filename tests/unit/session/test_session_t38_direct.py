"""A fax between two phones whose audio goes from one to the other: its packets come here, and audio goes back after."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from session_bench import set_options
from t38_steps import Udptl, described, fax, port_of
from test_session_direct_media import BOTH, Call, direct

from asterism.pbx.channels.t38 import T38State, t38_of
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.message import Request
from asterism.stack.parser import parse_message


def last(phone: Any, kind: int | str) -> Any:
    """The last message to a phone that is the request or response wanted."""
    for data in reversed(phone.flow.sent):
        message = parse_message(data)
        if kind == (message.method if isinstance(message, Request) else message.status):
            return message
    raise AssertionError(f"no {kind} came")


def test_t38_comes_here_while_audio_is_direct_before_and_after(tmp_path: Path) -> None:
    async def test(call: Call) -> None:
        for name in ("alice", "bob"):
            set_options(call.bench.server.data.get(Endpoint, name), t38_udptl=True, t38_udptl_ec="redundancy")
        assert call.places() == BOTH
        one, two = Udptl(), Udptl()
        alice, bob = call.phones
        audio: Any = bob.sdp
        bob.sdp = lambda direction="": fax(two.port)
        alice.send("INVITE", body=fax(one.port, version=9))
        await call.calm()
        answer, invite = last(alice, 200), last(bob, "INVITE")
        for each in (answer, invite):
            assert described(each)[0] == "m=image PORT udptl t38"
            assert b"c=IN IP4 127.0.0.1\r\n" in each.body
        ports = {port.local[1] for port in call.bench.server.media.udptl.open_ports}
        assert ports == {port_of(answer), port_of(invite)}
        one.send(port_of(answer), b"\x02", b"\x04")
        two.send(port_of(invite), b"\x06")
        assert await two.hears(2) == [b"\x02", b"\x04"]
        assert await one.hears(1) == [b"\x06"]
        assert {t38_of(call.channel(name)).state for name in ("alice", "bob")} == {T38State.NEGOTIATED}

        bob.sdp = audio
        alice.version = 10
        alice.send("INVITE", "sendrecv")
        await call.calm()
        before = len(bob.flow.sent)
        while len(bob.flow.sent) == before:  # a moment later
            bob.flow.more.clear()
            await asyncio.wait_for(bob.flow.more.wait(), 5)
        await call.calm()
        assert call.places() == BOTH
        assert not call.bench.server.media.udptl.open_ports

    direct(test)(tmp_path)
