"""Our re-INVITE and UPDATE: sent again where there is a reason to, and the call kept where it can go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from call_steps import answered
from session_bench import Bench, Phone, on_bench, sdp
from test_session_endpoint_options import change

from asterism.stack.message import Request, Response


async def up(bench: Bench, **options: Any) -> tuple[Response, Request, Phone, Phone, Any]:
    """Alice and Bob talk; Bob's session."""
    change(bench, "bob", **options)
    ok, invite, alice, bob = await answered(bench)
    session = next(one for one in bench.sessions.live if one.endpoint.id == "bob")
    return ok, invite, alice, bob, session


async def over(ok: Response, alice: Phone, bob: Phone) -> None:
    alice.in_dialog("BYE", ok, 90)
    bob.respond(await bob.next("BYE"), 200)


def requests(phone: Phone, method: str) -> list[Request]:
    return [one for one in phone.messages() if isinstance(one, Request) and one.method == method]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_after_491_it_is_sent_again_at_most_five_times_and_the_call_is_kept(method: str, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        ok, _invite, alice, bob, session = await up(bench)
        assert session.refresh(method)
        numbers = []
        for attempt in range(6):
            asked = await bob.next(method)
            numbers.append(asked.cseq.number)
            bob.respond(asked, 491)
            if method == "INVITE":
                await bob.next("ACK")
            bob.read = len(bob.flow.sent)  # without the retransmissions
            # We chose the Call-ID of this call, so that it is 2.1 to 4 s (RFC 3261 14.1).
            bench.advance(2.09)
            assert not requests(bob, method), attempt
            bench.advance(2)
        assert not requests(bob, method)
        assert numbers == list(range(numbers[0], numbers[0] + 6))
        assert session.confirmed
        assert session.refreshing is None
        assert session.refresh(method)
        bob.respond(await bob.next(method), 200, body=sdp(version=2))
        await over(ok, alice, bob)

    test(tmp_path)


@on_bench
async def test_the_side_that_did_not_choose_the_call_id_waits_less(bench: Bench) -> None:
    ok, _invite, alice, bob = await answered(bench)
    session = next(one for one in bench.sessions.live if one.endpoint.id == "alice")
    session.refresh("INVITE")
    alice.respond(await alice.next("INVITE"), 491)
    await alice.next("ACK")
    bench.advance(2.01)
    again = await alice.next("INVITE")
    alice.respond(again, 200, body=sdp(version=2))
    await alice.next("ACK")
    await over(ok, alice, bob)


@on_bench
async def test_what_waits_goes_on_when_the_exchange_in_its_way_is_over(bench: Bench) -> None:
    ok, invite, alice, bob, session = await up(bench)
    target, to = "sip:asterisk@127.0.0.1:5060", str(invite.from_)
    bob.request("INVITE", target, "bob", to, sdp(version=2), number=5, call=invite.call_id, tag="b1")
    await bob.next(200)
    session.refresh("INVITE")
    assert not requests(bob, "INVITE"), "not before the ACK"
    bob.request("ACK", target, "bob", to, number=5, call=invite.call_id, tag="b1")
    bob.respond(await bob.next("INVITE"), 200, body=sdp(version=3))
    await bob.next("ACK")
    await over(ok, alice, bob)


@on_bench
async def test_a_change_during_a_change_is_told_after_it(bench: Bench) -> None:
    """Hold and resume while a re-INVITE is under way: the last one is not lost."""
    ok, _invite, alice, bob, session = await up(bench, moh_passthrough=True)
    session.held = True
    session.refresh("INVITE")
    hold = await bob.next("INVITE")
    assert b"a=sendonly" in hold.body
    session.held = False
    session.refresh("INVITE")
    assert not requests(bob, "INVITE")
    bob.respond(hold, 200, body=sdp(direction="recvonly", version=2))
    await bob.next("ACK")
    resume = await bob.next("INVITE")
    assert b"a=sendrecv" in resume.body
    bob.respond(resume, 200, body=sdp(version=3))
    await bob.next("ACK")
    assert session.refreshing is None
    await over(ok, alice, bob)


@pytest.mark.parametrize("status", [400, 403, 480, 488, 500, 501, 503, 603])
def test_a_refused_reinvite_rolls_back_and_the_call_is_kept(status: int, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        ok, invite, alice, bob, session = await up(bench)
        before = session.media.port("audio").remote
        session.refresh("INVITE")
        bob.respond(await bob.next("INVITE"), status)
        await bob.next("ACK")
        assert session.refreshing is None
        assert not session.offers.open
        assert session.media.port("audio").remote == before
        bob.request("UPDATE", "sip:asterisk@127.0.0.1:5060", "bob", str(invite.from_), sdp(version=4), number=9,
                    call=invite.call_id, tag="b1")  # fmt: skip
        await bob.next(200)
        await over(ok, alice, bob)

    test(tmp_path)


@pytest.mark.parametrize("status", [408, 481])
def test_a_peer_that_does_not_know_the_call_ends_it(status: int, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        _ok, _invite, alice, bob, session = await up(bench)
        session.refresh("INVITE")
        bob.respond(await bob.next("INVITE"), status)
        await bob.next("ACK")
        bob.respond(await bob.next("BYE"), 481)
        alice.respond(await alice.next("BYE"), 200)

    test(tmp_path)


@on_bench
async def test_a_reinvite_that_is_not_answered_ends_the_call(bench: Bench) -> None:
    _ok, _invite, alice, bob, session = await up(bench)
    session.refresh("INVITE")
    await bob.next("INVITE")
    bench.advance(33)
    await bob.next("BYE")
    alice.respond(await alice.next("BYE"), 200)


@on_bench
async def test_a_peer_without_update_gets_an_invite(bench: Bench) -> None:
    ok, _invite, alice, bob, session = await up(bench)
    session.peer_allows_update = True
    session.refresh()
    bob.respond(await bob.next("UPDATE"), 501)
    bob.respond(await bob.next("INVITE"), 200, body=sdp(version=2))
    await bob.next("ACK")
    await over(ok, alice, bob)


@on_bench
async def test_credentials_within_the_call_take_the_next_cseq_of_the_dialog(bench: Bench) -> None:
    alice, bob = bench.phone(5071), bench.phone(5073)

    @bench.server.pbx.extension("internal", "900")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/trunk", 20)

    alice.call("900")
    invite = await bob.next("INVITE")
    bob.respond(invite, 200, body=sdp())
    await bob.next("ACK")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    session = next(one for one in bench.sessions.live if one.endpoint.id == "trunk")
    numbers = []
    for method in ("INVITE", "UPDATE"):
        session.refresh(method)
        asked = await bob.next(method)
        bob.respond(asked, 401, extra='WWW-Authenticate: Digest realm="r",nonce="n1",qop="auth"\r\n')
        again = await bob.next(method)
        assert again.get("Authorization")
        bob.respond(again, 200, body=sdp(version=2))
        if method == "INVITE":
            ack = await bob.next("ACK")
            assert (ack.cseq.number, bool(ack.get("Authorization"))) == (again.cseq.number, True)
        numbers += [asked.cseq.number, again.cseq.number]
    alice.in_dialog("BYE", ok, 2)
    bye = await bob.next("BYE")
    numbers.append(bye.cseq.number)
    first = invite.cseq.number + 1
    assert numbers == list(range(first, first + 5)), "each request of the dialog has its own number"
    bob.respond(bye, 407, extra='Proxy-Authenticate: Digest realm="r",nonce="n2",qop="auth"\r\n')
    again = await bob.next("BYE")
    assert (again.cseq.number, bool(again.get("Proxy-Authorization"))) == (first + 5, True)
    bob.respond(again, 200)


# Session timers (RFC 4028).

TIMER = "Supported: timer\r\nSession-Expires: {};refresher={}\r\n"


async def timed(bench: Bench, expires: int = 90) -> tuple[Response, Phone]:
    """Alice's call, that we refresh by re-INVITE."""
    change(bench, "alice", timers_min_se=90)
    alice = bench.phone(5071)

    @bench.server.pbx.extension("internal", "900")
    async def answer(channel: Any) -> None:
        await channel.answer()
        await channel.wait(9999)

    alice.call("900", extra=TIMER.format(expires, "uas"))
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    return ok, alice


@on_bench
async def test_a_refused_refresh_is_tried_again_and_the_call_ends_when_it_expires(bench: Bench) -> None:
    _ok, alice = await timed(bench)
    start = bench.now
    times = []
    while bench.now < start + 89:
        bench.advance(0.5)
        for asked in requests(alice, "INVITE"):
            times.append(bench.now - start)
            alice.respond(await alice.next("INVITE"), 503)
            await alice.next("ACK")
            assert asked.get("Session-Expires") == "90;refresher=uac"
    assert times == [45, 67.5, 79]
    assert not requests(alice, "BYE")
    bench.advance(1.1)
    alice.respond(await alice.next("BYE"), 200)


@on_bench
async def test_a_refresh_that_succeeds_at_last_keeps_the_call(bench: Bench) -> None:
    ok, alice = await timed(bench)
    bench.advance(45.1)
    alice.respond(await alice.next("INVITE"), 491)
    await alice.next("ACK")
    bench.advance(2.1)
    alice.respond(await alice.next("INVITE"), 200, body=sdp(version=2), extra="Session-Expires: 90;refresher=uac\r\n")
    await alice.next("ACK")
    bench.advance(44)
    assert not alice.messages()
    bench.advance(2)
    alice.respond(await alice.next("INVITE"), 200, body=sdp(version=3), extra="Session-Expires: 90;refresher=uac\r\n")
    await alice.next("ACK")
    alice.in_dialog("BYE", ok, 2)
    await alice.next(200)


@on_bench
async def test_422_to_a_refresh_raises_the_interval(bench: Bench) -> None:
    ok, alice = await timed(bench)
    bench.advance(45.1)
    alice.respond(await alice.next("INVITE"), 422, extra="Min-SE: 600\r\n")
    await alice.next("ACK")
    again = await alice.next("INVITE")
    assert (again.get("Session-Expires"), again.get("Min-SE")) == ("600;refresher=uac", "600")
    alice.respond(again, 422, extra="Min-SE: 600\r\n")
    await alice.next("ACK")
    assert not requests(alice, "INVITE"), "it asks for no more than it was given"
    alice.in_dialog("BYE", ok, 2)
    await alice.next(200)


@on_bench
async def test_422_to_our_invite_is_obeyed_once(bench: Bench) -> None:
    alice, bob = bench.phone(5071), bench.phone(5072)

    @bench.server.pbx.extension("internal", "900")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)

    alice.call("900")
    invite = await bob.next("INVITE")
    bob.respond(invite, 422, extra="Min-SE: 4000\r\n")
    await bob.next("ACK")
    again = await bob.next("INVITE")
    assert (again.get("Session-Expires"), again.get("Min-SE")) == ("4000", "4000")
    assert again.cseq.number == invite.cseq.number + 1
    assert (again.call_id, again.get("From"), again.get("To"), again.body) == (
        invite.call_id, invite.get("From"), invite.get("To"), invite.body,
    )  # fmt: skip
    bob.respond(again, 422, extra="Min-SE: 4001\r\n")
    await bob.next("ACK")
    refusal = await alice.next(503)
    assert not requests(bob, "INVITE")
    alice.request("ACK", "sip:900@127.0.0.1", "alice", str(refusal.to), branch=alice.branch)


@on_bench
async def test_422_without_min_se_is_a_refusal(bench: Bench) -> None:
    alice, bob = bench.phone(5071), bench.phone(5072)

    @bench.server.pbx.extension("internal", "900")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)

    alice.call("900")
    bob.respond(await bob.next("INVITE"), 422)
    await bob.next("ACK")
    refusal = await alice.next(503)
    alice.request("ACK", "sip:900@127.0.0.1", "alice", str(refusal.to), branch=alice.branch)


@on_bench
async def test_a_required_session_timer_that_the_answer_lacks_ends_the_call(bench: Bench) -> None:
    change(bench, "bob", timers="required")
    alice, bob = bench.phone(5071), bench.phone(5072)

    @bench.server.pbx.extension("internal", "900")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)

    alice.call("900")
    bob.respond(await bob.next("INVITE"), 200, body=sdp())
    await bob.next("ACK")
    bob.respond(await bob.next("BYE"), 200)
    alice.in_dialog("ACK", await alice.next(200), 1)
    alice.respond(await alice.next("BYE"), 200)


