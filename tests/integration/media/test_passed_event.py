"""Digits in the middle of a move: one that has begun goes its way to the end, whatever becomes of the audio's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from rtp_kit import Leg

from asterism.media.dtmf import EVENT, DigitReceiver, event_payloads
from asterism.media.formats import ULAW
from asterism.media.stream import Frame
from asterism.media.taps import Direction, Tap
from asterism.testing.waiting import until


class Same(Tap):
    """Changes nothing, and takes the audio off the relay all the same."""

    changes = True


def join(one: Any, two: Any) -> None:
    """What a bridge does."""
    one.sink = None if one.relay_to(two) or two is None else two.write


def told_by(session: Any) -> list[tuple[str, int, Any]]:
    told: list[tuple[str, int, Any]] = []
    session.on_digit_begin = lambda digit: told.append((digit, -1, session.digit_passed_to))
    session.on_digit = lambda digit, ms: told.append((digit, ms, session.digit_passed_to))
    return told


async def talk(a: Leg, b: Leg) -> None:
    join(a.session, b.session)
    for _ in range(3):
        a.peer.send(a.session)
        await b.peer.receive()


def press(leg: Leg, payload: bytes, first: bool = False, timestamp: int = 50_000) -> None:
    leg.peer.send(leg.session, payload, 101 | (0x80 if first else 0), timestamp=timestamp)


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("again", [False, True])
def test_a_tap_that_comes_and_goes_does_not_cut_a_digit(run, direction, again):
    async def scenario(media):
        a, b = Leg(media), Leg(media, dtmf=96)
        await talk(a, b)
        told = told_by(a.session)
        tapped = (a if direction is Direction.IN else b).session
        tap, heard, got = Same(), DigitReceiver(), []
        for index, payload in enumerate(event_payloads("5", 200)):
            if index == 3:
                tapped.attach(tap, direction)
                if again:  # a technology that stops and another that starts
                    join(a.session, None)
                join(a.session, b.session)
                assert a.session.relay is None
            elif index == 6:
                tapped.detach(tap)
                join(a.session, b.session)
                assert a.session.relay is not None
            press(a, payload, not index)
            got.append(await b.peer.receive())
        assert {head[1] & 0x7F for head, _ in got} == {96}
        assert len({head[3] for head, _ in got}) == 1
        assert [head[2] - got[0][0][2] & 0xFFFF for head, _ in got] == list(range(12))
        assert [payload for _, payload in got] == list(event_payloads("5", 200))
        found = [one for head, payload in got for one in heard.update(payload, head[3], 0.0)]
        assert found == [("5", -1), ("5", 200)]
        assert told == [("5", -1, b.session), ("5", 200, b.session)]
        # Audio goes on behind the digit, in the same numbers.
        a.peer.timestamp = 50_000 + 1600
        a.peer.send(a.session)
        head, payload = await b.peer.receive()
        assert head[2] - got[-1][0][2] & 0xFFFF == 1
        assert head[4] == got[0][0][4]
        assert 0 < (head[3] - got[0][0][3] & 0xFFFFFFFF) < 16_000

    run(scenario)


def test_a_digit_that_began_by_frames_is_sent_once_although_a_relay_comes(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        told, tap = told_by(a.session), Same()
        a.session.attach(tap, Direction.IN)
        join(a.session, b.session)
        for index, payload in enumerate(event_payloads("7", 100)):
            if index == 5:  # between the packets that tell its end
                await until(lambda: a.session.rx_packets == 5)
                a.session.detach(tap)
                join(a.session, b.session)
                assert a.session.relay is not None
            press(a, payload, not index)
        await until(lambda: len(told) == 2)
        assert told == [("7", -1, None), ("7", 100, None)]  # whoever is told sends it
        assert await b.peer.silent()

    run(scenario)


@pytest.mark.parametrize("how", ["elsewhere", "nowhere", "closed", "lost", "another", "source"])
def test_a_digit_that_cannot_go_on_is_ended(run, how):
    async def scenario(media):
        a, b, c = Leg(media), Leg(media), Leg(media)
        await talk(a, b)
        told = told_by(a.session)
        payloads = list(event_payloads("3", 200))
        for index, payload in enumerate(payloads[:4]):
            press(a, payload, not index)
            await b.peer.receive()
        if how == "elsewhere":
            join(a.session, c.session)
            press(a, payloads[4])
        elif how == "nowhere":
            join(a.session, None)
            press(a, payloads[4])
        elif how == "closed":
            a.session.close()
        elif how == "another":
            press(a, next(event_payloads("4", 100)), True, 60_000)
        elif how == "source":
            a.peer.ssrc += 1
            a.peer.send(a.session)
        ends = [await b.peer.receive() for _ in range(3)]
        assert [EVENT.unpack(payload) for _, payload in ends] == [(3, 0x8A, 640)] * 3
        assert len({head[3] for head, _ in ends}) == 1
        if how in ("elsewhere", "nowhere"):
            for payload in payloads[5:]:
                press(a, payload)
            await until(lambda: len(told) == 2)
            assert told == [("3", -1, b.session), ("3", 200, b.session)]
            assert await c.peer.silent()
            b.session.write(Frame(ULAW, bytes(160)))
            head, _ = await b.peer.receive()
            assert head[2] - ends[-1][0][2] & 0xFFFF == 1
        elif how in ("another", "source"):
            assert told[1] == ("3", 80, b.session)
            head, _ = await b.peer.receive()
            assert head[2] - ends[-1][0][2] & 0xFFFF == 1

    run(scenario, dtmf_timeout=400 if how == "lost" else 3000)


def test_what_is_written_after_a_relayed_digit_follows_it_in_time(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        await talk(a, b)
        for index, payload in enumerate(event_payloads("1", 100)):
            press(a, payload, not index)
            head, _ = await b.peer.receive()
            await asyncio.sleep(0.02)  # as long as it takes to say it
        join(a.session, None)
        b.session.write(Frame(ULAW, bytes(160)))
        after, _ = await b.peer.receive()
        assert 800 <= (after[3] - head[3] & 0xFFFFFFFF) < 8000

    run(scenario)
