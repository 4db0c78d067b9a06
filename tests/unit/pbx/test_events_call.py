"""The events of whole calls, in the order and with the fields of the record.

Normalisation: security, registration and state events (``FLOATING``) come from elsewhere or, like
DeviceStateChange and ExtensionStatus, float between runs of the recorded server itself, so they are
left out of the order; so is VarSet, whose order is compared per channel, and the RTP statistics
variables and SIPDOMAIN, DEPT, which the SIP driver sets. Hangup of the called leg and BridgeDestroy
come from another thread there: each is only required to stand after what it must follow.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_technology import FakeServer, recorded_section, settle

from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.dial.application import DialApplication
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.flow import EndDialplan

FLOATING = {
    "ChallengeSent", "SuccessfulAuth", "Registry", "PeerStatus", "ContactStatus",
    "DeviceStateChange", "ExtensionStatus", "VarSet",
}  # fmt: skip
DRIVERS = ("RTPAUDIO", "SIPDOMAIN", "DEPT")
VARIABLE = {
    "Uniqueid", "Linkedid", "DestUniqueid", "DestLinkedid", "BridgeUniqueid", "Channel", "DestChannel", "Value",
    "AccountCode", "DestAccountCode", "TechCause", "MusicClass",
}  # fmt: skip


def make_server() -> FakeServer:
    server = FakeServer()

    async def hangup(channel: Channel, args: str) -> None:
        raise EndDialplan(int(args) if args else (int(channel.hangup_cause) or 16))

    async def answer(channel: Channel, args: str) -> None:
        await channel.answer()  # type: ignore[attr-defined]

    async def nothing(channel: Channel, args: str) -> None:
        return

    async def echo(channel: Channel, args: str) -> None:
        await channel.park()

    from asterism.core.documentation import Documentation

    for name, function in (("Hangup", hangup), ("NoOp", nothing), ("Answer", answer), ("Echo", echo)):
        server.pbx.register_application(name, function, Documentation(f"test {name}"))
    server.dialplan(
        ("6002", 1, "Dial", "PJSIP/bob,20,Tt"),
        ("6002", 2, "NoOp", "DIALSTATUS=${DIALSTATUS} HANGUPCAUSE=${HANGUPCAUSE}"),
        ("6002", 3, "Hangup", ""),
        ("6102", 1, "Dial", "PJSIP/bob,3"),
        ("6102", 2, "NoOp", "DIALSTATUS=${DIALSTATUS} HANGUPCAUSE=${HANGUPCAUSE}"),
        ("6102", 3, "Hangup", ""),
        ("703", 1, "Dial", "PJSIP/frank,20"),
        ("703", 2, "NoOp", "DIALSTATUS=${DIALSTATUS} HANGUPCAUSE=${HANGUPCAUSE}"),
        ("703", 3, "Hangup", ""),
        ("771", 1, "Answer", ""),
        ("771", 2, "Echo", ""),
    )
    server.record()
    return server


def normal_order(names: list[str], floating_end: tuple[str, ...] = ()) -> list[str]:
    return [name for name in names if name not in FLOATING and name not in floating_end]


def channel_roles(found: list[dict[str, str]]) -> dict[str, str]:
    roles: dict[str, str] = {}
    for event in found:
        if event["Event"] == "Newchannel":
            roles[event["Channel"]] = event["Channel"].partition("-")[0]
    return roles


def as_dicts(server: FakeServer) -> list[dict[str, str]]:
    return [{"Event": kind.name, **{k: str(v) for k, v in fields}} for kind, fields in server.recorded]


def compare(server: FakeServer, title: str, loose: tuple[str, ...] = ()) -> None:
    """Compare our events with the section: order, fields, values that are not of one run, variables."""
    wanted = recorded_section(title)
    ours = as_dicts(server)
    assert normal_order([e["Event"] for e in ours], loose) == normal_order([e["Event"] for e in wanted], loose)
    fields = lambda found: sorted(  # noqa: E731
        (
            e["Event"],
            e.get("Channel", "").partition("-")[0],
            [k for k in e if k not in ("Privilege", "TechCause")],
            [v for k, v in e.items() if k not in VARIABLE and k != "Privilege"],
        )
        for e in found
        if e["Event"] not in FLOATING
    )
    for mine, theirs in zip(fields(ours), fields(wanted), strict=True):
        assert mine == theirs
    for phone in ("PJSIP/alice", "PJSIP/bob"):
        sets = lambda found, phone=phone: [  # noqa: E731
            e["Variable"]
            for e in found
            if e["Event"] == "VarSet" and e["Channel"].startswith(phone + "-") and not e["Variable"].startswith(DRIVERS)
        ]
        assert sets(ours) == sets(wanted)


async def start_call(server: FakeServer, exten: str = "6002") -> Channel:
    alice = server.sip.incoming("alice", exten, accountcode="acct-alice")
    server.pbx.start(alice)
    await settle()
    return alice


async def talk(server: FakeServer) -> tuple[Channel, Channel]:
    alice = await start_call(server)
    bob = server.sip.made[0]
    bob.queue_control(Control.RINGING)
    await settle()
    bob.queue_control(Control.ANSWER)
    await settle()
    return alice, bob


def run(scenario: Any) -> FakeServer:
    async def main() -> FakeServer:
        server = make_server()
        await scenario(server)
        await settle()
        assert len(server.pbx.channels) == 0
        assert not server.pbx.bridges
        return server

    return asyncio.run(main())


def test_the_caller_hangs_up() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, _ = await talk(server)
        alice.queue_hangup(16)

    server = run(scenario)
    compare(server, "full call alice -> 6002 (PJSIP/bob), answered, caller hangs up")
    assert [e["Channel"].partition("-")[0] for e in server.fields("Hangup")] == ["PJSIP/alice", "PJSIP/bob"]
    assert [e["Channel"].partition("-")[0] for e in server.fields("BridgeEnter")] == ["PJSIP/bob", "PJSIP/alice"]
    assert {e["Cause"] for e in server.fields("Hangup")} == {"16"}


def test_the_called_party_hangs_up() -> None:
    async def scenario(server: FakeServer) -> None:
        _, bob = await talk(server)
        bob.queue_hangup(16)

    server = run(scenario)
    compare(server, "full call, callee hangs up")
    assert [e["Channel"].partition("-")[0] for e in server.fields("Hangup")] == ["PJSIP/bob", "PJSIP/alice"]


def test_busy() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await start_call(server)
        server.sip.made[0].queue_hangup(17, "SIP 486 Busy Here", 486)
        await settle()
        assert alice.driver.log[-1] == ("hangup", 17)  # type: ignore[attr-defined]

    server = run(scenario)
    compare(server, "callee busy (486)")
    assert [e["AppData"] for e in server.fields("Newexten") if e["Priority"] == "2"] == [
        "DIALSTATUS=BUSY HANGUPCAUSE=17"
    ]
    assert server.fields("DialEnd")[0]["DialStatus"] == "BUSY"


def test_no_answer() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await start_call(server, "6102")
        server.sip.made[0].queue_control(Control.RINGING)
        await settle()
        alice._waits[0][1].set_result(False)  # what the timer does after three seconds

    server = run(scenario)
    compare(server, "no answer: Dial(PJSIP/bob,3) times out")
    assert server.fields("DialEnd")[0]["DialStatus"] == "NOANSWER"
    assert {e["Channel"][:9]: e["Cause"] for e in server.fields("Hangup")} == {"PJSIP/bob": "0", "PJSIP/ali": "16"}


def test_the_caller_cancels() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await start_call(server)
        server.sip.made[0].queue_control(Control.RINGING)
        await settle()
        alice.queue_hangup(127, "SIP 487 Request Terminated", 487)
        await settle()
        assert alice.get_variable("DIALSTATUS") == "CANCEL"

    server = run(scenario)
    compare(server, "caller cancels while ringing")
    assert server.fields("HangupRequest")[0]["TechCause"] == "487"


def test_404() -> None:
    async def scenario(server: FakeServer) -> None:
        await start_call(server)
        server.sip.made[0].queue_hangup(1, "SIP 404 Not Found", 404)

    server = run(scenario)
    compare(server, "callee 404", ("Hangup",))
    assert server.fields("DialEnd")[0]["DialStatus"] == "NOANSWER"
    assert server.fields("Hangup")[0]["Cause-txt"] == "Unallocated (unassigned) number"


def test_unregistered() -> None:
    async def scenario(server: FakeServer) -> None:
        await start_call(server, "703")

    server = run(scenario)
    compare(server, "Dial unregistered endpoint (exten 703)")
    assert server.fields("Hangup")[0]["Cause"] == "3"


def test_fields_of_a_channel_event_stand_in_the_recorded_order() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, _ = await talk(server)
        alice.queue_hangup(16)

    ours = as_dicts(run(scenario))
    for kind in ("Newchannel", "DialBegin", "DialState", "DialEnd", "BridgeCreate", "BridgeEnter", "Hangup", "VarSet"):
        wanted = next(e for e in recorded_section("full call alice -> 6002") if e["Event"] == kind)
        mine = next(e for e in ours if e["Event"] == kind)
        assert [k for k in mine if k != "Event"] == [k for k in wanted if k not in ("Event", "Privilege")]


@pytest.mark.parametrize("ended", ["caller", "called"])
def test_nothing_is_left_of_a_call(ended: str) -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await talk(server)
        (alice if ended == "caller" else bob).queue_hangup(16)
        await settle()
        assert alice.task is None
        assert server.pbx.active_calls == 0
        assert server.pbx.processed_calls == 1

    run(scenario)


def test_dial_is_documented() -> None:
    server = make_server()
    entry = server.pbx.applications.entry("dial")
    assert entry is not None
    assert entry.documentation.synopsis
    assert DialApplication.name == "app_dial"
