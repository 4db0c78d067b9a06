"""What a session does with datagrams of its peer that go no quick way."""

from __future__ import annotations

import pytest
from rtp_kit import Leg

from asterism.media.formats import ALAW, ULAW
from asterism.media.stream import Frame
from asterism.testing.waiting import until


def test_received_frames_reach_the_sink(run):
    async def scenario(media):
        leg = Leg(media)
        frames = []
        leg.session.sink = frames.append
        leg.peer.send(leg.session)
        leg.peer.send(leg.session, b"\x01" * 160, 8)
        leg.peer.send(leg.session, b"\x02\x03", 13)  # comfort noise
        leg.peer.send(leg.session, b"\x02" * 160, 0, first=0xB1, extra=b"\0\0\0\1" + b"\0\0\0\1" + b"extn")
        await until(lambda: len(frames) == 3)
        assert frames[0] == Frame(ULAW, b"\x55" * 160, 5160)
        assert frames[1] == Frame(ALAW, b"\x01" * 160, 5320)
        # a CSRC, an extension and padding (the last octet tells how much) are taken off
        assert frames[2] == Frame(ULAW, b"\x02" * 158, 5640)
        assert leg.session.rx_dropped == 0

    run(scenario)


@pytest.mark.parametrize(
    "junk",
    [
        b"", b"\x80", b"\x80\x00" * 5, b"\x00" * 172, b"\x40\x00" + bytes(170), b"\x8f\x00\x00\x01" + bytes(8),
        b"\x90\x00\x00\x01" + bytes(8), b"\x90\x00\x00\x01" + bytes(10) + b"\xff\xff", b"\x80\x63\x00\x01" + bytes(168),
        b"\xa0\x00\x00\x01" + bytes(8), b"\x80\xc8\x00\x06" + bytes(8), bytes(9000), b"\x80\x00" + bytes(9300),
    ],
)  # fmt: skip
def test_junk_is_dropped_and_harmless(run, junk):
    async def scenario(media):
        a, b = Leg(media), Leg(media)
        a.session.relay_to(b.session)
        a.peer.send(a.session)
        await b.peer.receive()
        for _ in range(2):
            a.peer.socket.sendto(junk, a.session.local)
        a.peer.send(a.session, b"\x77" * 160)
        # The next packet that comes out is the next one that was put in: nothing of the junk.
        assert (await b.peer.receive())[1] == b"\x77" * 160
        assert await b.peer.silent()
        assert a.session.rx_dropped == 2

    run(scenario)
