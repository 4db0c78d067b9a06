"""Muted RTP sessions: silence in one direction, one continuous stream, digits and the other direction untouched."""

from __future__ import annotations

import pytest
from rtp_kit import Leg

from asterism.media.formats import G722, SLIN, ULAW
from asterism.media.resample import to_samples
from asterism.media.stream import Frame
from asterism.media.taps import Direction
from asterism.media.translate import stream_translator
from asterism.media.volume import Mute
from asterism.testing.waiting import until

SPEECH, QUIET = b"\x55" * 160, b"\xff" * 160


@pytest.mark.parametrize("direction", list(Direction))
def test_a_relay_that_is_muted_and_taken_up_again_is_one_stream(run, direction):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        b.session.relay_to(a.session)
        muted = (a if direction is Direction.IN else b).session
        mute = Mute()
        heads = []
        for on, expected in ((False, SPEECH), (True, QUIET), (False, SPEECH)):
            if on:
                muted.attach(mute, direction)
            elif muted.detach(mute):
                assert a.session.relay_to(b.session)
            for _ in range(3):
                a.peer.send(a.session, SPEECH)
                head, payload = await b.peer.receive()
                assert payload == expected
                heads.append(head)
            b.peer.send(b.session, SPEECH)
            assert (await a.peer.receive())[1] == SPEECH
        assert [head[2] - heads[0][2] & 0xFFFF for head in heads] == list(range(9))
        assert a.session.received.quick  # the quick way again
        assert not a.session.rx_dropped

    run(scenario)


@pytest.mark.parametrize("direction", list(Direction))
def test_silence_of_another_codec_is_encoded(run, direction):
    async def scenario(media):
        a, b = Leg(media, {9: G722}), Leg(media, {9: G722})
        a.session.relay_to(b.session)
        a.peer.send(a.session, SPEECH, 9)
        await b.peer.receive()
        muted, mute = (a if direction is Direction.IN else b).session, Mute()
        muted.attach(mute, direction)
        decode = stream_translator(G722, SLIN)
        for _ in range(3):
            a.peer.send(a.session, SPEECH, 9)
            heard = decode((await b.peer.receive())[1])
            assert len(heard) == 320
            assert abs(to_samples(heard)).max() < 20
        muted.detach(mute)
        a.peer.send(a.session, SPEECH, 9)
        assert (await b.peer.receive())[1] == SPEECH

    run(scenario)


def test_what_is_written_and_what_the_sink_gets(run):
    async def scenario(media):
        leg = Leg(media)
        frames = []
        leg.session.sink = frames.append
        mute_in = Mute()
        leg.session.attach(mute_in, Direction.IN)
        leg.session.attach(Mute(), Direction.OUT)
        leg.session.write(Frame(ULAW, SPEECH))
        assert (await leg.peer.receive())[1] == QUIET
        leg.peer.send(leg.session, SPEECH)
        await until(lambda: frames)
        leg.session.send_digit("5", 40)
        head, payload = await leg.peer.receive()
        assert (head[1] & 0x7F, payload[0]) == (101, 5)
        leg.session.detach(mute_in)
        leg.peer.send(leg.session, SPEECH)
        await until(lambda: len(frames) == 2)
        assert [frame.payload for frame in frames] == [QUIET, SPEECH]

    run(scenario)
