"""Session descriptions, and offer and answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.stack import LimitError, ParseError
from asterism.stack.sdp import (
    Direction,
    MediaDescription,
    Origin,
    RtpMap,
    SessionDescription,
    answer_direction,
    answer_media,
    check_answer,
    check_new_offer,
    common_formats,
    next_version,
    reject,
    unchanged,
)

DESK_PHONE = """v=0
o=- 20012 20012 IN IP4 10.2.1.53
s=SDP data
c=IN IP4 10.2.1.53
t=0 0
m=audio 11784 RTP/AVP 0 8 18 9 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:9 G722/8000
a=fmtp:101 0-15
a=rtpmap:101 telephone-event/8000
a=ptime:20
a=sendrecv
"""

SOFT_PHONE = """v=0
o=alice 123 456 IN IP6 ::1
s=Talk
c=IN IP6 ::1
b=AS:380
t=0 0
a=rtcp-xr:rcvr-rtt=all:10000
m=audio 7078 RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1; stereo=0
a=rtpmap:97 telephone-event/48000
a=rtcp-fb:* trr-int 5000
m=video 0 RTP/AVP 96
a=rtpmap:96 VP8/90000
a=inactive
"""


# RFC 8866 section 5, with every other line that section 9 has, in its order.
WHOLE = """v=0
o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1
s=Call to John Smith
i=SDP Offer #1
u=http://www.jdoe.example.com/home.html
e=Jane Doe <jane@jdoe.example.com>
e=j@jdoe.example.com
p=+1 617 555-6011
c=IN IP4 233.252.0.1/127/3
b=CT:128
b=AS:64
t=3724394400 3724398000
r=604800 3600 0 90000
z=3724484400 -1h 3730244400 0
k=prompt
a=recvonly
m=audio 49170/2 RTP/AVP 0
i=the sound
m=video 51372 RTP/AVP 99
i=the picture
c=IN IP6 2001:db8::2
b=AS:380
k=clear:x
a=rtpmap:99 h263-1998/90000
"""


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


@pytest.mark.parametrize("text", [DESK_PHONE, SOFT_PHONE, WHOLE])
def test_real_phones_round_trip(text: str) -> None:
    session = SessionDescription.parse(crlf(text).encode())
    assert str(session) == crlf(text)
    assert SessionDescription.parse(bytes(session)) == session
    assert SessionDescription.parse(text) == session


def test_desk_phone() -> None:
    session = SessionDescription.parse(DESK_PHONE)
    audio = session.media[0]
    assert [one.encoding for one in audio.rtpmaps()] == ["PCMU", "PCMA", "G729", "G722", "telephone-event"]
    assert audio.fmtp_params("18") == {"annexb": "no"}
    assert audio.ptime == 20
    assert audio.is_rtp
    assert session.direction_of(audio) is Direction.SENDRECV
    assert not session.is_held(audio)
    assert session.connection_of(audio) == session.connection


def test_soft_phone() -> None:
    session = SessionDescription.parse(SOFT_PHONE)
    audio, video = session.media
    assert audio.rtpmap("96") == RtpMap("96", "opus", 48000, 2)
    assert session.is_held(audio)
    assert video.rejected
    assert session.direction_of(video) is Direction.INACTIVE
    assert session.bandwidths == [("AS", 380)]


def test_every_line() -> None:
    session = SessionDescription.parse(WHOLE)
    audio, video = session.media
    assert (session.name, session.info, session.uri) == (
        "Call to John Smith",
        "SDP Offer #1",
        "http://www.jdoe.example.com/home.html",
    )
    assert session.emails == ["Jane Doe <jane@jdoe.example.com>", "j@jdoe.example.com"]
    assert session.phones == ["+1 617 555-6011"]
    assert len(session.timings) == 3
    assert (audio.info, video.info) == ("the sound", "the picture")
    for media, address, suffix in ((audio, "233.252.0.1", "/127/3"), (video, "2001:db8::2", "")):
        connection = session.connection_of(media)
        assert connection is not None
        assert (connection.address, connection.suffix) == (address, suffix)
    assert session.direction_of(video) is Direction.RECVONLY


@pytest.mark.parametrize("address", ["IP4 0.0.0.0", "IP6 ::"])
def test_the_null_address_is_hold(address: str) -> None:
    session = SessionDescription.parse(
        f"v=0\nc=IN {address}\nm=audio 9 RTP/AVP 0\nc=IN IP4 192.0.2.1\nm=audio 9 RTP/AVP 0"
    )
    assert [session.is_held(media) for media in session.media] == [False, True]


def test_small_print() -> None:
    session = SessionDescription.parse(
        "v=0\nm=audio 9 RTP/AVP 10 11\nc=IN IP4 192.0.2.1\nc=IN IP4 192.0.2.2\nm=video 0 RTP/AVP 99\na=bundle-only\n"
    )
    audio, video = session.media
    assert audio.rtpmaps() == [RtpMap("10", "L16", 44100, 2), RtpMap("11", "L16", 44100, 1)]
    assert audio.connection is not None
    assert audio.connection.address == "192.0.2.1"
    assert not video.rejected


def test_tolerance() -> None:
    session = SessionDescription.parse(b"v=0\ns=\nx=unknown\na=sendonly\n\nm=audio 4000/2 RTP/AVP 0 99\nk=clear:x\n")
    assert session.unknown == [("x", "unknown")]
    assert session.media[0].port_count == 2
    assert [one.encoding for one in session.media[0].rtpmaps()] == ["PCMU"]
    assert session.direction_of(session.media[0]) is Direction.SENDONLY
    assert "t=0 0" in str(session)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "v=1",
        "v=0\nnonsense",
        "v=0\nm=audio",
        "v=0\nm=audio x RTP/AVP 0",
        "v=0\nm=audio 65536 RTP/AVP 0",
        "v=0\nc=IP4 1.2.3.4",
        "v=0\no=a b c IN IP4 x",
        "v=0\nm=audio 1/0 RTP/AVP 0",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        SessionDescription.parse(text)
    assert caught.value.status == 488


def test_limits() -> None:
    for text in ("m=audio 0 RTP/AVP 0\n" * 65, "a=x\n" * 2000, "m=audio 9 RTP/AVP" + " 0" * 300):
        with pytest.raises(LimitError):
            SessionDescription.parse("v=0\n" + text)


def test_attributes_cannot_break_a_line() -> None:
    with pytest.raises(ValueError, match="line break"):
        MediaDescription().add_attribute("x", "a\r\nm=audio")


@given(
    st.binary(max_size=80).map(b"v=0\r\n".__add__)
    | st.text("vmacosb=0 :/\nINIP4RTP", max_size=80).map(lambda t: f"v=0\n{t}".encode())
)
def test_any_bytes_parse_or_are_a_parse_error(data: bytes) -> None:
    try:
        session = SessionDescription.parse(data)
    except ParseError:
        return
    again = SessionDescription.parse(bytes(session))
    assert bytes(again) == bytes(session)
    for media in session.media:
        media.rtpmaps()


def test_directions() -> None:
    for offered in Direction:
        for wanted in Direction:
            answered = answer_direction(offered, wanted)
            assert not (answered.sends and not offered.receives)
            assert not (answered.receives and not offered.sends)
    assert answer_direction(Direction.SENDONLY) is Direction.RECVONLY
    assert Direction.RECVONLY.reversed() is Direction.SENDONLY


def test_answering() -> None:
    offer = SessionDescription.parse(DESK_PHONE + "m=video 9 RTP/AVP 34\n")
    ours = [RtpMap("8", "PCMA", 8000), RtpMap("0", "pcmu", 8000), RtpMap("96", "telephone-event", 8000)]
    audio, video = offer.media
    theirs_first = common_formats(ours, audio)
    assert [one.remote.payload for one in theirs_first] == ["0", "8", "101"]
    ours_first = common_formats(ours, audio, prefer_remote=False)
    assert [one.remote.payload for one in ours_first] == ["8", "0", "101"]
    assert ours_first[2].remote_fmtp == "0-15"
    answer = SessionDescription(
        media=[answer_media(offer, audio, ours_first, 5000), answer_media(offer, video, [], 5002)]
    )
    assert answer.media[0].lines() == [
        "m=audio 5000 RTP/AVP 8 0 101",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:0 pcmu/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=sendrecv",
    ]
    assert answer.media[1].lines() == reject(video).lines() == ["m=video 0 RTP/AVP 34"]
    check_answer(offer, answer)
    with pytest.raises(ParseError):
        check_answer(offer, SessionDescription(media=answer.media[:1]))
    with pytest.raises(ParseError):
        check_answer(offer, SessionDescription(media=answer.media[::-1]))
    with pytest.raises(ParseError):
        check_new_offer(offer, SessionDescription(media=[audio]))


def test_refused_sections_stay_refused() -> None:
    offer = SessionDescription.parse("v=0\nm=audio 0 RTP/AVP 0\nm=image 9 udptl t38\n")
    formats = common_formats([RtpMap("0", "PCMU", 8000)], offer.media[0])
    assert len(formats) == 1
    assert answer_media(offer, offer.media[0], formats, 5000).lines() == ["m=audio 0 RTP/AVP 0"]
    taken = MediaDescription(media="audio", port=5000, formats=["0"])
    with pytest.raises(ParseError):
        check_answer(offer, SessionDescription(media=[taken, reject(offer.media[1])]))
    # A format has to stand there (RFC 8866 5.14), even where the offer has none.
    assert reject(MediaDescription(port=9)).formats == ["0"]


def test_one_format_under_two_payload_types_counts_once() -> None:
    offered = MediaDescription(port=9)
    for payload in ("96", "97"):
        offered.add_format(RtpMap(payload, "opus", 48000, 2))
    assert [one.remote.payload for one in common_formats([RtpMap("107", "OPUS", 48000, 2)], offered)] == ["96"]
    assert common_formats([RtpMap("107", "opus", 48000, 1)], offered) == []


def test_versions() -> None:
    first = SessionDescription.parse(DESK_PHONE)
    again = SessionDescription.parse(DESK_PHONE)
    assert unchanged(first, again)
    assert next_version(again, first).origin == first.origin
    again.media[0].set_direction(Direction.SENDONLY)
    assert next_version(again, first).origin == Origin("-", 20012, 20013, "IP4", "10.2.1.53")
    assert not unchanged(first, again)
    assert not unchanged(None, again)
