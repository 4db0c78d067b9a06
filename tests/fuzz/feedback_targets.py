"""RTP and RTCP of browsers: header extensions and demultiplexing, feedback, arrivals, text, requests for pictures."""

from __future__ import annotations

import struct

from asterism.applications.session.picture_updates import asks_for_picture
from asterism.media import feedback, feedback_terms, header_extensions, rtcp, text, transport_cc
from asterism.media.feedback_limits import LOST, FeedbackLimits
from asterism.media.transports.demux import Demultiplexer, Route
from asterism.media.transports.history import History

_HEAD = bytes((0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3))
_REPORT = rtcp.build(rtcp.Report(rtcp.SR, 3, 1 << 40, 5, 6, 7, (rtcp.ReportBlock(20, 1, 2, 3, 4, 5, 6),)), b"name")
_SEPARATOR = b"\n--\n"

_OF_CHROMIUM = tuple(
    bytes.fromhex(octets)
    for octets in (
        # The first octets of a probe with the mid and of a picture; a lost packet, an estimate, a wish for a picture.
        "b06f3b644be4ca724a43ac41bede000340303100032286900b000000000000000000000000000000",
        "90601497da3916194b426fdebede0002225ffe3731007d008080fb6f06b0d206bdc68a44f21d9ddb",
        "81c9000728e372f1ce017d840000000000005c8400006180c37901150000e87c81cd000328e372f1ce017d845c850003",
        (
            "80c8000610d7bfdfeeb7bfb5ccafb3b7fa12db480000012d0004424881ca000610d7bfdf011056507a346b4f776d4a504543"
            "3054646700008fce000510d7bfdf0000000052454d420107c2f4ffa68195"
        ),
        "81c9000710d7bfdfffa681950000000000002c8700000113000000000000000081ce000210d7bfdfffa68195",
    )
)
"""Packets of a call of two browsers, as they were before they were encrypted."""
EXTENSIONS = (
    *_OF_CHROMIUM[:2],
    _HEAD + header_extensions.write({4: b"0", 3: b"\x00\x05", 2: b"abc"}) + b"payload",
    _HEAD + header_extensions.write({4: b"audio-0", 200: b"x" * 40}) + b"x" + _SEPARATOR + _HEAD + b"\xbe\xde\xff\xff",
    b"\x9f" + _HEAD[1:] + bytes(60) + header_extensions.write({4: b"1"}) + _SEPARATOR + b"\x80" + _HEAD[1:],
)  # fmt: skip
FEEDBACK = (
    *_OF_CHROMIUM[2:],
    _REPORT + feedback.key_frame_request(3, 20) + feedback.full_intra_request(3, 30, 7),
    feedback.build(feedback.Feedback(feedback.NACK, 0, struct.pack("!HHHH", 65530, 0xFFFF, 3, 0x8001)), 3, 20, int),
    feedback.bandwidth_estimate(3, 20, 1 << 40) + _REPORT,
    # About several sources; filled up; one that names more than may be asked for; one without its entry.
    struct.pack("!BBHII", 0x84, 206, 8, 3, 0) + b"".join(struct.pack("!II", one, 7 << 24) for one in (10, 20, 20)),
    struct.pack("!BBHII", 0xA1, 205, 4, 3, 20) + struct.pack("!HHI", 7, 3, 4),
    struct.pack("!BBHII", 0x81, 205, 302, 3, 20) + b"".join(struct.pack("!HH", 17 * one, 0xFFFF) for one in range(300)),
    struct.pack("!BBHII", 0x84, 206, 2, 3, 20) + b"\x80\xcb\0\0" + feedback.key_frame_request(3, 20),
    transport_cc.encode(3, 4, 65530, [0, None, 5, 900, None, 3], 255),
)
ARRIVALS = (
    struct.pack("!16H", *range(65520, 65536)) + struct.pack("!8H", *range(8)),
    struct.pack("!6H", 0, 0x8000, 1, 0x7FFF, 2, 1) * 20,
)
TEXTS = (text.write([text.Block(98, 600, b"a"), text.Block(98, 300, b"b"), text.Block(98, 0, "é".encode())]),)
PICTURES = (
    (
        b'<?xml version="1.0" encoding="utf-8"?><media_control><vc_primitive><to_encoder><picture_fast_update/>'
        b"</to_encoder></vc_primitive></media_control>"
    ),
    b'<!DOCTYPE a [<!ENTITY x "y">]><media_control>&x;</media_control>',
)
LINES = (
    (
        b"1 urn:ietf:params:rtp-hdrext:sdes:mid\n2/recvonly http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\n"
        b"96 nack pli\n* transport-cc\n96 ccm fir\n97 goog-remb"
    ),
)


def _streams() -> Demultiplexer[str]:
    found: Demultiplexer[str] = Demultiplexer()
    routes = [
        Route("sound", "0", (111,), (3,), 10),
        Route("camera", "1", (96,), (), 20),
        Route("screen", "2", (96,), (), 30),
    ]
    found.describe(routes, 4)
    return found


