"""Transfer(): destinations, and the variables that tell the outcome."""

from __future__ import annotations

from typing import Any

import pytest
from dial_kit import run as run_call
from fake_technology import FakeServer, settle

from asterism.core.documentation import Documentation
from asterism.pbx.channels.transfer import TransferOrder, TransferStatus
from asterism.pbx.dialplan.applications.transfer import TransferApplication
from asterism.pbx.vocabulary.marks import register_marked


def run(scenario: Any) -> FakeServer:
    async def with_application(server: FakeServer) -> None:
        application = TransferApplication()
        application.pbx = server.pbx
        register_marked(server.pbx, application)

        async def keep(channel: Any, args: str) -> None:
            name, _, value = args.partition("=")
            channel.set_variable(name, value)

        server.pbx.register_application("Set", keep, Documentation("Keep a value."))
        await scenario(server)

    return run_call(with_application)


async def transferring(server: FakeServer, args: str) -> Any:
    """Alice runs Transfer, and goes on."""
    server.dialplan(
        ("7900", 1, "Transfer", args), ("7900", 2, "Set", "GOES=on"), ("7900", 3, "Echo", ""),
        ("h", 1, "Set", "LAST=${TRANSFERSTATUS}"),
    )  # fmt: skip
    alice = server.sip.incoming("alice", "7900")
    server.pbx.start(alice)
    await settle()
    return alice


def order_of(channel: Any) -> TransferOrder:
    (found,) = [entry[1] for entry in channel.driver.log if entry[0] == "transfer"]
    assert isinstance(found, TransferOrder)
    return found


def told(channel: Any) -> tuple[str | None, ...]:
    return tuple(channel.variables.get(name) for name in ("TRANSFERSTATUS", "TRANSFERSTATUSPROTOCOL", "GOES"))


@pytest.mark.parametrize(
    ("args", "destinations"),
    [
        ("6001", ("6001",)),
        ("PJSIP/6001", ("6001",)),
        ("pjsip/sip:6001@x?a=b&c=d", ("sip:6001@x?a=b&c=d",)),
        ("PJSIP/6001&PJSIP/sip:6002@x", ("6001", "sip:6002@x")),
        ("PJSIP/&PJSIP/6002", ("6002",)),
        ("&".join(f"PJSIP/{number}" for number in range(40)), tuple(str(number) for number in range(10))),
    ],
)
def test_destinations(args: str, destinations: tuple[str, ...]) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await transferring(server, args)
        assert order_of(alice).destinations == destinations
        order_of(alice).done(200)
        await settle()
        assert told(alice) == ("SUCCESS", "0", "on")

    run(scenario)


def test_text_from_outside_is_one_destination() -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("_X!", 1, "Transfer", "PJSIP/${EXTEN}"), ("_X!", 2, "Echo", ""))
        alice = server.sip.incoming("alice", "9&PJSIP/8@bob")
        server.pbx.start(alice)
        await settle()
        assert order_of(alice).destinations == ("9&PJSIP/8@bob",)

    run(scenario)


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (302, None, ("SUCCESS", "0", "on")),
        (486, None, ("FAILURE", "486", "on")),
        (0, None, ("FAILURE", "0", "on")),
        (0, TransferStatus.UNSUPPORTED, ("UNSUPPORTED", "0", "on")),
    ],
)
def test_the_outcome_is_told_and_the_dialplan_goes_on(
    code: int, status: TransferStatus | None, expected: tuple[str, ...]
) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await transferring(server, "PJSIP/6001")
        assert told(alice) == (None, None, None)
        order_of(alice).done(code, status)
        order_of(alice).done(200)  # only the first counts
        await settle()
        assert told(alice) == expected

    run(scenario)


@pytest.mark.parametrize(("args", "code"), [("", "0"), ("PJSIP/", "0"), (" PJSIP/ &IAX2/", "0"), ("IAX2/6001", "416")])
def test_a_destination_that_cannot_be_is_a_failure(args: str, code: str) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await transferring(server, args)
        assert told(alice) == ("FAILURE", code, "on")

    run(scenario)


def test_a_driver_that_fails_or_has_no_transfer() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "7900")
        alice.driver.transfer = None
        server.dialplan(("7900", 1, "Transfer", "6001"), ("7900", 2, "Set", "GOES=on"), ("7900", 3, "Echo", ""))
        server.pbx.start(alice)
        await settle()
        assert told(alice) == ("UNSUPPORTED", "0", "on")

    run(scenario)


@pytest.mark.parametrize(("known", "expected"), [(True, "SUCCESS"), (False, "FAILURE")])
def test_a_caller_that_hangs_up_meanwhile(known: bool, expected: str) -> None:
    """What was told before the hang-up counts; 'h' can read it."""

    async def scenario(server: FakeServer) -> None:
        alice = await transferring(server, "6001")
        if known:
            order_of(alice).done(200)
        alice.queue_hangup()
        await settle()
        assert alice.dead
        assert (alice.variables.get("LAST"), alice.variables.get("GOES")) == (expected, None)

    run(scenario)
