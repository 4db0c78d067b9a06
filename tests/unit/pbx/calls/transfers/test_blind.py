"""Blind transfers: who goes where, who is told what, who gets whom back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_technology import FakeServer, settle
from transfer_kit import Asked, answers, bridge_of, busy, connect, far, hung_up, run, three, together

from asterism.pbx.calls.local import half_of
from asterism.pbx.calls.transfers.blind import blind, context_of
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control


@pytest.mark.parametrize("by_caller", [True, False])
def test_the_other_party_goes_to_the_extension(by_caller: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["carol"] = answers
        pair = await connect(server, "alice", "bob")
        leaver, goes = pair if by_caller else pair[::-1]
        asked = Asked()
        assert blind(leaver, "internal", "6003", outcome=asked) is TransferResult.SUCCESS
        await settle(60)
        assert hung_up(leaver)
        carol = server.sip.made[-1]
        assert together(carol, goes)
        assert (asked.told, asked.final) == ([180], 200)
        assert goes.get_variable("BLINDTRANSFER") is None
        assert carol.linkedid == goes.linkedid
        assert (goes.connected.number, carol.connected.number) == ("6003", goes.caller.number)

    server = run(scenario)
    (event,) = server.fields("BlindTransfer")
    assert (event["Result"], event["IsExternal"], event["Extension"]) == ("Success", "Yes", "6003")
    assert event["BridgeNumChannels"] == "2"
    left = server.fields("Hangup")[0]
    assert (left["Channel"], left["Cause"]) == (event["TransfererChannel"], "16")


@pytest.mark.parametrize("exten", ["999", ""])
def test_an_unknown_extension_leaves_the_call_as_it_is(exten: str) -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await connect(server, "alice", "bob")
        asked = Asked()
        assert blind(bob, "internal", exten, outcome=asked) is TransferResult.INVALID
        await settle()
        assert together(alice, bob)
        assert (asked.told, asked.final) == ([], None)
        assert alice.get_variable("BLINDTRANSFER") is None

    server = run(scenario)
    assert [event["Result"] for event in server.fields("BlindTransfer")] == ["Invalid"]


def test_there_is_nobody_to_transfer() -> None:
    async def scenario(server: FakeServer) -> None:
        alone = server.sip.incoming("alice", "600")
        server.pbx.start(alone)
        await settle()
        assert blind(alone, "internal", "6003") is TransferResult.INVALID
        assert alone.alive

    assert not run(scenario).fields("BlindTransfer")


def _dials(script: Callable[[Channel], None]) -> Callable[[FakeServer], None]:
    def prepare(server: FakeServer) -> None:
        server.sip.scripts["carol"] = script

    return prepare


def _rings(channel: Channel) -> None:
    channel.queue_control(Control.RINGING)


@pytest.mark.parametrize("by_caller", [True, False])
@pytest.mark.parametrize(
    ("why", "status", "told"),
    [("busy", 486, []), ("no answer", 480, [180]), ("nothing there", 603, []), ("congestion", 503, [])],
)
def test_a_kept_transferer_has_the_other_party_back(why: str, status: int, told: list[int], by_caller: bool) -> None:
    """T8 to T10: the call goes on, and whoever asked hears the truth."""

    async def scenario(server: FakeServer) -> None:
        pair = await connect(server, "alice", "bob")
        stays, goes = pair if by_caller else pair[::-1]
        asked = Asked()
        exten = "602" if why == "nothing there" else "6003"
        assert blind(stays, "internal", exten, outcome=asked, keeps=True) is TransferResult.SUCCESS
        await settle(60)
        if exten == "6003":
            carol = server.sip.made[-1]
            assert stays.alive
            assert stays.bridge is None
            assert asked.final is None
            if why == "no answer":
                carol.queue_control(Control.RINGING)
                carol.queue_hangup(19)
            else:
                carol.queue_hangup(17 if why == "busy" else 34)
            await settle(60)
        assert (asked.told, asked.final) == (told, status)
        assert together(stays, goes)
        assert (goes.connected.number, stays.connected.number) == (stays.caller.number, goes.caller.number)
        stays.queue_hangup(16)
        await settle(40)
        assert goes.dead

    run(scenario)


@pytest.mark.parametrize("still", [True, False])
@pytest.mark.parametrize("by_caller", [True, False])
def test_who_was_held_before_the_transfer_is_held_when_it_has_failed(by_caller: bool, still: bool) -> None:
    """Phones hold, transfer, and end the hold when they hear that it failed."""

    async def scenario(server: FakeServer) -> None:
        pair = await connect(server, "alice", "bob")
        stays, goes = pair if by_caller else pair[::-1]
        stays.queue_control(Control.HOLD)
        far(stays).media.hold = True
        assert goes.on_hold
        asked = Asked()
        blind(stays, "internal", "6003", outcome=asked, keeps=True)
        await settle(60)
        assert not goes.on_hold
        if not still:
            far(stays).media.hold = False
        server.sip.made[-1].queue_hangup(17)
        await settle(60)
        assert together(stays, goes)
        assert goes.on_hold is still
        if still:
            far(stays).media.hold = False
            stays.queue_control(Control.UNHOLD)
            assert not goes.on_hold

    run(scenario)


def test_a_kept_transferer_leaves_when_somebody_answers() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await connect(server, "alice", "bob")
        server.sip.scripts["carol"] = _rings
        asked = Asked()
        blind(bob, "internal", "6003", outcome=asked, keeps=True)
        await settle(40)
        assert bob.alive
        assert asked.told == [180]
        server.sip.made[-1].queue_control(Control.ANSWER)
        await settle(40)
        assert asked.final == 200
        assert hung_up(bob)
        assert together(server.sip.made[-1], alice)

    run(scenario)


@pytest.mark.parametrize("by_caller", [True, False])
def test_the_transferred_party_hangs_up(by_caller: bool) -> None:
    """T11: both are told."""

    async def scenario(server: FakeServer) -> None:
        pair = await connect(server, "alice", "bob")
        stays, goes = pair if by_caller else pair[::-1]
        server.sip.scripts["carol"] = _rings
        asked = Asked()
        blind(stays, "internal", "6003", outcome=asked, keeps=True)
        await settle(40)
        goes.queue_hangup(16)
        await settle(40)
        assert asked.final == 487
        assert hung_up(stays)
        assert stays.hangup_cause == 16

    run(scenario)


def test_a_kept_transferer_hangs_up_and_the_transfer_goes_on() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await connect(server, "alice", "bob")
        server.sip.scripts["carol"] = _rings
        asked = Asked()
        blind(bob, "internal", "6003", outcome=asked, keeps=True)
        await settle(40)
        bob.queue_hangup(16)
        await settle(40)
        assert bob.dead
        assert alice.alive
        server.sip.made[-1].queue_control(Control.ANSWER)
        await settle(40)
        assert together(server.sip.made[-1], alice)
        assert asked.final == 200

    run(scenario)


def test_the_server_speaks_and_that_is_an_answer() -> None:
    async def scenario(server: FakeServer) -> None:
        _, bob = await connect(server, "alice", "bob")
        asked = Asked()
        blind(bob, "internal", "600", outcome=asked, keeps=True)
        await settle(40)
        assert asked.final == 200
        assert hung_up(bob)

    run(scenario)


def test_two_transfers_of_one_call_at_once() -> None:
    """The second is refused, and the first goes on."""

    async def scenario(server: FakeServer) -> None:
        alice, bob = await connect(server, "alice", "bob")
        server.sip.scripts["carol"] = _rings
        one, two = Asked(), Asked()
        assert blind(bob, "internal", "6003", outcome=one, keeps=True) is TransferResult.SUCCESS
        assert blind(bob, "internal", "6004", outcome=two, keeps=True) is TransferResult.INVALID
        assert blind(alice, "internal", "6004", outcome=two, keeps=True) is TransferResult.INVALID
        await settle(40)
        server.sip.made[-1].queue_control(Control.ANSWER)
        await settle(40)
        assert (one.final, two.final) == (200, None)

    run(scenario)


def test_several_parties_stay_together() -> None:
    """A Local channel takes the transferer's place; afterwards it leaves the call."""

    async def scenario(server: FakeServer) -> None:
        alice, bob, dave = await three(server)
        server.sip.scripts["carol"] = answers
        asked = Asked()
        seen: list[Channel] = []
        assert blind(bob, "internal", "6003", outcome=asked, prepare=seen.append) is TransferResult.SUCCESS
        await settle(100)
        assert hung_up(bob)
        assert together(alice, dave, server.sip.made[-1])
        assert asked.final == 200
        assert seen[0].name.startswith("Local/6003@internal-")

    run(scenario)


