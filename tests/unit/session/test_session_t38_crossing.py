"""Requests for T.38 and for audio that meet others: UPDATE, CANCEL, the same again, what else is due."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from session_bench import Bench, on_bench, sdp
from t38_steps import AUDIO, Machine, Udptl, allow_fax, bridged, called, described, fax, kinds, port_of

from asterism.pbx.channels.t38 import T38Parameters, T38State, t38_of


@on_bench
async def test_an_update_to_t38_is_taken_by_who_can_answer_at_once(bench: Bench) -> None:
    allow_fax(bench, "alice")
    machine, udptl = Machine(), Udptl()
    phone, ok, channels = await called(bench, machine)
    phone.in_dialog("UPDATE", ok, 2, fax(udptl.port))
    answer = await phone.next(200)
    assert described(answer)[0] == "m=image PORT udptl t38"
    udptl.send(port_of(answer), b"\x02")
    assert await machine.hears(1) == [b"\x02"]
    phone.in_dialog("UPDATE", ok, 3, sdp(version=3))
    assert described(await phone.next(200))[0] == AUDIO
    await bench.until(lambda: t38_of(channels[0]).state is T38State.UNKNOWN)
    assert machine.states == ["negotiated", "unknown"]


@pytest.mark.parametrize("who", ["user", "nobody", "other party"])
def test_an_update_to_t38_that_cannot_be_answered_at_once_is_for_a_re_invite(tmp_path: Any, who: str) -> None:
    """RFC 3311 5.2: 504 where somebody has to be asked; the far end then sends a re-INVITE."""

    @on_bench
    async def scenario(bench: Bench) -> None:
        allow_fax(bench, "alice", "bob")
        if who == "other party":
            phone, bob, ok, _ = await bridged(bench)
            channel = next(iter(bench.server.pbx.channels))
        else:
            phone, ok, channels = await called(bench, Machine(accepts=False) if who == "user" else None)
            channel = channels[0]
        phone.in_dialog("UPDATE", ok, 2, fax())
        assert (await phone.next(488 if who == "nobody" else 504)).cseq.number == 2
        assert t38_of(channel).state is T38State.UNKNOWN
        if who == "other party":
            assert "INVITE" not in kinds(bob)
        phone.in_dialog("UPDATE", ok, 3, sdp(version=3))
        assert described(await phone.next(200))[0] == AUDIO

    scenario(tmp_path)


@on_bench
async def test_cancel_between_the_acceptance_and_the_answer(bench: Bench) -> None:
    allow_fax(bench, "alice")
    machine = Machine(accepts=False)
    phone, ok, channels = await called(bench, machine)
    t38, go_on = t38_of(channels[0]), asyncio.Event()
    phone.in_dialog("INVITE", ok, 2, fax(), branch="z9hG4bKheld")
    await phone.next(100)
    channels[0].driver.session.work.push(go_on.wait)  # something else takes its time
    t38.accept()
    phone.in_dialog("CANCEL", ok, 2, branch="z9hG4bKheld")
    assert (await phone.next(487)).cseq.number == 2
    assert t38.state is T38State.UNKNOWN
    go_on.set()
    await bench.turn()
    assert t38.state is T38State.UNKNOWN
    assert machine.states == ["unknown"]
    phone.in_dialog("ACK", ok, 2, branch="z9hG4bKheld")
    machine.accepts = True
    phone.in_dialog("INVITE", ok, 3, fax(version=3))
    await phone.next(200)
    phone.in_dialog("ACK", ok, 3)
    assert t38.state is T38State.NEGOTIATED


@on_bench
async def test_audio_that_is_asked_for_twice_is_offered_once(bench: Bench) -> None:
    allow_fax(bench, "alice")
    machine = Machine()
    phone, ok, channels = await called(bench, machine)
    phone.in_dialog("INVITE", ok, 2, fax())
    await phone.next(200)
    phone.in_dialog("ACK", ok, 2)
    t38 = t38_of(channels[0])
    t38.leave()
    invite = await phone.next("INVITE")
    t38.leave()  # it was thought that nothing comes of it
    await bench.turn()
    phone.respond(invite, 200, body=sdp())
    await phone.next("ACK")
    assert t38.state is T38State.UNKNOWN
    assert len(bench.server.media.sessions) == 1
    await bench.turn()
    assert "INVITE" not in kinds(phone)


@on_bench
async def test_a_request_that_is_given_up_and_made_again_is_answered_once(bench: Bench) -> None:
    allow_fax(bench, "alice")
    phone, _, channels = await called(bench, Machine())
    t38 = t38_of(channels[0])
    assert await t38.request(timeout=0.02) is None
    waiting = asyncio.create_task(t38.request(T38Parameters(max_ifp=100)))
    await bench.turn()
    assert len(bench.server.media.udptl.open_ports) == 1
    phone.respond(await phone.next("INVITE"), 200, body=fax())
    await phone.next("ACK")
    assert (await waiting) is not None
    assert t38.state is T38State.NEGOTIATED
    await bench.turn()
    assert "INVITE" not in kinds(phone)
    assert len(bench.server.media.udptl.open_ports) == 1


@pytest.mark.parametrize("agrees", [True, False])
def test_another_change_that_is_due_meanwhile_does_not_repeat_the_request(tmp_path: Any, agrees: bool) -> None:
    @on_bench
    async def scenario(bench: Bench) -> None:
        allow_fax(bench, "alice")
        phone, _, channels = await called(bench, Machine())
        t38 = t38_of(channels[0])
        waiting = asyncio.create_task(t38.request())
        invite = await phone.next("INVITE")
        channels[0].driver.session.refresh("INVITE")
        phone.respond(invite, *((200, "", fax()) if agrees else (488,)))
        await phone.next("ACK")
        again = await phone.next("INVITE")
        assert described(again)[0].startswith("m=image PORT" if agrees else "m=audio PORT")
        if agrees:
            assert port_of(again) == port_of(invite)
        phone.respond(again, 200, body=fax() if agrees else sdp())
        await phone.next("ACK")
        assert (await waiting is not None) is agrees
        assert t38.state is (T38State.NEGOTIATED if agrees else T38State.REJECTED)

    scenario(tmp_path)


@on_bench
async def test_what_was_agreed_on_is_no_more_than_both_can(bench: Bench) -> None:
    allow_fax(bench, "alice")
    machine = Machine(parameters=T38Parameters(1, 9600, fill_bit_removal=True))
    phone, ok, channels = await called(bench, machine)
    more = fax().replace("Version:0", "Version:3").replace(":14400", ":33600")
    phone.in_dialog("INVITE", ok, 2, more + "a=T38FaxTranscodingMMR\r\na=T38FaxFillBitRemoval\r\n")
    answer = await phone.next(200)
    phone.in_dialog("ACK", ok, 2)
    assert described(answer)[1:4] == ["a=T38FaxVersion:1", "a=T38MaxBitRate:9600", "a=T38FaxFillBitRemoval"]
    assert machine.asked[0][:2] == (3, 33600)
    assert t38_of(channels[0]).parameters == T38Parameters(1, 9600, max_ifp=79, fill_bit_removal=True)


UNREACHABLE = ("IN IP4 127.0.0.1\r\nt=", "IN IP4 fax.example.test\r\nt=")


@on_bench
async def test_who_has_agreed_goes_back_to_audio_where_the_other_cannot_be_answered(bench: Bench) -> None:
    allow_fax(bench, "alice", "bob")
    alice, bob, ok, _ = await bridged(bench)
    alice.in_dialog("INVITE", ok, 2, fax().replace(*UNREACHABLE))
    bob.respond(await bob.next("INVITE"), 200, body=fax())
    await bob.next("ACK")
    assert (await alice.next(488)).cseq.number == 2
    alice.in_dialog("ACK", ok, 2)
    again = await bob.later("INVITE")
    assert described(again)[0].startswith("m=audio PORT")
    bob.respond(again, 200, body=sdp())
    await bob.next("ACK")
    assert {t38_of(each).state for each in bench.server.pbx.channels} == {T38State.UNKNOWN, T38State.REJECTED}


@on_bench
async def test_another_transport_than_udptl_is_not_asked_about(bench: Bench) -> None:
    allow_fax(bench, "alice")
    machine = Machine()
    phone, ok, _ = await called(bench, machine)
    phone.in_dialog("INVITE", ok, 2, fax().replace("udptl", "RTP/AVP"))
    assert (await phone.next(488)).cseq.number == 2
    phone.in_dialog("ACK", ok, 2)
    assert machine.asked == []


@on_bench
async def test_terms_that_are_refused_leave_those_that_there_were(bench: Bench) -> None:
    allow_fax(bench, "alice")
    phone, ok, channels = await called(bench, Machine())
    phone.in_dialog("INVITE", ok, 2, fax())
    await phone.next(200)
    phone.in_dialog("ACK", ok, 2)
    phone.in_dialog("INVITE", ok, 3, fax(correction="fec", version=3).replace(*UNREACHABLE).replace(":14400", ":4800"))
    assert (await phone.next(488)).cseq.number == 3
    phone.in_dialog("ACK", ok, 3)
    channels[0].driver.session.refresh("INVITE")
    invite = await phone.next("INVITE")
    assert "a=T38MaxBitRate:14400" in described(invite)
    assert described(invite)[-1] == "a=T38FaxUdpEC:t38UDPRedundancy"
    phone.respond(invite, 200, body=fax())
    await phone.next("ACK")


@on_bench
async def test_a_rate_of_zero_is_none(bench: Bench) -> None:
    allow_fax(bench, "alice")
    machine = Machine()
    phone, ok, _ = await called(bench, machine)
    phone.in_dialog("INVITE", ok, 2, fax().replace(":14400", ":0"))
    await phone.next(200)
    phone.in_dialog("ACK", ok, 2)
    assert machine.asked[0].max_bit_rate == 14400
