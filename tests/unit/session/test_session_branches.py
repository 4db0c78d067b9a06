"""Calls of ours that fork, that are sent elsewhere, and whose way has to be looked for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from call_steps import dialing
from session_bench import Bench, Phone, on_bench, sdp
from test_session_endpoint_options import change

from asterism.stack.message import Request, Response
from asterism.stack.resolver import Target

RELIABLE = "Require: 100rel\r\nRSeq: {}\r\n"
TARGET = "sip:asterisk@127.0.0.1:5060"


def moved(port: int, formats: str = "0 8 101") -> str:
    return sdp(formats).replace("31800", str(port))


def audio(bench: Bench, endpoint: str = "bob") -> Any:
    return next(one.media.port("audio") for one in bench.sessions.live if one.endpoint.id == endpoint)


def kinds(phone: Phone) -> list[int | str]:
    return [one.status if isinstance(one, Response) else one.method for one in phone.messages()]


async def finish(alice: Phone, bob: Phone) -> None:
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 2)
    bob.respond(await bob.next("BYE"), 200)


async def refused(alice: Phone, *statuses: int) -> Response:
    for _ in range(500):
        for one in alice.messages():
            if isinstance(one, Response) and one.status >= 300:
                assert not statuses or one.status in statuses
                alice.request("ACK", "sip:900@127.0.0.1", "alice", str(one.to), branch=alice.branch)
                return one
        await asyncio.sleep(0)
    raise AssertionError(f"not refused: {kinds(alice)}")


# Forks.


@on_bench
async def test_each_branch_has_its_reliable_responses_and_its_dialog(bench: Bench) -> None:
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    for tag, rseq in (("b1", 5), ("b2", 900), ("b1", 6)):
        bob.respond(invite, 183, body=sdp(), tag=tag, extra=RELIABLE.format(rseq))
        prack = await bob.next("PRACK")
        assert (prack.to.tag, prack.get("RAck")) == (tag, f"{rseq} {invite.cseq.number} INVITE")
        bob.respond(prack, 200)
    for tag, status in (("b1", 200), ("b2", 200), ("b3", 481)):
        bob.request("UPDATE", TARGET, "bob", str(invite.from_), number=4, call=invite.call_id, tag=tag)
        assert (await bob.next(status)).from_.tag == tag
    bob.respond(invite, 200, tag="b2")
    assert (await bob.next("ACK")).to.tag == "b2"
    bob.request("UPDATE", TARGET, "bob", str(invite.from_), number=5, call=invite.call_id, tag="b1")
    await bob.next(481)
    await finish(alice, bob)


@pytest.mark.parametrize("follow", [True, False])
def test_a_200_without_description_of_a_branch_uses_what_it_answered_with(follow: bool, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", follow_early_media_fork=follow)
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        bob.respond(invite, 183, body=moved(31810), tag="b1")
        bob.respond(invite, 183, body=moved(31820), tag="b2")
        assert audio(bench).remote[1] == (31820 if follow else 31810)
        bob.respond(invite, 200, tag="b1" if follow else "b2")
        await bob.next("ACK")
        assert audio(bench).remote[1] == (31810 if follow else 31820)
        await finish(alice, bob)

    test(tmp_path)


@on_bench
async def test_a_200_of_a_branch_that_has_not_answered_cannot_use_another_ones_answer(bench: Bench) -> None:
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 183, body=sdp(), tag="b1")
    bob.respond(invite, 180, tag="b2")
    bob.respond(invite, 200, tag="b2")
    await bob.next("ACK")
    bob.respond(await bob.next("BYE"), 200)
    await refused(alice)


@on_bench
async def test_an_update_of_a_branch_that_is_not_heard_waits(bench: Bench) -> None:
    change(bench, "bob", follow_early_media_fork=False)
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 183, body=moved(31810), tag="b1")
    bob.respond(invite, 183, body=moved(31820), tag="b2")
    bob.request("UPDATE", TARGET, "bob", str(invite.from_), moved(31830), number=4, call=invite.call_id, tag="b2")
    assert (await bob.next(500)).get("Retry-After")
    bob.request("UPDATE", TARGET, "bob", str(invite.from_), moved(31840), number=4, call=invite.call_id, tag="b1")
    await bob.next(200)
    assert audio(bench).remote[1] == 31840
    bob.respond(invite, 200, tag="b1")
    await bob.next("ACK")
    await finish(alice, bob)


@on_bench
async def test_a_second_200_is_acknowledged_and_ended_however_often_it_comes(bench: Bench) -> None:
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 200, body=sdp(), tag="b1")
    assert (await bob.next("ACK")).to.tag == "b1"
    for first in (True, False):
        bob.respond(invite, 200, body=moved(31900), tag="b2")
        assert (await bob.next("ACK")).to.tag == "b2"
        if first:
            bye = await bob.next("BYE")
            assert bye.to.tag == "b2"
            bob.respond(bye, 200)
    bob.respond(invite, 200, body=sdp(), tag="b1")
    assert (await bob.next("ACK")).to.tag == "b1"
    assert "BYE" not in kinds(bob)
    assert audio(bench).remote[1] == 31800
    await finish(alice, bob)


@on_bench
async def test_a_branch_that_answers_after_its_prack_is_ended_with_the_next_cseq(bench: Bench) -> None:
    """In each state of the call: another branch has answered, it is given up, it is over."""
    alice, bob = bench.phone(5071), bench.phone(5072)
    for number, over in enumerate(("answered", "cancelled", "over")):
        exten = f"91{number}"

        @bench.server.pbx.extension("internal", exten)
        async def dial(channel: Any) -> None:
            await channel.dial("PJSIP/bob", 40)

        alice.read = len(alice.flow.sent)
        alice.call(exten, call=f"call-{number}")
        invite = await bob.next("INVITE")
        bob.respond(invite, 180, tag="b2", extra=RELIABLE.format(1))
        prack = await bob.next("PRACK")
        bob.respond(prack, 200)
        if over == "cancelled":
            alice.request("CANCEL", f"sip:{exten}@127.0.0.1", "alice", f"<sip:{exten}@127.0.0.1>", branch=alice.branch,
                          call=f"call-{number}")  # fmt: skip
            await bob.next("CANCEL")
        else:
            bob.respond(invite, 200, body=sdp(), tag="b1")
            await bob.next("ACK")
            ok = await alice.next(200)
            alice.in_dialog("ACK", ok, 1, call=f"call-{number}")
        if over == "over":
            alice.in_dialog("BYE", ok, 2, call=f"call-{number}")
            bob.respond(await bob.next("BYE"), 200)
        bob.respond(invite, 200, body=sdp(), tag="b2")
        assert (await bob.next("ACK")).to.tag == "b2"
        bye = await bob.next("BYE")
        assert (bye.to.tag, bye.cseq.number) == ("b2", prack.cseq.number + 1), over
        bob.respond(bye, 200)
        if over == "answered":
            alice.in_dialog("BYE", ok, 2, call=f"call-{number}")
            bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_the_number_of_branches_is_bounded(bench: Bench) -> None:
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    for number in range(100):
        bob.respond(invite, 180, tag=f"x{number}")
    assert len(bench.server.sip.dialogs) == 1 + 16
    bob.respond(invite, 200, body=sdp(), tag="x99")
    assert (await bob.next("ACK")).to.tag == "x99"
    assert len(bench.server.sip.dialogs) == 2
    await finish(alice, bob)


@on_bench
async def test_one_branch_that_hangs_up_leaves_the_others_ringing(bench: Bench) -> None:
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 180, tag="b1")
    bob.respond(invite, 180, tag="b2")
    bob.request("BYE", TARGET, "bob", str(invite.from_), number=4, call=invite.call_id, tag="b2")
    await bob.next(200)
    assert "CANCEL" not in kinds(bob)
    bob.respond(invite, 200, body=sdp(), tag="b1")
    await bob.next("ACK")
    await finish(alice, bob)


@on_bench
async def test_a_prack_that_the_phone_does_not_know_does_not_end_the_call(bench: Bench) -> None:
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 183, extra=RELIABLE.format(5))
    bob.respond(await bob.next("PRACK"), 481)
    bench.advance(0.1)
    assert "BYE" not in kinds(bob)
    bob.respond(invite, 200, body=sdp())
    await bob.next("ACK")
    await finish(alice, bob)


@pytest.mark.parametrize("status", [180, 183])
def test_a_provisional_response_that_cannot_be_read_makes_no_branch(status: int, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        bob.respond(invite, status, body=sdp(), contact=False, extra="Contact: <sip:[>\r\n")
        assert len(bench.server.sip.dialogs) == 1
        bob.respond(invite, 200, body=sdp())
        await bob.next("ACK")
        await finish(alice, bob)

    test(tmp_path)


# Elsewhere.


def contacts(*found: str) -> str:
    return "".join(f"Contact: {one}\r\n" for one in found)


@on_bench
async def test_a_302_leads_to_the_best_contact_in_the_same_call(bench: Bench) -> None:
    alice, first, invite, _ = await dialing(bench, "PJSIP/trunk", 5073)
    where = contacts(
        "<sip:low@127.0.0.1:5082>;q=0.3", "<sip:bad@127.0.0.1:5083>;q=x", "<sip:best@127.0.0.1:5084>;q=0.9"
    )
    first.respond(invite, 302, contact=False, extra=where)
    await first.next("ACK")
    best = bench.phone(5084)
    again = await best.next("INVITE")
    assert str(again.uri) == "sip:best@127.0.0.1:5084"
    assert (again.call_id, again.get("From"), again.get("To"), again.body) == (
        invite.call_id, invite.get("From"), invite.get("To"), invite.body,
    )  # fmt: skip
    assert again.cseq.number == invite.cseq.number + 1
    best.respond(again, 200, body=sdp())
    await best.next("ACK")
    await finish(alice, best)


@on_bench
async def test_no_address_is_tried_twice_and_the_next_best_is_taken_for_one_that_was(bench: Bench) -> None:
    alice, first, invite, _ = await dialing(bench, "PJSIP/trunk", 5073)
    here, other = "<sip:x@127.0.0.1:5073>", "<sip:y@127.0.0.1:5073>;q=0.1"
    first.respond(invite, 302, contact=False, extra=contacts(here))
    tried = [str(invite.uri)]
    for _ in range(3):
        await first.next("ACK")
        if "INVITE" not in kinds(first):
            break
        again = await first.next("INVITE")
        tried.append(str(again.uri))
        first.respond(again, 302, contact=False, extra=contacts(here, other))
    assert tried == ["sip:127.0.0.1:5073", "sip:x@127.0.0.1:5073", "sip:y@127.0.0.1:5073"]
    await refused(alice)


@on_bench
async def test_redirections_end(bench: Bench) -> None:
    alice, first, invite, _ = await dialing(bench, "PJSIP/trunk", 5073)
    count = 0
    while True:
        count += 1
        first.respond(invite, 302, contact=False, extra=contacts(f"<sip:n{count}@127.0.0.1:5073>"))
        await first.next("ACK")
        if "INVITE" not in kinds(first):
            break
        invite = await first.next("INVITE")
    assert count == 6
    await refused(alice)


@pytest.mark.parametrize("where", ["", contacts("<sip:[>"), contacts("<tel:+49>", "<mailto:a@b>")])
def test_a_302_that_leads_nowhere_is_a_refusal(where: str, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        alice, first, invite, _ = await dialing(bench, "PJSIP/trunk", 5073)
        first.respond(invite, 302, contact=False, extra=where)
        await refused(alice)

    test(tmp_path)


@on_bench
async def test_early_media_of_before_a_redirection_are_over(bench: Bench) -> None:
    alice, first, invite, _ = await dialing(bench, "PJSIP/trunk", 5073)
    first.respond(invite, 183, body=sdp(), tag="b1")
    first.respond(invite, 302, contact=False, extra=contacts("<sip:x@127.0.0.1:5084>"), tag="b1")
    await first.next("ACK")
    best = bench.phone(5084)
    again = await best.next("INVITE")
    assert len(bench.server.sip.dialogs) == 1
    # Its 200 must bring an answer of its own.
    best.respond(again, 200, tag="b9")
    await best.next("ACK")
    best.respond(await best.next("BYE"), 200)
    await refused(alice)


# Names.


NAMED = "PJSIP/bob/sip:bob@phones.test"


def named(bench: Bench, *ports: int) -> list[Any]:
    """Have ``phones.test`` lead to these ports; what was given up is returned."""
    given_up: list[Any] = []

    class Failed:
        def add(self, target: object, retry_after: float) -> None:
            given_up.append(target)

        def last(self, targets: list[Target]) -> list[Target]:
            return targets

    class Resolver:
        async def resolve(self, uri: object, **_options: object) -> list[Target]:
            await asyncio.sleep(0)
            return [Target("UDP", "127.0.0.1", port, "phones.test") for port in ports]

    bench.transports.failed = Failed()  # type: ignore[attr-defined]
    bench.transports.resolver = Resolver()  # type: ignore[attr-defined]
    return given_up


@on_bench
async def test_a_call_to_a_name_goes_on_to_the_next_address(bench: Bench) -> None:
    given_up = named(bench, 5091, 5092, 5093)
    alice, first, invite, _ = await dialing(bench, NAMED, 5091)
    first.respond(invite, 503, contact=False)
    second = bench.phone(5092)
    await second.next("INVITE")
    bench.advance(33)
    third = bench.phone(5093)
    again = await third.next("INVITE")
    assert again.call_id == invite.call_id
    assert [one.port for one in given_up] == [5091, 5092]
    third.respond(again, 180)
    third.respond(again, 200, body=sdp())
    await third.next("ACK")
    (session,) = [one for one in bench.sessions.live if one.endpoint.id == "bob"]
    assert session.flow.remote[1] == 5093
    await finish(alice, third)


@on_bench
async def test_a_call_that_is_given_up_during_the_look_up_sends_nothing(bench: Bench) -> None:
    named(bench, 5091)
    alice, called = bench.phone(5071), bench.phone(5091)

    @bench.server.pbx.extension("internal", "900")
    async def dial(channel: Any) -> None:
        await channel.dial(NAMED, 40)

    alice.call("900")
    await alice.next(100)
    alice.cancel()
    await refused(alice, 487)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not called.messages()


@on_bench
async def test_a_name_without_address_ends_the_call(bench: Bench) -> None:
    named(bench)
    alice = bench.phone(5071)

    @bench.server.pbx.extension("internal", "900")
    async def dial(channel: Any) -> None:
        await channel.dial(NAMED, 40)

    alice.call("900")
    await refused(alice, 503)


@on_bench
async def test_a_redirected_call_looks_its_new_target_up(bench: Bench) -> None:
    alice, first, invite, _ = await dialing(bench, "PJSIP/trunk", 5073)
    named(bench, 5091)
    first.respond(invite, 302, contact=False, extra=contacts("<sip:x@phones.test>"))
    await first.next("ACK")
    second = bench.phone(5091)
    again = await second.next("INVITE")
    assert isinstance(again, Request)
    second.respond(again, 200, body=sdp())
    await second.next("ACK")
    await finish(alice, second)


@on_bench
async def test_the_ack_and_the_bye_go_where_the_name_of_the_answering_phone_leads(bench: Bench) -> None:
    named(bench, 5091)
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 200, body=sdp(), contact=False, extra="Contact: <sip:bob@phones.test>\r\n")
    phone = bench.phone(5091)
    assert str((await phone.next("ACK")).uri) == "sip:bob@phones.test"
    await finish(alice, phone)
    assert not kinds(bob)


@on_bench
async def test_the_ack_goes_back_the_way_of_the_invite_where_the_name_leads_nowhere(bench: Bench) -> None:
    named(bench)
    alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
    bob.respond(invite, 200, body=sdp(), contact=False, extra="Contact: <sip:bob@phones.test>\r\n")
    await bob.next("ACK")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    alice.in_dialog("BYE", ok, 2)
    await alice.next(200)
