"""Originates of the manager and the console, and the application's: events as recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fake_manager import Manager
from fake_technology import FakeServer, settle
from local_kit import CALL_APPLICATIONS, comparable, local_server, recorded, told

from asterism.core.commands import CommandCall
from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.availability import Availability
from asterism.pbx.dialplan.applications.originate import OriginateApplication
from asterism.pbx.dialplan.applications.other_channels import SoftHangup
from asterism.pbx.vocabulary.controls import Control


def answers(channel: Channel) -> None:
    channel.queue_control(Control.RINGING)
    channel.queue_control(Control.ANSWER)


def run(scenario: Any) -> FakeServer:
    async def main() -> FakeServer:
        server = local_server()
        server.sip.scripts["bob"] = answers
        await scenario(server, Manager(server))
        await settle(60)
        assert [channel.name for channel in server.pbx.channels] == []
        return server

    return asyncio.run(main())


def both(server: FakeServer, title: str, left_out: Callable[[str], bool] = lambda _: False) -> tuple[Any, Any]:
    """Our events and the recorded ones."""
    wanted = comparable(recorded(title, CALL_APPLICATIONS), left_out)
    return comparable(told(server), left_out), wanted


@pytest.mark.parametrize(
    ("title", "fields"),
    [
        (
            "Originate with two Variable headers, Account, Codecs",
            {
                "Application": "Wait", "Data": "5", "Account": "ac5", "Codecs": "alaw,ulaw",
                "Variable": ["V1=a", "__V2=b,V3=c"],
            },
        ),
        ("Originate with EarlyMedia", {"Context": "internal", "Exten": "7010", "Priority": "1", "EarlyMedia": "true"}),
    ],
)  # fmt: skip
def test_originates_of_the_manager(title: str, fields: dict[str, Any]) -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        call = await manager.run("Originate", Channel="PJSIP/bob", Async="true", **fields)
        assert call.answer == ("Success", "Originate successfully queued")
        await settle(60)
        server.sip.made[0].queue_hangup(0)

    ours, wanted = both(run(scenario), title)
    # OriginateResponse comes from another thread there, before or after what the channel runs.
    assert sorted(ours) == sorted(wanted)
    assert [line for line in ours if line != "OriginateResponse"] == [
        line for line in wanted if line != "OriginateResponse"
    ]  # fmt: skip


def test_an_originate_with_a_subroutine() -> None:
    """The recorded server called without running it (its context was not there): the events are the same with it."""

    async def scenario(server: FakeServer, manager: Manager) -> None:
        ran: list[tuple[object, ...]] = []

        async def gosub(channel: Channel, *place: object) -> str:
            ran.append(place)
            return ""

        server.pbx.dialplan.gosub = gosub  # type: ignore[assignment]
        await manager.run(
            "Originate", Channel="PJSIP/bob", Async="true", Application="Wait", Data="5", PreDialGoSub="sub,s,1(pd)"
        )
        await settle(60)
        assert ran == [("sub", "s", 1, ("pd",))]
        server.sip.made[0].queue_hangup(0)

    ours, wanted = both(run(scenario), "Originate with PreDialGoSub")
    assert sorted(line.partition(" [")[0] for line in ours) == sorted(line.partition(" [")[0] for line in wanted)


def test_ids_of_a_local_pair() -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        call = await manager.run(
            "Originate", Channel="Local/6002@internal/n", Async="true", Application="Wait", Data="5",
            ChannelId="idone", OtherChannelId="idtwo",
        )  # fmt: skip
        assert call.answer == ("Success", "Originate successfully queued")
        await settle(80)
        server.sip.made[0].queue_hangup()

    server = run(scenario)
    local = server.fields("LocalBridge")[0]
    assert (local["LocalOneUniqueid"], local["LocalTwoUniqueid"]) == ("idone", "idtwo")
    assert (local["LocalOneLinkedid"], local["LocalTwoLinkedid"]) == ("idone", "idone")
    ours, wanted = both(
        server, "Originate with ChannelId and OtherChannelId on a Local/n pair", lambda name: name == "VarSet"
    )
    assert sorted(line.partition(" [")[0] for line in ours) == sorted(line.partition(" [")[0] for line in wanted)


@pytest.mark.parametrize(
    ("words", "left_out"),
    [
        ("PJSIP/bob extension 7010@internal", ()),
        ("PJSIP/bob application Wait 3", ()),
        # The recorded server tells AppDial2 once more after h.
        ("PJSIP/bob extension 9999@internal", ("Newexten PJSIP/bob-N [Up 6002/- internal,h,2]",)),
        ("PJSIP/nosuch application Wait 1", ()),
    ],
)
def test_originates_of_the_console(words: str, left_out: tuple[str, ...]) -> None:
    async def scenario(server: FakeServer, manager: Manager) -> None:
        assert manager.commands["channel originate"](CommandCall(words.split(), lambda _: None)) == ""
        await settle(60)
        for bob in server.sip.made:
            bob.queue_hangup(0)

    ours, wanted = both(run(scenario), f"*CLI> channel originate {words}")
    assert [line.replace("internal,9999,1", "internal,s,1") for line in ours] == [
        line for line in wanted if line not in left_out
    ]  # fmt: skip


def test_a_chain_of_applications() -> None:
    """The part of the recorded chain that makes calls: Originate twice, ChanIsAvail, SoftHangup."""

    async def scenario(server: FakeServer, manager: Manager) -> None:
        for module in (OriginateApplication(), Availability(), SoftHangup()):
            module.load(server)  # type: ignore[arg-type]
        server.dialplan(
            ("s1", 1, "Answer", ""),
            ("7912", 1, "Answer", ""),
            ("7912", 2, "Originate", "Local/s1@internal,app,NoOp,x"),
            ("7912", 3, "NoOp", "${ORIGINATE_STATUS}"),
            ("7912", 4, "Originate", "PJSIP/nosuch,exten,internal,7010,1"),
            ("7912", 5, "NoOp", "${ORIGINATE_STATUS}"),
            ("7912", 6, "ChanIsAvail", "PJSIP/bob&PJSIP/carol"),
            ("7912", 7, "NoOp", "${AVAILCHAN}|${AVAILORIGCHAN}|${AVAILSTATUS}|${AVAILCAUSECODE}"),
            ("7912", 8, "SoftHangup", "PJSIP/none"),
        )
        server.pbx.start(server.sip.incoming("alice", "7912"))
        await settle(120)

    server = run(scenario)
    title = "a chain of applications and their status variables (7912)"
    values = {(event["Variable"], event["Value"].partition("-")[0]) for event in server.fields("VarSet")}
    for one in ("ORIGINATE_STATUS=SUCCESS", "ORIGINATE_STATUS=FAILED", "AVAILCHAN=PJSIP/bob", "AVAILORIGCHAN=PJSIP/bob",
                "AVAILSTATUS=0", "AVAILCAUSECODE=0"):  # fmt: skip
        assert tuple(one.split("=")) in values
    ours, wanted = both(server, title)
    for name in ("Local/s1@internal-N;1", "Local/s1@internal-N;2", "PJSIP/bob"):
        of_ours, of_theirs = (
            [line for line in lines if name in line.split(" [")[0] and not line.startswith("Local")]
            for lines in (ours, wanted)
        )
        if name != "PJSIP/bob":  # which half ends first depends on whose thread is faster
            of_ours, of_theirs = (
                [line.partition(" [")[0] for line in lines if not line.startswith("HangupRequest")]
                for lines in (of_ours, of_theirs)
            )
        assert of_ours == of_theirs, name
    applications = [
        event["Application"] for event in server.fields("Newexten") if event["Channel"][:11] == "PJSIP/alice"
    ]
    assert [name for name in applications if name in ("Originate", "ChanIsAvail", "SoftHangup")] == [
        "Originate", "Originate", "ChanIsAvail", "SoftHangup",
    ]  # fmt: skip
