"""The codec table and lists of codecs."""

from __future__ import annotations

import pytest

from asterism.core.errors import UsageError
from asterism.media.formats import (
    ALAW,
    FORMATS,
    G722,
    OPUS,
    ULAW,
    common_formats,
    format_for,
    format_named,
    parse_formats,
)


def test_order_is_kept_and_doubles_are_dropped():
    assert parse_formats("alaw,ulaw", "g722,alaw") == [ALAW, ULAW, G722]


def test_all_and_removal():
    assert parse_formats("!all", "ulaw") == [ULAW]
    assert parse_formats("all,!ulaw") == [one for one in FORMATS.values() if one is not ULAW]


def test_unknown_codec_names_the_known():
    with pytest.raises(UsageError, match="ulaw"):
        parse_formats("ulaw,nonsense")


@pytest.mark.parametrize(
    ("number", "encoding", "rate", "expected"),
    [
        (0, "", 0, ULAW),
        (8, "", 0, ALAW),
        (0, "PCMU", 8000, ULAW),
        (96, "pcma", 8000, ALAW),
        (111, "opus", 48000, OPUS),
        (9, "G722", 8000, G722),
        (96, "", 0, None),
        (0, "PCMU", 16000, None),
        (97, "nonsense", 8000, None),
    ],
)
def test_payload_types(number, encoding, rate, expected):
    assert format_for(number, encoding, rate) is expected


def test_rtpmap():
    assert ULAW.rtpmap == "PCMU/8000"
    assert OPUS.rtpmap == "opus/48000/2"
    assert ULAW.timestamp_step == 160
    assert format_named(" ULAW ") is ULAW


def test_common_keeps_the_order_of_the_first():
    assert common_formats([G722, ALAW, ULAW], [ULAW, G722]) == [G722, ULAW]
