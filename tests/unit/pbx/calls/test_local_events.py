"""The events of calls through Local channels, compared with the record.

Threads of the recorded server run side by side, so what one channel is told floats among what another is: each
channel's own events are compared in their order, with its state, parties and place in each.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, settle
from local_kit import comparable, dial, halves, recorded, rings, run, told

from asterism.media.formats import ULAW
from asterism.pbx.calls.originate import OriginateRequest, originate, start
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.party import PartyId

LOOSE = ("OriginateResponse", "BridgeCreate", "BridgeDestroy", "VarSet")
WHO = re.compile(r"(?:PJSIP|Local)/[^ ]*")


def by_channel(found: Any, *loose: str) -> dict[str, list[str]]:
    """The events of each channel, in order; those of a dial belong to the caller, of a pair to the first half."""
    result: dict[str, list[str]] = {}
    for line in comparable(found, lambda name: name in (*LOOSE, *loose)):
        who = WHO.search(line)
        result.setdefault(who[0] if who else "", []).append(line)
    return result


def variables(found: Any) -> dict[str, set[str]]:
    """Which variables each channel was given; their order floats."""
    result: dict[str, set[str]] = {}
    for name, rest in found:
        if name == "VarSet" and not rest[1].startswith(("BRIDGEPVTCALLID", "RTPAUDIO")):
            result.setdefault(re.sub(r"-[0-9a-f]{8}", "-N", rest[0]), set()).add(rest[1])
    return result


def compare(server: FakeServer, title: str, *loose: str) -> None:
    ours, wanted = told(server), recorded(title)
    mine, theirs = by_channel(ours, *loose), by_channel(wanted, *loose)
    assert mine.keys() == theirs.keys()
    for who, lines in mine.items():
        assert lines == theirs[who], who
    assert variables(ours) == variables(wanted)


async def originated(server: FakeServer, request: OriginateRequest) -> Any:
    """What the manager's Originate does."""
    server.sip.scripts.setdefault("bob", rings)
    result = await originate(server.pbx, request)
    if result.channel is not None:
        start(server.pbx, result.channel, request)
    await settle(40)
    return result


def answers(channel: Channel) -> None:
    channel.queue_control(Control.RINGING)
    channel.queue_control(Control.ANSWER)


def test_a_call_through_a_pair_that_stays() -> None:
    async def scenario(server: FakeServer) -> None:
        await dial(server, "7002")
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle(40)
        bob.queue_hangup(16)
        await settle(60)

    server = run(scenario)
    compare(server, "alice dials 7002 = Dial(Local/6002@internal/n)")


@pytest.mark.parametrize("options", ["", "/n"])
def test_an_application_at_the_first_half_keeps_the_pair(options: str) -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["bob"] = answers
        request = OriginateRequest(
            f"Local/6002@internal{options}", "internal", "7010", caller=PartyId("5000", "Orig"),
            variables=[("FOO", "bar")] if not options else [],
        )  # fmt: skip
        await originated(server, request)
        one, two = halves(server)
        assert (one.application, two.application) == ("Wait", "Dial")
        server.sip.made[0].queue_hangup(16)
        await settle(60)
        assert one.variables["CHANLOCALSTATUS"] == "ANSWER"

    compare(run(scenario), f"Originate Local/6002@internal{options}, Exten 7010")


def test_a_half_that_is_hung_up() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["bob"] = answers
        await originated(server, OriginateRequest("Local/6002@internal/n", application="Echo"))
        one, _ = halves(server)
        one.soft_hangup()
        await settle(60)

    server = run(scenario)
    assert server.fields("HangupRequest")[0]["Channel"].endswith(";2")


def test_a_busy_callee() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["bob"] = lambda bob: bob.queue_hangup(17, "SIP 486 Busy Here", 486)
        result = await originated(server, OriginateRequest("Local/6002@internal", "internal", "7010"))
        assert (result.channel, result.reason) == (None, 5)
        await settle(60)

    # A caller ID that changed is told as the channel ends: before its Hangup here, behind it there.
    compare(run(scenario), "Originate Local/6002@internal, busy callee", "NewCallerid")


def test_no_answer_in_time() -> None:
    async def scenario(server: FakeServer) -> None:
        request = OriginateRequest("Local/6102@internal", "internal", "7010", timeout=0.05)
        result = await originated(server, request)
        assert (result.channel, result.reason) == (None, 3)
        await settle(60)

    compare(run(scenario), "Originate Local/6102@internal (Dial time 3 s, no answer)")


def test_no_such_extension() -> None:
    async def scenario(server: FakeServer) -> None:
        result = await originated(server, OriginateRequest("Local/9999@internal", "internal", "7010"))
        assert (result.channel, result.reason) == (None, 0)

    compare(run(scenario), "Originate Local to an extension that does not exist")


def with_audio(server: FakeServer) -> None:
    server.sip.stream = lambda: FakeStream(ULAW)


def test_a_call_through_a_pair_that_leaves() -> None:
    async def scenario(server: FakeServer) -> None:
        with_audio(server)
        alice = await dial(server, "7001")
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle(60)
        assert server.pbx.channels.of_device("Local/6002@internal") == ()
        assert alice.bridge is bob.bridge
        alice.queue_hangup(16)
        await settle(60)

    server = run(scenario)
    assert server.names().count("BridgeDestroy") == 2
    assert [event["SwapUniqueid"] for event in server.fields("BridgeEnter") if "SwapUniqueid" in event] == [
        server.fields("LocalOptimizationBegin")[0]["DestUniqueId"]
    ]
    compare(server, "alice dials 7001 = Dial(Local/6002@internal) (optimisation on)")


def test_two_phones_joined_through_a_pair() -> None:
    async def scenario(server: FakeServer) -> None:
        with_audio(server)
        server.sip.scripts["bob"] = server.sip.scripts["carol"] = answers
        await originated(server, OriginateRequest("Local/6002@internal", "internal", "6003"))
        await settle(60)
        result = server.pbx.channels.get("Local/6002@internal-00000000;1")
        assert result is None
        bob, carol = server.sip.made
        assert bob.bridge is carol.bridge
        bob.queue_hangup(16)
        await settle(60)

    # There bob rings before his DialBegin is told, and the second half's caller ID is known later than here.
    title = "Originate Local/6002@internal to 6003: two phones joined through an optimising Local pair"
    compare(run(scenario), title, "DialBegin", "LocalOptimizationBegin")


def test_a_pair_that_is_told_to_leave() -> None:
    async def scenario(server: FakeServer) -> None:
        with_audio(server)
        alice = await dial(server, "7002")
        (bob,) = server.sip.made
        bob.queue_control(Control.ANSWER)
        await settle(40)
        one, two = halves(server)
        for half in (one, two):
            half.driver.pair.optimise_away()  # type: ignore[attr-defined]
        await settle(60)
        assert alice.bridge is bob.bridge
        alice.queue_hangup(16)
        await settle(60)

    compare(run(scenario), "AMI LocalOptimizeAway on a /n pair")
