"""Payloads that are kept without a call until a mix takes them, and frames written to many at once."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from rtp_kit import Leg, Peer

from asterism.media.formats import ALAW, ULAW
from asterism.media.payload_types import PayloadTypes
from asterism.media.stream import Frame
from asterism.media.taps import Direction, Tap
from asterism.media.transmitter import resume_each, write_each
from asterism.testing.waiting import until


class Keeper:
    """A sink that keeps payloads of one format, and counts how often it is called."""

    def __init__(self, fmt=ULAW):
        self.format = fmt
        self.pending = bytearray()
        self.called = 0

    def __call__(self, frame):
        self.called += 1
        self.pending += frame.payload

    def has(self, size):
        return len(self.pending) >= size

    def pending_for(self, fmt):
        return self.pending if fmt is self.format else None


async def _kept(leg, keeper, count=6):
    """Send packets of other octets each, one after the other."""
    for number in range(count):
        size = len(keeper.pending) + 160
        leg.peer.send(leg.session, bytes([number]) * 160)
        await until(partial(keeper.has, size))


def test_payloads_are_kept_in_order_and_counted(run):
    async def scenario(media):
        leg, keeper = Leg(media), Keeper()
        leg.session.sink = keeper
        await _kept(leg, keeper)
        assert leg.session.received.keeping is not None
        called = keeper.called
        await _kept(leg, keeper, 12)
        assert keeper.called == called
        said = [*range(6), *range(12)]
        assert [keeper.pending[at] for at in range(0, len(keeper.pending), 160)] == said[: len(keeper.pending) // 160]
        assert leg.session.rx_packets * 160 == leg.session.rx_bytes == len(keeper.pending)

    run(scenario)


def test_what_differs_is_looked_at(run):
    """A gap, a digit, another source, a marker: counted as ever, and the next are kept again."""

    async def scenario(media):
        leg, keeper = Leg(media), Keeper()
        leg.session.sink = keeper
        digits = []
        leg.session.on_digit = lambda digit, duration: digits.append(digit)
        await _kept(leg, keeper)
        leg.peer.send(leg.session, b"\x11" * 160, step=3)
        await until(lambda: keeper.pending.endswith(b"\x11" * 160))
        assert leg.session.rx_lost == 2
        leg.peer.send(leg.session, b"\x22" * 160, 0x80)
        await until(lambda: keeper.pending.endswith(b"\x22" * 160))
        event = bytes((5, 0x8A, 3, 0x20))
        for _ in range(3):
            leg.peer.send(leg.session, event, 101, timestamp=leg.peer.timestamp)
        await until(lambda: digits == ["5"])
        leg.peer.ssrc += 1
        size = len(keeper.pending)
        for _ in range(4):
            leg.peer.send(leg.session, b"\x33" * 160)
        await until(lambda: len(keeper.pending) == size + 640)
        assert leg.session.received.keeping is not None
        assert leg.session.rx_dropped == 0

    run(scenario)


def _relayed(leg):
    leg.session.relay_to(leg.other.session)


def _tapped(leg):
    leg.session.attach(Tap(), Direction.IN)


def _other_formats(leg):
    leg.session.set_formats(PayloadTypes(((8, ALAW),), ()))


def _other_peer(leg):
    leg.session.set_remote(*Peer().address)


def _logged(leg):
    leg.session.set_debug(True)


def _closed(leg):
    leg.session.close()


@pytest.mark.parametrize("change", [_relayed, _tapped, _other_formats, _other_peer, _logged, _closed])
def test_what_changes_ends_it(run, change):
    async def scenario(media):
        leg: Any = Leg(media)
        keeper = Keeper()
        leg.other = Leg(media)
        leg.session.sink = keeper
        await _kept(leg, keeper)
        assert leg.session.received.keeping is not None
        change(leg)
        assert leg.session.received.keeping is None

    run(scenario)


def test_another_sink_gets_what_comes_next(run):
    async def scenario(media):
        leg, keeper = Leg(media), Keeper()
        leg.session.sink = keeper
        await _kept(leg, keeper)
        size = len(keeper.pending)
        heard = []
        leg.session.sink = heard.append
        leg.peer.send(leg.session, b"\x77" * 160)
        await until(lambda: bool(heard))
        assert (heard[0].payload, len(keeper.pending)) == (b"\x77" * 160, size)
        assert leg.session.received.keeping is None
        leg.session.sink = None
        leg.peer.send(leg.session)
        await until(lambda: leg.session.rx_packets == 8)
        assert len(keeper.pending) == size

    run(scenario)


def test_a_format_that_is_converted_is_not_kept(run):
    async def scenario(media):
        leg, keeper = Leg(media), Keeper(ALAW)
        leg.session.sink = keeper
        await _kept(leg, keeper)
        assert (leg.session.received.keeping, keeper.called) == (None, 6)

    run(scenario)


def test_one_frame_for_each_of_many(run):
    """As ``write``: the numbers follow each other, whichever way a packet goes."""

    async def scenario(media):
        legs = [Leg(media) for _ in range(4)]
        streams = [leg.session for leg in legs]
        for turn in range(5):
            write_each([*streams[:3], None], ULAW, [bytes([turn, number]) * 80 for number in range(4)])
            streams[3].write(Frame(ULAW, bytes([turn, 3]) * 80))
        for number, leg in enumerate(legs):
            heads = []
            for turn in range(5):
                head, payload = await leg.peer.receive()
                assert payload == bytes([turn, number]) * 80
                heads.append(head)
            assert [head[1] for head in heads] == [0x80, 0, 0, 0, 0]
            assert [head[2] - heads[0][2] & 0xFFFF for head in heads] == [0, 1, 2, 3, 4]
            assert [head[3] - heads[0][3] & 0xFFFFFFFF for head in heads] == [0, 160, 320, 480, 640]
            assert (leg.session.tx_packets, leg.session.tx_bytes) == (5, 800)

    run(scenario)


def test_many_are_written_to_as_each_needs_it(run):
    async def scenario(media):
        plain, alaw, digits, held, tapped = (Leg(media) for _ in range(5))
        alaw.session.set_formats(PayloadTypes(((8, ALAW),), ()))
        held.session.hold = True
        heard = []
        tap: Any = Tap()
        tap.take = heard.append
        tapped.session.attach(tap, Direction.OUT)
        digits.session.send_digit("5")
        legs = [plain, alaw, digits, held, tapped]
        for _ in range(3):
            write_each([leg.session for leg in legs], ULAW, [bytes(160)] * 5)
        assert [leg.session.tx_packets for leg in (plain, alaw, tapped)] == [3, 3, 3]
        assert len(heard) == 3
        head, payload = await alaw.peer.receive()
        assert (head[1] & 0x7F, len(payload)) == (8, 160)
        assert await held.peer.silent()
        await until(lambda: not digits.session.sending_digits)
        while (await digits.peer.receive())[0][1] & 0x7F == 101:
            if digits.session.tx_packets > 3 and not digits.session.sending_digits:
                break
        before = digits.session.tx_packets
        write_each([digits.session], ULAW, [bytes(160)])
        assert digits.session.tx_packets == before + 1

    run(scenario)


def test_after_a_stall_timestamps_go_on_and_after_a_pause_they_follow_the_clock(run):
    async def scenario(media):
        steady, paused = Leg(media), Leg(media)
        for leg in (steady, paused):
            write_each([leg.session], ULAW, [bytes(160)])
        now = asyncio.get_running_loop().time()
        steady.session.sent.last_write = now - 0.15  # as if nothing had been sent since
        paused.session.sent.last_write = now - 5
        resume_each([steady.session, paused.session, None], now - 0.2, 0.04)
        for _ in range(2):
            write_each([steady.session, paused.session], ULAW, [bytes(160)] * 2)
        steps = []
        for leg in (steady, paused):
            heads = [(await leg.peer.receive())[0] for _ in range(3)]
            steps.append([after[3] - before[3] & 0xFFFFFFFF for before, after in pairwise(heads)])
        assert steps[0] == [160 + 320, 160]
        assert steps[1][0] >= 160 + 5 * 8000
        assert steps[1][1] == 160

    run(scenario)
