"""Digits as RTP events and as tones, on real sockets."""

from __future__ import annotations

import struct

import pytest
from rtp_kit import Leg

from asterism.media.formats import ULAW
from asterism.media.stream import Frame
from asterism.testing.tone import level
from asterism.testing.waiting import until


@pytest.mark.parametrize("relayed", [False, True])
def test_digits_begin_and_end_once(run, relayed):
    async def scenario(media):
        a, b = Leg(media, dtmf=101), Leg(media, dtmf=96)
        if relayed:
            a.session.relay_to(b.session)
        told = []
        a.session.on_digit_begin = told.append
        a.session.on_digit = lambda digit, ms: told.append((digit, ms))
        a.peer.send(a.session)
        for index, (duration, end) in enumerate([(160, 0), (320, 0), (800, 0x80), (800, 0x80), (800, 0x80)]):
            a.peer.send(
                a.session, struct.pack("!BBH", 5, 10 | end, duration), 101 | (0 if index else 0x80), timestamp=99_000
            )
        await until(lambda: len(told) == 2)
        assert told == ["5", ("5", 100)]
        if relayed:
            await b.peer.receive()
            events = [await b.peer.receive() for _ in range(5)]
            assert [head[1] for head, _ in events] == [96 | 0x80] + [96] * 4
            assert len({head[3] for head, _ in events}) == 1
            assert events[-1][1] == struct.pack("!BBH", 5, 0x8A, 800)

    run(scenario)


def test_digits_can_be_kept_from_the_relay(run):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        a.session.relay_digits = False
        a.peer.send(a.session, struct.pack("!BBH", 5, 0x8A, 800), 101)
        assert await b.peer.silent()

    run(scenario)


def test_a_digit_without_end_ends_by_itself(run):
    async def scenario(media):
        a = Leg(media)
        told = []
        a.session.on_digit = lambda digit, ms: told.append((digit, ms))
        a.peer.send(a.session, struct.pack("!BBH", 3, 10, 480), 101)
        await until(lambda: told)
        assert told == [("3", 60)]

    run(scenario, dtmf_timeout=400)


def test_digits_are_sent_one_after_another_and_audio_gives_way(run):
    async def scenario(media):
        a = Leg(media)
        a.session.send_digit("1", 60)
        a.session.send_digit("#", 60)
        a.session.write(Frame(ULAW, bytes(160)))  # dropped: a digit is being sent
        events = [await a.peer.receive() for _ in range(10)]
        assert {head[1] & 0x7F for head, _ in events} == {101}
        assert [payload[0] for _, payload in events] == [1] * 5 + [11] * 5
        assert [bool(head[1] & 0x80) for head, _ in events] == [True] + [False] * 4 + [True] + [False] * 4
        assert [payload[1] >> 7 for _, payload in events] == [0, 0, 1, 1, 1] * 2
        first, second = events[0][0][3], events[5][0][3]
        assert 400 < (second - first & 0xFFFFFFFF) < 8000
        with pytest.raises(ValueError, match="digit"):
            a.session.send_digit("x")
        await until(lambda: not a.session.sending_digits)
        a.session.write(Frame(ULAW, bytes(160)))
        assert (await a.peer.receive())[0][1] & 0x7F == 0

    run(scenario)


def test_digits_are_tones_where_events_were_not_negotiated(run):
    async def scenario(media):
        a = Leg(media, {0: ULAW}, dtmf=None)
        a.session.send_digit("5", 100)
        from asterism.media.g711 import ulaw_to_linear

        sound = b"".join([ulaw_to_linear((await a.peer.receive())[1]) for _ in range(5)])
        assert level(sound, 770) > 0.3
        assert level(sound, 1336) > 0.3

    run(scenario)
