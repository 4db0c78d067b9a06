"""The codec table and lists of codecs."""

from __future__ import annotations

import pytest

from asterism.core.errors import UsageError
from asterism.media.formats import (
    ALAW,
    FORMATS,
    G722,
    G726,
    G726_NON_STANDARD,
    G726AAL2,
    OPUS,
    ULAW,
    common_formats,
    format_for,
    format_named,
    parse_formats,
    with_non_standard_g726,
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


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ("ulaw,g726,alaw", (ULAW, G726_NON_STANDARD, ALAW)),
        ("g726aal2,ulaw", (G726_NON_STANDARD, G726AAL2, ULAW)),
        ("g726aal2,g726", (G726_NON_STANDARD, G726AAL2)),
        ("ulaw", (ULAW,)),
    ],
)
def test_non_standard_g726_takes_the_place_of_what_there_is(allowed, expected):
    assert with_non_standard_g726(parse_formats(allowed)) == expected


def test_the_two_packings_have_names_of_their_own():
    assert format_for(112, "AAL2-G726-32", 8000) is G726AAL2
    assert format_for(111, "G726-32", 8000) is G726
    assert G726_NON_STANDARD.rtpmap == G726.rtpmap
    assert format_named("g726") is G726
