"""What is said into a call is added to what passes, and goes by itself where nothing does."""

from __future__ import annotations

from array import array
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, run

from asterism.media.formats import LINEAR, SLIN, ULAW, Format
from asterism.media.g711 import linear_to_ulaw
from asterism.media.stream import Frame
from asterism.media.taps import Direction
from asterism.pbx.channels.whispering import Whisper


def loud(value: int, count: int = 160) -> bytes:
    return array("h", [value] * count).tobytes()


def values(frame: Frame) -> set[int]:
    return set(array("h", frame.payload))


@pytest.mark.parametrize("direction", Direction)
def test_it_is_added_to_what_passes(direction: Direction) -> None:
    async def scenario(server: FakeServer) -> None:
        stream: Any = FakeStream(SLIN)
        server.sip.stream = lambda: stream
        alice = server.sip.incoming("alice", "1")
        heard: list[Frame] = []
        stream.sink = heard.append
        whisper = Whisper(alice, direction)
        alice.attach(whisper, direction)

        def passes(frame: Frame) -> Frame | None:
            found: Frame | None = stream.hear_in(frame) if direction is Direction.IN else stream.send_through(frame)
            return found

        plain = Frame(SLIN, loud(1000))
        assert passes(plain) is plain
        whisper.say(Frame(ULAW, linear_to_ulaw(loud(0))))
        whisper.say(Frame(SLIN, loud(500, 80)))
        assert {round(value, -2) for value in values(passes(plain) or plain)} == {1000}
        added = passes(Frame(SLIN, loud(32000))) or plain
        assert values(added) == {32000, 32500}  # half a frame of it
        for _ in range(30):
            whisper.say(Frame(SLIN, loud(9000)))
        assert values(passes(Frame(SLIN, loud(32000))) or plain) == {32767}  # cut off
        left = 0
        while passes(plain) is not plain:
            left += 1
        assert left == 9
        strange = Frame(Format("other", "OTHER", 8000, 8000, 99), b"x" * 33)
        whisper.say(Frame(SLIN, loud(1)))
        assert passes(strange) is strange
        assert heard == []
        alice.soft_hangup()

    run(scenario)


@pytest.mark.parametrize("direction", Direction)
def test_it_goes_by_itself_where_nothing_passes(direction: Direction) -> None:
    async def scenario(server: FakeServer) -> None:
        stream: Any = FakeStream(SLIN)
        server.sip.stream = lambda: stream
        alice = server.sip.incoming("alice", "1")
        heard: list[Frame] = []
        stream.sink = heard.append
        whisper = Whisper(alice, direction)
        alice.attach(whisper, direction)
        for value in (1, 2):
            whisper.say(Frame(SLIN, loud(value)))
        went = heard if direction is Direction.IN else stream.written
        assert [values(frame) for frame in went] == [{1}, {2}]
        alice.soft_hangup()

    run(scenario)


def test_a_wide_call_is_added_to_at_its_rate() -> None:
    async def scenario(server: FakeServer) -> None:
        stream: Any = FakeStream(LINEAR[16000])
        server.sip.stream = lambda: stream
        alice = server.sip.incoming("alice", "1")
        whisper = Whisper(alice, Direction.IN)
        alice.attach(whisper, Direction.IN)
        frame = Frame(LINEAR[16000], loud(0, 320))
        assert stream.hear_in(frame) is frame
        for _ in range(3):
            whisper.say(Frame(SLIN, loud(1000)))
        for _ in range(2):
            added = stream.hear_in(frame)
        assert array("h", added.payload)[-1] == pytest.approx(1000, abs=20)
        assert len(added.payload) == 640
        alice.soft_hangup()

    run(scenario)
