"""Offers and answers in calls: each place that a description may travel in, and what happens where it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from call_steps import answered, dialing
from session_bench import Bench, Phone, on_bench, sdp
from test_session_endpoint_options import change

from asterism.pbx.vocabulary.controls import Control
from asterism.stack.message import Request, Response

REQUIRE = "Require: 100rel\r\n"


def serve(bench: Bench, *steps: str) -> None:
    """Extension 900 does these things one after the other, ``wait`` for a minute."""

    @bench.server.pbx.extension("internal", "900")
    async def run(channel: Any) -> None:
        for step in steps:
            if step == "wait":
                await channel.wait(60)
            elif step == "answer":
                await channel.answer()
            else:
                channel.indicate(Control[step.upper()])


def prack(phone: Phone, response: Response, number: int, body: str = "") -> None:
    phone.in_dialog("PRACK", response, number, body, extra=f"RAck: {response.get('RSeq')} {response.cseq}\r\n")


def audio_of(bench: Bench, endpoint: str = "alice") -> Any:
    return next(one.media.port("audio") for one in bench.sessions.live if one.endpoint.id == endpoint)


def described(phone: Phone) -> list[tuple[int | str, bool]]:
    """Kind of every message that has come since, and whether it carries a description."""
    return [
        (one.status if isinstance(one, Response) else one.method, bool(one.body))
        for one in phone.messages()
    ]  # fmt: skip


# The phone calls.


@on_bench
async def test_an_answer_in_a_reliable_183_is_not_repeated_and_holds_the_200_back(bench: Bench) -> None:
    serve(bench, "progress", "answer", "wait")
    alice = bench.phone(5071)
    alice.call("900", extra=REQUIRE)
    early = await alice.next(183)
    assert early.body
    bench.advance(1)
    assert 200 not in [kind for kind, _ in described(alice)]
    prack(alice, early, 2)
    assert (await alice.next(200)).cseq.method == "PRACK"
    ok = await alice.next(200)
    assert (ok.cseq.method, ok.body) == ("INVITE", b"")
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 3)
    await alice.next(200)


@on_bench
async def test_the_200_does_not_wait_for_a_reliable_180_without_description(bench: Bench) -> None:
    serve(bench, "ringing", "answer", "wait")
    alice = bench.phone(5071)
    alice.call("900", extra=REQUIRE)
    early = await alice.next(180)
    ok = await alice.next(200)
    assert (early.body, bool(ok.body)) == (b"", True)
    prack(alice, early, 2)
    assert (await alice.next(200)).cseq.method == "PRACK"
    prack(alice, early, 3)
    assert (await alice.next(200)).cseq.number == 3, "acknowledged twice is no fault"
    alice.in_dialog("PRACK", ok, 4, extra="RAck: 99 1 INVITE\r\n")
    await alice.next(481)
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 5)
    await alice.next(200)


@on_bench
async def test_an_offer_in_a_reliable_183_is_answered_by_its_prack(bench: Bench) -> None:
    serve(bench, "progress", "answer", "wait")
    alice = bench.phone(5071)
    alice.call("900", body="", extra=REQUIRE)
    early = await alice.next(183)
    assert early.body
    prack(alice, early, 2, sdp("8 101"))
    await alice.next(200)
    assert audio_of(bench).format.name == "alaw"
    ok = await alice.next(200)
    assert ok.body == b""
    alice.in_dialog("ACK", ok, 1)
    await bench.until(lambda: next(iter(bench.sessions.live)).state.value == "Confirmed")
    alice.in_dialog("BYE", ok, 3)
    await alice.next(200)


@pytest.mark.parametrize("body", ["", sdp("18")], ids=["no", "no usable"])
def test_a_call_ends_where_prack_has_no_answer_to_our_offer(body: str, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        serve(bench, "progress", "answer", "wait")
        alice = bench.phone(5071)
        alice.call("900", body="", extra=REQUIRE)
        early = await alice.next(183)
        prack(alice, early, 2, body)
        assert (await alice.next(200)).cseq.method == "PRACK"
        await alice.next(488)
        alice.request("ACK", "sip:900@127.0.0.1", "alice", str(early.to), branch=alice.branch)

    test(tmp_path)


@on_bench
async def test_an_offer_in_prack_is_answered_by_its_200(bench: Bench) -> None:
    serve(bench, "progress", "answer", "wait")
    alice = bench.phone(5071)
    alice.call("900", extra=REQUIRE)
    early = await alice.next(183)
    prack(alice, early, 2, sdp("8 101", version=2))
    answer = await alice.next(200)
    assert b"m=audio" in answer.body
    assert b"RTP/AVP 8 101\r\n" in answer.body
    ok = await alice.next(200)
    assert ok.body == b""
    alice.in_dialog("ACK", ok, 1)
    assert audio_of(bench).format.name == "alaw"
    alice.in_dialog("BYE", ok, 3)
    await alice.next(200)


@on_bench
async def test_an_unusable_offer_in_prack_is_refused_and_the_call_goes_on(bench: Bench) -> None:
    serve(bench, "progress", "answer", "wait")
    alice = bench.phone(5071)
    alice.call("900", extra=REQUIRE)
    early = await alice.next(183)
    prack(alice, early, 2, sdp("18", version=2))
    assert (await alice.next(488)).cseq.method == "PRACK"
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    assert audio_of(bench).format.name == "ulaw"
    alice.in_dialog("BYE", ok, 3)
    await alice.next(200)


@on_bench
async def test_an_offer_before_the_answer_is_refused_with_retry_after(bench: Bench) -> None:
    serve(bench, "ringing", "wait", "answer")
    alice = bench.phone(5071)
    alice.call("900", extra=REQUIRE)
    ringing = await alice.next(180)
    alice.in_dialog("UPDATE", ringing, 2, body=sdp("8 101", version=2))
    refusal = await alice.next(500)
    assert 0 <= int(refusal.get("Retry-After")) <= 10
    prack(alice, ringing, 3, sdp("8 101", version=2))
    assert (await alice.next(500)).get("Retry-After") is not None
    alice.in_dialog("UPDATE", ringing, 4)
    assert (await alice.next(200)).body == b""
    alice.cancel()
    await alice.next(487)
    alice.request("ACK", "sip:900@127.0.0.1", "alice", str(ringing.to), branch=alice.branch)


@on_bench
async def test_an_update_after_an_unreliable_183_is_answered_and_the_200_says_the_same(bench: Bench) -> None:
    release: list[Any] = []

    @bench.server.pbx.extension("internal", "900")
    async def run(channel: Any) -> None:
        channel.indicate(Control.PROGRESS)
        await bench.until(lambda: release)
        await channel.answer()
        await channel.wait(60)

    alice = bench.phone(5071)
    alice.call("900")
    early = await alice.next(183)
    assert b"RTP/AVP 0 8 101\r\n" in early.body
    alice.in_dialog("UPDATE", early, 2, body=sdp("8 101", version=2))
    updated = await alice.next(200)
    assert b"RTP/AVP 8 101\r\n" in updated.body
    release.append(1)
    ok = await alice.next(200)
    assert ok.body == updated.body
    alice.in_dialog("ACK", ok, 1)
    assert audio_of(bench).format.name == "alaw"
    alice.in_dialog("BYE", ok, 3)
    await alice.next(200)


@on_bench
async def test_what_waited_for_a_prack_says_how_things_are_then(bench: Bench) -> None:
    serve(bench, "ringing", "progress", "answer", "wait")
    alice = bench.phone(5071)
    alice.call("900", extra=REQUIRE)
    ringing = await alice.next(180)
    alice.in_dialog("UPDATE", ringing, 2, body=sdp("8", version=2))
    await alice.next(500)
    bench.advance(0.1)
    assert not described(alice), "neither 183 nor 200 before the PRACK"
    prack(alice, ringing, 3)
    assert (await alice.next(200)).cseq.method == "PRACK"
    early = await alice.next(183)
    assert early.body
    assert int(early.get("RSeq")) == int(ringing.get("RSeq")) + 1
    assert not described(alice)
    prack(alice, early, 4)
    await alice.next(200)
    ok = await alice.next(200)
    assert ok.body == b""
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 5)
    await alice.next(200)


@on_bench
async def test_an_unacknowledged_reliable_response_ends_the_call(bench: Bench) -> None:
    serve(bench, "progress", "answer", "wait")
    alice = bench.phone(5071)
    alice.call("900", extra=REQUIRE)
    early = await alice.next(183)
    bench.advance(33)
    refusal = await alice.next(504)
    assert refusal.cseq.method == "INVITE"
    alice.request("ACK", "sip:900@127.0.0.1", "alice", str(early.to), branch=alice.branch)


@on_bench
async def test_an_answer_that_waits_for_prack_gives_way_to_cancel(bench: Bench) -> None:
    serve(bench, "progress", "answer", "wait")
    alice = bench.phone(5071)
    alice.call("900", extra=REQUIRE)
    early = await alice.next(183)
    alice.cancel()
    await alice.next(200)
    await alice.next(487)
    prack(alice, early, 2)
    await alice.next(481)
    alice.request("ACK", "sip:900@127.0.0.1", "alice", str(early.to), branch=alice.branch)


@pytest.mark.parametrize(("cause", "body"), [("0", ""), ("58", sdp("18"))], ids=["no", "no usable"])
def test_a_call_ends_where_the_ack_has_no_answer_to_our_offer(cause: str, body: str, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        serve(bench, "answer", "wait")
        alice = bench.phone(5071)
        alice.call("900", body="")
        ok = await alice.next(200)
        alice.in_dialog("ACK", ok, 1, body=body)
        bye = await alice.next("BYE")
        assert bye.get("Reason") == f"Q.850;cause={cause}"
        alice.respond(bye, 200)

    test(tmp_path)


# Within the call.


@on_bench
async def test_a_reinvite_without_offer_and_without_answer_changes_nothing(bench: Bench) -> None:
    ok, _invite, alice, bob = await answered(bench)
    alice.in_dialog("INVITE", ok, 2)
    offer = await alice.next(200)
    assert b"a=sendrecv" in offer.body
    alice.in_dialog("ACK", ok, 2)
    assert audio_of(bench).remote == ("127.0.0.1", 31800)
    alice.in_dialog("OPTIONS", ok, 3)
    await alice.next(200)
    alice.in_dialog("BYE", ok, 4)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_hold_in_every_form_and_resume_by_a_reinvite_without_offer(bench: Bench) -> None:
    ok, _invite, alice, bob = await answered(bench)
    number = 2
    zero = sdp(version=4).replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0")
    for body in (sdp(direction="sendonly", version=2), sdp(direction="inactive", version=3), zero):
        for method in ("INVITE", "UPDATE"):
            alice.in_dialog(method, ok, number, body=body)
            await alice.next(200)
            if method == "INVITE":
                alice.in_dialog("ACK", ok, number)
            session = next(one for one in bench.sessions.live if one.endpoint.id == "alice")
            assert session.remote_hold
            alice.in_dialog("INVITE", ok, number + 1)
            offer = await alice.next(200)
            assert b"a=sendrecv" in offer.body
            alice.in_dialog("ACK", ok, number + 1, body=sdp(version=number + 10))
            assert not session.remote_hold
            number += 2
    alice.in_dialog("BYE", ok, number)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_a_second_reinvite_before_the_ack_is_refused_and_the_first_stands(bench: Bench) -> None:
    ok, _invite, alice, bob = await answered(bench)
    alice.in_dialog("INVITE", ok, 2, body=sdp("8 101", version=2))
    await alice.next(200)
    alice.in_dialog("INVITE", ok, 3, body=sdp("0 101", version=3))
    refusal = await alice.next(500)
    assert (refusal.reason, 0 <= int(refusal.get("Retry-After")) <= 10) == (
        "Another INVITE transaction in progress", True
    )  # fmt: skip
    alice.in_dialog("UPDATE", ok, 4, body=sdp("8", version=4))
    assert b"RTP/AVP 8\r\n" in (await alice.next(200)).body, "no offer is open, so UPDATE may make one"
    alice.in_dialog("ACK", ok, 2)
    alice.in_dialog("INVITE", ok, 5, body=sdp("0 101", version=5))
    assert b"RTP/AVP 0 101\r\n" in (await alice.next(200)).body
    alice.in_dialog("ACK", ok, 5)
    alice.in_dialog("BYE", ok, 6)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_a_reinvite_that_is_never_acknowledged_ends_the_call(bench: Bench) -> None:
    ok, _invite, alice, bob = await answered(bench)
    alice.in_dialog("INVITE", ok, 2, body=sdp(version=2))
    await alice.next(200)
    alice.in_dialog("ACK", ok, 1)  # of the INVITE before: not this one's
    bench.advance(33)
    alice.respond(await alice.next("BYE"), 200)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_a_bye_does_not_wait_for_the_ack_of_a_reinvite(bench: Bench) -> None:
    ok, _invite, alice, bob = await answered(bench)
    alice.in_dialog("INVITE", ok, 2, body=sdp(version=2))
    await alice.next(200)
    bob.request(
        "BYE", "sip:asterisk@127.0.0.1:5060", "bob", str(_invite.from_), number=7, call=_invite.call_id, tag="b1",
    )  # fmt: skip
    await bob.next(200)
    alice.respond(await alice.next("BYE"), 200)
    alice.in_dialog("ACK", ok, 2)


@on_bench
async def test_an_unreadable_contact_in_a_reinvite_leaves_the_target_as_it_was(bench: Bench) -> None:
    ok, _invite, alice, bob = await answered(bench)
    text = (
        f"UPDATE sip:127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5071;rport;branch=z9hG4bKbadcontact\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:alice@127.0.0.1>;tag=t1\r\nTo: {ok.to}\r\nCall-ID: call-5071\r\n"
        f"CSeq: 2 UPDATE\r\nContact: <sip:alice@127.0.0.1:99x>\r\nContent-Length: 0\r\n\r\n"
    )
    alice.receive(text)
    bench.advance(0)
    alice.in_dialog("BYE", ok, 3)
    bob.respond(await bob.next("BYE"), 200)
    assert isinstance(alice.messages()[-1], Response)


@on_bench
async def test_a_request_that_is_refused_does_not_move_the_target_behind_a_nat(bench: Bench) -> None:
    change(bench, "alice", rewrite_contact=True)
    ok, _invite, alice, bob = await answered(bench)
    alice.in_dialog("INVITE", ok, 2, sdp(version=2))
    await alice.next(200)
    session = next(one for one in bench.sessions.live if one.endpoint.id == "alice")
    before = session.dialog.remote_target
    moved = bench.phone(5079)
    moved.user = "alice"
    moved.in_dialog("INVITE", ok, 3, sdp(version=3), call="call-5071")
    assert (await moved.next(500)).get("Retry-After")
    assert session.dialog.remote_target == before
    alice.in_dialog("ACK", ok, 2)
    moved.in_dialog("UPDATE", ok, 4, sdp(version=4), call="call-5071")
    await moved.next(200)
    assert session.dialog.remote_target.port == 5079
    alice.in_dialog("BYE", ok, 5)
    bob.respond(await bob.next("BYE"), 200)


# We call.


@on_bench
async def test_a_reliable_183_is_acknowledged_once_and_in_order(bench: Bench) -> None:
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    reliable = "Require: 100rel\r\nRSeq: {}\r\n"
    bob.respond(invite, 183, body=sdp("8 101"), extra=reliable.format(7))
    prack_ = await bob.next("PRACK")
    assert prack_.get("RAck") == f"7 {invite.cseq.number} INVITE"
    assert prack_.cseq.number == invite.cseq.number + 1
    bob.respond(prack_, 200)
    bob.respond(invite, 183, body=sdp("0 101"), extra=reliable.format(7))
    bob.respond(invite, 183, body=sdp("0 101"), extra=reliable.format(9))
    bench.advance(0)
    assert not bob.messages()
    assert audio_of(bench, "bob").format.name == "alaw", "what is repeated or out of order is not looked at"
    bob.respond(invite, 200)
    await bob.next("ACK")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    assert audio_of(bench, "bob").format.name == "alaw"
    alice.in_dialog("BYE", ok, 2)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_an_update_of_the_called_phone_before_its_answer(bench: Bench) -> None:
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    to = str(invite.from_)

    def update(number: int, body: str) -> None:
        bob.request(
            "UPDATE", "sip:asterisk@127.0.0.1:5060", "bob", to, body, number=number, call=invite.call_id, tag="b1"
        )

    bob.respond(invite, 180)
    update(1, sdp("8 101"))
    await bob.next(491)
    bob.respond(invite, 183, body=sdp("0 8 101"), extra="Require: 100rel\r\nRSeq: 1\r\n")
    bob.respond(await bob.next("PRACK"), 200)
    update(2, sdp("8 101", version=2))
    assert b"RTP/AVP 8 101\r\n" in (await bob.next(200)).body
    bob.respond(invite, 200)
    await bob.next("ACK")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    assert audio_of(bench, "bob").format.name == "alaw"
    alice.in_dialog("BYE", ok, 2)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_a_200_without_any_description_is_acknowledged_and_ended(bench: Bench) -> None:
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 180)
    bob.respond(invite, 200)
    await bob.next("ACK")
    bye = await bob.next("BYE")
    assert bye.get("Reason") == "Q.850;cause=127"
    bob.respond(bye, 200)
    refusal = await alice.next(500)
    alice.request("ACK", "sip:900@127.0.0.1", "alice", str(refusal.to), branch=alice.branch)


@pytest.mark.parametrize(
    "head",
    [
        "Contact: <sip:102@127.0.0.1:99x>\r\n",
        "Contact: sip:[\r\n",
        "Contact: <sip:bob@127.0.0.1:5072>\r\nRecord-Route: <sip:[>\r\n",
    ],
)
def test_a_200_that_cannot_be_read_is_acknowledged_and_ended(head: str, tmp_path: Path) -> None:
    for early in (False, True):

        @on_bench
        async def test(bench: Bench, early: bool = early) -> None:
            alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
            if early:
                bob.respond(invite, 180)
            bob.respond(invite, 200, body=sdp(), extra=head, contact=False)
            await bob.next("ACK")
            bob.respond(await bob.next("BYE"), 200)
            refusal = await alice.next(500)
            alice.request("ACK", "sip:900@127.0.0.1", "alice", str(refusal.to), branch=alice.branch)

        folder = tmp_path / str(early)
        folder.mkdir()
        test(folder)


@on_bench
async def test_an_answer_that_cannot_be_used_is_acknowledged_and_ended(bench: Bench) -> None:
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 200, body=sdp("18"))
    await bob.next("ACK")
    bye = await bob.next("BYE")
    assert bye.get("Reason") == "Q.850;cause=58"
    bob.respond(bye, 200)
    refusal = await alice.next(488)
    alice.request("ACK", "sip:900@127.0.0.1", "alice", str(refusal.to), branch=alice.branch)


@on_bench
async def test_a_bye_of_the_called_phone_before_its_answer_gives_the_call_up(bench: Bench) -> None:
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 180)
    await alice.next(180)
    bob.request("BYE", "sip:asterisk@127.0.0.1:5060", "bob", str(invite.from_), number=3, call=invite.call_id, tag="b1")
    assert (await bob.next(200)).cseq.method == "BYE"
    cancel = await bob.next("CANCEL")
    bob.respond(cancel, 200)
    bob.respond(invite, 487)
    assert isinstance(await bob.next("ACK"), Request)
    refusal = next(one for one in [await alice.next(603)] if one)
    alice.request("ACK", "sip:900@127.0.0.1", "alice", str(refusal.to), branch=alice.branch)
