"""A bridge between a fax machine in audio and one in T.38, each at a channel of its own behind the bridge's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fake_technology import set_audio, settle
from faxing_kit import Far, World, faxing, with_t38

from asterism.media.formats import ULAW
from asterism.media.memory import memory_pair
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.t38 import T38State, t38_of
from asterism.pbx.vocabulary.events import HANGUP
from asterism.pbx.vocabulary.party import PartyId
from fax_pages import assert_same, page, write_pages


class Bridged:
    """Alice's machine is at ``near``, bob's at ``far``, and these two are in a bridge."""

    def __init__(self, world: World, *, far_t38: bool = True, near_t38: bool = False) -> None:
        world.server.sip.phones |= {"near": PartyId("3", ""), "far": PartyId("4", "")}
        self.near = world.server.sip.incoming("near", "3")
        self.far = world.server.sip.incoming("far", "4")
        for one, other in ((world.alice, self.near), (world.bob, self.far)):
            for channel, stream in zip((one, other), memory_pair((ULAW,)), strict=True):
                set_audio(channel, stream)
        self.sides: list[Far] = []
        if near_t38:
            self.sides += with_t38(world.alice, self.near)
        if far_t38:
            self.sides += with_t38(self.far, world.bob)
        self.bridge = Bridge(world.pbx)
        for channel in (self.near, self.far):
            self.bridge.enter(channel)

    def end(self) -> None:
        for channel in (self.near, self.far):
            channel.hang_up()


def outcome(*channels: Channel) -> list[tuple[str | None, ...]]:
    return [
        tuple(one.get_variable(name) for name in ("FAXSTATUS", "FAXERROR", "FAXPAGES", "FAXMODE")) for one in channels
    ]


PASSED = ("SUCCESS", "", "2")


@pytest.mark.parametrize("receives", [True, False])
@pytest.mark.parametrize("where", ["near", "far"])
def test_pages_pass_dot_by_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receives: bool, where: str) -> None:
    """Bob's machine receives or sends by T.38, which it asks for; alice's has audio."""
    pages = page(40, 1), page(50, 2)
    file = write_pages(tmp_path / "1.tif", *pages)

    async def scenario(world: World) -> None:
        bridged = Bridged(world)
        world.write(getattr(bridged, where), "gateway", "yes")
        sending, receiving = (world.alice, world.bob) if receives else (world.bob, world.alice)
        tasks = [world.start(receiving, "ReceiveFAX", "in.tif"), world.start(sending, "SendFAX", f"{file},z")]
        await asyncio.sleep(8)
        told = [fields for _, fields in world.act("FAXSessions").items if fields.get("Operation") == "gateway"]
        assert [fields["SessionType"] for fields in told] == ["T.38"]
        await asyncio.wait(tasks)
        assert outcome(world.alice, world.bob) == [(*PASSED, "audio"), (*PASSED, "T38")]
        bridged.end()
        await settle()
        assert (world.pbx.faxes.counts.completed, world.pbx.faxes.counts.failed) == (3, 0)
        assert not len(world.module._gateways)
        assert not world.server.bus._by_type.get(HANGUP)

    faxing(tmp_path, scenario, monkeypatch)
    assert_same(tmp_path / "fax" / "in.tif", *pages)


def test_a_machine_that_answers_in_audio_has_the_other_party_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alice receives by audio and asks for nothing; bob, who sends, waits to be asked."""
    pages = page(40, 1), page(50, 2)
    file = write_pages(tmp_path / "1.tif", *pages)

    async def scenario(world: World) -> None:
        bridged = Bridged(world)
        world.write(bridged.near, "gateway", "yes,30")
        world.write(world.bob, "t38timeout", "20000")
        await asyncio.gather(
            world.start(world.alice, "ReceiveFAX", "in.tif"), world.start(world.bob, "SendFAX", str(file))
        )
        assert outcome(world.alice, world.bob) == [(*PASSED, "audio"), (*PASSED, "T38")]
        assert [side.asked for side in bridged.sides] == [1, 0]
        bridged.end()

    faxing(tmp_path, scenario, monkeypatch)
    assert_same(tmp_path / "fax" / "in.tif", *pages)


def test_where_both_have_t38_packets_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        bridged = Bridged(world, near_t38=True)
        world.write(bridged.near, "gateway", "yes")
        file = write_pages(tmp_path / "1.tif", page(40))
        sending = world.start(world.alice, "SendFAX", str(file))
        receiving = world.start(world.bob, "ReceiveFAX", "in.tif")
        await asyncio.sleep(2)
        states = [t38_of(one).state for one in (bridged.near, bridged.far)]
        assert states == [T38State.NEGOTIATED, T38State.NEGOTIATED]
        assert [t38_of(one).user for one in (bridged.near, bridged.far)] == [None, None]
        assert not any("gateway" in str(one.operation) for one in world.pbx.faxes)
        for channel in (world.alice, world.bob):
            channel.queue_hangup(16)
        await asyncio.wait((sending, receiving))
        bridged.end()

    faxing(tmp_path, scenario, monkeypatch)


def test_the_end_of_the_bridge_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        bridged = Bridged(world)
        world.write(bridged.near, "gateway", "yes")
        file = write_pages(tmp_path / "1.tif", page(2000))
        tasks = [world.start(world.bob, "ReceiveFAX", "in.tif"), world.start(world.alice, "SendFAX", str(file))]
        await asyncio.sleep(12)
        assert len(world.pbx.faxes) == 3
        bridged.bridge.depart(bridged.far)
        await settle()
        assert len(world.pbx.faxes) == 2
        assert (bridged.near.speaks, bridged.sides[0].port.on_ifp) == (None, None)
        assert t38_of(bridged.far).user is None
        for channel in (world.alice, world.bob):
            channel.queue_hangup(16)
        await asyncio.wait(tasks)
        bridged.end()

    faxing(tmp_path, scenario, monkeypatch)


def test_it_waits_as_long_as_it_may_and_can_be_taken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        bridged = Bridged(world)
        far, near = bridged.far, bridged.near
        world.write(near, "gateway", "yes,3")
        assert t38_of(far).user is t38_of(near).user is not None
        await asyncio.sleep(3.1)
        assert t38_of(far).user is None
        world.write(far, "gateway", "yes")  # the other's is over
        assert t38_of(far).user is not None
        world.write(far, "gateway", "no")
        assert t38_of(far).user is None
        assert all(one.taps is None or not one.taps.taps for one in (near, far))
        world.module.unload()
        bridged.end()

    faxing(tmp_path, scenario, monkeypatch)
