"""In which format a file is played, and its frames."""

from __future__ import annotations

import pytest

from asterism.media.formats import ALAW, G723, G729, ILBC, LPC10, OPUS, SLIN, SLIN16, SLIN48, SPEEX, ULAW, Format
from asterism.media.soundfiles.contents import Run, SoundError
from asterism.media.soundfiles.converting import frames_of, played_format


@pytest.mark.parametrize(
    ("source", "target", "played"),
    [
        (ULAW, ULAW, ULAW),
        (SLIN16, ALAW, ALAW),
        (SLIN48, SLIN16, SLIN16),
        (G729, G729, G729),
        (SPEEX, SPEEX, SPEEX),
        (SLIN, OPUS, SLIN),
        (SLIN48, OPUS, SLIN48),
        (SLIN48, SPEEX, SLIN),
        (SLIN16, ILBC, SLIN),
        (ULAW, LPC10, SLIN),
    ],
)
def test_the_format_that_is_played(source: Format, target: Format, played: Format) -> None:
    assert played_format(source, target) is played


def test_a_codec_that_nothing_decodes() -> None:
    with pytest.raises(SoundError, match="g723, which cannot be decoded here"):
        played_format(G723, ULAW)


def test_pieces_of_any_length_become_frames() -> None:
    pieces = [b"\x01\x00" * 100, b"\x02\x00" * 300, b"\x03\x00"]
    frames = list(frames_of(Run(iter(pieces)), SLIN, SLIN))
    assert [len(frame.payload) for frame in frames] == [320, 320, 320]
    assert b"".join(frame.payload for frame in frames).rstrip(b"\0") == b"".join(pieces).rstrip(b"\0")


@pytest.mark.parametrize("target", [SLIN, ULAW, SLIN16])
def test_what_is_to_be_skipped_is_not_heard(target: Format) -> None:
    loud, quiet = b"\x00\x40" * 240, bytes(640)
    frames = list(frames_of(Run(iter([loud[:100], loud[100:], quiet]), 0.03), SLIN, target))
    assert len(frames) == 2
    first = frames_of(Run(iter([quiet])), SLIN, target)
    assert frames[1].payload == list(first)[1].payload


def test_packets_are_passed_one_by_one() -> None:
    frames = list(frames_of(Run(iter([b"a" * 20, b"", b"b" * 10])), G729, G729))
    assert [frame.payload for frame in frames] == [b"a" * 20, b"b" * 10]
