"""Taps on RTP sessions: relayed packets are heard, changed ones go by frames, and no move loses one."""

from __future__ import annotations

import asyncio
import logging
import sys
from itertools import pairwise

import pytest
from rtp_kit import Leg

from asterism.media.formats import ALAW, ULAW
from asterism.media.recording.capture import Capture
from asterism.media.stream import Frame
from asterism.media.taps import Direction, Tap
from asterism.media.translate import byte_table
from asterism.testing.waiting import until


class Ear(Tap):
    """Keeps what it hears."""

    def __init__(self):
        self.heard = []
        self.told = []

    def take(self, frame):
        self.heard.append(frame.payload[0])

    def failed(self):
        self.told.append("failed")

    def ended(self):
        self.told.append("ended")


class Changer(Ear):
    """Adds 100 to the first octet."""

    changes = True

    def change(self, frame):
        return Frame(frame.format, bytes([frame.payload[0] + 100]) + frame.payload[1:])


class Breaks(Ear):
    def take(self, frame):
        raise RuntimeError("deaf")


class BreaksChanging(Breaks):
    changes = True

    def change(self, frame):
        raise RuntimeError("deaf")


def joined(media):
    a, b = Leg(media), Leg(media)
    assert a.session.relay_to(b.session)
    assert b.session.relay_to(a.session)
    return a, b


def payload(number):
    return bytes([number]) + b"\x55" * 159


@pytest.mark.parametrize("direction", list(Direction))
def test_a_listening_tap_keeps_the_relay(run, direction):
    async def scenario(media):
        a, b = joined(media)
        ear = Ear()
        (a if direction is Direction.IN else b).session.attach(ear, direction)
        for number in range(5):
            a.peer.send(a.session, payload(number))
            assert (await b.peer.receive())[1] == payload(number)
        assert ear.heard == [0, 1, 2, 3, 4]
        assert a.session.relay is not None
        assert not a.session.changed
        assert (a if direction is Direction.IN else b).session.detach(ear)
        for number in range(2):
            a.peer.send(a.session, payload(number))
            await b.peer.receive()
        assert len(ear.heard) == 5
        assert a.session.received.quick  # the quick way again

    run(scenario)


@pytest.mark.parametrize("direction", list(Direction))
def test_moves_between_relay_and_tap_lose_nothing_and_stay_one_stream(run, direction):
    async def scenario(media):
        a, b = joined(media)
        tapped = (a if direction is Direction.IN else b).session
        changer, heads, got = Changer(), [], []
        for number in range(60):
            if number % 10 == 4:
                tapped.attach(changer, direction)
                assert tapped.changed
                assert a.session.relay is None
                assert not a.session.relay_to(b.session)
            elif number % 10 == 8:
                tapped.detach(changer)
                a.session.sink = None
                assert a.session.relay_to(b.session)
            a.peer.send(a.session, payload(number))
            head, data = await b.peer.receive()
            heads.append(head)
            got.append(data[0])
        assert got == [number + 100 * (4 <= number % 10 < 8) for number in range(60)]
        assert [head[2] - heads[0][2] & 0xFFFF for head in heads] == list(range(60))
        assert len({head[4] for head in heads}) == 1
        steps = [later[3] - earlier[3] & 0xFFFFFFFF for earlier, later in pairwise(heads)]
        assert all(0 < step < 1600 for step in steps), steps
        b.peer.send(b.session, payload(7))
        assert (await a.peer.receive())[1] == payload(7)  # the other direction

    run(scenario)


