"""Direct media, the bridge's side: who is told to send where, and what keeps the media here."""

from __future__ import annotations

from typing import Any

from fake_technology import FakeDriver, FakeServer, FakeStream, run

from asterism.media.formats import ALAW, ULAW
from asterism.media.taps import Direction, Tap
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.music.playing import start_music, stop_music
from asterism.pbx.vocabulary.controls import Control


class MovingDriver(FakeDriver):
    """A far end that can send elsewhere, and writes down what it is told."""

    def __init__(self, technology: Any, told: list[tuple[str, str | None]]) -> None:
        super().__init__(technology)
        self.told = told
        self.may = True
        self.may_move = True
        self.settled = True
        self.media_targets: Any = ()

    @property
    def name(self) -> str:
        assert self.channel is not None
        return self.channel.device.partition("/")[2]

    def direct_media(self, peer: Any) -> bool:
        return self.may

    def send_to(self, peer: Any) -> None:
        self.told.append((self.name, None if peer is None else peer.name))

    def indicate(self, condition: Control, data: object = None) -> bool:
        return condition not in (Control.HOLD, Control.UNHOLD)


def moving(server: FakeServer, phone: str, told: list[tuple[str, str | None]], fmt: Any = ULAW) -> Channel:
    channel = server.sip.incoming(phone, "1")
    driver = MovingDriver(server.sip, told)
    driver.channel = channel
    driver.media = FakeStream(fmt)
    channel.driver = driver
    return channel


def driver_of(channel: Channel) -> Any:
    return channel.driver


def call(server: FakeServer) -> tuple[Bridge, Channel, Channel, list[tuple[str, str | None]]]:
    """Bob was called, Alice called; what they are told from now on."""
    told: list[tuple[str, str | None]] = []
    bob, alice = moving(server, "bob", told), moving(server, "alice", told)
    bridge = Bridge(server.pbx)
    bridge.enter(bob)
    bridge.enter(alice)
    return bridge, bob, alice, told


def last(told: list[tuple[str, str | None]]) -> dict[str, str | None]:
    """Where each sends now."""
    return dict(told)


BOTH_DIRECT = {"bob": "alice", "alice": "bob"}
BOTH_HERE = {"bob": None, "alice": None}


def test_two_that_can_are_told_the_called_one_first() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge, _bob, _alice, told = call(server)
        assert told == [("bob", "alice"), ("alice", "bob")]
        assert bridge.technology == "native_rtp"
        assert bridge.relayed, "what is still under way is passed on"

    run(scenario)


def test_what_the_driver_forbids_and_other_drivers_stay_here() -> None:
    async def scenario(server: FakeServer) -> None:
        told: list[tuple[str, str | None]] = []
        bob, alice = moving(server, "bob", told), moving(server, "alice", told)
        driver_of(alice).may = False
        bridge = Bridge(server.pbx)
        bridge.enter(bob)
        bridge.enter(alice)
        assert not told
        bridge.depart(alice)
        assert not told
        server.sip.stream = lambda: FakeStream(ULAW)
        other, carol = Bridge(server.pbx), server.sip.incoming("alice", "1")
        other.enter(moving(server, "bob", told))
        other.enter(carol)
        assert other.technology == "native_rtp"
        assert not told

    run(scenario)


def test_a_tap_brings_both_back_and_lets_them_go_again() -> None:
    class Ear(Tap):
        shows_simple = False

        def hear(self, frame: Any) -> None: ...

    class Mouth(Tap):
        shows_simple = True
        changes = True

    async def scenario(server: FakeServer) -> None:
        bridge, bob, _alice, told = call(server)
        for tap, technology in ((Ear(), "native_rtp"), (Mouth(), "simple_bridge")):
            told.clear()
            bob.attach(tap, Direction.IN)
            assert last(told) == BOTH_HERE, technology
            assert bridge.technology == technology
            bridge.connect_media()
            told.clear()
            bob.detach(tap)
            assert last(told) == BOTH_DIRECT
            assert bridge.technology == "native_rtp"

    run(scenario)


def test_who_hears_music_comes_back_alone() -> None:
    async def scenario(server: FakeServer) -> None:
        _bridge, bob, _alice, told = call(server)
        told.clear()
        assert start_music(bob)
        assert last(told) == {"bob": None, "alice": "bob"}
        told.clear()
        stop_music(bob)
        assert last(told) == BOTH_DIRECT

    run(scenario)


def test_keys_that_are_waited_for_keep_the_media_here() -> None:
    async def scenario(server: FakeServer) -> None:
        for more in ({"features": True}, {"on_digit": lambda channel, digit: False}):
            told: list[tuple[str, str | None]] = []
            bridge = Bridge(server.pbx)
            bridge.enter(moving(server, "bob", told))
            bridge.enter(moving(server, "alice", told), **more)
            assert not told, more

    run(scenario)


def test_other_formats_bring_both_back() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge, bob, _alice, told = call(server)
        told.clear()
        driver_of(bob).media = FakeStream(ALAW)
        bridge.connect_media()
        assert last(told) == BOTH_HERE
        assert bridge.technology == "simple_bridge"

    run(scenario)


def test_a_third_party_brings_both_back_and_its_leaving_lets_them_go() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge, _bob, _alice, told = call(server)
        told.clear()
        carol = moving(server, "alice", [])
        bridge.enter(carol)
        assert last(told) == BOTH_HERE
        told.clear()
        bridge.depart(carol)
        assert last(told) == BOTH_DIRECT

    run(scenario)


def test_who_was_never_told_to_send_elsewhere_is_not_told_to_come_back() -> None:
    """A Local channel that joins has a driver that could not be told anything."""

    async def scenario(server: FakeServer) -> None:
        bridge, _bob, _alice, told = call(server)
        told.clear()
        told_third: list[tuple[str, str | None]] = []
        third = moving(server, "alice", told_third)
        driver_of(third).may_move = False
        bridge.enter(third)
        assert last(told) == BOTH_HERE
        assert told_third == []

    run(scenario)


def test_who_moves_to_another_bridge_comes_back_first() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge, bob, _alice, told = call(server)
        told.clear()
        other = Bridge(server.pbx)
        other.enter(moving(server, "alice", []))
        bridge.move(bob, other)
        assert told[:2] == [("bob", None), ("alice", None)]
        assert told[2:] == [("bob", "alice")]

    run(scenario)


def test_the_one_who_stays_comes_back_and_who_hung_up_is_told_nothing() -> None:
    async def scenario(server: FakeServer) -> None:
        _bridge, _bob, alice, told = call(server)
        told.clear()
        alice.queue_hangup()
        assert told == [("bob", None)]

    run(scenario)


def test_parties_that_move_on_and_on_are_left_here() -> None:
    """A phone that takes a new port for each answer would be told of the other's new port for ever."""

    async def scenario(server: FakeServer) -> None:
        bridge, bob, _alice, told = call(server)
        for number in range(20):
            driver_of(bob).media_targets = (number,)
            bridge.connect_media()
        assert last(told) == BOTH_HERE
        assert 10 < len(told) < 30
        count = len(told)
        bridge.connect_media()
        assert len(told) == count

    run(scenario)


def test_a_driver_that_raises_keeps_the_call() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge, bob, _alice, told = call(server)
        told.clear()

        def fail(peer: Any) -> bool:
            raise ValueError("broken")

        driver_of(bob).direct_media = fail
        bridge.connect_media()
        assert last(told) == BOTH_HERE
        assert bridge.relayed

    run(scenario)
