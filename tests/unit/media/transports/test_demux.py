"""Whose a packet is: mid, then SSRC, then payload type; and RTCP taken apart (RFC 8843 9.2)."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from asterism.media import feedback, header_extensions, rtcp
from asterism.media.transports.demux import Demultiplexer, Route

MID = 4


def packet(source: int, payload_type: int = 96, mid: str = "", number: int | None = None) -> bytearray:
    items = {MID: mid.encode()} if mid else {}
    if number is not None:
        items[3] = number.to_bytes(2, "big")
    block = header_extensions.write(items) if items else b""
    return bytearray(struct.pack("!BBHII", 0x90 if block else 0x80, payload_type, 1, 2, source) + block + b"payload")


def take(demultiplexer: Demultiplexer[str], data: bytearray) -> str | None:
    stream, size = demultiplexer.take(data, len(data), 0.0)
    assert data[12:size] == b"payload"
    assert data[0] == 0x80
    return stream


def three() -> Demultiplexer[str]:
    demultiplexer: Demultiplexer[str] = Demultiplexer()
    demultiplexer.describe(
        [
            Route("sound", "0", (111, 0), (), own=10),
            Route("camera", "1", (96, 97), (500,), own=20),
            Route("screen", "2", (96, 97), (), own=30),
        ],
        MID,
    )
    return demultiplexer


def test_mid_says_it_and_the_source_is_known_from_then_on() -> None:
    demultiplexer = three()
    assert take(demultiplexer, packet(700, mid="2")) == "screen"
    assert take(demultiplexer, packet(700)) == "screen"
    # ... and moves when a mid says so.
    assert take(demultiplexer, packet(700, mid="1")) == "camera"
    assert take(demultiplexer, packet(700)) == "camera"


def test_a_signalled_source() -> None:
    demultiplexer = three()
    assert take(demultiplexer, packet(500)) == "camera"
    assert take(demultiplexer, packet(500, mid="2")) == "screen"
    assert take(demultiplexer, packet(500)) == "screen"


def test_a_payload_type_that_one_stream_has() -> None:
    demultiplexer = three()
    assert take(demultiplexer, packet(800, 111)) == "sound"
    assert take(demultiplexer, packet(900, 96)) is None  # two have it
    assert take(demultiplexer, packet(800, 96)) == "sound"  # the source is known
    assert take(demultiplexer, packet(901, 33)) is None


def test_a_section_that_is_not_there() -> None:
    demultiplexer = three()
    assert take(demultiplexer, packet(800, 111)) == "sound"
    assert take(demultiplexer, packet(800, 111, mid="9")) is None
    assert take(demultiplexer, packet(800, 111)) == "sound"


def test_one_stream_gets_everything() -> None:
    demultiplexer: Demultiplexer[str] = Demultiplexer()
    assert take(demultiplexer, packet(1)) is None
    demultiplexer.describe([Route("sound", "0", (111,))], MID)
    assert take(demultiplexer, packet(1, 5, mid="9")) == "sound"
    assert demultiplexer.split(b"anything") == [("sound", b"anything")]


def test_what_was_learned_ends_with_its_stream() -> None:
    demultiplexer = three()
    take(demultiplexer, packet(700, mid="2"))
    take(demultiplexer, packet(800, mid="0"))
    demultiplexer.describe([Route("sound", "0", (111,)), Route("camera", "1", (96,))], MID)
    assert take(demultiplexer, packet(700, 33)) is None
    assert take(demultiplexer, packet(800, 33)) == "sound"


def test_what_is_signalled_counts_more_than_what_was_learned_before() -> None:
    """A re-INVITE moves a source from one stream to another; a mid that comes later moves it again."""
    demultiplexer = three()
    assert take(demultiplexer, packet(700, mid="2")) == "screen"
    assert take(demultiplexer, packet(800, mid="2")) == "screen"
    demultiplexer.describe(
        [
            Route("sound", "0", (111,), own=10),
            Route("camera", "1", (96,), (700,), own=20),
            Route("screen", "2", (96,), (500,), own=30),
        ],
        MID,
    )
    assert take(demultiplexer, packet(700)) == "camera"
    assert take(demultiplexer, packet(800)) == "screen"
    assert [stream for stream, _ in demultiplexer.split(report(700))] == ["camera"]
    assert take(demultiplexer, packet(700, mid="2")) == "screen"
    assert take(demultiplexer, packet(700)) == "screen"


def test_sources_are_bounded() -> None:
    demultiplexer = three()
    for source in range(1000, 3000):
        take(demultiplexer, packet(source, mid="0"))
    assert take(demultiplexer, packet(1000, 33)) is None
    assert take(demultiplexer, packet(2999, 33)) == "sound"
    assert len(demultiplexer._learned) == 64


def test_numbers_of_the_transport_are_told() -> None:
    told: list[tuple[int, int, float]] = []
    for demultiplexer in (three(), Demultiplexer[str]()):
        demultiplexer.transport_number = 3
        demultiplexer.arrived = lambda *what: told.append(what)
        data = packet(7, mid="0", number=513)
        demultiplexer.take(data, len(data), 1.25)
        demultiplexer.take(bytearray(packet(7)), 19, 1.5)
    assert told == [(513, 7, 1.25)] * 2


def report(sender: int, *about: int, sr: bool = False) -> bytes:
    blocks = tuple(rtcp.ReportBlock(one, 0, 0, 0, 0, 0, 0) for one in about)
    return rtcp.build(rtcp.Report(rtcp.SR if sr else rtcp.RR, sender, blocks=blocks), b"name")


def test_reports_go_to_whom_they_concern() -> None:
    demultiplexer = three()
    take(demultiplexer, packet(700, mid="2"))
    sender, about = report(700, sr=True), report(1, 10, 20)
    parts = demultiplexer.split(sender + about)
    assert [stream for stream, _ in parts] == ["sound", "camera", "screen"]
    assert parts[2][1] == sender
    for _, part in parts[:2]:
        found = (rtcp.parse(part) or [])[0]
        assert [block.ssrc for block in found.blocks] == [10, 20]


def test_times_of_a_sender_stay_with_its_stream() -> None:
    demultiplexer = three()
    take(demultiplexer, packet(700, mid="2"))
    parts = dict(demultiplexer.split(report(700, 10, sr=True)))
    assert [(one.packet_type, one.ssrc, len(one.blocks)) for one in rtcp.parse(parts["screen"]) or []] == [
        (200, 700, 1)
    ]
    (found,) = rtcp.parse(parts["sound"]) or [None]
    assert found is not None
    assert (found.packet_type, found.ssrc, found.blocks[0].ssrc) == (rtcp.RR, 700, 10)


def test_feedback_goes_to_the_stream_that_it_is_about() -> None:
    demultiplexer = three()
    pli = feedback.key_frame_request(1, 20)
    fir = feedback.full_intra_request(1, 30, 1)
    remb = feedback.bandwidth_estimate(1, 30, 1000000)
    assert demultiplexer.split(pli + fir + remb) == [("camera", pli), ("screen", fir + remb)]
    assert demultiplexer.split(feedback.key_frame_request(1, 99)) == []


def test_a_bye_of_nobody_leaves_what_is_behind_it() -> None:
    pli = feedback.key_frame_request(1, 20)
    assert three().split(b"\x80\xcb\x00\x00" + pli) == [("camera", pli)]


@given(st.binary(max_size=300), st.booleans())
def test_anything_may_come(data: bytes, reported: bool) -> None:
    demultiplexer = three()
    demultiplexer.split(report(500, 10, 20) + data if reported else data)
    if len(data) >= 12:
        held = bytearray(data)
        stream, size = demultiplexer.take(held, len(held), 0.0)
        assert stream in ("sound", "camera", "screen", None)
        assert size <= len(data) == len(held)
