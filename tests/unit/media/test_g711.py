"""G.711 against the values of the recommendation, and the other translations."""

from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.media import g711
from asterism.media.formats import ALAW, G723, SLIN, SLIN16, ULAW
from asterism.media.translate import byte_table, swap_bytes, translator


def linear(*values: int) -> bytes:
    return array("h", values).tobytes()


def sine(frequency: float, count: int, rate: int) -> bytes:
    return linear(*(int(8000 * math.sin(2 * math.pi * frequency * n / rate)) for n in range(count)))


def test_known_values():
    # ITU-T G.711 tables 2a/2b and 1a/1b, scaled to 16 bits
    assert [g711.ulaw_value(code) for code in (0x80, 0x00, 0xFF, 0x7F, 0xEF)] == [32124, -32124, 0, 0, 132]
    assert [g711.alaw_value(code) for code in (0xD5, 0x55, 0xAA, 0x2A)] == [8, -8, 32256, -32256]


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_every_code_survives_a_round_trip(law):
    codes = bytes(range(256))
    decode, encode = (getattr(g711, f"{law}_to_linear"), getattr(g711, f"linear_to_{law}"))
    assert decode(encode(decode(codes))) == decode(codes)


@given(st.integers(-32768, 32767))
def test_encoding_takes_the_nearest_value(value):
    for law in ("ulaw", "alaw"):
        code = getattr(g711, f"linear_to_{law}")(linear(value))[0]
        values = [getattr(g711, f"{law}_value")(one) for one in range(256)]
        assert abs(values[code] - value) == min(abs(one - value) for one in values)


def test_cross_translation_is_that_of_the_linear_way():
    codes = bytes(range(256))
    assert g711.ulaw_to_alaw(codes) == g711.linear_to_alaw(g711.ulaw_to_linear(codes))
    assert g711.alaw_to_ulaw(codes) == g711.linear_to_ulaw(g711.alaw_to_linear(codes))
    assert byte_table(ULAW, ALAW) == g711.cross_table("ulaw")
    assert byte_table(ULAW, ULAW) is None


def test_odd_and_empty_input():
    assert g711.linear_to_ulaw(b"\0\0\0") == b"\xff"
    assert swap_bytes(b"\x01\x02\x03\x04") == b"\x02\x01\x04\x03"


def test_translators():
    assert translator(ULAW, ULAW)(b"abc") == b"abc"
    assert translator(ULAW, G723) is None
    assert translator(G723, SLIN) is None
    assert len(translator(ULAW, SLIN16)(bytes(160))) == 640
    assert len(translator(SLIN16, ALAW)(bytes(640))) == 160
