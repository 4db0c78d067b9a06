"""Sound files that are read while they play."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from asterism.media.files import SoundError, choose_file
from asterism.media.formats import ALAW, SLIN, SLIN16, ULAW
from asterism.media.reading import read_frames
from asterism.media.resample import to_samples


def write_wav(path: Path, rate: int, samples: int, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\x00\x10" * samples * channels)
    return path


def test_the_file_that_needs_the_least_conversion(tmp_path: Path) -> None:
    for name in ("a.wav", "a.ulaw", "a.alaw"):
        (tmp_path / name).touch()
    assert choose_file(tmp_path / "a", (ALAW,)) == tmp_path / "a.alaw"
    assert choose_file(tmp_path / "a", (ULAW,)) == tmp_path / "a.ulaw"
    assert choose_file(tmp_path / "b", (ULAW,)) is None


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 1), (8000, 2)])
def test_a_wav_file_of_a_moment_more_than_a_second(tmp_path: Path, rate: int, channels: int) -> None:
    path = write_wav(tmp_path / "a.wav", rate, rate + 1, channels)
    frames = list(read_frames(path, SLIN))
    assert len(frames) == 51
    assert {(frame.format, len(frame.payload)) for frame in frames} == {(SLIN, 320)}
    assert frames[3].payload == b"\x00\x10" * 160
    after = to_samples(frames[-1].payload)[2:]
    assert abs(after).max() < 0x1000 / 10  # the filter dies away
    assert abs(after[40:]).max() < 20


def test_a_raw_file_is_filled_up_with_its_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.ulaw"
    path.write_bytes(b"\x80" * 170)
    assert [frame.payload for frame in read_frames(path, ULAW)] == [b"\x80" * 160, b"\x80" * 10 + b"\xff" * 150]
    assert len(list(read_frames(path, SLIN16))) == 2


@pytest.mark.parametrize("name", ["none.wav", "broken.wav", "none.ulaw", "a.mp3"])
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(SoundError, match=name):
        list(read_frames(tmp_path / name, ULAW))
