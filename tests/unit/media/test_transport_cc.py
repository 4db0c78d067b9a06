"""Reports on arrivals: what a reader of the draft's own words reads from them, and bounds."""

from __future__ import annotations

import asyncio
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.media import transport_cc
from asterism.media.transport_cc import ArrivalReports, Arrivals, encode


def decode(packet: bytes) -> tuple[int, int, dict[int, int | None]]:
    """Sender, count of reports, and the arrivals by number, as the draft describes the format."""
    first, kind, words, sender, _, base, statuses = struct.unpack_from("!BBHIIHH", packet)
    assert (first, kind, 4 * (words + 1)) == (0x80 | 15, 205, len(packet))
    reference = int.from_bytes(packet[16:19], "big", signed=True)
    symbols: list[int] = []
    at = 20
    while len(symbols) < statuses:
        (chunk,) = struct.unpack_from("!H", packet, at)
        at += 2
        if not chunk & 0x8000:
            symbols += [chunk >> 13] * (chunk & 0x1FFF)
        elif chunk & 0x4000:
            symbols += [chunk >> place & 3 for place in range(12, -1, -2)]
        else:
            symbols += [chunk >> place & 1 for place in range(13, -1, -1)]
    assert not any(symbols[statuses:])
    arrivals: dict[int, int | None] = {}
    time = reference * 256
    for index, symbol in enumerate(symbols[:statuses]):
        number = base + index & 0xFFFF
        arrivals[number] = None
        if symbol:
            size = symbol
            time += int.from_bytes(packet[at : at + size], "big", signed=symbol == 2)
            at += size
            arrivals[number] = time
    assert 0 <= len(packet) - at < 4
    assert not any(packet[at:])
    return sender, packet[19], arrivals


ARRIVALS = st.lists(st.one_of(st.none(), st.integers(0, 2000), st.integers(0, 30000)), min_size=1, max_size=300).filter(
    lambda found: any(one is not None for one in found)
)


@given(ARRIVALS, st.integers(0, 65535), st.integers(0, 1000), st.integers(0, 300))
def test_what_is_told_is_what_came(arrivals: list[int | None], base: int, at: int, count: int) -> None:
    moved = [None if one is None else one + at * 256 for one in arrivals]
    sender, told, found = decode(encode(7, 8, base, moved, count))
    assert (sender, told) == (7, count % 256)
    assert found == {base + index & 0xFFFF: one for index, one in enumerate(moved)}


def test_long_runs_are_short() -> None:
    packet = encode(1, 2, 0, [*range(500)], 0)
    assert len(packet) == 20 + 2 + 500 + 2


def test_nothing_to_tell_is_an_error() -> None:
    for arrivals in ([], [None], [0] * 600, [0, 40000]):
        with pytest.raises(ValueError, match="arrivals"):
            encode(1, 2, 0, arrivals, 0)


def told(reports: list[bytes]) -> dict[int, int | None]:
    found: dict[int, int | None] = {}
    for report in reports:
        found.update(decode(report)[2])
    return found


def test_reports_go_on_where_the_last_one_ended_and_tell_of_what_is_missing() -> None:
    arrivals = Arrivals()
    for number in (65534, 65535, 0, 2):
        arrivals.add(number, 9, number / 1000)
    assert list(told(arrivals.take(1))) == [65534, 65535, 0, 1, 2]
    assert arrivals.take(1) == []
    arrivals.add(5, 9, 70.0)
    found = told(arrivals.take(1))
    assert found == {3: None, 4: None, 5: 280000}
    arrivals.add(4, 9, 70.001)  # late
    assert told(arrivals.take(1)) == {4: 280004, 5: 280000}


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 3)), max_size=400))
def test_whatever_numbers_come_reports_are_bounded(numbers: list[tuple[int, int]]) -> None:
    arrivals = Arrivals()
    now = 0.0
    for number, pause in numbers:
        now += pause
        arrivals.add(number, 5, now)
        if pause == 3:
            reports = arrivals.take(1)
            assert len(reports) <= 4
            assert all(len(report) < 1400 for report in reports)
            assert all(one is None or one <= now / transport_cc.TICK for one in told(reports).values())


async def test_reports_are_made_while_packets_come() -> None:
    loop = asyncio.get_running_loop()
    sent: asyncio.Queue[bytes] = asyncio.Queue()
    reports = ArrivalReports(loop, 77, sent.put_nowait)
    began = loop.time()
    reports.arrived(1, 5, began)
    reports.arrived(2, 5, began)
    assert list(decode(await sent.get())[2]) == [1, 2]
    assert loop.time() - began >= transport_cc.INTERVAL - 0.01
    assert reports._timer is None
    reports.arrived(3, 5, loop.time())
    reports.close()
    assert reports._timer is None
    assert sent.empty()
