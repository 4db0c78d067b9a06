"""More options of endpoints, each with what it changes in a call."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from call_steps import answered, dialing
from session_bench import Bench, on_bench, sdp
from test_session_options import caller_channel, change, statuses

from asterism.media.rtp import RtpSession
from asterism.pbx.vocabulary.controls import Control
from asterism.stack.message import Response
from asterism.stack.sdp import SessionDescription


def formats(body: bytes) -> list[str]:
    """The payload types of the audio stream."""
    return SessionDescription.parse(body).media[0].formats


@pytest.mark.parametrize(
    ("options", "number", "status"),
    [
        ({}, "77", 484),
        ({"allow_overlap": False}, "77", 404),
        ({}, "88", 404),
        ({"overlap_context": "longer"}, "88", 484),
        ({"overlap_context": "longer"}, "77", 404),
    ],
)
def test_the_start_of_a_number(tmp_path, options, number, status) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", **options)
        for context, extension in (("internal", "770"), ("longer", "880")):
            bench.server.pbx.dialplan.add_extension(None, context, extension, 1, "Hangup")
        alice = bench.phone(5071)
        alice.call(number)
        await alice.next(status)

    test(tmp_path)


@pytest.mark.parametrize(("inband", "expected"), [(False, [180]), (True, [183])])
def test_inband_progress(tmp_path, inband, expected) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", inband_progress=inband)
        alice = bench.phone(5071)

        @bench.server.pbx.extension("internal", "770")
        async def ring(channel: Any) -> None:
            channel.indicate(Control.RINGING)
            await channel.hangup(17)

        alice.call("770")
        before = alice.messages
        await bench.until(lambda: any(isinstance(one, Response) and one.status >= 300 for one in before()))
        assert statuses(before()) == expected

    test(tmp_path)


@pytest.mark.parametrize(("ignore", "expected"), [(False, [183]), (True, [])])
def test_ignore_183_without_sdp(tmp_path, ignore, expected) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", ignore_183_without_sdp=ignore)
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        bob.respond(invite, 183)
        bob.respond(invite, 486)
        await bench.until(lambda: any(isinstance(one, Response) and one.status == 486 for one in alice.messages()))
        assert statuses(alice.messages()) == expected

    test(tmp_path)


@pytest.mark.parametrize(("suppress", "expected"), [(False, "Q.850;cause=17"), (True, None)])
def test_suppress_q850_reason_headers(tmp_path, suppress, expected) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", suppress_q850_reason_headers=suppress)
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        bob.respond(invite, 486)
        assert (await alice.next(486)).get("Reason") == expected

    test(tmp_path)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["0", "8", "101"]),
        ({"incoming_call_offer_pref": "local_first"}, ["0", "101"]),
        ({"incoming_call_offer_pref": "remote"}, ["8", "0", "101"]),
        ({"incoming_call_offer_pref": "remote_first"}, ["8", "101"]),
        ({"preferred_codec_only": True}, ["0", "101"]),
    ],
)
def test_codecs_of_an_answer(tmp_path, options, expected) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", **options)
        alice = bench.phone(5071)

        @bench.server.pbx.extension("internal", "770")
        async def answer(channel: Any) -> None:
            await channel.answer()
            await channel.wait(99)

        alice.call("770", body=sdp("8 0 101"))
        ok = await alice.next(200)
        alice.in_dialog("ACK", ok, 1)
        alice.in_dialog("BYE", ok, 2)
        assert formats(ok.body) == expected

    test(tmp_path)


@pytest.mark.parametrize("first", [True, False], ids=["answered before", "not answered"])
@pytest.mark.parametrize(
    ("preference", "expected"),
    [
        ("remote_merge", ["8", "0", "9", "101"]),
        ("remote_first", ["8", "101"]),
        ("local", ["0", "8", "101"]),
        ("local_merge", ["0", "8", "9", "101"]),
    ],
)
def test_codecs_of_an_offer(tmp_path, preference, expected, first) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", incoming_call_offer_pref="remote")
        change(bench, "bob", outgoing_call_offer_pref=preference)
        alice, bob = bench.phone(5071), bench.phone(5072)

        @bench.server.pbx.extension("internal", "900")
        async def dial(channel: Any) -> None:
            if first:
                await channel.answer()
            await channel.dial("PJSIP/bob", 40)
            await channel.answer()
            await channel.wait(99)

        alice.call("900", body=sdp("8 0 101"))
        invite = await bob.next("INVITE")
        assert formats(invite.body) == expected
        bob.respond(invite, 486)
        ok = await alice.next(200)
        alice.in_dialog("ACK", ok, 1)
        alice.in_dialog("BYE", ok, 2)

    test(tmp_path)


@on_bench
async def test_the_names_in_a_description(bench: Bench) -> None:
    change(bench, "bob", sdp_owner="pbx", sdp_session="talk")
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    lines = invite.body.decode().split("\r\n")
    assert any(line.startswith("o=pbx ") for line in lines)
    assert "s=talk" in lines
    bob.respond(invite, 486)
    await alice.next(486)


@pytest.mark.parametrize(
    ("options", "extra", "expected"),
    [
        ({}, "", ("6001", 0, "")),
        ({"callerid_privacy": "prohib", "callerid_tag": "t"}, "", ("6001", 0x23, "t")),
        ({}, 'P-Asserted-Identity: "Zed" <sip:9@x>\r\n', ("6001", 0, "")),
        ({"trust_id_inbound": True}, 'P-Asserted-Identity: "Zed" <sip:9@x>\r\n', ("9", 0, "")),
    ],
)
def test_who_calls(tmp_path, options, extra, expected) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", **options)
        alice = bench.phone(5071)
        seen: list[tuple[str, int, str]] = []

        @bench.server.pbx.extension("internal", "770")
        async def look(channel: Any) -> None:
            party = channel.caller
            seen.append((party.number, party.presentation, party.tag))
            await channel.hangup(17)

        alice.call("770", extra=extra)
        await bench.until(lambda: seen)
        assert seen == [expected]

    test(tmp_path)


@pytest.mark.parametrize("trusted", [False, True])
def test_trust_id_outbound(tmp_path, trusted) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", callerid_privacy="prohib")
        change(bench, "bob", send_pai=True, trust_id_outbound=trusted)
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        assert ("6001" in (invite.get("P-Asserted-Identity") or "")) is trusted
        assert "6001" not in str(invite.from_)
        bob.respond(invite, 486)
        await alice.next(486)

    test(tmp_path)


@pytest.mark.parametrize("trusted", [False, True])
def test_trust_connected_line(tmp_path, trusted) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", trust_id_inbound=True, trust_connected_line=trusted)
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        bob.respond(invite, 200, body=sdp(), extra='P-Asserted-Identity: "Zed" <sip:6999@x>\r\n')
        ok = await alice.next(200)
        alice.in_dialog("ACK", ok, 1)
        channel = caller_channel(bench)
        if trusted:
            await bench.until(lambda: channel.connected.number == "6999")
        else:
            await bench.until(lambda: bench.server.pbx.bridges)
            assert channel.connected.number == "6002"
        alice.in_dialog("BYE", ok, 2)
        bob.respond(await bob.next("BYE"), 200)

    test(tmp_path)


@on_bench
async def test_session_intervals(bench: Bench) -> None:
    change(bench, "alice", timers_min_se=200)
    change(bench, "bob", timers="always", timers_sess_expires=600, timers_min_se=120)
    bench.server.pbx.dialplan.add_extension(None, "internal", "770", 1, "Hangup")
    alice = bench.phone(5071)
    alice.call("770", extra="Supported: timer\r\nSession-Expires: 199\r\n", call="short")
    assert (await alice.next(422)).get("Min-SE") == "200"
    caller, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    assert ((invite.get("Session-Expires") or "").partition(";")[0], invite.get("Min-SE")) == ("600", "120")
    bob.respond(invite, 486)
    await caller.next(486)


@pytest.mark.parametrize(
    ("direction", "options", "seconds"),
    [
        ("sendrecv", {"rtp_timeout": 30, "rtp_timeout_hold": 60}, 30),
        ("sendonly", {"rtp_timeout": 30, "rtp_timeout_hold": 60}, 60),
        ("sendonly", {"rtp_timeout": 30}, 0),
        ("sendrecv", {}, 0),
    ],
)
def test_silence_ends_a_call(tmp_path, monkeypatch, direction, options, seconds) -> None:
    watched: list[float] = []
    monkeypatch.setattr(RtpSession, "set_timeout", lambda self, after, expired: watched.append(after))

    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", **options)
        alice = bench.phone(5071)

        @bench.server.pbx.extension("internal", "770")
        async def answer(channel: Any) -> None:
            await channel.answer()
            await channel.wait(99)

        alice.call("770", body=sdp(direction=direction))
        ok = await alice.next(200)
        alice.in_dialog("ACK", ok, 1)
        assert (watched or [0])[-1] == seconds
        alice.in_dialog("BYE", ok, 2)

    test(tmp_path)


@pytest.mark.parametrize("wanted", [False, True])
def test_where_media_comes_from_and_goes_to(tmp_path, wanted) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", rtp_symmetric=wanted, media_address="127.0.0.2", bind_rtp_to_media_address=wanted)
        ok, _, alice, bob = await answered(bench)
        rtp = next(one.media.port("audio") for one in bench.sessions.live if one.endpoint.id == "bob")
        assert rtp.symmetric is wanted
        assert rtp.local[0] == ("127.0.0.2" if wanted else "127.0.0.1")
        alice.in_dialog("BYE", ok, 2)
        bob.respond(await bob.next("BYE"), 200)

    test(tmp_path)


@pytest.mark.parametrize(
    ("mode", "expected"), [("rfc4733", True), ("auto", True), ("info", False), ("inband", False), ("none", False)]
)
def test_digits_as_events_are_offered(tmp_path, mode, expected) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", dtmf_mode=mode)
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        assert ("101" in formats(invite.body)) is expected
        bob.respond(invite, 486)
        await alice.next(486)

    test(tmp_path)


@on_bench
async def test_the_link_priority_of_media(bench: Bench) -> None:
    change(bench, "bob", cos_audio=5)
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    rtp = next(one.media.port("audio") for one in bench.sessions.live if one.endpoint.id == "bob")
    assert rtp._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY) == 5
    bob.respond(invite, 486)
    await alice.next(486)


@pytest.mark.parametrize(("busy_at", "expected"), [(0, "INUSE"), (2, "INUSE"), (1, "BUSY")])
def test_device_state_busy_at(tmp_path, busy_at, expected) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", device_state_busy_at=busy_at)
        ok, _, alice, bob = await answered(bench)
        assert bench.server.pbx.device_states.get("PJSIP/bob").name == expected
        alice.in_dialog("BYE", ok, 2)
        bob.respond(await bob.next("BYE"), 200)

    test(tmp_path)


@pytest.mark.parametrize(("mode", "required"), [("yes", False), ("no", False), ("required", True)])
def test_100rel_of_calls_that_go_out(tmp_path, mode, required) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", rel100=mode)
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        assert ("100rel" in (invite.get("Require") or "")) is required
        bob.respond(invite, 486)
        await alice.next(486)

    test(tmp_path)


@pytest.mark.parametrize(("mode", "status"), [("yes", 486), ("required", 421)])
def test_100rel_of_callers_that_do_not_know_it(tmp_path, mode, status) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", rel100=mode)
        alice = bench.phone(5071)

        @bench.server.pbx.extension("internal", "771")
        async def busy(channel: Any) -> None:
            await channel.hangup(17)

        alice.call("771")
        await alice.next(status)

    test(tmp_path)
