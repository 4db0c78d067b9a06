"""Keys and paths of media over offers that come late, twice, from another branch or from another device."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from secure_phone import SecurePort, call, change, echo, wait_for
from session_bench import Bench, on_bench
from test_session_browsers import Browser

from asterism.pbx.calls.originate import OriginateRequest, originate
from asterism.stack.sdp import SessionDescription
from asterism.testing.waiting import until


@on_bench
async def test_an_offer_of_ours_that_the_peer_asked_for(bench: Bench) -> None:
    change(bench, "alice", media_encryption="sdes")
    echo(bench)
    alice, port = bench.phone(5071), SecurePort()
    alice.call("700", body="")
    ok = await wait_for(alice, 200)
    assert b" RTP/SAVP 0" in ok.body
    port.take(ok.body)
    alice.in_dialog("ACK", ok, 1, body=port.section())
    await port.hears(b"\x11" * 160)
    alice.in_dialog("BYE", ok, 2)
    await alice.next(200)
    port.close()


@on_bench
async def test_such_an_offer_that_is_answered_in_the_clear_ends_the_call(bench: Bench) -> None:
    change(bench, "alice", media_encryption="sdes")
    echo(bench)
    alice, port = bench.phone(5071), SecurePort()
    alice.call("700", body="")
    ok = await wait_for(alice, 200)
    alice.in_dialog("ACK", ok, 1, body=port.section("a=sendrecv", protocol="RTP/AVP"))
    alice.respond(await wait_for(alice, "BYE"), 200)
    port.close()


@on_bench
async def test_an_update_brings_another_key(bench: Bench) -> None:
    change(bench, "alice", media_encryption="sdes")
    echo(bench)
    alice, port = bench.phone(5071), SecurePort()
    ok = await call(alice, "700", port.section())
    first = port.take(ok.body)
    await port.hears(b"\x11" * 160)
    port.rekey()
    alice.in_dialog("UPDATE", ok, 2, body=port.section(version=2))
    again = await wait_for(alice, 200)
    assert port.take(again.body) != first
    await port.hears(b"\x22" * 160)
    alice.in_dialog("BYE", ok, 3)
    await alice.next(200)
    port.close()


@on_bench
async def test_an_offer_in_the_clear_is_refused_in_a_call_that_is_encrypted(bench: Bench) -> None:
    change(bench, "alice", media_encryption="sdes")
    echo(bench)
    alice, port = bench.phone(5071), SecurePort()
    ok = await call(alice, "700", port.section())
    port.take(ok.body)
    await port.hears(b"\x11" * 160)
    alice.in_dialog("INVITE", ok, 2, body=port.section("a=sendrecv", protocol="RTP/AVP", version=2))
    await wait_for(alice, 488)
    alice.in_dialog("ACK", ok, 2)
    await port.hears(b"\x22" * 160)
    alice.in_dialog("BYE", ok, 3)
    await alice.next(200)
    port.close()


@on_bench
async def test_an_optimistic_call_in_the_clear_becomes_encrypted_and_back(bench: Bench) -> None:
    change(bench, "alice", media_encryption="sdes", media_encryption_optimistic="yes")
    channels = echo(bench)
    alice, port = bench.phone(5071), SecurePort()
    ok = await call(alice, "700", port.section("a=sendrecv", protocol="RTP/AVP"))
    port.take(ok.body)
    await port.hears(b"\x11" * 160)
    port.rekey()
    alice.in_dialog("INVITE", ok, 2, body=port.section(version=2))
    secured = await wait_for(alice, 200)
    alice.in_dialog("ACK", secured, 2)
    assert port.take(secured.body) is not None
    for stream in channels[0].streams:
        stream.port.sink = stream.port.write
    await port.hears(b"\x22" * 160)
    assert channels[0].driver.channel_item("rtp,secure") == "1"
    alice.in_dialog("INVITE", ok, 3, body=port.section("a=sendrecv", protocol="RTP/AVP", version=3))
    clear = await wait_for(alice, 200)
    alice.in_dialog("ACK", clear, 3)
    assert port.take(clear.body) is None
    await port.hears(b"\x33" * 160)
    assert channels[0].driver.channel_item("rtp,secure") == "0"
    alice.in_dialog("BYE", ok, 4)
    await alice.next(200)
    port.close()


def _arrived(port: SecurePort, session: Any, wanted: int) -> bool:
    """Whether so many packets have come; another one is on its way."""
    port.send(b"\x11" * 160)
    return bool(session.rx_packets > wanted)


@on_bench
async def test_the_branches_of_a_call_have_keys_of_their_own(bench: Bench) -> None:
    change(bench, "bob", media_encryption="sdes")
    bob, first, second = bench.phone(5072), SecurePort(), SecurePort()
    task = asyncio.ensure_future(originate(bench.server.pbx, OriginateRequest("PJSIP/bob", "internal", "900")))
    invite = await wait_for(bob, "INVITE")
    for port, tag in ((first, "b1"), (second, "b2")):
        bob.respond(invite, 183, tag=tag, body=port.section())
        port.take(invite.body)
        (session,) = bench.server.media.sessions
        await until(partial(_arrived, port, session, session.rx_packets + 5))
    (transport,) = bench.server.media.transports
    refused = transport.reception.refused
    first.send(b"\x22" * 160)
    bob.respond(invite, 200, tag="b2", body=second.section())
    await wait_for(bob, "ACK")
    channel = (await task).channel
    assert channel is not None
    port_of_ours: Any = channel.streams[0].port
    port_of_ours.sink = port_of_ours.write
    await second.hears(b"\x33" * 160)
    assert transport.reception.refused <= refused + 1
    channel.hang_up()
    bob.respond(await wait_for(bob, "BYE"), 200)
    first.close()
    second.close()


@on_bench
async def test_a_browsers_call_goes_on_at_another_of_its_devices(bench: Bench) -> None:
    """New credentials and another fingerprint: ICE restarts, and there is a new association."""
    change(bench, "alice", webrtc="yes", allow=("opus,ulaw"))
    echo(bench)
    alice, here, there = bench.phone(5071), Browser("audio"), Browser("audio")
    ok = await call(alice, "700", await here.offer())
    await here.take_answer(ok.body)
    await here.hears("audio")
    alice.in_dialog("INVITE", ok, 2, body=await there.offer())
    again = await wait_for(alice, 200)
    alice.in_dialog("ACK", again, 2)
    before, now = (SessionDescription.parse(one.body).media[0] for one in (ok, again))
    assert now.attribute("ice-ufrag") != before.attribute("ice-ufrag")
    assert now.attribute("connection") == "new"
    await there.take_answer(again.body)
    await there.hears("audio")
    alice.in_dialog("BYE", ok, 3)
    await alice.next(200)
    await here.close()
    await there.close()


@on_bench
async def test_our_own_offer_keeps_what_was_agreed_on(bench: Bench) -> None:
    """A call of ours to a browser is refreshed: same keys, same path, and the browser takes it."""
    change(bench, "bob", webrtc="yes", allow=("opus,ulaw"))
    bob, browser = bench.phone(5072), Browser("audio")
    task = asyncio.ensure_future(originate(bench.server.pbx, OriginateRequest("PJSIP/bob", "internal", "900")))
    invite = await wait_for(bob, "INVITE")
    bob.respond(invite, 200, body=await browser.answer(invite.body))
    await wait_for(bob, "ACK")
    channel = (await task).channel
    assert channel is not None
    port: Any = channel.streams[0].port
    port.sink = port.write
    await browser.hears("audio")
    driver: Any = channel.driver
    driver.session.refresh("INVITE")
    again = await wait_for(bob, "INVITE")
    before, now = (SessionDescription.parse(one.body).media[0] for one in (invite, again))
    for name in ("fingerprint", "ice-ufrag", "ice-pwd", "mid", "ssrc", "msid", "rtcp-mux"):
        assert now.attribute(name) == before.attribute(name)
    assert now.attribute("connection") == "existing"
    assert (now.port, now.protocol) == (before.port, before.protocol)
    bob.respond(again, 200, body=browser.sdp)
    await wait_for(bob, "ACK")
    assert not driver.session.media.would_change(driver.session)
    browser.frames["audio"].clear()
    await browser.hears("audio")
    channel.hang_up()
    bob.respond(await wait_for(bob, "BYE"), 200)
    await browser.close()
