"""Transfer: 302 before the answer, REFER after it, and what the phone's NOTIFYs say of it."""

from __future__ import annotations

import gc
import itertools
from pathlib import Path
from typing import Any

import pytest
from call_steps import answered, refused
from session_bench import Bench, Phone, on_bench, sdp

from asterism.applications.session.outgoing_refer import (
    ARCS,
    EXPIRES,
    FIRST_NOTIFY,
    MAX_BODY,
    OutgoingRefer,
    ReferAction,
    ReferEvent,
    ReferState,
)
from asterism.pbx.dialplan.language.foreign import foreign, joined
from asterism.pbx.vocabulary.party import PartyId, Redirecting
from asterism.stack.message import Request, Response

_numbers = itertools.count(20)


async def referred(
    bench: Bench, *destinations: str, ack: bool = True, **more: Any
) -> tuple[Phone, Response, Request | None, list[Any]]:
    """Alice is answered, and asked to call somebody else: her phone, the 200, the REFER, outcomes."""
    alice, results = bench.phone(5071), []

    @bench.server.pbx.extension("internal", "790")
    async def transfer(channel: Any) -> None:
        await channel.answer()
        results.append(await channel.transfer(*destinations, **more))
        await channel.wait(9999)

    alice.call("790")
    ok = await alice.next(200)
    if not ack:
        return alice, ok, None, results
    alice.in_dialog("ACK", ok, 1)
    return alice, ok, await alice.next("REFER"), results


def notify(phone: Phone, ok: Response, body: str = "SIP/2.0 100 Trying\r\n", state: str = "active;expires=60",
           event: str = "refer", content_type: str = "message/sipfrag;version=2.0") -> None:  # fmt: skip
    extra = f"Event: {event}\r\n" + (f"Subscription-State: {state}\r\n" if state else "")
    phone.in_dialog("NOTIFY", ok, next(_numbers), body, extra=extra, content_type=content_type)


async def answer_to(phone: Phone) -> Response:
    """The answer to the NOTIFY that was sent last."""
    await phone.bench.turn()
    found = [one for one in phone.messages() if isinstance(one, Response)][-1]
    assert found.cseq.method == "NOTIFY"
    return found


def bye(phone: Phone, ok: Response) -> None:
    phone.in_dialog("BYE", ok, next(_numbers))


def outcome(results: list[Any]) -> tuple[str, int]:
    (one,) = results
    return str(one.status), one.code


