"""A channel's taps: kept when its audio moves to another stream, taken off when it ends or they fail."""

from __future__ import annotations

import logging
from typing import ClassVar

import pytest
from fake_technology import FakeServer, FakeStream, audio_of, run, set_audio

from asterism.media.formats import ULAW
from asterism.media.stream import Frame
from asterism.media.taps import Direction, Tap
from asterism.pbx.bridges.bridge import Bridge

FRAME = Frame(ULAW, b"\x55" * 160)


class Ear(Tap):
    def __init__(self) -> None:
        self.heard: list[Frame] = []
        self.told: list[str] = []

    def take(self, frame: Frame) -> None:
        self.heard.append(frame)

    def failed(self) -> None:
        self.told.append("failed")

    def ended(self) -> None:
        self.told.append("ended")


class Changer(Ear):
    changes: ClassVar[bool] = True

    def change(self, frame: Frame) -> Frame:
        if self.heard:
            raise RuntimeError("no more")
        return frame


class Hidden(Ear):
    shows_simple: ClassVar[bool] = False


def test_a_tap_moves_with_the_audio_and_is_told_of_the_end() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        ear = Ear()
        alice.attach(ear, Direction.IN)  # there is no audio yet
        first, second = FakeStream(ULAW), FakeStream(ULAW)
        for stream in (first, second):
            set_audio(alice, stream)
            alice.streams_changed()
            stream.hear_in(FRAME)
        first.hear_in(FRAME)
        assert len(ear.heard) == 2
        assert first.taps_in is None
        with pytest.raises(ValueError, match="already"):
            alice.attach(ear, Direction.OUT)
        alice.hang_up()
        assert second.taps_in is None
        assert ear.told == ["ended"]
        late = Ear()
        alice.attach(late, Direction.IN)
        assert late.told == ["ended"]

    run(scenario)


def test_the_bridge_chooses_anew_when_taps_come_and_go() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        bridge = Bridge(server.pbx)
        bridge.enter(alice)
        bridge.enter(bob)
        one, two = audio_of(alice), audio_of(bob)
        changer = Changer()
        for direction, source, target in ((Direction.IN, one, two), (Direction.OUT, two, one)):
            assert source.relayed_to is target
            alice.attach(changer, direction)
            assert (source.relayed_to, source.sink) == (None, target.write)
            assert alice.detach(changer)
            assert (source.relayed_to, source.sink) == (target, None)
        assert not alice.detach(changer)

    run(scenario)


def test_a_tap_that_raises_is_off_the_channel_and_the_bridge_relays_again(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        bridge = Bridge(server.pbx)
        bridge.enter(alice)
        bridge.enter(bob)
        one, two = audio_of(alice), audio_of(bob)
        server.log.addHandler(caplog.handler)
        changer = Changer()
        alice.attach(changer, Direction.IN)
        changer.heard.append(FRAME)  # it raises from now on
        assert one.hear_in(FRAME) == FRAME
        assert changer.told == ["failed"]
        assert one.relayed_to is two
        assert one.taps_in is None
        assert not alice.detach(changer)
        assert not alice.shows_simple

    with caplog.at_level(logging.ERROR):
        run(scenario)
    assert [record.getMessage() for record in caplog.records] == ["tap Changer (in) failed"]
    assert [record.channel for record in caplog.records] == ["PJSIP/alice-00000000"]  # type: ignore[attr-defined]


def test_what_the_bridge_shows_while_taps_are_there() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        assert not alice.shows_simple
        hidden, ear = Hidden(), Ear()
        alice.attach(hidden, Direction.IN)
        assert not alice.shows_simple
        alice.attach(ear, Direction.OUT)
        assert alice.shows_simple
        alice.detach(ear)
        assert not alice.shows_simple

    run(scenario)


class _Louder(Tap):
    changes: ClassVar[bool] = True

    def change(self, frame: Frame) -> Frame:
        return Frame(ULAW, b"\x11" * 160)


class _Early(Ear):
    hears_changes: ClassVar[bool] = False


class _Deaf(Tap):
    changes: ClassVar[bool] = True

    def change(self, frame: Frame) -> None:
        return None


def test_a_tap_may_hear_what_is_sent_before_others_change_it() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        stream = FakeStream(ULAW)
        set_audio(alice, stream)
        early, ear, louder = _Early(), Ear(), _Louder()
        one: Tap
        for one in (louder, early, ear):
            alice.attach(one, Direction.OUT)
        changed = stream.send_through(FRAME)
        assert changed is not None
        assert (early.heard, ear.heard) == ([FRAME], [changed])
        # What a tap sends by itself is heard, and changed, by those behind it, and is nothing that passed.
        assert stream.send_behind(louder, FRAME) == FRAME
        assert (early.heard, ear.heard) == ([FRAME], [changed, FRAME])
        alice.attach(deaf := _Deaf(), Direction.OUT)
        assert stream.send_through(FRAME) is stream.send_behind(louder, FRAME) is None
        assert stream.send_behind(deaf, FRAME) == FRAME
        assert (len(early.heard), len(ear.heard)) == (2, 3)
        for one in (early, ear, louder, deaf):
            alice.detach(one)
        assert stream.send_behind(louder, FRAME) is FRAME
        # On what comes in nothing differs: all hear what the far end says.
        alice.attach(early, Direction.IN)
        alice.attach(louder, Direction.IN)
        assert stream.hear_in(FRAME) is not FRAME
        assert early.heard[-1] is FRAME

    run(scenario)
