"""Calls that become faxes: whoever asks, whoever refuses, hangs up or changes their mind meanwhile."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from session_bench import Bench, on_bench, sdp
from t38_steps import AUDIO, Machine, Udptl, allow_fax, bridged, called, described, fax, kinds, port_of

from asterism.pbx.channels.replacing import replace_far_end
from asterism.pbx.channels.t38 import T38Parameters, T38State, t38_of


@on_bench
async def test_packets_reach_the_application_and_the_phone(bench: Bench) -> None:
    allow_fax(bench, "alice")
    machine, udptl = Machine(), Udptl()
    phone, ok, channels = await called(bench, machine)
    phone.in_dialog("INVITE", ok, 2, fax(udptl.port))
    answer = await phone.next(200)
    phone.in_dialog("ACK", ok, 2)
    assert [(one.max_ifp, one.max_bit_rate) for one in machine.asked] == [(79, 14400)]
    udptl.send(port_of(answer), b"\x02", b"\x04", b"\x06")
    assert await machine.hears(3) == [b"\x02", b"\x04", b"\x06"]
    t38 = t38_of(channels[0])
    assert t38.port is not None
    t38.port.write(b"\x02")
    t38.port.write(b"\x00")
    assert await udptl.hears(2) == [b"\x02", b"\x00"]
    assert channels[0].stream is None
    assert [one.type for one in channels[0].streams] == ["image"]


@on_bench
async def test_the_application_asks_and_goes_back_to_audio(bench: Bench) -> None:
    allow_fax(bench, "alice", t38_udptl_ec="fec")
    machine = Machine()
    phone, _, channels = await called(bench, machine)
    t38 = t38_of(channels[0])
    waiting = asyncio.create_task(t38.request(T38Parameters(2, 9600, fill_bit_removal=True)))
    invite = await phone.next("INVITE")
    assert described(invite) == [
        "m=image PORT udptl t38", "a=T38FaxVersion:2", "a=T38MaxBitRate:9600", "a=T38FaxFillBitRemoval",
        "a=T38FaxRateManagement:transferredTCF", "a=T38FaxMaxDatagram:849", "a=T38FaxUdpEC:t38UDPFEC",
    ]  # fmt: skip
    assert channels[0].stream is not None  # audio goes on until the phone has agreed
    phone.respond(invite, 200, body=fax())
    await phone.next("ACK")
    found = await waiting
    assert found is not None
    assert (found.max_ifp, t38.state, channels[0].stream) == (79, T38State.NEGOTIATED, None)
    ending = asyncio.create_task(t38.end())
    invite = await phone.next("INVITE")
    assert described(invite)[0] == "m=audio PORT RTP/AVP 0 8 9 101"
    assert t38.port is not None
    phone.respond(invite, 200, body=sdp())
    await phone.next("ACK")
    assert await ending
    assert (t38.state, t38.port) == (T38State.UNKNOWN, None)
    assert channels[0].stream is not None
    assert machine.states == ["negotiated", "unknown"]


@on_bench
async def test_a_phone_that_refuses_audio_keeps_t38(bench: Bench) -> None:
    allow_fax(bench, "alice")
    phone, ok, channels = await called(bench, Machine())
    phone.in_dialog("INVITE", ok, 2, fax())
    await phone.next(200)
    phone.in_dialog("ACK", ok, 2)
    t38 = t38_of(channels[0])
    ending = asyncio.create_task(t38.end(0.05))
    phone.respond(await phone.next("INVITE"), 488)
    assert not await ending
    assert t38.state is T38State.NEGOTIATED
    assert t38.port is not None


@on_bench
async def test_a_request_that_is_given_up_is_taken_back_when_it_is_answered(bench: Bench) -> None:
    allow_fax(bench, "alice")
    phone, _, channels = await called(bench, Machine())
    t38 = t38_of(channels[0])
    assert await t38.request(timeout=0.02) is None
    phone.respond(await phone.next("INVITE"), 200, body=fax())
    await phone.next("ACK")
    again = await phone.next("INVITE")
    assert described(again)[0].startswith("m=audio PORT")
    phone.respond(again, 200, body=sdp())
    await phone.next("ACK")
    assert t38.state is T38State.UNKNOWN
    assert channels[0].stream is not None


@on_bench
async def test_a_request_before_the_ack_waits_for_it(bench: Bench) -> None:
    allow_fax(bench, "alice")
    phone, machine, answers = bench.phone(5071), Machine(), []

    @bench.server.pbx.extension("internal", "740")
    async def send(channel: Any) -> None:
        await channel.answer()
        answers.append(await machine.use(channel).request())
        await channel.wait_for_hangup()

    phone.call("740")
    ok = await phone.next(200)
    await bench.turn()
    assert "INVITE" not in kinds(phone)
    phone.in_dialog("ACK", ok, 1)
    phone.respond(await phone.next("INVITE"), 200, body=fax())
    await phone.next("ACK")
    await bench.until(lambda: answers)
    assert answers[0].max_ifp == 79


@on_bench
async def test_a_request_after_491_is_repeated(bench: Bench) -> None:
    allow_fax(bench, "alice")
    phone, _, channels = await called(bench, Machine())
    waiting = asyncio.create_task(t38_of(channels[0]).request())
    phone.respond(await phone.next("INVITE"), 491)
    await phone.next("ACK")
    assert channels[0].stream is not None
    bench.advance(4.1)
    invite = await phone.next("INVITE")
    assert described(invite)[0] == "m=image PORT udptl t38"
    phone.respond(invite, 200, body=fax())
    await phone.next("ACK")
    assert await waiting is not None


@on_bench
async def test_both_ask_at_the_same_time(bench: Bench) -> None:
    allow_fax(bench, "alice")
    machine = Machine()
    phone, ok, channels = await called(bench, machine)
    waiting = asyncio.create_task(t38_of(channels[0]).request())
    ours = await phone.next("INVITE")
    phone.in_dialog("INVITE", ok, 2, fax())
    assert (await phone.next(491)).cseq.number == 2
    phone.respond(ours, 491)
    phone.in_dialog("INVITE", ok, 3, fax(version=3))
    await phone.next(200)
    phone.in_dialog("ACK", ok, 3)
    assert await waiting is not None
    bench.advance(5)
    assert "INVITE" not in kinds(phone)
    assert machine.asked == []


@on_bench
async def test_what_is_not_answered_in_time_is_refused_and_100_comes_meanwhile(bench: Bench) -> None:
    allow_fax(bench, "alice")
    machine = Machine(accepts=False)
    phone, ok, channels = await called(bench, machine)
    phone.in_dialog("INVITE", ok, 2, fax())
    await phone.next(100)
    assert machine.asked
    phone.in_dialog("INVITE", ok, 3, sdp(version=2))  # RFC 3261 14.2: one at a time
    assert (await phone.next(500)).get("Retry-After") is not None
    t38_of(channels[0]).refuse()
    assert (await phone.next(488)).cseq.number == 2
    assert t38_of(channels[0]).state is T38State.REJECTED


@on_bench
async def test_cancel_while_the_other_party_is_asked(bench: Bench) -> None:
    allow_fax(bench, "alice", "bob")
    alice, bob, ok, _ = await bridged(bench)
    branch = "z9hG4bKheld"
    alice.in_dialog("INVITE", ok, 2, fax(), branch=branch)
    invite = await bob.next("INVITE")
    alice.in_dialog("CANCEL", ok, 2, branch=branch)
    await alice.next(200)
    assert (await alice.next(487)).cseq.number == 2
    bob.respond(invite, 200, body=fax())
    await bob.next("ACK")
    again = await bob.later("INVITE")
    assert described(again)[0].startswith("m=audio PORT")
    bob.respond(again, 200, body=sdp())
    await bob.next("ACK")
    alice.in_dialog("INVITE", ok, 3, sdp(version=3))
    assert described(await alice.next(200))[0] == AUDIO
    alice.in_dialog("ACK", ok, 3)


@pytest.mark.parametrize("leg", ["caller", "callee", "server"])
def test_the_call_ends_while_the_other_party_is_asked(tmp_path: Any, leg: str) -> None:
    @on_bench
    async def scenario(bench: Bench) -> None:
        allow_fax(bench, "alice", "bob")
        alice, bob, ok, first = await bridged(bench)
        alice.in_dialog("INVITE", ok, 2, fax())
        invite = await bob.next("INVITE")
        if leg == "caller":
            alice.in_dialog("BYE", ok, 3)
        elif leg == "callee":
            to, sender = first.get("From"), str(first.get("To"))
            via = "Via: SIP/2.0/UDP 127.0.0.1:5072;rport;branch=z9hG4bKbye1\r\n"
            bob.receive(
                f"BYE sip:asterisk@127.0.0.1:5060 SIP/2.0\r\n{via}"
                f"Max-Forwards: 70\r\nFrom: {sender};tag=b1\r\nTo: {to}\r\nCall-ID: {first.call_id}\r\n"
                "CSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n"
            )
        else:
            next(iter(bench.server.pbx.channels)).soft_hangup()
        final = await alice.next(487 if leg == "caller" else 488)
        assert final.cseq.number == 2
        if leg == "caller":
            await bob.next("BYE")
        bob.respond(invite, 487)

    scenario(tmp_path)


@on_bench
async def test_packets_are_passed_from_phone_to_phone(bench: Bench) -> None:
    allow_fax(bench, "alice", "bob")
    one, two = Udptl(), Udptl()
    alice, bob, ok, first = await bridged(bench)
    alice.in_dialog("INVITE", ok, 2, fax(one.port))
    invite = await bob.next("INVITE")
    bob.respond(invite, 200, body=fax(two.port, "none"))
    await bob.next("ACK")
    answer = await alice.next(200)
    alice.in_dialog("ACK", ok, 2)
    assert described(invite)[-1] == "a=T38FaxMaxDatagram:87"
    assert described(answer)[-2:] == ["a=T38FaxMaxDatagram:688", "a=T38FaxUdpEC:t38UDPRedundancy"]
    one.send(port_of(answer), b"\x02", b"\x04")
    two.send(port_of(invite), b"\x06", b"\x00", b"\x06")
    assert await two.hears(2) == [b"\x02", b"\x04"]
    assert await one.hears(3) == [b"\x06", b"\x00", b"\x06"]
    channels = list(bench.server.pbx.channels)
    assert [t38_of(each).state for each in channels] == [T38State.NEGOTIATED] * 2
    # The fax is over: the phone that has sent it goes back to audio, and the other is taken along.
    alice.in_dialog("INVITE", ok, 3, sdp(version=3))
    assert described(await alice.next(200))[0] == AUDIO
    alice.in_dialog("ACK", ok, 3)
    again = await bob.later("INVITE")
    assert described(again)[0].startswith("m=audio PORT")
    bob.respond(again, 200, body=sdp())
    await bob.next("ACK")
    assert [t38_of(each).state for each in channels] == [T38State.UNKNOWN] * 2
    assert channels[0].stream is not None
    assert channels[1].stream is not None
    assert first


@on_bench
async def test_who_stays_when_the_other_has_hung_up_goes_back_to_audio(bench: Bench) -> None:
    allow_fax(bench, "alice", "bob")
    alice, bob = bench.phone(5071), bench.phone(5072)

    @bench.server.pbx.extension("internal", "743")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)
        await channel.wait_for_hangup()

    alice.call("743")
    first = await bob.next("INVITE")
    bob.respond(first, 200, body=sdp())
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    await bench.turn()
    alice.in_dialog("INVITE", ok, 2, fax())
    bob.respond(await bob.next("INVITE"), 200, body=fax())
    await alice.next(200)
    alice.in_dialog("ACK", ok, 2)
    called_leg = list(bench.server.pbx.channels)[1]
    called_leg.soft_hangup()
    await bob.next("BYE")
    again = await alice.later("INVITE")
    assert described(again)[0].startswith("m=audio PORT")
    alice.respond(again, 200, body=sdp(), tag="t1")
    await alice.next("ACK")


@on_bench
async def test_a_far_end_that_takes_another_ones_place_goes_back_to_audio_there(bench: Bench) -> None:
    allow_fax(bench, "alice")
    machine, others = Machine(), []
    phone, ok, channels = await called(bench, machine)
    phone.in_dialog("INVITE", ok, 2, fax())
    await phone.next(200)
    phone.in_dialog("ACK", ok, 2)

    @bench.server.pbx.extension("internal", "741")
    async def wait(channel: Any) -> None:
        others.append(channel)
        await channel.answer()
        await channel.wait_for_hangup()

    other = bench.phone(5072)
    other.call("741", "bob", call="another", tag="t2")
    answer = await other.next(200)
    other.in_dialog("ACK", answer, 1, call="another", tag="t2")
    replace_far_end(others[0], channels[0])
    await bench.turn()
    assert machine.states == ["negotiated", "unavailable"]  # its channel has no far end that could any more
    assert t38_of(others[0]).state is T38State.NEGOTIATED
    again = await phone.later("INVITE")
    assert described(again)[0].startswith("m=audio PORT")
    phone.respond(again, 200, body=sdp())
    await phone.next("ACK")
    assert t38_of(others[0]).state is T38State.UNKNOWN


@on_bench
async def test_video_is_disabled_by_a_fax_and_new_terms_are_answered_at_once(bench: Bench) -> None:
    allow_fax(bench, "alice")
    phone, ok, channels = await called(bench, Machine())
    phone.in_dialog("INVITE", ok, 2, fax())
    port = port_of(await phone.next(200))
    phone.in_dialog("ACK", ok, 2)
    phone.in_dialog("INVITE", ok, 3, fax(31950, "fec", 3))
    answer = await phone.next(200)
    phone.in_dialog("ACK", ok, 3)
    assert port_of(answer) == port
    assert described(answer)[-1] == "a=T38FaxUdpEC:t38UDPFEC"
    found: Any = t38_of(channels[0]).port
    assert found.remote == ("127.0.0.1", 31950)


@on_bench
async def test_the_log_says_why_a_call_with_t38_alone_is_refused(bench: Bench) -> None:
    phone = bench.phone(5071)
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    bench.server.log.addHandler(handler)

    @bench.server.pbx.extension("internal", "740")
    async def answer(channel: Any) -> None:
        await channel.answer()

    for number, allowed in enumerate((False, True)):
        if allowed:
            allow_fax(bench, "alice")
        phone.call("740", body=fax(), call=f"alone-{number}", tag=f"t{number}")
        refused = await phone.next(488)
        phone.request("ACK", "sip:740@127.0.0.1", "alice", str(refused.get("To")), branch=phone.branch,
                      call=f"alone-{number}", tag=f"t{number}")  # fmt: skip
    assert any("T.38 is not allowed (t38_udptl is no)" in line for line in lines)
    assert any("T.38 has no taker here" in line for line in lines)
