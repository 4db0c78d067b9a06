"""The application Originate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from fake_technology import FakeServer, run, settle

from asterism.core.documentation import Documentation
from asterism.core.restriction import DANGEROUS_APPLICATIONS, restricted
from asterism.media.formats import ALAW, ULAW
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.technology import ChannelRequest
from asterism.pbx.dialplan.applications.originate import STATUS, OriginateApplication
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.errors import ChannelHangup


def made(server: FakeServer) -> tuple[OriginateApplication, Channel, list[str]]:
    server.register_marked = lambda holder: None  # type: ignore[attr-defined]
    module = OriginateApplication()
    module.load(server)  # type: ignore[arg-type]
    ran: list[str] = []

    async def note(channel: Channel, args: str) -> None:
        ran.append(f"{channel.name} {channel.context},{channel.exten},{channel.priority} {args}")

    server.pbx.applications.add(server.owner, "Note", note, _documented())
    server.pbx.applications.add(server.owner, "System", note, _documented())
    server.dialplan(("7", 1, "Note", "one"), ("7", 2, "Note", "two"), ("1", 1, "Note", "own"))
    return module, server.sip.incoming("alice", "1"), ran


def _documented() -> Documentation:
    return Documentation("Note.", "Note()")


def answers(channel: Channel) -> None:
    channel.queue_control(Control.ANSWER)


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        ('PJSIP/bob,app,Note,"a,b"', ["internal,s,1 a,b"]),
        ("PJSIP/bob,app,note", ["internal,s,1 "]),
        ("PJSIP/bob,exten,internal,7,1", ["internal,7,1 one", "internal,7,2 two"]),
        ("PJSIP/bob,EXTEN,internal,7,2", ["internal,7,2 two"]),
        ("PJSIP/bob,exten,internal", ["internal,1,1 own"]),
    ],
)
def test_whoever_answers_is_connected_to_what_is_named(args: str, wanted: list[str]) -> None:
    async def scenario(server: FakeServer) -> None:
        module, alice, ran = made(server)
        server.sip.scripts["bob"] = answers
        await module.originate(alice, args)
        assert alice.variables[STATUS] == "SUCCESS"
        await settle()
        bob = server.sip.made[0]
        assert ran == [f"{bob.name} {line}" for line in wanted]
        assert bob.linkedid != alice.linkedid
        assert module.use_count() == 0

    run(scenario)


@pytest.mark.parametrize(
    ("args", "script", "wanted"),
    [
        ("PJSIP/nosuch,app,Note", None, "FAILED"),
        ("PJSIP/bob,app,Nothing", None, "FAILED"),
        ("PJSIP/bob,exten,internal,7,nolabel", None, "FAILED"),
        ("PJSIP/bob,other,internal,7,1", None, "FAILED"),
        ("PJSIP/bob,app", None, "FAILED"),
        ("", None, "FAILED"),
        ("PJSIP/bob,app,Note", lambda bob: bob.queue_hangup(17), "BUSY"),
        ("PJSIP/bob,app,Note", lambda bob: bob.queue_control(Control.CONGESTION), "CONGESTION"),
        ("PJSIP/bob,app,Note", lambda bob: bob.queue_hangup(21), "FAILED"),
        ("PJSIP/bob,app,Note,,,0.02", lambda bob: bob.queue_control(Control.RINGING), "RINGING"),
    ],
)
def test_the_status_says_why_nobody_answered(args: str, script: Callable[[Channel], None] | None, wanted: str) -> None:
    async def scenario(server: FakeServer) -> None:
        module, alice, ran = made(server)
        if script is not None:
            server.sip.scripts["bob"] = script
        await module.originate(alice, args)
        await settle()
        assert (alice.variables[STATUS], ran) == (wanted, [])
        assert all(one.dead for one in server.sip.made)

    run(scenario)


def test_options_say_who_calls_what_is_offered_and_what_is_set() -> None:
    async def scenario(server: FakeServer) -> None:
        module, alice, _ = made(server)
        asked: list[ChannelRequest] = []
        original = server.sip.request

        def request(request: ChannelRequest) -> Channel:
            asked.append(request)
            return original(request)

        server.sip.request = request
        server.sip.scripts["bob"] = answers
        options = "C(alaw,ulaw)c(555)n(Front desk)v(A=1^__B=2,3^CALLERID(name)=x)z"
        await module.originate(alice, f"PJSIP/bob,app,Note,,,5,{options}")
        bob = server.sip.made[0]
        assert asked[0].formats == (ALAW, ULAW)
        assert str(bob.connected) == '"Front desk" <555>'
        assert (bob.variables["A"], bob.variables["B"], bob.inheritance) == ("1", "2,3", {"B": 2})

    run(scenario)


def test_subroutines_run_on_both_channels_before_the_call() -> None:
    async def scenario(server: FakeServer) -> None:
        module, alice, _ = made(server)
        order: list[str] = []

        async def gosub(channel: Channel, *place: object) -> str:
            order.append(f"{channel.device} {place}")
            return ""

        server.pbx.dialplan.gosub = gosub  # type: ignore[assignment]

        def called(bob: Channel) -> None:
            order.append("called")
            answers(bob)

        server.sip.scripts["bob"] = called
        await module.originate(alice, "PJSIP/bob,app,Note,,,5,b(sub^s^1(x))B(sub^t^2)")
        assert order == ["PJSIP/alice ('sub', 't', 2, ())", "PJSIP/bob ('sub', 's', 1, ('x',))", "called"]

    run(scenario)


def test_a_caller_who_does_not_wait_or_hangs_up_does_not_end_the_other_call() -> None:
    async def scenario(server: FakeServer) -> None:
        module, alice, ran = made(server)
        await module.originate(alice, "PJSIP/bob,app,Note,later,,5,a")
        assert alice.variables[STATUS] == "SUCCESS"
        waits = asyncio.ensure_future(module.originate(alice, "PJSIP/bob,app,Note,too"))
        await settle()
        assert module.use_count() == 2
        alice.queue_hangup()
        with pytest.raises(ChannelHangup):
            await waits
        for bob in server.sip.made:
            answers(bob)
        await settle()
        assert [line.rpartition(" ")[2] for line in ran] == ["later", "too"]

    run(scenario)


def test_an_unloaded_module_gives_its_calls_up() -> None:
    async def scenario(server: FakeServer) -> None:
        module, alice, _ = made(server)
        waits = asyncio.ensure_future(module.originate(alice, "PJSIP/bob,app,Note"))
        await settle()
        module.unload()
        await waits
        assert alice.variables[STATUS] == "HANGUP"

    run(scenario)


def test_what_a_manager_client_may_not_run_is_not_run_by_way_of_another_call() -> None:
    async def scenario(server: FakeServer) -> None:
        module, alice, ran = made(server)
        server.sip.scripts["bob"] = answers
        with restricted(DANGEROUS_APPLICATIONS):
            await module.originate(alice, "PJSIP/bob,app,System,id")
        await settle()
        assert ran == []

    run(scenario)
