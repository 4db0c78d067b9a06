"""VOLUME: the taps are there only while they change anything, and digits move both directions."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, FakeStream, audio_of, run

from asterism.media.formats import ULAW
from asterism.media.taps import Direction
from asterism.media.volume import Gain
from asterism.pbx.channels.volume import VolumeFunction, change_volume, set_volume
from asterism.pbx.vocabulary import events


def factors(stream: FakeStream) -> tuple[list[float], list[float]]:
    found = []
    for line in (stream.taps_in, stream.taps_out):
        gains = [] if line is None else [tap for tap in line.changing if isinstance(tap, Gain)]
        found.append([gain.factor for gain in gains])
    return found[0], found[1]


def test_values_and_digits() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        function = VolumeFunction()
        server.bus.subscribe(server.owner, events.DTMF_END, function.digit_ended)
        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        stream = audio_of(alice)
        for args, value, expected in (
            ("TX", "3", ([], [3.0])), ("tx", "-4", ([], [0.25])), ("RX", "0.5", ([0.5], [0.25])),
            ("TX", "0", ([0.5], [])), ("RX", "1", ([], [])), ("RX", "1000", ([100.0], [])), ("RX,p", "2", ([2.0], [])),
        ):  # fmt: skip
            function.write(alice, args, value)
            assert factors(stream) == expected
        for digit, expected in (
            ("*", ([3.0], [1.0])), ("5", ([3.0], [1.0])), ("*", ([4.0], [2.0])), ("#", ([3.0], [1.0])),
        ):  # fmt: skip
            alice.queue_digit(digit)
            bob.queue_digit(digit)
            assert factors(stream) == expected
        function.write(alice, "TX", "2")  # no p: digits are heard no more
        alice.queue_digit("*")
        assert factors(stream) == ([3.0], [2.0])
        assert alice.shows_simple
        assert factors(audio_of(bob)) == ([], [])

    run(scenario)


@pytest.mark.parametrize("value", ["", "0", "1"])
def test_digits_that_are_waited_for_are_heard_here(value: str) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        VolumeFunction().write(alice, "TX,p", value)
        assert alice.shows_simple

    run(scenario)


@pytest.mark.parametrize("value", ["", "0", "1"])
def test_no_change_is_no_tap(value: str) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        VolumeFunction().write(alice, "TX", value)
        assert not alice.shows_simple

    run(scenario)


def test_steps_that_can_be_heard() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        stream = audio_of(alice)
        for steps, expected in ((1, [2.0]), (1, [3.0]), (-1, [2.0]), (-1, []), (-1, [0.5]), (2, [2.0]), (-3, [1 / 3])):
            change_volume(alice, Direction.IN, steps)
            assert factors(stream) == (pytest.approx(expected), [])
        set_volume(alice, Direction.IN, 0.0)
        assert factors(stream) == ([], [])

    run(scenario)
