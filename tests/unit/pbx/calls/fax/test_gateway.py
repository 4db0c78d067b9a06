"""A bridge between a fax machine in audio and one in T.38, each at a channel of its own behind the bridge's."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fake_technology import set_audio, settle
from faxing_kit import Far, World, faxing, with_t38

from asterism.media.fax.library import MissingFaxLibraryError
from asterism.media.fax.tones import AnswerDetector
from asterism.media.formats import ULAW
from asterism.media.memory import memory_pair
from asterism.media.stream import Frame
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.t38 import USUAL, ChannelT38, T38State, t38_of
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


def test_further_faxes_in_one_bridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks for T.38 but the gateway, which hears each of them."""
    sent = [page(40, seed) for seed in (1, 2)]

    async def scenario(world: World) -> None:
        bridged = Bridged(world)
        world.write(bridged.near, "gateway", "yes")
        world.write(world.bob, "t38timeout", "20000")
        for index, each in enumerate(sent):
            file = write_pages(tmp_path / f"{index}.tif", each)
            await asyncio.gather(
                world.start(world.alice, "ReceiveFAX", f"in{index}.tif"), world.start(world.bob, "SendFAX", str(file))
            )
            assert outcome(world.alice, world.bob) == [("SUCCESS", "", "1", "audio"), ("SUCCESS", "", "1", "T38")]
            assert [side.asked for side in bridged.sides] == [index + 1, 0]
            await asyncio.sleep(1)
            assert t38_of(bridged.far).state is T38State.UNKNOWN
        bridged.end()

    faxing(tmp_path, scenario, monkeypatch)
    for index, each in enumerate(sent):
        assert_same(tmp_path / "fax" / f"in{index}.tif", each)


def test_who_hears_the_machine_refuses_and_it_is_asked_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bob's machine sends by audio only; alice's could T.38 but does not ask for it."""
    sent = page(40)
    file = write_pages(tmp_path / "1.tif", sent)

    async def scenario(world: World) -> None:
        bridged = Bridged(world, near_t38=True)
        world.write(bridged.near, "gateway", "yes")
        world.write(world.alice, "t38timeout", "100")
        driver: Any = world.alice.driver
        driver.t38_request = lambda _: None
        await asyncio.gather(
            world.start(world.alice, "ReceiveFAX", "in.tif,f"), world.start(world.bob, "SendFAX", f"{file},F")
        )
        assert outcome(world.alice, world.bob) == [("SUCCESS", "", "1", "T38"), ("SUCCESS", "", "1", "audio")]
        assert {side.channel.name: side.asked for side in bridged.sides} == {
            world.alice.name: 0, bridged.near.name: 1, bridged.far.name: 1, world.bob.name: 0,
        }  # fmt: skip
        bridged.end()

    faxing(tmp_path, scenario, monkeypatch)
    assert_same(tmp_path / "fax" / "in.tif", sent)


class Undecided:
    """Has charge of T.38, and lets the far end wait."""

    def t38_requested(self, t38: ChannelT38) -> None:
        pass

    def t38_changed(self, t38: ChannelT38) -> None:
        pass


@pytest.mark.parametrize("both", [False, True])
def test_a_machine_that_is_heard_in_a_burst_is_heard_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, both: bool
) -> None:
    """Only with negotiate_both is more than one party asked."""
    monkeypatch.setattr(AnswerDetector, "hear", lambda detector, pcm: True)

    async def scenario(world: World) -> None:
        bridged = Bridged(world, near_t38=True)
        user: Any = Undecided()
        t38_of(world.bob).use(user)
        world.write(bridged.near, "negotiate_both", "yes" if both else "no")
        world.write(bridged.near, "gateway", "yes")
        for index in range(3):
            world.alice.stream.write(Frame(ULAW, bytes(160), 160 * index))
        await settle()
        asked = {side.channel.name: side.asked for side in bridged.sides}
        assert (asked[bridged.far.name], asked[bridged.near.name]) == (1, int(both))
        bridged.end()

    faxing(tmp_path, scenario, monkeypatch)


def test_a_gateway_that_cannot_begin_leaves_t38(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something speaks to the party in audio, and nothing of it is at the other end of T.38."""

    class Voice:
        def follow(self, stream: object) -> None:
            pass

    async def scenario(world: World) -> None:
        bridged = Bridged(world)
        world.write(bridged.near, "gateway", "yes")
        voice: Any = Voice()
        bridged.near.speak(voice)
        t38_of(world.bob).ask(t38_of(bridged.far).parameters or USUAL, lambda _: None)
        await settle()
        assert t38_of(bridged.far).state is T38State.NEGOTIATED
        assert not len(world.pbx.faxes)
        assert [t38_of(one).user for one in (bridged.near, bridged.far)] == [None, None]
        await asyncio.sleep(1)
        assert t38_of(bridged.far).state is T38State.UNKNOWN
        assert all(one.taps is None or not one.taps.taps for one in (bridged.near, bridged.far))
        bridged.near.silent(voice)
        bridged.end()

    faxing(tmp_path, scenario, monkeypatch)


def test_without_the_library_nobody_has_charge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingFaxLibraryError("fax needs libspandsp.so.2")

    async def scenario(world: World) -> None:
        bridged = Bridged(world)
        monkeypatch.setattr("asterism.media.fax.tones.spandsp", missing)
        world.write(bridged.near, "gateway", "yes")
        assert [t38_of(one).user for one in (bridged.near, bridged.far)] == [None, None]
        assert not len(world.module._gateways)
        bridged.end()

    faxing(tmp_path, scenario, monkeypatch)
