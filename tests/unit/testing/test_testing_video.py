"""Video of a simulated phone: its sections, and pictures between two of its streams."""

from __future__ import annotations

import asyncio

from asterism.testing.sdp import Audio, Video
from asterism.testing.video import PhoneVideo
from asterism.testing.waiting import until

OFFER = (
    b"v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    b"a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\nm=video 4002 RTP/AVP 99 100\r\na=rtpmap:99 H264/90000\r\n"
    b"a=rtpmap:100 vp8/90000\r\na=sendonly\r\nm=video 0 RTP/AVP 31\r\n"
)


def test_sections_of_video_are_read_and_written() -> None:
    read = Audio.parse(OFFER)
    assert read is not None
    assert (read.host, read.port, read.direction) == ("127.0.0.9", 4000, "sendrecv")
    first, second = read.videos
    assert first == Video(4002, {99: "H264", 100: "VP8"}, "sendonly")
    assert (second.port, list(second.codecs)) == (0, [31])
    again = Audio.parse(str(Audio("127.0.0.1", 1, videos=[first, second])).encode())
    assert again is not None
    assert again.videos[0] == first


def test_one_sees_what_the_other_shows() -> None:
    async def scenario() -> None:
        one, two = (PhoneVideo("127.0.0.1", Video(0, {99: "H264"})) for _ in range(2))
        one.connect("127.0.0.1", two.section)
        two.connect("127.0.0.1", one.section)
        one.show("ann")
        await two.sees("ann")
        assert two.names == ["ann"]
        two.seen.clear()
        await until(lambda: len(two.seen) > 4)
        assert not any(each.whole for each in two.seen), "only the first picture stands alone"
        two.ask_whole()
        await two.sees_whole()
        assert one.requests == 1
        one.show("bob")
        await two.sees("bob")
        one.close()
        two.close()

    asyncio.run(scenario())
