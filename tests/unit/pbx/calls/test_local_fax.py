"""T.38 through Local channels: who is asked, who answers, and how it ends; the phones are scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fake_technology import FakeDriver, FakeServer, FakeStream, settle
from local_kit import dial, halves, local_server
from t38_kit import FAST, FaxDriver, User

from asterism.media.formats import ULAW
from asterism.media.ifp_port import IfpPort
from asterism.media.stream import IMAGE, ChannelStream
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.fax_tone import expect_request
from asterism.pbx.channels.t38 import PATIENCE, USUAL, T38Parameters, T38State, known_t38, t38_of
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.controls import Control
from virtual_loop import VirtualLoop

LARGE = T38Parameters(max_ifp=79)


class Kept(IfpPort):
    """A phone's port, which keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, ifp: bytes, times: int = 1) -> None:
        self.written.append(ifp)

    def skip(self) -> None:
        self.written.append(b"")


class FaxingDriver(FakeDriver):
    """A far end whose port is its only stream while it has one."""

    t38_port: Any

    @property
    def streams(self) -> tuple[ChannelStream, ...]:
        return (ChannelStream(IMAGE, self.t38_port),) if self.t38_port else super().streams


class Phone(FaxDriver):
    """A phone with T.38."""

    def __init__(self, channel: Any) -> None:
        super().__init__(channel)
        self.driver: Any = channel.driver
        self.driver.__class__ = FaxingDriver

    def negotiate(self, terms: T38Parameters) -> None:
        self.driver.t38_port = Kept()
        self.t38.negotiated(terms)
        bridge: Any = self.channel.bridge
        bridge.connect_media()


def on_calls(test: Callable[[FakeServer], Awaitable[None]]) -> Callable[[], None]:
    """Run ``test(server)`` in virtual time, and see that nothing is left."""

    async def main() -> None:
        server = local_server()
        server.dialplan(
            ("7100", 1, "Dial", "Local/6002@internal/n,20"),
            ("7101", 1, "Dial", "Local/7100@internal/n,20"),
            ("7102", 1, "Dial", "Local/7010@internal/n,20"),
        )
        listening = len(server.bus.listeners[events.BRIDGE_LEAVE])
        await test(server)
        for channel in server.pbx.channels:
            channel.soft_hangup()
        await settle(60)
        assert [channel.name for channel in server.pbx.channels] == []
        assert not server.local.technology.pairs  # type: ignore[attr-defined]
        assert len(server.bus.listeners[events.BRIDGE_LEAVE]) == listening

    def runner() -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as on:
            on.run(main())

    runner.__name__, runner.__doc__ = test.__name__, test.__doc__
    return runner


async def up(server: FakeServer, exten: str) -> tuple[Channel, Channel]:
    """Alice calls, bob answers."""
    server.sip.stream = lambda: FakeStream(ULAW)
    alice = await dial(server, exten)
    (bob,) = server.sip.made
    bob.queue_control(Control.ANSWER)
    await settle(100)
    return alice, bob


def states(*channels: Channel) -> set[T38State]:
    return {t38_of(each).state for each in channels}


@pytest.mark.parametrize("exten", ["7100", "7101"])
@pytest.mark.parametrize("asks", [0, 1])
def test_it_is_agreed_on_passed_and_ended_through_them(exten: str, asks: int) -> None:
    @on_calls
    async def scenario(server: FakeServer) -> None:
        calls = await up(server, exten)
        one, two = Phone(calls[asks]), Phone(calls[1 - asks])
        assert (one.t38.state, two.t38.state) == (T38State.UNKNOWN, T38State.UNKNOWN)
        one.t38.requested(LARGE)
        await settle(60)
        assert two.asked == [("request", LARGE)]
        two.negotiate(T38Parameters(max_ifp=100))
        one.agrees = False
        await settle(60)
        assert one.asked == [("answer", T38Parameters(max_ifp=100))]
        one.negotiate(LARGE)
        pairs = range(1 if exten == "7100" else 2)
        inside = [half for number in pairs for half in halves(server, number)]
        assert states(*calls, *inside) == {T38State.NEGOTIATED}
        assert {t38_of(each).parameters.max_ifp for each in inside} == {79, 100}
        ports = [each.driver.t38_port for each in (one, two)]
        ports[0].give(0, b"\x02")
        ports[1].give(0, b"\x04")
        assert [port.written for port in ports] == [[b"\x04"], [b"\x02"]]
        two.driver.t38_port = None
        two.t38.ended()
        await asyncio.sleep(1)
        assert one.asked[1:] == [("end",)]
        assert states(*calls, *inside) == {T38State.UNKNOWN}
        assert all(t38_of(half).port is None for half in inside)
        assert all(each.type != IMAGE for half in inside for each in half.streams)

    scenario()


