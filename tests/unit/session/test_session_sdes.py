"""Calls encrypted by SDES: what is heard, when keys change, and what becomes of peers that do not encrypt."""

from __future__ import annotations

from typing import Any

import pytest
from secure_phone import SecurePort, call, change, echo, srtp, wait_for
from session_bench import Bench, on_bench, sdp

from asterism.applications.session.media_transport.crypto import CryptoLine
from asterism.core.commands import CommandCall
from asterism.media.transports.srtp import SUITES
from asterism.pbx.channels.security import KEY, Security


@on_bench
async def test_they_hear_each_other_encrypted(bench: Bench) -> None:
    change(bench, "alice", media_encryption="sdes")
    channels = echo(bench)
    alice, port = bench.phone(5071), SecurePort()
    ok = await call(alice, "700", port.section())
    assert port.take(ok.body) is not None
    await port.hears(b"\x11" * 160)
    (channel,) = channels
    assert channel.driver.channel_item("rtp,secure") == "1"
    assert channel.driver.channel_item("rtp,secure,video") == ""
    alice.in_dialog("BYE", ok, 2)
    await alice.next(200)
    port.close()


@pytest.mark.parametrize("suite", sorted(SUITES))
def test_every_suite(suite: str, tmp_path: Any) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", media_encryption="sdes", srtp_suites=(suite,))
        echo(bench)
        alice, port = bench.phone(5071), SecurePort(suite)
        ok = await call(alice, "700", port.section())
        found = port.take(ok.body)
        assert found is not None
        assert found.suite == suite
        await port.hears(b"\x11" * 160)
        alice.in_dialog("BYE", ok, 2)
        await alice.next(200)
        port.close()

    test(tmp_path)


@on_bench
async def test_a_new_key_of_the_peer_is_answered_by_one_of_ours(bench: Bench) -> None:
    """What was sent under the old key before is still heard; a key that stays is answered by the same."""
    change(bench, "alice", media_encryption="sdes")
    echo(bench)
    alice, port = bench.phone(5071), SecurePort()
    ok = await call(alice, "700", port.section())
    first = port.take(ok.body)
    await port.hears(b"\x11" * 160)

    alice.in_dialog("INVITE", ok, 2, body=port.section(version=2))
    again = await wait_for(alice, 200)
    alice.in_dialog("ACK", again, 2)
    assert port.take(again.body) == first
    await port.hears(b"\x22" * 160)

    old = srtp(port.own, 3)
    port.rekey()
    alice.in_dialog("INVITE", ok, 3, body=port.section(version=3))
    rekeyed = await wait_for(alice, 200)
    alice.in_dialog("ACK", rekeyed, 3)
    second = port.take(rekeyed.body)
    assert second is not None
    assert first is not None
    assert second.key != first.key
    port.sequence += 1
    await port.hears(b"\x33" * 160, key=old)
    await port.hears(b"\x44" * 160)
    alice.in_dialog("BYE", ok, 4)
    await alice.next(200)
    port.close()


@on_bench
async def test_packets_in_the_clear_or_under_a_wrong_key_are_not_heard(bench: Bench) -> None:
    change(bench, "alice", media_encryption="sdes")
    echo(bench)
    alice, port = bench.phone(5071), SecurePort()
    ok = await call(alice, "700", port.section())
    port.take(ok.body)
    port.socket.sendto(port.packet(b"\x66" * 160), port.remote)
    port.send(b"\x77" * 160, srtp(CryptoLine(1, port.own.suite, bytes(30)), 3))
    await port.hears(b"\x11" * 160)
    (transport,) = bench.server.media.transports
    assert transport.reception.refused == 2
    run = {entry.name: entry.item.run for entry in bench.server.commands}
    shown = run["pjsip show channelstats"](CommandCall([], print)).split("\n")
    assert shown[6] == " " * 10 + "dropped: 2 not authentic or replayed, 0 of no use"
    alice.in_dialog("BYE", ok, 2)
    await alice.next(200)
    port.close()


@on_bench
async def test_an_optimistic_endpoint_is_heard_in_the_clear_when_it_answers_so(bench: Bench) -> None:
    change(bench, "bob", media_encryption="sdes", media_encryption_optimistic="yes")
    alice, bob = bench.phone(5071), bench.phone(5072)
    here, there = SecurePort(), SecurePort()
    here.out = there.out = None

    @bench.server.pbx.extension("internal", "6002")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)

    alice.call("6002", body=here.section("a=sendrecv", protocol="RTP/AVP"))
    invite = await bob.next("INVITE")
    assert b"m=audio " in invite.body
    assert b" RTP/AVP 0" in invite.body
    assert b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" in invite.body
    there.take(invite.body)
    there.out = there.inbound = None
    bob.respond(invite, 200, body=there.section("a=sendrecv", protocol="RTP/AVP"))
    await bob.next("ACK")
    ok = await wait_for(alice, 200)
    here.take(ok.body)
    alice.in_dialog("ACK", ok, 1)
    await there.reaches(here, b"\x22" * 160)
    await here.reaches(there, b"\x11" * 160)
    alice.in_dialog("BYE", ok, 2)
    await bob.next("BYE")
    await alice.next(200)
    here.close()
    there.close()


@on_bench
async def test_one_party_encrypts_and_the_other_does_not(bench: Bench) -> None:
    """Media pass here, whatever direct_media says: the other party has no key."""
    change(bench, "bob", media_encryption="sdes", direct_media="yes")
    change(bench, "alice", direct_media="yes")
    alice, bob = bench.phone(5071), bench.phone(5072)
    here, there = SecurePort(), SecurePort()
    here.out = None

    @bench.server.pbx.extension("internal", "6002")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)

    alice.call("6002", body=here.section("a=sendrecv", protocol="RTP/AVP"))
    invite = await bob.next("INVITE")
    assert there.take(invite.body) is not None
    bob.respond(invite, 200, body=there.section())
    await bob.next("ACK")
    ok = await wait_for(alice, 200)
    here.take(ok.body)
    alice.in_dialog("ACK", ok, 1)
    await there.reaches(here, b"\x22" * 160)
    await here.reaches(there, b"\x11" * 160)
    assert not alice.messages()
    assert not bob.messages()
    alice.in_dialog("BYE", ok, 2)
    await bob.next("BYE")
    await alice.next(200)
    here.close()
    there.close()


@pytest.mark.parametrize(
    ("options", "called"),
    [
        ({"media_encryption": "sdes"}, True),
        ({"media_encryption": "sdes", "media_encryption_optimistic": "yes"}, False),
        ({}, False),
    ],
)
def test_a_caller_may_demand_that_media_are_encrypted(options: dict[str, str], called: bool, tmp_path: Any) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", **options)
        results: list[Any] = []

        @bench.server.pbx.extension("internal", "6002")
        async def dial(channel: Any) -> None:
            channel.data[KEY] = Security(media=True)
            results.append(await channel.dial("PJSIP/bob", 5))
            await channel.hangup()

        alice, bob = bench.phone(5071), bench.phone(5072)
        alice.call("6002", body=sdp())
        if called:
            bob.respond(await bob.next("INVITE"), 486)
            await bob.next("ACK")
        await bench.until(lambda: results)
        assert not bob.messages()
        await bench.until(lambda: any(getattr(one, "status", 0) >= 400 for one in alice.messages()))

    test(tmp_path)