@on_bench
async def test_a_refer_looks_as_recorded(bench: Bench) -> None:
    alice, ok, refer, results = await referred(bench, "PJSIP/sip:6001@127.0.0.1:15281")
    assert refer is not None
    names = [name for name, _ in refer.headers]
    assert [one for one in names if one not in ("Via", "Allow-Events")] == [
        "From", "To", "Call-ID", "CSeq", "Contact", "Event", "Expires", "Supported", "Accept", "Refer-To",
        "Referred-By", "Max-Forwards", "User-Agent", "Content-Length",
    ]  # fmt: skip
    expected = {
        "Event": "refer", "Expires": "600", "Accept": "message/sipfrag;version=2.0",
        "Refer-To": "sip:6001@127.0.0.1:15281", "Referred-By": "<sip:790@127.0.0.1>",
    }  # fmt: skip
    assert {name: refer.get(name) for name in expected} == expected
    alice.respond(refer, 202)
    for body, code in (("SIP/2.0 100 Trying", 100), ("SIP/2.0 180 Ringing\r\n", 180)):
        notify(alice, ok, body)
        assert ((await answer_to(alice)).status, results, code) == (200, [], code)
    notify(alice, ok, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource", f"refer;id={refer.cseq.number}")
    assert (await answer_to(alice)).status == 200
    assert outcome(results) == ("SUCCESS", 200)
    notify(alice, ok, "SIP/2.0 200 OK\r\n", "terminated")
    assert (await answer_to(alice)).status == 481
    bye(alice, ok)


@pytest.mark.parametrize(
    ("body", "state", "expected"),
    [
        ("SIP/2.0 486 Busy Here", "terminated;reason=noresource", ("FAILURE", 486)),
        ("SIP/2.0 404 Not Found\r\nServer: x\r\n\r\n", "active", ("FAILURE", 404)),
        ("SIP/2.0 302 Moved", "terminated", ("SUCCESS", 302)),
        ("\r\nSIP/2.0 200 ", "terminated", ("SUCCESS", 200)),
        ("SIP/2.0 180 Ringing", "terminated;reason=timeout", ("FAILURE", 0)),
        ("", "terminated;reason=noresource", ("FAILURE", 0)),
    ],
)
def test_the_outcome_is_what_the_phone_tells(body: str, state: str, expected: tuple[str, int], tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        alice, ok, refer, results = await referred(bench, "6001")
        assert refer is not None
        alice.respond(refer, 202)
        notify(alice, ok, body, state)
        assert (await answer_to(alice)).status == 200
        assert outcome(results) == expected
        if state == "active":  # its subscription lives on, and is not answered 481
            notify(alice, ok, body, "terminated")
            assert (await answer_to(alice)).status == 200
        bye(alice, ok)

    test(tmp_path)


@pytest.mark.parametrize(
    ("status", "extra", "expected"),
    [
        (200, "Refer-Sub: false\r\n", ("SUCCESS", 200)),
        (202, "Refer-Sub: false;x=y\r\n", ("SUCCESS", 202)),
        (405, "", ("FAILURE", 405)),
        (501, "", ("FAILURE", 501)),
        (603, "", ("FAILURE", 603)),
        (302, "", ("FAILURE", 480)),
    ],
)
def test_an_answer_that_no_notify_follows(status: int, extra: str, expected: tuple[str, int], tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        alice, ok, refer, results = await referred(bench, "6001")
        assert refer is not None
        alice.respond(refer, status, extra=extra)
        await bench.turn()
        assert outcome(results) == expected
        notify(alice, ok)
        assert (await answer_to(alice)).status == 481
        bye(alice, ok)

    test(tmp_path)


@on_bench
async def test_a_481_to_the_refer_ends_the_call(bench: Bench) -> None:
    alice, _, refer, results = await referred(bench, "PJSIP/6001", "PJSIP/6002")
    assert refer is not None
    alice.respond(refer, 481)
    await bench.turn()
    assert outcome(results) == ("FAILURE", 481)
    await bench.until(lambda: not len(bench.server.pbx.channels))


@on_bench
async def test_a_notify_may_come_before_the_202(bench: Bench) -> None:
    heard: list[int] = []
    alice, ok, refer, results = await referred(bench, "6001", heard=heard.append)
    assert refer is not None
    notify(alice, ok)
    assert (await answer_to(alice)).status == 200
    assert heard == [100]
    alice.respond(refer, 202)
    notify(alice, ok, "SIP/2.0 200 OK", "terminated")
    await bench.turn()
    assert outcome(results) == ("SUCCESS", 200)
    bye(alice, ok)


@on_bench
async def test_the_outcome_may_come_before_the_202(bench: Bench) -> None:
    alice, ok, refer, results = await referred(bench, "6001")
    assert refer is not None
    notify(alice, ok, "SIP/2.0 200 OK", "active")
    await bench.turn()
    assert outcome(results) == ("SUCCESS", 200)
    alice.respond(refer, 202)
    notify(alice, ok, "", "terminated;reason=noresource")
    assert (await answer_to(alice)).status == 200
    bye(alice, ok)


@pytest.mark.parametrize(("accepts", "expected"), [(True, [("SUCCESS", 202)]), (False, [("FAILURE", 0)])])
def test_a_phone_that_leaves_before_it_tells(accepts: bool, expected: list[Any], tmp_path: Path) -> None:
    """It accepted, so it is on its way; one that had not accepted has just hung up."""

    @on_bench
    async def test(bench: Bench) -> None:
        alice, ok, refer, results = await referred(bench, "6001")
        assert refer is not None
        if accepts:
            alice.respond(refer, 202)
            await bench.turn()
        bye(alice, ok)
        await bench.turn()
        if not accepts:
            alice.respond(refer, 481)
        assert [(str(one.status), one.code) for one in results] == expected
        await bench.until(lambda: not len(bench.server.pbx.channels))

    test(tmp_path)


@on_bench
async def test_the_outcome_counts_though_the_bye_is_right_behind_it(bench: Bench) -> None:
    alice, ok, refer, results = await referred(bench, "6001")
    assert refer is not None
    alice.respond(refer, 202)
    notify(alice, ok, "SIP/2.0 486 Busy Here", "terminated")
    bye(alice, ok)
    await bench.turn()
    assert outcome(results) == ("FAILURE", 486)


@on_bench
async def test_nothing_is_sent_before_the_ack(bench: Bench) -> None:
    alice, ok, _, results = await referred(bench, "6001", ack=False)
    await bench.turn()
    assert not [one for one in alice.messages() if isinstance(one, Request)]
    alice.in_dialog("ACK", ok, 1)
    refer = await alice.next("REFER")
    assert refer.get("Refer-To") == "sip:6001@127.0.0.1:5060"
    alice.respond(refer, 603)
    await bench.turn()
    assert outcome(results) == ("FAILURE", 603)
    bye(alice, ok)


@on_bench
async def test_an_ack_that_never_comes(bench: Bench) -> None:
    _, _, _, results = await referred(bench, "6001", ack=False)
    bench.advance(33)
    await bench.until(lambda: not len(bench.server.pbx.channels))
    assert [outcome([one]) for one in results] in ([], [("FAILURE", 0)])


@pytest.mark.parametrize("silent_from", ["refer", "202", "notify"])
def test_a_silent_phone_is_waited_for_no_longer_than_it_has(silent_from: str, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        alice, ok, refer, results = await referred(bench, "6001")
        assert refer is not None
        limit = FIRST_NOTIFY
        if silent_from != "refer":
            alice.respond(refer, 202)
            await bench.turn()
        if silent_from == "notify":
            notify(alice, ok, state="active;expires=100")
            await bench.turn()
            limit = 100.0
        bench.advance(limit - 1)
        await bench.turn()
        assert not results
        bench.advance(2)
        await bench.turn()
        assert outcome(results) == ("FAILURE", 408)
        notify(alice, ok)
        assert (await answer_to(alice)).status == 481
        bye(alice, ok)

    test(tmp_path)


@on_bench
async def test_a_phone_that_never_ends_its_subscription(bench: Bench) -> None:
    alice, ok, refer, results = await referred(bench, "6001")
    assert refer is not None
    alice.respond(refer, 202)
    notify(alice, ok, "SIP/2.0 200 OK", "active;expires=99999")
    await bench.turn()
    assert outcome(results) == ("SUCCESS", 200)
    bench.advance(EXPIRES + 1)
    notify(alice, ok)
    assert (await answer_to(alice)).status == 481
    bye(alice, ok)


@pytest.mark.parametrize(
    ("notice", "status"),
    [
        ({"body": "no sipfrag"}, 400),
        ({"body": "SIP/2.0 99 x"}, 400),
        ({"body": "SIP/2.0 2000 x"}, 400),
        ({"body": "\r\n"}, 400),
        ({"body": "SIP/2.0 700 x"}, 400),
        ({"body": "INVITE sip:a@b SIP/2.0"}, 400),
        ({"content_type": "text/plain"}, 415),
        ({"body": "SIP/2.0 200 OK\r\n" + "x" * MAX_BODY}, 413),
        ({"event": "presence"}, 481),
        ({"event": "refer;id=1"}, 481),
        ({"event": "refer;id=" + "9" * 400}, 481),
        ({"event": "refer;id=x"}, 481),
        ({"event": ";;"}, 400),
        ({"state": ""}, 400),
        ({"state": ";;"}, 400),
    ],
    ids=str,
)
def test_a_notify_that_makes_no_sense_changes_nothing(notice: dict[str, str], status: int, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        alice, ok, refer, results = await referred(bench, "6001")
        assert refer is not None
        alice.respond(refer, 202)
        notify(alice, ok, **notice)
        told = await answer_to(alice)
        assert (told.status, results) == (status, [])
        if status == 415:
            assert "message/sipfrag" in (told.get("Accept") or "")
        notify(alice, ok, "SIP/2.0 200 OK", "terminated")
        await bench.turn()
        assert outcome(results) == ("SUCCESS", 200)
        bye(alice, ok)

    test(tmp_path)


@on_bench
async def test_a_notify_in_a_call_without_a_transfer_is_none(bench: Bench) -> None:
    ok, _, alice, bob = await answered(bench)
    notify(alice, ok)
    assert (await answer_to(alice)).status == 481
    bye(alice, ok)
    bob.respond(await bob.next("BYE"), 200)


@on_bench
async def test_the_next_destination_is_tried_when_one_fails(bench: Bench) -> None:
    alice, ok, first, results = await referred(bench, "PJSIP/sip:one@x.example", "sip:two@x.example;a=b")
    assert first is not None
    alice.respond(first, 202)
    notify(alice, ok, "SIP/2.0 486 Busy Here", "terminated", f"refer;id={first.cseq.number}")
    second = await alice.next("REFER")
    assert (second.get("Refer-To"), results) == ("<sip:two@x.example;a=b>", [])
    alice.respond(second, 202)
    notify(alice, ok, "SIP/2.0 200 OK", "terminated", f"refer;id={first.cseq.number}")
    assert (await answer_to(alice)).status == 481
    notify(alice, ok, "SIP/2.0 200 OK", "terminated", f"refer;id={second.cseq.number}")
    await bench.turn()
    assert outcome(results) == ("SUCCESS", 200)
    bye(alice, ok)


@on_bench
async def test_one_transfer_at_a_time(bench: Bench) -> None:
    alice, ok, refer, results = await referred(bench, "6001")
    assert refer is not None
    (channel,) = bench.server.pbx.channels
    assert not await channel.transfer("6002")
    alice.respond(refer, 202)
    notify(alice, ok, "SIP/2.0 200 OK", "terminated")
    await bench.turn()
    assert outcome(results) == ("SUCCESS", 200)
    bye(alice, ok)


@on_bench
async def test_the_place_of_another_call_is_taken_by_replaces(bench: Bench) -> None:
    ok, _, alice, bob = await answered(bench)
    one, two = sorted(bench.server.pbx.channels, key=lambda channel: channel.name)
    results: list[Any] = []

    @bench.server.pbx.extension("internal", "790")
    async def transfer(channel: Any) -> None:
        await channel.answer()
        results.append(await channel.transfer(replaced=two))
        await channel.hangup()

    alice.request("INVITE", "sip:790@127.0.0.1", "alice", "<sip:790@127.0.0.1>", sdp(), call="second", tag="t2")
    second = await alice.next(200)
    alice.request("ACK", "sip:127.0.0.1:5060", "alice", str(second.to), call="second", tag="t2")
    refer = await alice.next("REFER")
    replaces = f"Replaces={two.call_id}%3Bto-tag%3Db1%3Bfrom-tag%3D"
    assert replaces in (refer.get("Refer-To") or "").replace("%40", "@")
    assert (refer.get("Refer-To") or "").startswith("<sip:bob@127.0.0.1:5072?")
    alice.respond(refer, 202, extra="Refer-Sub: false\r\n")
    await bench.turn()
    assert outcome(results) == ("SUCCESS", 202)
    alice.respond(await alice.next("BYE"), 200)
    assert one.alive
    bye(alice, ok)
    bob.respond(await bob.next("BYE"), 200)


@pytest.mark.parametrize("ended_by", ["outcome", "bye"])
def test_a_refer_is_freed_with_its_call(ended_by: str, tmp_path: Path) -> None:
    """Without the collector: its session lets go of it."""

    @on_bench
    async def test(bench: Bench) -> None:
        alice, ok, refer, _ = await referred(bench, "6001")
        assert refer is not None
        alice.respond(refer, 202)
        if ended_by == "outcome":
            notify(alice, ok, "SIP/2.0 200 OK", "terminated")
        bye(alice, ok)
        await bench.until(lambda: not len(bench.server.pbx.channels))
        bench.advance(64)
        await bench.turn()
        assert not [one for one in gc.get_objects() if type(one) is OutgoingRefer]

    gc.collect()
    gc.disable()
    try:
        test(tmp_path)
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("destinations", "contacts"),
    [
        (["PJSIP/sip:6009@198.51.100.9:5070"], ["<sip:6009@198.51.100.9:5070>"]),
        (["<sips:6009@x.example>"], ["<sips:6009@x.example>"]),
        (["pjsip/tel:+15551234"], ["<tel:+15551234>"]),
        (["6009"], ["<sip:6009@127.0.0.1:5060>"]),
        (["6009@bob"], ["<sip:6009@127.0.0.1:5072>"]),
        (["6009@x.example:5081"], ["<sip:6009@x.example:5081>"]),
        (["a", "b@x.example"], ["<sip:a@127.0.0.1:5060>;q=1.0", "<sip:b@x.example>;q=0.9"]),
        ([joined((foreign("sip:evil@x.example"),))], ["<sip:sip%3Aevil%40x.example@127.0.0.1:5060>"]),
        ([joined((foreign("9@x?a=b"), "@bob"))], ["<sip:9%40x?a=b@127.0.0.1:5072>"]),
    ],
    ids=str,
)
def test_a_transfer_before_the_answer_is_a_302(destinations: list[str], contacts: list[str], tmp_path: Path) -> None:
    @on_bench
    async def call(bench: Bench) -> None:
        results: list[Any] = []

        @bench.server.pbx.extension("internal", "771")
        async def transfer(channel: Any) -> None:
            results.append(await channel.transfer(*destinations))
            await channel.wait(99)

        response = await refused(bench, "771")
        assert outcome(results) == ("SUCCESS", 302)
        assert response.status == 302
        assert response.get_all("Contact") == contacts
        names = [name for name, _ in response.headers]
        tail = ["Server", *["Contact"] * len(contacts), "Reason", "Supported", "Content-Length"]
        assert names[-len(tail) :] == tail
        assert response.get("Supported") == "histinfo"

    call(tmp_path)


@pytest.mark.parametrize("destination", ["mailto:x@y", "sip:", "tel:abc!", "http://x.example/", "IAX2/6009", "6\x009"])
def test_a_destination_that_no_phone_calls_fails(destination: str, tmp_path: Path) -> None:
    """The call goes on: nothing was sent."""

    @on_bench
    async def call(bench: Bench) -> None:
        results: list[Any] = []

        @bench.server.pbx.extension("internal", "771")
        async def transfer(channel: Any) -> None:
            results.append(await channel.transfer(destination))
            await channel.hangup(17)

        response = await refused(bench, "771")
        assert (outcome(results), response.status) == (("FAILURE", 416), 486)

    call(tmp_path)


@on_bench
async def test_who_diverted_the_call_is_told_with_the_302(bench: Bench) -> None:
    @bench.server.pbx.extension("internal", "771")
    async def transfer(channel: Any) -> None:
        channel.redirecting = Redirecting(from_=PartyId("771"), reason="unconditional", count=1)
        await channel.transfer("6009")

    response = await refused(bench, "771")
    assert (response.status, response.get("Diversion")) == (302, "<sip:771@127.0.0.1>;reason=unconditional")


def test_every_state_of_a_refer_can_be_left_and_every_arc_is_taken() -> None:
    """No state but the last keeps a REFER for ever; an outcome is told once on each way."""
    telling = {ReferAction.END, ReferAction.LEFT, ReferAction.UNKNOWN}
    for state, arcs in ARCS.items():
        if state is ReferState.OVER:
            assert not arcs
            continue
        assert arcs[ReferEvent.GONE][0] is ReferState.OVER
        for to, action in arcs.values():
            over = {ReferState.TOLD, ReferState.OVER}
            assert (action in telling) == (state not in over and to in over), (state, to, action)
    assert set(ARCS) == set(ReferState)