# What crosses.


@on_bench
async def test_a_200_to_a_reinvite_that_crosses_our_bye_is_acknowledged(bench: Bench) -> None:
    ok, _invite, alice, bob, session = await up(bench)
    session.refresh("INVITE")
    again = await bob.next("INVITE")
    alice.in_dialog("BYE", ok, 2)
    bob.respond(await bob.next("BYE"), 200)
    bob.respond(again, 200, body=sdp(version=2))
    assert (await bob.next("ACK")).cseq.number == again.cseq.number


@on_bench
async def test_a_bye_that_crosses_our_reinvite_ends_the_call(bench: Bench) -> None:
    _ok, invite, alice, bob, session = await up(bench)
    session.refresh("INVITE")
    again = await bob.next("INVITE")
    bob.request("BYE", "sip:asterisk@127.0.0.1:5060", "bob", str(invite.from_), number=7, call=invite.call_id, tag="b1")
    await bob.next(200)
    bob.respond(again, 481)
    await bob.next("ACK")
    alice.respond(await alice.next("BYE"), 200)


@on_bench
async def test_glare_of_reinvites_and_updates(bench: Bench) -> None:
    ok, invite, alice, bob, session = await up(bench)
    numbers = iter(range(10, 20))

    def ask(method: str, body: str) -> None:
        bob.request(method, "sip:asterisk@127.0.0.1:5060", "bob", str(invite.from_), body, number=next(numbers),
                    call=invite.call_id, tag="b1")  # fmt: skip

    for ours in ("INVITE", "UPDATE"):
        session.refresh(ours)
        mine = await bob.next(ours)
        ask("INVITE", sdp(version=5))
        assert (await bob.next(491)).get("Retry-After") is None
        ask("UPDATE", sdp(version=6))
        await bob.next(491)
        ask("UPDATE", "")
        assert (await bob.next(200)).body == b""
        bob.respond(mine, 200, body=sdp(version=7))
        if ours == "INVITE":
            await bob.next("ACK")
    await over(ok, alice, bob)


