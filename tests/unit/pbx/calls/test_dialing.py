"""What becomes of the called: who answers, what their failures amount to, where a forward leads."""

from __future__ import annotations

import asyncio

import pytest
from dial_kit import dialling, run
from fake_technology import FakeServer, settle

from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.party import PartyId, Redirecting


def test_busy_outweighs_other_failures() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob&PJSIP/carol&PJSIP/nobody,20", "Echo")
        bob, carol = server.sip.made
        bob.queue_hangup(17)
        await settle()
        assert alice.variables["DIALSTATUS"] == ""
        carol.queue_hangup(34)
        await settle()
        assert alice.variables["DIALSTATUS"] == "BUSY"
        assert alice.hangup_cause == 34

    run(scenario)


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (17, "BUSY"),
        (34, "CONGESTION"),
        (19, "NOANSWER"),
        (18, "CHANUNAVAIL"),
        (21, "CHANUNAVAIL"),
        (127, "CHANUNAVAIL"),
    ],
)
def test_status_by_cause(cause: int, status: str) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob", "Echo")
        server.sip.made[0].queue_hangup(cause)
        await settle()
        assert (alice.variables["DIALSTATUS"], alice.hangup_cause) == (status, cause)

    run(scenario)


@pytest.mark.parametrize(("args", "cause"), [("PJSIP/frank", 3), ("SIP/bob", 66), ("bob", 66)])
def test_destinations_that_cannot_be_called(args: str, cause: int) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, args, "Echo")
        assert (alice.variables["DIALSTATUS"], alice.hangup_cause) == ("CHANUNAVAIL", cause)
        assert alice.application == "Echo"

    run(scenario)


def test_of_several_destinations_the_log_names_the_one_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(server: FakeServer) -> None:
        server.log.addHandler(caplog.handler)
        await dialling(server, "PJSIP/bob&PJSIP/frank,20", "Echo")

    run(scenario)
    (line,) = [each.getMessage() for each in caplog.records if "Unable to create" in each.getMessage()]
    assert line.startswith(
        "Unable to create channel of type 'PJSIP' (cause 3 - No route to destination): PJSIP/frank: "
    )


def test_a_forward_is_followed_unless_told_not_to() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20", "Echo")
        server.sip.made[0].queue_control(Control.FORWARD, "PJSIP/carol")
        await settle()
        bob, carol = server.sip.made
        assert bob.dead
        assert server.fields("DialEnd")[0]["Forward"] == "PJSIP/carol"
        carol.queue_control(Control.FORWARD, "PJSIP/nobody")
        await settle()
        assert (alice.variables["DIALSTATUS"], alice.hangup_cause) == ("CHANUNAVAIL", 0)

    run(scenario)


def test_a_forward_with_option_i() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20,i", "Echo")
        server.sip.made[0].queue_control(Control.FORWARD, "PJSIP/carol")
        await settle()
        assert (alice.variables["DIALSTATUS"], alice.hangup_cause) == ("BUSY", 0)

    run(scenario)


@pytest.mark.parametrize("circle", [["bob"], ["carol", "bob"]])
def test_forwarding_in_a_circle_tries_nobody_twice(circle: list[str]) -> None:
    async def scenario(server: FakeServer) -> None:
        for name, target in zip(["bob", *circle], circle, strict=False):
            server.sip.scripts[name] = lambda channel, target=target: channel.queue_control(  # type: ignore[misc]
                Control.FORWARD, f"PJSIP/{target}"
            )
        alice = await dialling(server, "PJSIP/bob,20", "Echo")
        await settle(100)
        assert alice.variables["DIALSTATUS"] == "CHANUNAVAIL"
        assert len(server.sip.made) == len(circle)

    run(scenario)


def test_a_chain_of_forwards_ends() -> None:
    async def scenario(server: FakeServer) -> None:
        for number in range(50):
            server.sip.phones[f"n{number}"] = PartyId(f"{number}")
            server.sip.scripts[f"n{number}"] = lambda channel, number=number: channel.queue_control(  # type: ignore[misc]
                Control.FORWARD, f"PJSIP/n{number + 1}"
            )
        alice = await dialling(server, "PJSIP/n0,20", "Echo")
        await settle(100)
        assert alice.variables["DIALSTATUS"] == "CHANUNAVAIL"
        assert len(server.sip.made) == 21

    run(scenario)


@pytest.mark.parametrize(
    ("causes", "status"),
    [
        ((17, 34), "BUSY"),
        ((34, 1), "CONGESTION"),
        ((17, 1), "BUSY"),
        ((17, 19), "NOANSWER"),
        ((19, 17), "NOANSWER"),
        ((34, 16), "NOANSWER"),
        ((19, 19), "NOANSWER"),
        ((1, 127), "CHANUNAVAIL"),
        ((17, None), "NOANSWER"),
        ((1, None), "NOANSWER"),
    ],
)
def test_only_where_all_destinations_failed_it_is_told_how(causes: tuple[int | None, ...], status: str) -> None:
    """As Asterisk counts: "Everyone is busy/congested at this time (2:1/0/0)" is not everyone, so nobody answered."""

    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob&PJSIP/carol,0.05", "Echo")
        for channel, cause in zip(list(server.sip.made), causes, strict=True):
            if cause is not None:
                channel.queue_hangup(cause)
            await settle()
        for _ in range(100):
            if alice.variables["DIALSTATUS"]:
                break
            await asyncio.sleep(0.005)
        assert alice.variables["DIALSTATUS"] == status

    run(scenario)


def test_a_diversion_is_told_to_the_caller_of_one_destination() -> None:
    for names, expected in ((["bob"], 1), (["bob", "carol"], 0)):

        async def scenario(server: FakeServer, names: list[str] = names, expected: int = expected) -> None:
            alice = await dialling(server, "&".join(f"PJSIP/{name}" for name in names) + ",20")
            server.sip.made[0].queue_control(Control.REDIRECTING, Redirecting(from_=PartyId("6002")))
            await settle()
            assert alice.driver.indicated().count(Control.REDIRECTING) == expected  # type: ignore[attr-defined]

        run(scenario)


def test_answer_and_hangup_in_one_breath() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20")
        bob = server.sip.made[0]
        bob.queue_control(Control.ANSWER)
        bob.queue_hangup(16)
        await settle()
        assert alice.dead
        assert bob.dead

    run(scenario)


def test_answer_and_cancel_in_one_breath() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = await dialling(server, "PJSIP/bob,20")
        bob = server.sip.made[0]
        bob.queue_control(Control.ANSWER)
        alice.queue_hangup(127)
        await settle()
        assert alice.dead
        assert bob.dead

    run(scenario)
