"""Two things at once: each is tried after every number of turns of the loop since the transfer was asked for.

Whatever comes first, the state afterwards is one of those that are named, everything ends, and the outcome is told
once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from fake_technology import FakeServer, settle
from transfer_kit import Asked, connect, nothing_left, transfer_server

from asterism.pbx.calls.transfers.attended import attended
from asterism.pbx.calls.transfers.blind import blind
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.errors import Goto
from virtual_loop import VirtualLoop

TURNS = range(24)


def rings(channel: Channel) -> None:
    channel.queue_control(Control.RINGING)


class Scene:
    """Alice and bob talk; bob transfers alice to carol, whose phone rings."""

    def __init__(self, server: FakeServer, alice: Channel, bob: Channel) -> None:
        self.server = server
        self.alice, self.bob = alice, bob
        self.asked = Asked()

    @property
    def carol(self) -> Channel | None:
        return next((one for one in self.server.pbx.channels if one.device == "PJSIP/carol"), None)

    def answer(self) -> None:
        if self.carol is not None:
            self.carol.queue_control(Control.ANSWER)

    def refuse(self) -> None:
        if self.carol is not None:
            self.carol.queue_hangup(17)


def play(
    act: Callable[[Scene], object],
    turns: int,
    keeps: bool,
    by_caller: bool = False,
    then: Callable[[Scene], None] = lambda _: None,
) -> None:
    async def main() -> None:
        server = transfer_server()
        server.sip.scripts["carol"] = rings
        alice, bob = await connect(server, "alice", "bob")
        if by_caller:
            alice, bob = bob, alice
        scene = Scene(server, alice, bob)
        assert blind(bob, "internal", "6003", outcome=scene.asked, keeps=keeps) is TransferResult.SUCCESS
        await settle(turns)
        act(scene)
        await settle(60)
        then(scene)
        await asyncio.sleep(60)  # nobody who rings is answered later than that
        for channel in server.pbx.channels:
            channel.queue_hangup(16)
        await settle(80)
        nothing_left(server)
        assert len(scene.asked.finals) == 1
        assert not scene.asked.late

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


@pytest.mark.parametrize("by_caller", [True, False])
@pytest.mark.parametrize("keeps", [True, False])
def test_the_transferred_party_hangs_up_at_each_step(keeps: bool, by_caller: bool) -> None:
    def then(scene: Scene) -> None:
        assert scene.asked.final == 487
        assert not scene.alice.alive
        assert not scene.bob.alive
        assert scene.carol is None

    for turns in TURNS:
        play(lambda scene: scene.alice.queue_hangup(16), turns, keeps, by_caller, then)


@pytest.mark.parametrize("by_caller", [True, False])
def test_the_transferer_hangs_up_at_each_step(by_caller: bool) -> None:
    """The transfer goes on without it."""

    def then(scene: Scene) -> None:
        assert not scene.bob.alive
        assert scene.alice.alive
        scene.answer()

    for turns in TURNS:
        play(lambda scene: scene.bob.queue_hangup(16), turns, True, by_caller, then)


@pytest.mark.parametrize("keeps", [True, False])
def test_the_target_answers_while_the_transferer_hangs_up(keeps: bool) -> None:
    def both(scene: Scene) -> None:
        scene.answer()
        scene.bob.queue_hangup(16)

    def other_way(scene: Scene) -> None:
        scene.bob.queue_hangup(16)
        scene.answer()

    for turns in TURNS:
        play(both, turns, keeps)
        play(other_way, turns, keeps)


def test_the_target_refuses_while_somebody_hangs_up() -> None:
    for turns in TURNS:
        for who in ("alice", "bob"):
            play(lambda scene, who=who: (scene.refuse(), getattr(scene, who).queue_hangup(16)), turns, True)  # type: ignore[misc]
            play(lambda scene, who=who: (getattr(scene, who).queue_hangup(16), scene.refuse()), turns, True)  # type: ignore[misc]


def test_the_target_answers_while_the_transferred_party_is_sent_elsewhere() -> None:
    for turns in TURNS:
        play(lambda scene: (scene.answer(), scene.alice.redirect(Goto("internal", "600", 1))), turns, True)
        play(lambda scene: (scene.alice.redirect(Goto("internal", "600", 1)), scene.answer()), turns, True)


def test_a_second_transfer_at_each_step() -> None:
    """While the first is on its way the second one is refused; afterwards it is a transfer of its own."""

    def again(scene: Scene) -> None:
        other = Asked()
        result = blind(scene.bob, "internal", "600", outcome=other, keeps=True)
        assert result in (TransferResult.INVALID, TransferResult.FAIL)
        assert blind(scene.alice, "internal", "600", outcome=other) is TransferResult.INVALID
        assert other.finals == []

    for turns in TURNS:
        play(again, turns, True)


def test_the_parties_of_an_attended_transfer_hang_up_at_each_step() -> None:
    """The second call rings yet."""

    async def main(turns: int, who: int) -> None:
        server = transfer_server()
        server.sip.scripts["carol"] = rings
        first, bob = await connect(server, "alice", "bob")
        second = server.sip.incoming("alice", "6003")
        server.pbx.start(second)
        await settle(30)
        carol = server.sip.made[-1]
        asked = Asked()
        assert attended(first, second, outcome=asked) is TransferResult.SUCCESS
        await settle(turns)
        (first, bob, second, carol)[who].queue_hangup(16)
        await settle(60)
        carol.queue_control(Control.ANSWER)
        await asyncio.sleep(60)
        for channel in server.pbx.channels:
            channel.queue_hangup(16)
        await settle(80)
        nothing_left(server)
        assert len(asked.finals) == 1

    for turns in TURNS:
        for who in range(4):
            with asyncio.Runner(loop_factory=VirtualLoop) as runner:
                runner.run(main(turns, who))
