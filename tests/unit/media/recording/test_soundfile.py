"""Sound files that grow: whole after each piece, in every kind, and when there is no room."""

from __future__ import annotations

import os
import resource
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from asterism.media import g711
from asterism.media.formats import SLIN16
from asterism.media.recording.soundfile import KINDS, SoundFile, UnwritableError, kind_of
from asterism.media.recording.track import Pcm
from asterism.media.soundfiles.search import choose_file
from soundfile_kit import whole


def ramp(count: int, begin: int = 0) -> Pcm:
    return (np.arange(begin, begin + count) % 1000 * 20).astype(np.int16)


def samples_of(path: Path) -> tuple[Pcm, int, int]:
    """Samples, rate and channels of a WAV."""
    with wave.open(str(path), "rb") as file:
        assert file.getsampwidth() == 2
        return np.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate(), file.getnchannels()


@pytest.mark.parametrize(("extension", "rate"), [("wav", 8000), ("wav16", 16000), ("WAV", 8000)])
def test_a_wav_is_whole_after_each_piece(tmp_path: Path, extension: str, rate: int) -> None:
    path = tmp_path / f"one.{extension}"
    file = SoundFile(path)
    assert samples_of(path)[0].size == 0
    for number in range(3):
        file.write(ramp(800, number * 800))
        found, found_rate, channels = samples_of(path)
        assert np.array_equal(found, ramp(800 * (number + 1)))
        assert (found_rate, channels) == (rate, 1)
    assert file.seconds == 2400 / rate
    file.close()
    file.close()
    assert path.stat().st_size == 44 + 4800


@pytest.mark.parametrize("extension", sorted(set(KINDS) - {"wav", "wav16", "WAV"}))
def test_bare_files_hold_the_samples_alone(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"one.{extension}"
    file = SoundFile(path)
    file.write(ramp(1000))
    file.close()
    kind = KINDS[extension]
    data = path.read_bytes()
    if kind.encode is None:
        assert data == ramp(1000).astype("<i2").tobytes()
    else:
        decode = g711.ulaw_to_linear if kind.encode is g711.linear_to_ulaw else g711.alaw_to_linear
        found = np.frombuffer(decode(data), "<i2").astype(int)
        assert np.all(np.abs(found - ramp(1000)) <= 16 + np.abs(found) // 16)
    assert file.seconds == 1000 / kind.rate


def test_what_the_server_plays_it_can_also_record(tmp_path: Path) -> None:
    path = tmp_path / "one.wav16"
    file = SoundFile(path)
    file.write(ramp(1600))
    file.close()
    sound, heard = whole(path, SLIN16)
    assert sound.format is SLIN16
    assert heard == ramp(1600).astype("<i2").tobytes()


def test_a_recording_is_found_by_its_name_alone(tmp_path: Path) -> None:
    for extension in ("wav", "WAV", "wav16", "ulaw", "alaw", "sln", "raw", "sln16"):
        SoundFile(tmp_path / extension / f"one.{extension}").close()
        assert choose_file(tmp_path / extension / "one", ()) == tmp_path / extension / f"one.{extension}"


def test_stereo(tmp_path: Path) -> None:
    file = SoundFile(tmp_path / "one.wav", 2)
    file.write(np.stack((ramp(100), -ramp(100)), axis=1).reshape(-1))
    found, _, channels = samples_of(tmp_path / "one.wav")
    assert channels == 2
    assert np.array_equal(found[0::2], ramp(100))
    assert np.array_equal(found[1::2], -ramp(100))
    file.close()


def test_appending_goes_on_where_it_was_and_replacing_does_not(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "one.wav"
    for append in (True, True, False):
        file = SoundFile(path, append=append)
        file.write(ramp(100))
        file.close()
        found = samples_of(path)[0]
        assert np.array_equal(found, np.tile(ramp(100), len(found) // 100))
        path.touch()
    assert len(samples_of(path)[0]) == 100
    raw = tmp_path / "one.sln"
    raw.write_bytes(b"\1\2\3")  # half a sample is replaced
    file = SoundFile(raw, append=True)
    file.write(ramp(10))
    file.close()
    assert raw.read_bytes() == b"\1\2" + ramp(10).astype("<i2").tobytes()


@pytest.mark.parametrize("content", [b"RIFF", b"no sound file at all, but long enough to be one, which it is not"])
def test_nothing_is_added_to_another_kind_of_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "one.wav"
    path.write_bytes(content)
    with pytest.raises(UnwritableError):
        SoundFile(path, append=True)
    assert path.read_bytes() == content
    SoundFile(tmp_path / "two.wav", 2).close()
    with pytest.raises(UnwritableError):
        SoundFile(tmp_path / "two.wav", 1, append=True)


@pytest.mark.parametrize("name", ["one.gsm", "one.mp3", "one", "one.", ".wav"])
def test_kinds_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnwritableError):
        kind_of(Path(name))
    with pytest.raises(UnwritableError):
        SoundFile(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "one.wav", tmp_path / ("x" * 300 + ".wav")):
        with pytest.raises(OSError, match=r"\S"):
            SoundFile(path)
    (tmp_path / "one.wav").mkdir()
    with pytest.raises(IsADirectoryError):
        SoundFile(tmp_path / "one.wav")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may become larger, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_without_room_is_whole_up_to_what_fits(tmp_path: Path) -> None:
    path = tmp_path / "one.wav"
    file = SoundFile(path)
    with largest_file(44 + 2001):
        file.write(ramp(600))
        with pytest.raises(OSError, match="File too large"):
            file.write(ramp(600, 600))
        found = samples_of(path)[0]
        assert np.array_equal(found, ramp(1000))
        file.close()
    assert path.stat().st_size == 44 + 2000


def test_the_end_can_be_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "one.wav"
    file = SoundFile(path)
    file.write(ramp(8000))
    file.cut(0.25)
    assert np.array_equal(samples_of(path)[0], ramp(6000))
    file.cut(5)
    file.close()
    assert path.stat().st_size == 44


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        (tmp_path / "one.wav").write_bytes(b"RIFF")
        with pytest.raises(UnwritableError):
            SoundFile(tmp_path / "one.wav", append=True)
        SoundFile(tmp_path / "two.wav").close()
    assert len(os.listdir("/proc/self/fd")) == before