@pytest.mark.parametrize(("asked", "agreed"), [("1", 90), ("0", 90), ("1800", 1800), ("999999999", 604800)])
def test_an_interval_of_a_caller_without_timers_has_bounds(asked: str, agreed: int, tmp_path: Path) -> None:
    """It cannot be refused with 422, as a proxy may have put it in (RFC 4028 9)."""

    @on_bench
    async def test(bench: Bench) -> None:
        @bench.server.pbx.extension("internal", "770")
        async def answer(channel: Any) -> None:
            await channel.answer()
            await channel.wait(600)

        alice = bench.phone(5071)
        alice.call("770", extra=f"Session-Expires: {asked}\r\n")
        ok = await alice.next(200)
        assert ok.get("Session-Expires") == f"{agreed};refresher=uas"
        alice.in_dialog("ACK", ok, 1)
        alice.in_dialog("BYE", ok, 2)

    test(tmp_path)


@on_bench
async def test_a_reinvite_that_is_only_ringing_is_cancelled_with_the_call(bench: Bench) -> None:
    ok, _invite, alice, bob, session = await up(bench)
    assert session.refresh("INVITE")
    bob.respond(await bob.next("INVITE"), 180)
    await over(ok, alice, bob)
    await bench.turn()
    assert [str(one.cseq) for one in requests(bob, "CANCEL")], "it would stay for ever"


@on_bench
async def test_a_reinvite_is_cancelled_that_only_rings_after_the_call(bench: Bench) -> None:
    ok, _invite, alice, bob, session = await up(bench)
    assert session.refresh("INVITE")
    asked = await bob.next("INVITE")
    await over(ok, alice, bob)
    bob.respond(asked, 180)
    await bob.next("CANCEL")


@on_bench
async def test_a_reinvite_without_final_response_is_given_up_and_the_call_kept(bench: Bench) -> None:
    ok, _invite, alice, bob, session = await up(bench)
    assert session.refresh("INVITE")
    asked = await bob.next("INVITE")
    bob.respond(asked, 180)
    bench.advance(179)
    assert not requests(bob, "CANCEL")
    bench.advance(2)
    bob.respond(await bob.next("CANCEL"), 200)
    bob.respond(asked, 487)
    await bob.next("ACK")
    assert session.confirmed
    assert session.refreshing is None
    await over(ok, alice, bob)