def test_the_text_of_an_extension_chooses_no_other_context() -> None:
    """It is a phone's (Refer-To), and a pattern may match whatever it says."""

    async def scenario(server: FakeServer) -> None:
        _, bob, _ = await three(server)
        server.dialplan(("_9.", 1, "Dial", "PJSIP/carol,20"))
        seen: list[Channel] = []
        assert blind(bob, "internal", "9@other/n", prepare=seen.append) is TransferResult.SUCCESS
        half = half_of(seen[0])
        assert half is not None
        runs = half.other.channel
        assert (runs.context, runs.exten) == ("internal", "9@other/n")
        await settle(100)

    run(scenario)


def test_several_parties_have_the_transferer_back() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob, dave = await three(server)
        server.sip.scripts["carol"] = busy
        asked = Asked()
        blind(bob, "internal", "6003", outcome=asked, keeps=True)
        await settle(100)
        assert asked.final == 486
        assert together(alice, dave, bob)

    run(scenario)


def test_variables_are_set_before_the_extension_runs() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await connect(server, "alice", "bob")
        blind(bob, "internal", "601", external=False, prepare=lambda one: one.set_variable("__SIPREFERREDBYHDR", "x"))
        await settle(40)
        assert alice.get_variable("SIPREFERREDBYHDR") == "x"
        assert alice.get_variable("BLINDTRANSFER") == bob.name

    (event,) = run(scenario).fields("BlindTransfer")
    assert event["IsExternal"] == "No"


