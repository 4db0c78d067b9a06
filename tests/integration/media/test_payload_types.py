"""Payload types of each direction, codecs that follow the peer, digits of other clock rates, packet lengths."""

from __future__ import annotations

import pytest
from rtp_kit import Leg

from asterism.media.dtmf import EVENT
from asterism.media.formats import ALAW, OPUS, ULAW
from asterism.media.payload_types import PayloadTypes
from asterism.media.stream import Frame
from asterism.testing.waiting import until

EVENTS = ((8000, 101),)


def test_what_we_announced_is_understood_and_what_the_peer_announced_is_sent(run):
    async def scenario(media):
        leg = Leg(media)
        theirs = PayloadTypes(((97, ALAW),), ((8000, 98),))
        leg.session.set_formats(theirs, PayloadTypes(((96, ALAW), (98, ULAW)), ((8000, 97),)))
        frames, digits = [], []
        leg.session.sink = frames.append
        leg.session.on_digit = lambda digit, duration: digits.append((digit, duration))
        leg.peer.send(leg.session, b"\x55" * 160, 96)
        leg.peer.send(leg.session, b"\x66" * 160, 98)  # ours: mu-law, though the peer calls digits so
        leg.peer.send(leg.session, EVENT.pack(4, 0x8A, 800), 97, timestamp=7)
        await until(lambda: digits)
        assert [one.format for one in frames] == [ALAW, ULAW]
        assert digits == [("4", 100)]
        leg.session.write(Frame(ALAW, b"\x55" * 160))
        assert (await leg.peer.receive())[0][1] & 0x7F == 97
        leg.session.send_digit("5", 40)
        assert (await leg.peer.receive())[0][1] & 0x7F == 98

    run(scenario)


@pytest.mark.parametrize(("asymmetric_rtp_codec", "sent"), [(False, ALAW), (True, ULAW)])
def test_the_codec_that_is_sent_follows_the_peers(run, asymmetric_rtp_codec, sent):
    async def scenario(media):
        leg = Leg(media)
        leg.session.follow_peer = not asymmetric_rtp_codec
        frames = []
        leg.session.sink = frames.append
        assert leg.session.format is ULAW
        leg.peer.send(leg.session, b"\x55" * 160, 8)
        await until(lambda: frames)
        assert leg.session.format is sent

    run(scenario)


def test_relayed_digits_get_the_clock_rate_of_the_other_leg(run):
    async def scenario(media):
        one, two = Leg(media), Leg(media)
        two.session.set_formats(PayloadTypes(((0, ULAW), (107, OPUS)), ((48000, 102),)))
        assert one.session.relay_to(two.session)
        one.peer.send(one.session, b"\x11" * 160, 0)
        await two.peer.receive()
        one.peer.send(one.session, EVENT.pack(1, 0x8A, 800), 101, timestamp=5)
        head, payload = await two.peer.receive()
        assert head[1] & 0x7F == 102
        assert EVENT.unpack(payload) == (1, 0x8A, 4800)
        assert one.session.digit_passed_to is two.session

    run(scenario)


def test_packets_of_another_length_are_cut_and_not_relayed(run):
    async def scenario(media):
        one, two = Leg(media), Leg(media)
        two.session.set_formats(PayloadTypes(((0, ULAW),), EVENTS), ptime=30)
        assert not one.session.relay_to(two.session)
        for number in range(3):
            two.session.write(Frame(ULAW, bytes([number]) * 160))
        packets = [await two.peer.receive() for _ in range(2)]
        assert [len(payload) for _, payload in packets] == [240, 240]
        assert packets[1][0][3] - packets[0][0][3] & 0xFFFFFFFF == 240
        assert packets[0][0][1] & 0x80  # the marker is the first packet's, though the frame before filled none
        assert b"".join(payload for _, payload in packets) == bytes([0]) * 160 + bytes([1]) * 160 + bytes([2]) * 160

    run(scenario)
