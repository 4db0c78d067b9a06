"""Optimistic endpoints with DTLS: who encrypts is spoken to encrypted, who does not in the clear, whoever calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from secure_phone import SecurePort, call, change, echo, wait_for
from session_bench import Bench, on_bench
from test_session_transports import DIGEST, described

from asterism.pbx.calls.originate import OriginateRequest, originate
from asterism.stack.sdp import SessionDescription

OPTIMISTIC = {"media_encryption": "dtls", "media_encryption_optimistic": "yes"}
KEYED = (f"a=fingerprint:SHA-256 {DIGEST}", "a=setup:active")


def section(message: Any) -> Any:
    return SessionDescription.parse(message.body).media[0]


def calling(bench: Bench) -> asyncio.Task[Any]:
    return asyncio.ensure_future(originate(bench.server.pbx, OriginateRequest("PJSIP/bob", "internal", "900")))


@on_bench
async def test_a_phone_without_encryption_is_called(bench: Bench) -> None:
    change(bench, "bob", **OPTIMISTIC)
    bob, port = bench.phone(5072), SecurePort()
    task = calling(bench)
    first = await wait_for(bob, "INVITE")
    assert section(first).protocol == "UDP/TLS/RTP/SAVP"
    bob.respond(first, 488)
    second = await wait_for(bob, "INVITE")
    assert section(second).protocol == "RTP/AVP"
    assert section(second).attribute("fingerprint")
    assert (second.call_id, second.cseq.number) == (first.call_id, first.cseq.number + 1)
    port.take(second.body)
    port.out = None
    bob.respond(second, 200, body=port.section("a=sendrecv", protocol="RTP/AVP"))
    await wait_for(bob, "ACK")
    channel = (await task).channel
    assert channel is not None
    rtp: Any = channel.streams[0].port
    rtp.sink = rtp.write
    await port.hears(b"\x11" * 160)
    assert len(bench.server.media.transports) == 1
    # So it is held and refreshed.
    driver: Any = channel.driver
    driver.session.refresh("INVITE")
    again = await wait_for(bob, "INVITE")
    assert section(again).protocol == "RTP/AVP"
    bob.respond(again, 200, body=port.section("a=sendrecv", protocol="RTP/AVP"))
    await wait_for(bob, "ACK")
    await port.hears(b"\x22" * 160)
    channel.hang_up()
    bob.respond(await wait_for(bob, "BYE"), 200)
    port.close()


@on_bench
async def test_one_that_knows_the_fingerprint_there_encrypts(bench: Bench) -> None:
    change(bench, "bob", **OPTIMISTIC)
    bob, task = bench.phone(5072), calling(bench)
    bob.respond(await wait_for(bob, "INVITE"), 606)
    second = await wait_for(bob, "INVITE")
    bob.respond(second, 200, body=described("RTP/AVP", *KEYED))
    await wait_for(bob, "ACK")
    channel = (await task).channel
    assert channel is not None
    (transport,) = bench.server.media.transports
    assert transport.state.name == "WAITING"
    channel.hang_up()
    bob.respond(await wait_for(bob, "BYE"), 200)


@pytest.mark.parametrize(
    ("options", "status", "invites"),
    [
        (OPTIMISTIC, 488, 2),
        (OPTIMISTIC, 486, 1),
        ({"media_encryption": "dtls"}, 488, 1),
        ({"media_encryption": "sdes", "media_encryption_optimistic": "yes"}, 488, 1),
        ({"webrtc": "yes", "media_encryption_optimistic": "yes"}, 488, 1),
        ({}, 488, 1),
    ],
)
def test_how_often_it_is_offered(options: dict[str, str], status: int, invites: int, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", **options)
        bob, task = bench.phone(5072), calling(bench)
        for _ in range(invites):
            bob.respond(await wait_for(bob, "INVITE"), status)
            await wait_for(bob, "ACK")
        assert (await task).channel is None
        assert not [one for one in bob.messages() if getattr(one, "method", "") == "INVITE"]

    test(tmp_path)


@on_bench
async def test_what_was_answered_is_not_offered_otherwise(bench: Bench) -> None:
    change(bench, "bob", **OPTIMISTIC)
    bob, task = bench.phone(5072), calling(bench)
    invite = await wait_for(bob, "INVITE")
    bob.respond(invite, 183, body=described("UDP/TLS/RTP/SAVP", *KEYED))
    bob.respond(invite, 488)
    await wait_for(bob, "ACK")
    assert (await task).channel is None
    assert not bob.messages()


@on_bench
async def test_a_phone_without_encryption_calls(bench: Bench) -> None:
    change(bench, "alice", **OPTIMISTIC)
    echo(bench)
    alice, port = bench.phone(5071), SecurePort()
    port.out = None
    ok = await call(alice, "700", port.section("a=sendrecv", protocol="RTP/AVP"))
    port.take(ok.body)
    await port.hears(b"\x11" * 160)
    alice.in_dialog("BYE", ok, 2)
    await alice.next(200)
    port.close()