def extensions(data: bytes) -> None:
    """Packets of a bundled transport, unprotected: each finds a stream or none, and stays within its octets."""
    streams = _streams()
    streams.transport_number = 3
    numbers: list[int] = []
    streams.arrived = lambda number, source, now: numbers.append(number)
    for piece in data.split(_SEPARATOR)[:100]:
        packet = bytearray(piece + b"after")
        if len(piece) < 12:
            continue
        stream, size = streams.take(packet, len(piece), 0.0)
        assert stream in ("sound", "camera", "screen", None)
        assert size <= len(piece)
        assert packet[len(piece) :] == b"after"
        found = header_extensions.read(piece, len(piece))
        if found:
            _check_elements(piece, found)
            header_extensions.write(found)
    assert all(0 <= number <= 0xFFFF for number in numbers)


def _check_elements(piece: bytes, found: dict[int, bytes]) -> None:
    """Each is in the block, with a head of its own."""
    start = 16 + 4 * (piece[0] & 0x0F)
    block = piece[start : start + 4 * int.from_bytes(piece[start - 2 : start], "big")]
    assert sum(1 + len(one) for one in found.values()) <= len(block)
    assert all(one in block for one in found.values())


def _is_whole(part: bytes) -> bool:
    """Whether each packet of a compound one is as long as it says."""
    at = 0
    while at < len(part):
        at += 4 * (int.from_bytes(part[at + 2 : at + 4], "big") + 1)
    return at == len(part)


def reports(data: bytes) -> None:
    """Compound and reduced-size RTCP: taken apart, read, and written anew; no answer is larger than its cause."""
    for stream, part in _streams().split(data):
        assert stream
        assert len(part) <= len(data)
        assert _is_whole(part)
        rtcp.parse(part)
    history = History()
    for number in range(200):
        history.keep(number, bytes(1200), 0.0)
    parsed = feedback.parse(data)
    assert sum(len(one.details) for one in parsed if one.kind != feedback.REMB) <= len(data)
    limits = FeedbackLimits(0.0)
    allowed = limits.allowed(parsed, 0, 0.0) + limits.allowed(parsed, 10, 0.0)
    assert sum(one.kind in feedback.KEY_FRAMES for one in allowed) <= 2
    assert sum(len(feedback.lost(one)) for one in allowed if one.kind == feedback.NACK) <= LOST + 5
    assert all(one.details for one in allowed if one.kind in (feedback.NACK, feedback.FIR))
    octets = 0
    for one in parsed:
        assert one.kind != feedback.FIR or len(one.details) == 8
        built = feedback.build(one, 1, 2, lambda number: number)
        assert len(built) == 4 * (1 + int.from_bytes(built[2:4], "big")) <= len(data) + 12
        assert [each.kind for each in feedback.parse(built)] == [one.kind]
        if one.kind == feedback.NACK:
            lost = feedback.lost(one)
            assert len(lost) <= 17 * feedback.MOST_LOST
            again, missing = history.find(lost, 0.1)
            octets += sum(map(len, again))
            assert len(feedback.lost_details(missing)) <= 4 * len(missing)
        elif one.kind == feedback.REMB:
            assert feedback.bandwidth_of(one) >= 0
    # One datagram has no more sent again than a burst, whatever it names.
    assert octets + sum(map(len, history.find(range(200), 0.2).packets)) <= 64 * 1024


def arrivals(data: bytes) -> None:
    """Numbers of packets in any order: reports are bounded and can be written."""
    found = transport_cc.Arrivals()
    now = 0.0
    for at in range(0, min(len(data), 4000) - 1, 2):
        (number,) = struct.unpack_from("!H", data, at)
        now += (number & 3) * 0.05
        found.add(number, 5, now)
        if not number & 0x1F:
            assert all(len(one) < 1400 for one in found.take(1))
    assert len(found.take(1)) <= 4


def texts(data: bytes) -> None:
    """Text with redundancy."""
    blocks = text.read(data)
    if blocks is not None:
        assert text.read(text.write(blocks)) == blocks
    for lost in (0, 3, 70000):
        passed = text.passed_on(data, {98: text.T140, 100: text.RED}, {text.T140: 5}, lost)
        assert passed is None or len(passed.payload) < len(data)


def pictures(data: bytes) -> None:
    """Documents of media control."""
    asks_for_picture(data)


def lines(data: bytes) -> None:
    """Values of a=extmap and a=rtcp-fb."""
    values = data.decode("utf-8", "replace").splitlines()
    agreed = header_extensions.accepted(values)
    assert len(agreed.lines) <= 3
    other = header_extensions.accepted(agreed.lines)
    for field in ("mid", "abs_send_time"):
        assert (other.sent(field), other.read(field)) == (agreed.read(field), agreed.sent(field))
    assert not other.transport_sequence
    header_extensions.Writer(agreed, values[0] if values else "")
    for media in ("audio", "video", "text"):
        terms = feedback_terms.accepted(media, values, (96, 97))
        again = feedback_terms.accepted(media, feedback_terms.lines(terms), (96, 97))
        assert again == terms


TARGETS = {
    "hdrext": (extensions, EXTENSIONS),
    "feedback": (reports, FEEDBACK),
    "arrivals": (arrivals, ARRIVALS),
    "text": (texts, TEXTS),
    "pictures": (pictures, PICTURES),
    "rtplines": (lines, LINES),
}
"""Each with what to start from."""
