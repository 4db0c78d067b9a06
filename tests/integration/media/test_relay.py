"""The quick way of relayed packets: what it counts, and what ends it."""

from __future__ import annotations

import asyncio

import pytest
from rtp_kit import Leg, Peer

from asterism.media.dtmf import EVENT
from asterism.media.formats import PASSED, ULAW
from asterism.media.memory import memory_pair
from asterism.media.stream import Frame
from asterism.media.transmitter import write_each
from asterism.testing.waiting import until


async def _quickly(a, b, count=4):
    """Send packets from ``a`` to ``b`` until they go the quick way; return the last header."""
    for _ in range(count):
        a.peer.send(a.session)
        head, _ = await b.peer.receive()
    assert a.session.received.quick is not None
    return head


def test_what_was_sent_is_counted_whenever_it_is_asked_for(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        for number in range(1, 9):
            a.peer.send(a.session, bytes(10 * number))
            await b.peer.receive()
            if number != 5:
                assert b.session.tx_packets == a.session.rx_packets == number
                assert b.session.tx_bytes == a.session.rx_bytes == 5 * number * (number + 1)
        assert a.session.received.quick is not None
        quality = b.session.quality
        assert (quality.tx_count, quality.tx_bytes, quality.rx_count) == (8, 360, 0)

    run(scenario)


def test_what_is_written_follows_what_was_relayed(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        last = await _quickly(a, b)
        a.session.relay_to(None)
        b.session.write(Frame(ULAW, bytes(160)))
        head, _ = await b.peer.receive()
        assert (head[2] - last[2] & 0xFFFF, head[4]) == (1, last[4])
        assert 160 <= head[3] - last[3] & 0xFFFFFFFF < 8000
        assert b.session.tx_packets == 5

    run(scenario)


def test_a_packet_that_differs_goes_the_slower_way_and_the_next_quickly(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        first = await _quickly(a, b)
        heads = []
        for second, options in (
            (0x80, {}),
            (0, {}),
            (8, {}),
            (8, {}),
            (8, {"step": 2}),
            (8, {}),
            (8, {"first": 0xA0, "payload": b"\x55" * 160 + b"\0\0\3"}),  # padded
            (8, {}),
        ):
            a.peer.send(a.session, second=second, **options)
            head, payload = await b.peer.receive()
            assert (len(payload), head[0]) == (160, 0x80)
            heads.append((head[1], head[2] - first[2] & 0xFFFF))
        assert heads == [(0x80, 1), (0, 2), (8, 3), (8, 4), (8, 6), (8, 7), (8, 8), (8, 9)]
        assert a.session.received.quick is not None
        assert (b.session.tx_packets, a.session.rx_lost, a.session.rx_dropped) == (12, 1, 0)

    run(scenario)


def test_another_source_and_a_short_datagram_do_not_go_quickly(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        first = await _quickly(a, b)
        a.peer.socket.sendto(b"\x80\0", a.session.local)
        await until(lambda: a.session.rx_dropped == 1)
        a.peer.ssrc = 0x1234
        head = await _quickly(a, b)
        assert (head[2] - first[2] & 0xFFFF, head[4]) == (4, b.session.ssrc)
        assert (a.session.remote_ssrc, a.session.rx_packets, b.session.tx_packets) == (0x1234, 8, 8)

    run(scenario)


def test_a_new_address_ends_the_quick_way(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        await _quickly(a, b)
        moved = Peer()
        a.session.set_remote(*moved.address)
        # As if it went on where the peer was: the stream is right, the address is not.
        for _ in range(3):
            a.peer.send(a.session)
        await until(lambda: a.session.rx_dropped == 3)
        assert (a.session.rx_packets, b.session.tx_packets) == (4, 4)
        a.peer.socket.close()
        a.peer = moved
        await _quickly(a, b)
        other = Peer()
        b.session.set_remote(*other.address)
        a.peer.send(a.session)
        assert (await other.receive())[0][4] == b.session.ssrc
        assert await b.peer.silent(0)

    run(scenario)


def test_hold_and_close_of_the_other_leg_end_the_quick_way(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        await _quickly(a, b)
        b.session.hold = True
        a.peer.send(a.session)
        await until(lambda: a.session.rx_packets == 5)
        assert await b.peer.silent(0)
        b.session.hold = False
        await _quickly(a, b)
        frames = []
        b.session.close()
        a.session.sink = frames.append
        a.peer.send(a.session)
        await until(lambda: frames)
        assert a.session.rx_packets == 10

    run(scenario)


@pytest.mark.parametrize("fmt", [ULAW, PASSED["video"]["vp8"]])
def test_nothing_is_missing_after_hold(run, fmt):
    """What was not sent has no number: the peer would ask for it, and report it as lost."""

    async def scenario(media):
        a, b = (Leg(media, {96: fmt}, dtmf=None) for _ in range(2))
        a.session.relay_to(b.session)
        for _ in range(4):
            a.peer.send(a.session, second=96)
            last, _ = await b.peer.receive()
        b.session.hold = True
        for _ in range(50):
            a.peer.send(a.session, second=96)
        await until(lambda: a.session.rx_packets == 54)
        assert (b.session.tx_packets, b.session.tx_bytes) == (4, 640)
        b.session.hold = False
        for number in range(1, 4):
            a.peer.send(a.session, second=96)
            head, _ = await b.peer.receive()
            assert (head[2] - last[2] & 0xFFFF, head[4]) == (number, last[4])
            assert 0 < head[3] - last[3] & 0xFFFFFFFF < 20 * fmt.clock_rate
        assert b.session.tx_packets == 7

    run(scenario)


def test_nothing_that_is_written_is_missing_after_hold(run):
    async def scenario(media):
        leg = Leg(media)
        write = [
            lambda: leg.session.write(Frame(ULAW, bytes(160))),
            lambda: write_each([leg.session], ULAW, [bytes(160)]),
        ]
        numbers = []
        for hold in (False, True, False):
            leg.session.hold = hold
            for one in write * 3:
                one()
                if not hold:
                    numbers.append((await leg.peer.receive())[0][2])
        assert [number - numbers[0] & 0xFFFF for number in numbers] == list(range(12))
        assert leg.session.tx_packets == 12

    run(scenario)


def test_a_packet_that_cannot_be_sent_is_not_counted(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        await _quickly(a, b)

        def refuse(data):
            raise ConnectionRefusedError

        send, b.session.sent.send = b.session.sent.send, refuse
        a.session.relay.leave()
        for _ in range(3):
            a.peer.send(a.session)
        await until(lambda: a.session.rx_packets == 7)
        assert a.session.received.quick is not None
        assert (b.session.tx_packets, b.session.tx_bytes) == (4, 640)
        b.session.sent.send = send
        a.session.relay.leave()
        await _quickly(a, b)
        assert (b.session.tx_packets, b.session.tx_bytes) == (8, 1280)

    run(scenario)


def test_timestamps_that_wrap_are_no_jitter(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.peer.timestamp = 0xFFFFFFFF - 500
        a.session.relay_to(b.session)
        first = await _quickly(a, b)
        last = await _quickly(a, b)
        assert last[3] - first[3] & 0xFFFFFFFF == 640
        assert a.session.received.last_timestamp < 1000
        assert a.session.received.jitter < 8000

    run(scenario)


def test_a_duplicate_changes_neither_jitter_nor_what_follows(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        first = await _quickly(a, b)
        before = a.session.received.jitter
        a.peer.send(a.session, step=0, timestamp=a.peer.timestamp)
        await b.peer.receive()
        assert (a.session.received.jitter, a.session.rx_packets, a.session.rx_lost) == (before, 5, -1)
        head = await _quickly(a, b)
        assert (head[2] - first[2] & 0xFFFF, head[3] - first[3] & 0xFFFFFFFF) == (4, 640)
        assert a.session.rx_packets == b.session.tx_packets == 9

    run(scenario)


def test_packets_go_around_a_chain_of_pairs(run):
    """No frame is made of them, and what is written at an end that was parted follows them."""

    async def scenario(media):
        a, b = Leg(media), Leg(media)
        pairs = [memory_pair((ULAW,)) for _ in range(5)]
        ends = [a.session, *(end for pair in pairs for end in pair), b.session]
        for one, two in zip(ends[::2], ends[1::2], strict=True):
            one.relay_to(two)
            two.relay_to(one)
        await _quickly(a, b)
        await _quickly(b, a)
        told = []
        a.session.on_digit = lambda digit, ms: told.append((digit, a.session.digit_passed_to))
        a.peer.send(a.session, EVENT.pack(1, 0x8A, 800), 101)
        await until(lambda: told)
        assert told == [("1", None)]  # it goes from channel to channel
        assert await b.peer.silent()
        pairs[2][0].close()
        assert a.session.relay is None
        assert a.session.sink == pairs[0][0].write

    run(scenario)


@pytest.mark.parametrize("relayed_before", [False, True])
def test_what_is_relayed_after_digits_that_were_sent_here_follows_them(run, relayed_before):
    """Packets of the source that did not go out meanwhile do not stand for time that has passed there."""

    async def scenario(media):
        a, b = Leg(media), Leg(media)
        if relayed_before:
            a.session.relay_to(b.session)
            await _quickly(a, b)
        else:
            b.session.write(Frame(ULAW, bytes(160)))
            await b.peer.receive()
        await asyncio.sleep(0.1)  # the digit's timestamp tells it
        b.session.send_digit("1", 40)
        while b.session.sending_digits:
            a.peer.send(a.session)  # not heard: a digit is being sent, or nothing is relayed yet
            await asyncio.sleep(0.02)
        a.session.relay_to(b.session)
        a.peer.send(a.session)
        head, _ = await b.peer.receive()
        assert head[1] & 0x7F == 101
        while head[1] & 0x7F == 101:
            event, (head, _) = head, await b.peer.receive()
        assert 0 < (head[3] - event[3] & 0xFFFFFFFF) < 0x80000000

    run(scenario)