def test_listeners_hear_what_the_far_end_says_and_is_really_sent(run):
    async def scenario(media):
        leg = Leg(media)
        frames, says, sent = [], Ear(), Ear()
        leg.session.sink = frames.append
        leg.session.attach(Changer(), Direction.IN)
        leg.session.attach(says, Direction.IN)
        leg.session.attach(sent, Direction.OUT)
        leg.session.attach(Changer(), Direction.OUT)
        leg.peer.send(leg.session, payload(1))
        await until(lambda: frames)
        assert (says.heard, frames[0].payload[0]) == ([1], 101)
        leg.session.write(Frame(ULAW, payload(2)))
        assert (await leg.peer.receive())[1][0] == 102
        assert sent.heard == [102]

    run(scenario)


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("kind", [Breaks, BreaksChanging])
def test_a_tap_that_raises_is_removed_with_one_line_and_the_call_goes_on(run, caplog, direction, kind):
    async def scenario(media):
        a, b = joined(media)
        tapped = (a if direction is Direction.IN else b).session
        broken, ear = kind(), Ear()
        tapped.attach(broken, direction)
        tapped.attach(ear, direction)
        for number in range(3):
            a.peer.send(a.session, payload(number))
            assert (await b.peer.receive())[1] == payload(number)
        assert ear.heard == [0, 1, 2]
        assert broken.told == ["failed"]
        line = tapped.taps_in if direction is Direction.IN else tapped.taps_out
        assert line.taps == (ear,)
        tapped.close()
        assert ear.told == ["ended"]
        assert tapped.taps_in is tapped.taps_out is None

    with caplog.at_level(logging.ERROR):
        run(scenario)
    assert [record.getMessage() for record in caplog.records] == [f"tap {kind.__name__} ({direction.value}) failed"]


def test_a_tap_is_on_one_direction_once(run):
    async def scenario(media):
        leg = Leg(media)
        ear = Ear()
        leg.session.attach(ear, Direction.IN)
        with pytest.raises(ValueError, match="already"):
            leg.session.attach(ear, Direction.OUT)
        leg.session.close()
        assert ear.told == ["ended"]
        late = Ear()
        leg.session.attach(late, Direction.IN)
        assert late.told == ["ended"]

    run(scenario)


@pytest.mark.parametrize("formats", [{0: ULAW}, {8: ALAW}], ids=["as they come", "translated"])
def test_what_is_captured_is_relayed_quickly_and_nothing_is_missing(run, formats):
    async def scenario(media):
        a, b = Leg(media, {0: ULAW}), Leg(media, formats)
        assert a.session.relay_to(b.session)
        assert b.session.relay_to(a.session)
        clock = asyncio.get_running_loop().time
        came, went = Capture(clock), Capture(clock)
        a.session.attach(came, Direction.IN)
        b.session.attach(went, Direction.OUT)
        stamps = []
        for number in range(20):
            a.peer.send(a.session, payload(number), step=2 if number == 12 else 1)
            stamps.append(a.peer.timestamp)
            await b.peer.receive()
        assert a.session.received.quick is not None
        calls, now = [], clock()
        a.peer.send(a.session, payload(20))
        sys.setprofile(lambda frame, event, _: calls.append(frame.f_code.co_name) if event == "call" else None)
        a.session.received.on_readable(now)
        sys.setprofile(None)
        assert calls == ["on_readable", "_send_unconnected"]  # no call for what keeps it
        await b.peer.receive()
        stamps.append(a.peer.timestamp)
        for capture in (came, went):
            kept = capture.collect()
            assert [one[2] for one in kept] == stamps
            assert all(0 <= clock() - one[0] < 5 for one in kept)
            tables = {ULAW: None, ALAW: byte_table(ALAW, ULAW)}
            heard = [bytes(p) if tables[fmt] is None else p.translate(tables[fmt]) for _, fmt, _, p in kept]
            close = [int(one[0]) ^ number for number, one in enumerate(heard)]
            assert max(close) <= 1, close
        assert came.collect() == []
        # Another tap has each packet looked at; without it they go quickly again.
        ear = Ear()
        a.session.attach(ear, Direction.IN)
        for number in range(3):
            a.peer.send(a.session, payload(number))
            await b.peer.receive()
        assert ear.heard == [0, 1, 2]
        assert a.session.received.quick is None
        assert len(came.collect()) == len(went.collect()) == 3
        a.session.detach(ear)
        a.session.detach(came)
        a.peer.send(a.session, payload(1))
        await b.peer.receive()
        assert len(went.collect()) == 1
        assert came.collect() == []

    run(scenario)