@on_calls
async def test_who_has_no_fax_beyond_is_not_asked(server: FakeServer) -> None:
    alice, bob = await up(server, "7101")
    one = Phone(alice)
    inside = [half for number in range(2) for half in halves(server, number)]
    assert {T38State.UNAVAILABLE, T38State.UNKNOWN} == states(*inside)
    one.t38.requested(LARGE)
    assert one.asked == [("answer", None)]
    assert known_t38(bob) is None or t38_of(bob).state is T38State.UNAVAILABLE


@on_calls
async def test_it_is_refused_or_withdrawn(server: FakeServer) -> None:
    alice, bob = await up(server, "7100")
    one, two = Phone(alice), Phone(bob)
    first, second = halves(server)
    one.t38.requested(LARGE)
    await settle(60)
    two.t38.refused()
    await settle(60)
    assert one.asked == [("answer", None)]
    assert states(first, second) == {T38State.REJECTED}
    one.t38.requested(LARGE)
    await settle(60)
    one.t38.withdrawn()
    two.negotiate(FAST)  # too late
    await asyncio.sleep(1)
    assert two.asked[-1] == ("end",)
    assert states(alice, bob, first, second) == {T38State.UNKNOWN}
    # Nobody answers at all.
    one.t38.requested(LARGE)
    await asyncio.sleep(PATIENCE + 1)
    assert one.asked[1:] == [("answer", None)]
    assert T38State.NEGOTIATING not in states(alice, first, second)


@on_calls
async def test_an_application_behind_it_asks_and_answers(server: FakeServer) -> None:
    alice = await dial(server, "7102")
    await settle(60)
    first, second = halves(server)
    one, user = Phone(alice), User()
    one.t38.requested(LARGE)
    assert one.asked == [("answer", None)]  # nobody there knows of fax
    t38 = t38_of(second)
    t38.use(user)
    one.t38.requested(LARGE)
    await settle()
    assert user.told == [LARGE]
    t38.accept(USUAL)
    one.agrees = False
    await settle()
    assert one.asked[1:] == [("answer", USUAL)]
    assert user.told[1:] == [T38State.NEGOTIATED]
    one.negotiate(LARGE)
    assert await t38.end()
    await asyncio.sleep(1)
    assert one.asked[2:] == [("end",)]
    one.driver.t38_port = None
    waiting = asyncio.create_task(t38.request(USUAL, 3))
    await settle()
    assert one.asked[3:] == [("request", USUAL)]
    assert await waiting is None
    await settle()
    assert one.asked[4:] == []
    assert states(first, second) == {T38State.UNKNOWN}
    one.t38.negotiated(LARGE)  # after all
    await asyncio.sleep(1)
    assert one.asked[4:] == [("end",)]


@on_calls
async def test_its_end_is_told(server: FakeServer) -> None:
    alice, bob = await up(server, "7100")
    one, two = Phone(alice), Phone(bob)
    two.answers = two.negotiate
    one.t38.requested(LARGE)
    await settle(60)
    first, second = halves(server)
    user = User()
    t38_of(first).user = user
    port: Any = t38_of(first).port
    bob.queue_hangup(16)
    await settle(60)
    assert second.dead
    assert first.dead
    assert (port.closed, user.told[-1]) == (True, T38State.UNAVAILABLE)
    for each in (one, two):
        each.t38.ended()  # as a session's end does


@on_calls
async def test_a_request_sends_the_other_half_to_fax_where_that_is_wanted(server: FakeServer) -> None:
    server.dialplan(("fax", 1, "Wait", "30"))
    alice = await dial(server, "7102")
    await settle(60)
    _, second = halves(server)
    expect_request(second, True)
    Phone(alice).t38.requested(LARGE)
    await settle()
    assert (second.exten, t38_of(second).asked) == ("fax", LARGE)


@on_calls
async def test_it_stays_in_the_call_while_it_is_negotiated_and_leaves_after(server: FakeServer) -> None:
    server.dialplan(("7103", 1, "Dial", "Local/6002@internal,20"))
    server.sip.stream = lambda: FakeStream(ULAW)
    alice = await dial(server, "7103")
    (bob,) = server.sip.made
    one, two = Phone(alice), Phone(bob)
    first, second = halves(server)
    pair = next(iter(server.local.technology.pairs))  # type: ignore[attr-defined]
    pair.optimises = False
    bob.queue_control(Control.ANSWER)
    await settle(100)
    pair.optimises = True
    one.t38.requested(LARGE)
    pair.consider()
    await settle(60)
    assert first.alive
    two.t38.refused()
    await settle(100)
    await asyncio.sleep(2)
    assert one.asked == [("answer", None)]
    assert first.dead
    assert second.dead
    assert alice.bridge is bob.bridge is not None
