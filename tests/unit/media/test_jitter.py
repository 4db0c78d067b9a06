"""A jitter buffer on a virtual clock."""

from __future__ import annotations

import random

import pytest

from asterism.media.formats import ULAW
from asterism.media.jitter import JitterBuffer, JitterSettings
from asterism.media.stream import Frame


def play(settings, arrivals):
    """Play ``(number, time)``: what came out, with its time."""
    buffer, out = JitterBuffer(settings), []

    def give(until):
        while (due := buffer.due()) is not None and due <= until:
            out.append((buffer.get(due).payload[0], due))

    for number, now in sorted(arrivals, key=lambda one: one[1]):
        give(now)
        buffer.put(number * 0.02, Frame(ULAW, bytes([number % 256])), now)
    give(1e9)
    return out, buffer


def jittered(most):
    chance = random.Random(5)
    return [(number, 10 + number * 0.02 + (chance.random() * most if number else 0.0)) for number in range(200)]


def test_the_fixed_kind_gives_an_even_stream_in_order():
    out, buffer = play(JitterSettings(max_size=100), jittered(0.09))
    assert [number for number, _ in out] == list(range(200))
    assert [time for _, time in out] == [pytest.approx(10.1 + 0.02 * number) for number in range(200)]
    assert buffer.late == 0


def test_the_adaptive_kind_delays_by_what_is_needed():
    calm, buffer = play(JitterSettings(adaptive=True), jittered(0.0))
    assert calm[-1][1] - (10 + 199 * 0.02) == pytest.approx(0.04)
    wild, buffer = play(JitterSettings(adaptive=True), jittered(0.12))
    assert 0.1 < buffer.delay <= 0.2
    numbers = [number for number, _ in wild]
    assert numbers == sorted(numbers)
    assert len(numbers) > 190


def test_a_sender_with_another_clock_is_followed():
    """A clock that is 0.5 % off: after a minute 300 ms, all that the buffer has."""
    for drift in (0.0001, -0.0001):
        arrivals = [(number, 10 + number * (0.02 + drift)) for number in range(3000)]
        out, _ = play(JitterSettings(max_size=300, resync=400), arrivals)
        assert len(out) == 3000
        waits = [time - came for (_, time), (_, came) in zip(out, arrivals, strict=True)]
        assert min(waits) >= 0.3 - 0.11
        assert max(waits) <= 0.3 + 0.001


def test_what_comes_too_late_or_twice_is_dropped():
    arrivals = [(number, 10 + number * 0.02) for number in range(20) if number != 5] + [(5, 10.5), (8, 10.17)]
    out, buffer = play(JitterSettings(max_size=100), arrivals)
    assert [number for number, _ in out] == [number for number in range(20) if number != 5]
    assert (buffer.late, buffer.dropped) == (1, 1)


def test_a_jump_of_the_timestamps_begins_anew():
    out, _ = play(JitterSettings(max_size=60), [(0, 10.0), (1, 10.02), (200, 10.3), (201, 10.32)])
    assert [number for number, _ in out] == [0, 1, 200, 201]
    assert out[2][1] == pytest.approx(10.36)
