"""SoftHangup and ChannelRedirect."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, run, settle

from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.other_channels import STATUS, ChannelRedirect, SoftHangup
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto


def modules(server: FakeServer) -> tuple[SoftHangup, ChannelRedirect]:
    first, second = SoftHangup(), ChannelRedirect()
    first.pbx = second.pbx = server.pbx
    return first, second


def calls(server: FakeServer) -> tuple[Channel, list[Channel]]:
    return server.sip.incoming("alice", "1"), [server.sip.incoming("bob", "1") for _ in range(2)]


@pytest.mark.parametrize(
    ("args", "ends"),
    [
        ("PJSIP/none", []),
        ("", []),
        ("PJSIP/bob", [0]),
        ("pjsip/BOB", [0]),
        ("PJSIP/bob,a", [0, 1]),
        ("pjsip/BOB,a", [0, 1]),
        ("{second}", [1]),
        ("{second},a", [0, 1]),
        ("{second},x", [1]),
    ],
)
def test_soft_hangup_ends_a_channel_or_all_of_a_device(args: str, ends: list[int]) -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bobs = calls(server)
        await modules(server)[0].soft_hangup(alice, args.replace("{second}", bobs[1].name))
        await settle()
        assert [number for number, bob in enumerate(bobs) if not bob.alive] == ends
        assert [event["Cause"] for event in server.fields("SoftHangupRequest")] == ["32"] * len(ends)
        assert alice.alive

    run(scenario)


def test_a_channel_may_hang_itself_up() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, _ = calls(server)
        with pytest.raises(ChannelHangup):
            await modules(server)[0].soft_hangup(alice, alice.name)

    run(scenario)


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("internal,7,2", ("internal", "7", 2)),
        ("7,1", ("internal", "7", 1)),
        ("7,here", ("internal", "7", 2)),
        ("3", ("internal", "1", 3)),
    ],
)
def test_a_channel_is_sent_elsewhere(target: str, wanted: tuple[str, str, int]) -> None:
    async def scenario(server: FakeServer) -> None:
        server.pbx.dialplan.add_extension(server.owner, "internal", "7", 2, "NoOp", label="here")
        alice, (bob, _) = calls(server)
        redirect = modules(server)[1]
        await redirect.channel_redirect(alice, f"{bob.name},{target}")
        assert (bob.context, bob.exten, bob.priority) == wanted
        assert (alice.variables[STATUS], alice.exten) == ("SUCCESS", "1")
        with pytest.raises(Goto) as sent:
            await redirect.channel_redirect(alice, f"{alice.name},{target}")
        assert (sent.value.context, sent.value.exten, sent.value.priority) == wanted
        await settle()

    run(scenario)


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        ("PJSIP/none,internal,7,1", "NOCHANNEL"),
        ("", "FAILED"),
        ("{bob}", "FAILED"),
        ("{bob},", "FAILED"),
        ("{bob},internal,7,nowhere", "FAILED"),
    ],
)
def test_what_cannot_be_sent_is_told(args: str, wanted: str) -> None:
    async def scenario(server: FakeServer) -> None:
        alice, (bob, _) = calls(server)
        await modules(server)[1].channel_redirect(alice, args.replace("{bob}", bob.name))
        assert alice.variables[STATUS] == wanted

    run(scenario)


def test_a_channel_that_is_still_being_called_stays_with_its_caller() -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("2", 1, "Dial", "PJSIP/bob,20"))
        alice = server.sip.incoming("alice", "2")
        server.pbx.start(alice)
        await settle()
        (called,) = server.sip.made
        other = server.sip.incoming("bob", "1")
        await modules(server)[1].channel_redirect(other, f"{called.name},internal,2,1")
        assert other.variables[STATUS] == "FAILED"
        assert called.alive
        alice.soft_hangup()
        await settle()

    run(scenario)
