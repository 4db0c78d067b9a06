"""CONNECTED_LINE_SEND_SUB and REDIRECTING_SEND_SUB: a subroutine changes what the far end is told."""

from __future__ import annotations

from typing import Any

import pytest
from dial_kit import dialling, run
from fake_technology import FakeServer, settle

from asterism.core.documentation import Documentation
from asterism.pbx.dialplan.functions.callerid import CallerIdFunctions
from asterism.pbx.dialplan.functions.redirecting import RedirectingFunction
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.errors import Goto
from asterism.pbx.vocabulary.flow import EndDialplan, SubroutineReturned
from asterism.pbx.vocabulary.marks import register_marked
from asterism.pbx.vocabulary.party import PartyId, Redirecting


def prepare(server: FakeServer) -> None:
    """The functions, and applications for a subroutine."""
    pbx = server.pbx
    for module in (CallerIdFunctions(), RedirectingFunction()):
        module.pbx = pbx
        register_marked(pbx, module)

    async def put(channel: Any, args: str) -> None:
        name, _, value = args.partition("=")
        function, bracket, item = name.rstrip(")").partition("(")
        if bracket:
            pbx.dialplan.environment.write(channel, function, item, value)
        else:
            channel.set_variable(name, value)

    async def back(channel: Any, args: str) -> None:
        raise SubroutineReturned(args)

    async def end(channel: Any, args: str) -> None:
        raise EndDialplan

    async def fail(channel: Any, args: str) -> None:
        raise RuntimeError("broken")

    async def wait(channel: Any, args: str) -> None:
        await channel.wait(60)

    async def loop(channel: Any, args: str) -> None:
        channel.priority -= 1

    for name, item in {"Put": put, "Back": back, "End": end, "Fail": fail, "Pause": wait, "Loop": loop}.items():
        pbx.register_application(name, item, Documentation("For this test."))


async def caller(server: FakeServer, *lines: tuple[str, str], **variables: str) -> Any:
    """Alice, whose call rings at Bob; ``lines`` are the subroutine at s,1."""
    prepare(server)
    server.dialplan(*(("s", number, *line) for number, line in enumerate(lines, 1)))
    alice: Any = await dialling(server, "PJSIP/bob,20")
    for name, value in variables.items():
        alice.set_variable(name, value)
    alice.driver.log.clear()
    return alice


def shown(channel: Any) -> list[Control]:
    found: list[Control] = channel.driver.indicated()
    return found


def test_the_subroutine_sees_and_changes_the_party() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await caller(
            server, ("Put", "SEEN=${CONNECTEDLINE(num)} ${ARG1}-${ARG2}"), ("Put", "CONNECTEDLINE(name)=Support"),
            ("Put", "CONNECTEDLINE(num)=100"), ("Back", ""),
            CONNECTED_LINE_SEND_SUB="internal,s,1", CONNECTED_LINE_SEND_SUB_ARGS="a,b",
        )  # fmt: skip
        place = alice.context, alice.exten, alice.priority
        alice.set_connected(PartyId("6003", "Carol"))
        assert alice.connected == PartyId("100", "Support")
        assert shown(alice) == [Control.CONNECTED_LINE]  # once, and nothing by the subroutine itself
        assert alice.variables["SEEN"] == "6003 a-b"
        assert (alice.context, alice.exten, alice.priority) == place

    run(scenario)


def test_without_a_place_or_when_told_not_to_nothing_runs() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await caller(server, ("Put", "RAN=1"), ("Back", ""))
        for place in ("", "a,b,c,d", "internal,s,", "nowhere,s,1", "internal,s,label"):
            alice.set_variable("CONNECTED_LINE_SEND_SUB", place)
            alice.set_connected(PartyId("6003"))
        assert shown(alice) == [Control.CONNECTED_LINE] * 5
        alice.set_variable("CONNECTED_LINE_SEND_SUB", "internal,s,1")
        alice.set_connected(PartyId("6004"), tell=False)
        assert "RAN" not in alice.variables
        alice.redirect(Goto("internal", "1", 1))
        alice.set_connected(PartyId("6005"))
        assert "RAN" not in alice.variables  # it is on its way elsewhere

    run(scenario)


@pytest.mark.parametrize("application", ["End", "Fail", "Pause", "Loop", "Nothing"])
def test_a_subroutine_that_does_not_return_stops_no_update(application: str) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await caller(
            server, ("Put", "CONNECTEDLINE(num)=100"), (application, ""), CONNECTED_LINE_SEND_SUB="internal,s,1"
        )
        place = alice.context, alice.exten, alice.priority
        alice.set_connected(PartyId("6003"))
        assert (alice.connected.number, shown(alice)) == ("100", [Control.CONNECTED_LINE])
        assert (alice.context, alice.exten, alice.priority) == place
        server.sip.made[0].queue_control(Control.ANSWER)
        await settle()
        assert alice.variables["DIALSTATUS"] == "ANSWER"  # its own dialplan goes on

    run(scenario)


def test_who_is_called_is_changed_before_any_response_tells_it() -> None:
    async def scenario(server: FakeServer) -> None:
        prepare(server)
        server.dialplan(("s", 1, "Put", "CONNECTEDLINE(num,i)=100"), ("s", 2, "Back", ""))
        server.pbx.dialplan.globals["CONNECTED_LINE_SEND_SUB"] = "internal,s,1"
        alice = await dialling(server, "PJSIP/bob,20")
        assert alice.connected.number == "100"
        server.sip.made[0].queue_control(Control.CONNECTED_LINE, PartyId("6099"))
        assert alice.connected.number == "100"

    run(scenario)


def test_a_diversion_is_changed_before_it_is_told() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await caller(
            server, ("Put", "SEEN=${REDIRECTING(from-num)}"), ("Put", "REDIRECTING(to-num)=100"), ("Back", ""),
            REDIRECTING_SEND_SUB="internal,s,1",
        )  # fmt: skip
        told: list[Any] = []
        indicate = alice.driver.indicate
        alice.driver.indicate = lambda condition, data=None: told.append(data) or indicate(condition, data)
        alice.indicate(Control.REDIRECTING, Redirecting(from_=PartyId("6002"), to=PartyId("6003")))
        assert [(one.from_.number, one.to.number) for one in told] == [("6002", "100")]
        assert (alice.variables["SEEN"], alice.redirecting) == ("6002", None)
        alice.indicate(Control.REDIRECTING, None)
        assert told[1:] == [None]

    run(scenario)


def test_the_channel_is_shown_with_what_it_runs_itself() -> None:
    """Not with the last application of the subroutine, for the rest of the call."""

    async def scenario(server: FakeServer) -> None:
        alice = await caller(
            server, ("Put", "RAN=1"), ("Back", "gone"), CONNECTED_LINE_SEND_SUB="internal,s,1"
        )  # fmt: skip
        alice.application, alice.appdata = "Dial", "PJSIP/bob,20"
        alice.set_connected(PartyId("6003", "Carol"))
        assert alice.variables["RAN"] == "1"
        assert (alice.application, alice.appdata) == ("Dial", "PJSIP/bob,20")

    run(scenario)
