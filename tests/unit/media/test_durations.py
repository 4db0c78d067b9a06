"""How long payloads are, by what they say of it."""

from __future__ import annotations

import random

import pytest

from asterism.media.durations import ticks_of
from asterism.media.formats import FORMATS, G722, G723, G729, ILBC, LPC10, OPUS, SLIN16, SPEEX, SPEEX16, ULAW


@pytest.mark.parametrize(
    ("fmt", "payload", "ticks"),
    [
        (ULAW, bytes(160), 160),
        (ULAW, bytes(240), 240),
        (G722, bytes(160), 160),
        (SLIN16, bytes(640), 320),
        (LPC10, bytes(7), 160),
        (OPUS, b"\xf8\xff\xfe", 960),
        (OPUS, bytes([1 << 3 | 0]), 960),  # SILK, 20 ms
        (OPUS, bytes([3 << 3 | 1]), 5760),  # twice 60 ms
        (OPUS, bytes([13 << 3]), 960),  # hybrid, 20 ms
        (OPUS, bytes([12 << 3]), 480),
        (OPUS, bytes([16 << 3]), 120),  # CELT, 2.5 ms
        (OPUS, bytes([19 << 3 | 3, 5]), 4800),
        (OPUS, bytes([19 << 3 | 3, 63]), 960),  # more than 120 ms is none
        (OPUS, bytes([19 << 3 | 3]), 960),
        (OPUS, b"", 960),
        (G729, bytes(20), 160),
        (G729, bytes(12), 160),  # the second is comfort noise
        (G729, bytes(2), 80),
        (G723, b"\x00" + bytes(23), 240),
        (G723, b"\x00" + bytes(23) + b"\x02\0\0\0", 480),
        (G723, b"\x03", 240),
        (ILBC, bytes(38), 160),
        (ILBC, bytes(50), 240),
        (ILBC, bytes(100), 480),
        (ILBC, bytes(76), 320),
        (ILBC, bytes(7), 240),
        (SPEEX, bytes(1), 160),
        (SPEEX16, bytes(0), 320),
    ],
)
def test_the_length_of_a_payload(fmt, payload, ticks):
    assert ticks_of(fmt, payload) == ticks
    assert ticks_of(fmt, bytearray(payload)) == ticks


def test_nonsense_has_a_length_too():
    draw = random.Random(3)
    for _ in range(2000):
        payload = draw.randbytes(draw.randrange(200))
        for fmt in FORMATS.values():
            assert 0 <= ticks_of(fmt, payload) <= 48000
