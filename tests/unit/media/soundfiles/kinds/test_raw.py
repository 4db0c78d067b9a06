"""Files without a header."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.media import g711
from asterism.media.formats import ALAW, G723, G729, GSM, SLIN, SLIN16, ULAW, Format
from asterism.media.resample import resample
from asterism.media.soundfiles.contents import Contents
from asterism.media.soundfiles.kinds.raw import KINDS
from asterism.media.translate import translator
from asterism.testing.tone import level
from soundfile_kit import tone, whole


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        ("ulaw", g711.linear_to_ulaw(tone())),
        ("ul", g711.linear_to_ulaw(tone())),
        ("pcm", g711.linear_to_ulaw(tone())),
        ("alaw", g711.linear_to_alaw(tone())),
        ("sln", tone()),
        ("raw", tone()),
        ("sln16", resample(tone(), 8000, 16000)),
        ("sln44", tone(440, 44100)),
        ("sln192", tone(440, 192000)),
    ],
)
@pytest.mark.parametrize("target", [ULAW, ALAW, SLIN, SLIN16])
def test_it_is_heard_in_every_format(tmp_path: Path, suffix: str, data: bytes, target: Format) -> None:
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(data)
    sound, heard = whole(path, target)
    assert (sound.format, sound.seconds) == (target, pytest.approx(1))
    decode = translator(target, SLIN)
    assert decode is not None
    assert level(decode(heard)[1600:], 440) > 0.9


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_codec_that_it_holds_is_passed_as_it_is(tmp_path: Path, kind) -> None:
    path = tmp_path / f"x.{kind.extensions[0]}"
    size = kind.format.frame_bytes
    frames = [bytes((4 * number,)) * size for number in range(1, 31)]
    path.write_bytes(b"".join(frames))
    with path.open("rb") as file:
        contents: Contents = kind.open(file, print)
        assert contents.format is kind.format
        assert contents.seconds == pytest.approx(30 * kind.format.ptime / 1000)
        assert b"".join(contents.run(0).payloads) == b"".join(frames)
        later = 10 * kind.format.ptime / 1000
        assert b"".join(contents.run(later).payloads) == b"".join(frames[10:])


def test_a_frame_that_is_not_whole_is_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "x.g729").write_bytes(bytes(20) * 3 + b"rest")
    told: list[str] = []
    sound, data = whole(tmp_path / "x.g729", G729, told.append)
    assert (sound.format, data) == (G729, bytes(60))
    assert told == [f"{tmp_path / 'x.g729'}: ends in the middle of a frame"]


def test_frames_of_g723_have_the_length_they_tell(tmp_path: Path) -> None:
    frames = [b"\x00" * 24, b"\x01" * 20, b"\x02" * 4, b"\x03"]
    (tmp_path / "x.g723").write_bytes(b"".join(frames) + b"\x00")
    kind = next(one for one in KINDS if one.format is G723)
    told: list[str] = []
    with (tmp_path / "x.g723").open("rb") as file:
        contents = kind.open(file, told.append)
        assert list(contents.run(0).payloads) == frames
        assert list(contents.run(0.06).payloads) == frames[2:]
    assert told == ["ends in the middle of a frame"] * 2


def test_gsm_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "x.gsm").write_bytes((b"\xd0" + bytes(32)) * 10)
    sound, data = whole(tmp_path / "x.gsm")
    assert (sound.format, len(data)) == (SLIN, 3200)
    assert whole(tmp_path / "x.gsm", GSM)[0].format is GSM