def test_the_context_of_a_transfer() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, _ = await connect(server, "alice", "bob")
        assert context_of(alice) == "internal"
        alice.set_variable("TRANSFER_CONTEXT", "transfers")
        assert context_of(alice) == "transfers"

    run(scenario)


@pytest.mark.parametrize("does", [True, False])
def test_a_place_outside_the_dialplan_takes_the_call(does: bool) -> None:
    """As parking does: the hook is asked before the dialplan, moves the party and ends the transferer's leg itself."""

    async def scenario(server: FakeServer) -> None:
        alice, bob = await connect(server, "alice", "bob")
        taken: list[tuple[Channel, Channel]] = []
        hall = server.pbx.create_bridge("hall")

        def take(transferee: Channel, transferer: Channel, begun: Callable[[], None], done: Callable[[], None]) -> bool:
            taken.append((transferee, transferer))
            if does:
                begun()
                bridge_of(transferee).move(transferee, hall)
                done()
                transferer.hang_up()
            return does

        server.pbx.transfer_targets.append(lambda context, exten: take if exten == "700" else None)
        asked = Asked()
        result = blind(bob, "internal", "700", outcome=asked, keeps=True)
        assert result is (TransferResult.SUCCESS if does else TransferResult.FAIL)
        assert asked.final == (200 if does else None)
        await settle(40)
        assert taken == [(alice, bob)]
        assert together(alice) if does else together(alice, bob)
        assert hung_up(bob) is does
        alice.queue_hangup(16)
        await settle(40)
        hall.dismiss()

    told = [event["Result"] for event in run(scenario).fields("BlindTransfer")]
    assert told == ["Success" if does else "Fail"]


@pytest.mark.parametrize("refused", [False, True])
def test_ringing_that_a_local_channel_passes_on_ends_with_the_answer(refused: bool) -> None:
    """Alice, beyond a Local channel that stays, heard it for as long as the call lasted."""

    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["bob"] = answers
        server.sip.scripts["carol"] = lambda channel: channel.queue_control(Control.RINGING)
        alice = server.sip.incoming("alice", "7002")
        server.pbx.start(alice)
        await settle(60)
        bob = server.sip.made[-1]
        assert blind(bob, "internal", "6003", keeps=refused, outcome=Asked()) is TransferResult.SUCCESS
        await settle(60)
        assert alice.tone is not None
        carol = server.sip.made[-1]
        if refused:
            carol.queue_hangup(17)
        else:
            carol.queue_control(Control.ANSWER)
        await settle(60)
        assert together(bob if refused else carol, _second(server))
        assert alice.tone is None

    run(scenario)


def _second(server: FakeServer) -> Channel:
    (pair,) = server.local.technology.pairs  # type: ignore[attr-defined]
    second: Channel = pair.two.channel
    return second
