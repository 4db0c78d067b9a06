"""Where packets are placed in time, on a virtual clock: loss, other orders, pauses, stalls, slow clocks, rates."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import pytest

from asterism.media.formats import ALAW, G723, SLIN, SLIN16, ULAW, Format
from asterism.media.recording.capture import Heard
from asterism.media.recording.track import TOLERANCE, Pcm, Track
from asterism.media.translate import translator

FRAME = 0.02
START = 1000.0
"""The time at which the recordings of these tests begin."""


def level(number: int) -> int:
    """What is said in a second: another for each."""
    return 1000 + 500 * (number % 20)


def payload(fmt: Format, value: int, milliseconds: int = 20) -> bytes:
    """Packet of a constant value."""
    convert = translator(SLIN if fmt.sample_rate == 8000 else SLIN16, fmt)
    assert convert is not None
    return convert(np.full(fmt.sample_rate * milliseconds // 1000, value, "<i2").tobytes())


def said(
    first: int, count: int, *, begin: float = 0.0, fmt: Format = ULAW, stamp: int = 5_000_000, late: float = 0.0,
    rate: float = 1.0,
) -> list[Heard]:  # fmt: skip
    """Packets ``first`` to ``first + count`` of a source that began at ``begin`` seconds of the recording.

    Each says the level of its second of the recording. ``rate`` is that of the source's clock.
    """
    heard: list[Heard] = []
    for number in range(first, first + count):
        at = begin + number * FRAME * rate
        timestamp = stamp + number * fmt.timestamp_step & 0xFFFFFFFF
        heard.append((START + at + late, fmt, timestamp, payload(fmt, level(int(at + 1e-9)))))
    return heard


def recorded(packets: Iterable[Heard], seconds: float, rate: int = 8000, turn: float = 0.5, lag: float = 0.2) -> Pcm:
    """What a track has after ``seconds``, worked in turns as a recording does."""
    track = Track(rate)
    waiting = sorted(packets, key=lambda one: one[0])
    pieces, now = [], 0.0
    while now < seconds:
        now += turn
        batch = [one for one in waiting if one[0] < START + now]
        waiting = waiting[len(batch) :]
        track.put(batch, START, START + now)
        pieces.append(track.take(int((now - lag) * rate)).pcm)
    pieces.append(track.take(int(seconds * rate)).pcm)
    return np.concatenate(pieces)


def heard_at(pcm: Pcm, second: float, rate: int = 8000) -> int:
    """The level at a moment: the middle one of 10 ms."""
    return int(np.median(pcm[int(second * rate) : int((second + 0.01) * rate)]))


def close(found: int, number: int) -> bool:
    return abs(found - level(number)) < 0.05 * level(number)


def silence(pcm: Pcm, begin: float, end: float) -> bool:
    return not np.any(np.abs(pcm[int(begin * 8000) : int(end * 8000)]) > 8)


def test_what_is_said_is_at_its_time() -> None:
    pcm = recorded(said(0, 250), 5.0)
    assert len(pcm) == 40000
    for second in range(5):
        assert close(heard_at(pcm, second + 0.01), second)
        assert close(heard_at(pcm, second + 0.98), second)
    edges = np.flatnonzero(np.diff(pcm))
    assert list(edges + 1) == [8000, 16000, 24000, 32000]


def test_a_late_start_is_silence_before() -> None:
    pcm = recorded(said(0, 100, begin=3.25), 6.0)
    assert silence(pcm, 0, 3.25)
    assert np.flatnonzero(pcm)[0] == 26000
    assert close(heard_at(pcm, 3.26), 3)
    assert silence(pcm, 5.25, 6.0)


def test_what_is_lost_is_silence_and_moves_nothing() -> None:
    packets = said(0, 250)
    del packets[60:75], packets[10], packets[190]
    pcm = recorded(packets, 5.0)
    assert silence(pcm, 0.2, 0.22)
    assert silence(pcm, 60 * FRAME, 75 * FRAME)
    for second in (0, 2, 3, 4):
        assert close(heard_at(pcm, second + 0.01), second)
    assert close(heard_at(pcm, 75 * FRAME), 1)


def test_another_order_and_packets_that_come_twice_change_nothing() -> None:
    rng = random.Random(1)
    packets = said(0, 250)
    plain = recorded(packets, 5.0)
    shaken = [(now + rng.uniform(0, 0.06), *rest) for now, *rest in packets for _ in range(rng.choice((1, 1, 2)))]
    shaken[0] = packets[0]
    assert np.array_equal(recorded(shaken, 6.0)[:40000], plain)  # type: ignore[arg-type]


def test_jitter_does_not_move_what_is_said_by_more_than_the_tolerance() -> None:
    rng = random.Random(2)
    packets = [(now + rng.expovariate(1 / 0.02), *rest) for now, *rest in said(0, 500)]
    pcm = recorded(packets, 10.0)  # type: ignore[arg-type]
    for second in range(1, 9):
        assert close(heard_at(pcm, second + TOLERANCE + 0.01), second)
        assert close(heard_at(pcm, second - 0.02), second - 1)


def test_timestamps_wrap() -> None:
    pcm = recorded(said(0, 250, stamp=2**32 - 20000), 5.0)
    assert list(np.flatnonzero(np.diff(pcm)) + 1) == [8000, 16000, 24000, 32000]


@pytest.mark.parametrize("advance", [True, False], ids=["timestamps go on", "timestamps stand still"])
def test_after_a_long_pause_the_time_is_right(advance: bool) -> None:
    before = said(0, 100)
    pause = 1800.0
    stamp = 5_000_000 + (int(pause * 8000) if advance else 0)
    after = said(100, 100, begin=pause, stamp=stamp)
    pcm = recorded(before + after, pause + 4.0)
    assert silence(pcm, 2.0, pause + 2.0)
    first = int(np.flatnonzero(pcm[16000:])[0]) + 16000
    assert abs(first / 8000 - (pause + 2.0)) < TOLERANCE
    assert close(heard_at(pcm, pause + 3.02), int(pause) + 3)


@pytest.mark.parametrize("pause", [0.15, 0.3, 0.44])
def test_a_short_pause_within_a_turn_of_a_source_that_does_not_count_it(pause: float) -> None:
    packets = said(0, 5) + said(5, 50, begin=pause)
    pcm = recorded(packets, 2.0)
    assert silence(pcm, 0.1, 0.1 + pause)
    assert np.flatnonzero(pcm[800:])[0] == round(pause * 8000)


def test_packets_that_were_stuck_are_placed_when_they_were_said() -> None:
    """The loop, or the network, stands still for 0.4 seconds: all come at once."""
    packets = [(max(one[0], START + 1.4) if one[0] >= START + 1.0 else one[0], *one[1:]) for one in said(0, 150)]
    pcm = recorded(packets, 3.0, turn=0.5, lag=0.5)
    assert list(np.flatnonzero(np.diff(pcm)) + 1) == [8000, 16000]


def test_a_first_packet_that_is_late_does_not_make_the_others_late() -> None:
    packets = said(0, 100)
    packets[0] = (packets[0][0] + 0.15, *packets[0][1:])
    pcm = recorded(packets, 2.0)
    assert list(np.flatnonzero(np.diff(pcm)) + 1) == [8000]


@pytest.mark.parametrize("rate", [0.9995, 1.0005])
def test_a_slow_or_fast_clock_is_followed(rate: float) -> None:
    """Half a per mille, ten times what clocks have, is 300 ms after ten minutes."""
    pcm = recorded(said(0, 30000, rate=rate), 600.0, turn=0.5)
    for second in (1, 100, 300, 598):
        assert close(heard_at(pcm, second + TOLERANCE + 0.02), second)
        assert close(heard_at(pcm, second - TOLERANCE - 0.02), second - 1)


def test_another_source_takes_its_place_at_once() -> None:
    packets = said(0, 100) + said(0, 50, begin=2.0, stamp=77) + said(0, 100, begin=3.0, stamp=3_000_000_000, fmt=ALAW)
    pcm = recorded(packets, 5.0)
    for second in range(5):
        assert close(heard_at(pcm, second + 0.01), second)
    assert not np.any(pcm == 0)


def test_what_is_made_here_needs_no_timestamps() -> None:
    """Frames of a sound: at an even pace, once 80 ms late and caught up, with a pause before the second sound."""
    packets: list[Heard] = []
    for number in range(100):
        now = number * FRAME
        if 0.5 <= now < 0.58:
            now = 0.58
        packets.append((START + now, SLIN, None, payload(SLIN, level(int(number * FRAME + 1e-9)))))
    packets += [(START + 2.15 + number * FRAME, SLIN, None, payload(SLIN, 9000)) for number in range(50)]
    pcm = recorded(packets, 4.0)
    edges = list(np.flatnonzero(np.diff(pcm)) + 1)
    assert edges == [8000, 16000, round(2.15 * 8000), round(3.15 * 8000)]


@pytest.mark.parametrize("fmt", [ULAW, SLIN16, SLIN])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_rates_are_converted_without_seams_or_drift(fmt: Format, rate: int) -> None:
    packets = [(START + number * FRAME, fmt, number * fmt.timestamp_step, payload(fmt, 8000)) for number in range(1000)]
    pcm = recorded(packets, 20.0, rate)
    assert len(pcm) == 20 * rate
    assert np.all(np.abs(pcm[rate // 50 :].astype(int) - 8000) < 400)


def test_what_cannot_be_decoded_is_silent_and_named() -> None:
    track = Track(8000)
    track.put([(START, G723, 0, bytes(20)), (START + 0.02, G723, 160, bytes(20))], START, START + 0.1)
    track.put([(START + 0.04, ULAW, 320, payload(ULAW, 5000))], START, START + 0.1)
    pcm = track.take(800).pcm
    assert track.undecoded == {G723}
    assert list(np.flatnonzero(pcm)) == list(range(320, 480))


def test_what_was_said_can_be_had_without_silence() -> None:
    track = Track(8000)
    packets = said(0, 10)
    track.put(packets[7:9] + packets[:2], START + 0.14, START + 1)  # the first of them belong before the beginning
    track.put(packets[4:6], START, START + 1)
    track.put(said(0, 4, begin=0.3, stamp=99), START, START + 1)
    first, second = track.take(2560), track.take(8000)
    assert len(first.pcm) == 2560
    assert len(second.pcm) == 8000 - 2560
    spoken = sum(len(one.spoken) for one in (first, second))
    assert spoken == np.count_nonzero(np.concatenate((first.pcm, second.pcm)))


def test_what_came_too_late_is_dropped() -> None:
    track = Track(8000)
    packets = said(0, 50)
    track.put(packets[:10] + packets[11:], START, START + 1)
    assert not np.any(track.take(4000).pcm[1600:1760])
    track.put([(START + 1.0, *packets[10][1:])], START, START + 1)
    assert not len(track.take(4000).pcm)
    assert len(track.take(8000).pcm) == 4000


@pytest.mark.parametrize("seed", range(5))
def test_whatever_comes_the_time_line_is_as_long_as_it_is(seed: int) -> None:
    rng = random.Random(seed)
    track, now, length = Track(rng.choice((8000, 16000, 44100))), START, 0
    for _ in range(100):
        heard: list[Heard] = []
        for _ in range(rng.choice((0, 1, 25, 60))):
            now += rng.choice((0.0, 0.02, 0.02, 0.5))
            stamp = rng.choice((None, rng.getrandbits(32), int((now - START) * 8000), 2**32 - 1))
            fmt = rng.choice((ULAW, ALAW, SLIN, SLIN16, G723))
            heard.append((now, fmt, stamp, rng.randbytes(rng.choice((0, 1, 2, 33, 160, 320, 641)))))
        track.put(heard, START, now)
        taken = track.take(int((now - START) * track.rate))
        length += len(taken.pcm)
        assert length == track.taken == int((now - START) * track.rate)
        assert all(0 <= begin < end <= len(taken.pcm) for begin, end in taken.parts)
        if not rng.randrange(10):
            track.restart()


def test_a_source_that_lies_about_its_time_takes_no_memory() -> None:
    track = Track(8000)
    rng = random.Random(3)
    for turn in range(50):
        now = START + turn / 2
        heard: list[Heard] = [(now + n / 1000, ULAW, rng.getrandbits(32), b"\x00" * 160) for n in range(400)]
        track.put(heard, START, now + 0.5)
        track.take(turn * 4000)
        assert len(track._pcm) < 3 * 8000
        assert len(track._parts) < 500


def test_what_a_late_turn_brings_is_kept_whatever_is_missing_in_it() -> None:
    packets = said(0, 250)
    late = [(START + 3.3, *one[1:]) if 2.0 <= one[0] - START < 3.3 else one for one in packets]
    del late[150]  # second 3.0: what follows is another piece
    track = Track(8000)
    pieces = []
    for before, now in ((0.0, 2.0), (2.0, 3.31), (3.31, 5.0)):
        track.put([one for one in late if before <= one[0] - START < now], START, START + now)
        pieces.append(track.take(int((now - 0.2) * 8000)).pcm)
    pcm = np.concatenate(pieces)
    assert silence(pcm, 3.0, 3.02)
    assert not np.any(pcm[int(3.03 * 8000) : int(4.7 * 8000)] == 0)
