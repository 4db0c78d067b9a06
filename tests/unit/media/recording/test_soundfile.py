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
from asterism.media.codecs import discovery
from asterism.media.formats import GSM, ILBC, LINEAR, SLIN16, Format
from asterism.media.recording.soundfile import SoundFile, UnwritableError, growth
from asterism.media.recording.track import Pcm
from asterism.media.soundfiles import growing
from asterism.media.soundfiles.search import choose_file
from asterism.media.soundfiles.table import kinds
from asterism.testing.tone import level
from soundfile_kit import tone, whole

WRITTEN = sorted(
    extension for kind in kinds() if kind.grow is not None and kind.format is not ILBC for extension in kind.extensions
)
"""Extensions of the kinds that can be written; iLBC needs a library that few distributions have."""
BARE = sorted(
    {name for name in WRITTEN if name.startswith(("sl", "raw"))} | {"ulaw", "ul", "mu", "ulw", "pcm", "alaw", "al"}
)


def ramp(count: int, begin: int = 0) -> Pcm:
    return (np.arange(begin, begin + count) % 1000 * 20).astype(np.int16)


def samples_of(path: Path) -> tuple[Pcm, int, int]:
    """Samples, rate and channels of a WAV."""
    with wave.open(str(path), "rb") as file:
        assert file.getsampwidth() == 2
        return np.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate(), file.getnchannels()


@pytest.mark.parametrize(("extension", "rate"), [("wav", 8000), ("wav16", 16000)])
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


@pytest.mark.parametrize("extension", BARE)
def test_bare_files_hold_the_samples_alone(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"one.{extension}"
    file = SoundFile(path)
    file.write(ramp(1000))
    file.close()
    data = path.read_bytes()
    if extension.startswith(("sl", "raw")):
        assert data == ramp(1000).astype("<i2").tobytes()
    else:
        decode = g711.alaw_to_linear if extension.startswith("al") else g711.ulaw_to_linear
        found = np.frombuffer(decode(data), "<i2").astype(int)
        assert np.all(np.abs(found - ramp(1000)) <= 16 + np.abs(found) // 16)
    assert file.seconds == 1000 / file.rate


@pytest.mark.parametrize("extension", WRITTEN)
def test_every_kind_that_is_written_can_be_played_at_any_time(tmp_path: Path, extension: str) -> None:
    """Whole after each piece, with whatever length; what fills no frame comes with the end."""
    path = tmp_path / f"one.{extension}"
    file = SoundFile(path)
    pcm = np.frombuffer(tone(440, file.rate, 2.0), "<i2")
    step = int(file.rate * 0.37)
    for begin in range(0, len(pcm), step):
        file.write(pcm[begin : begin + step])
        sound, heard = whole(path, LINEAR[8000], pytest.fail)
        assert sound.seconds == pytest.approx(min(begin + step, len(pcm)) / file.rate, abs=0.061)
    file.close()
    sound, heard = whole(path, LINEAR[8000], pytest.fail)
    assert sound.seconds == pytest.approx(2, abs=0.03)
    assert file.seconds == pytest.approx(sound.seconds, abs=0.001)
    assert len(heard) == pytest.approx(32000, abs=640)
    assert level(heard[4000:28000], 440) > 0.6


@pytest.mark.parametrize("extension", WRITTEN)
def test_every_kind_can_be_added_to_and_cut(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"one.{extension}"
    for number, frequency in enumerate((440, 1000), 1):
        file = SoundFile(path, append=True)
        pcm = np.frombuffer(tone(frequency, file.rate), "<i2")
        for begin in range(0, len(pcm), file.rate // 5):
            file.write(pcm[begin : begin + file.rate // 5])
        file.close()
        assert file.seconds == pytest.approx(number, abs=0.05)
    sound, heard = whole(path, LINEAR[8000], pytest.fail)
    assert sound.seconds == pytest.approx(2, abs=0.05)
    assert level(heard[3000:13000], 440) > 0.6
    assert level(heard[19000:29000], 1000) > 0.6
    file = SoundFile(path, append=True)
    file.write(np.frombuffer(tone(440, file.rate, 0.2), "<i2"))
    file.cut(0.6)
    file.close()
    assert 1.55 < file.seconds < 1.85  # Ogg is cut where a page ends
    sound, heard = whole(path, LINEAR[8000], pytest.fail)
    assert sound.seconds == pytest.approx(file.seconds, abs=0.001)
    assert level(heard[19000:24000], 1000) > 0.6


@pytest.mark.parametrize("extension", WRITTEN)
def test_every_kind_without_room_is_whole_up_to_what_fits(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"one.{extension}"
    file = SoundFile(path)
    half = np.frombuffer(tone(440, file.rate, 0.5), "<i2")
    file.write(half)
    size = path.stat().st_size
    with largest_file(size + 1):
        with pytest.raises(OSError, match="File too large"):
            file.write(half)
        assert 0.4 < file.seconds < 0.6
        file.close()
    assert path.stat().st_size <= size + 1
    assert whole(path, LINEAR[8000], pytest.fail)[0].seconds == pytest.approx(0.5, abs=0.06)


def test_files_of_gsm_and_ogg_are_those_of_others(tmp_path: Path) -> None:
    import av

    for extension, container in (("WAV", "wav"), ("opus", "ogg"), ("ogg", "ogg"), ("spx", "ogg"), ("au", "au")):
        path = tmp_path / f"one.{extension}"
        for append in (False, True):
            file = SoundFile(path, append=append)
            file.write(np.frombuffer(tone(440, file.rate), "<i2"))
            file.close()
        with av.open(str(path), format=container) as opened:
            frames = list(opened.decode(audio=0))
        assert sum(one.samples / one.sample_rate for one in frames) == pytest.approx(2, abs=0.05), extension


def test_what_the_server_plays_it_can_also_record(tmp_path: Path) -> None:
    path = tmp_path / "one.wav16"
    file = SoundFile(path)
    file.write(ramp(1600))
    file.close()
    sound, heard = whole(path, SLIN16)
    assert sound.format is SLIN16
    assert heard == ramp(1600).astype("<i2").tobytes()


def test_a_recording_is_found_by_its_name_alone(tmp_path: Path) -> None:
    for extension in WRITTEN:
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


@pytest.mark.parametrize("name", ["one.mp3", "one.g723", "one.nonsense", "one", "one.", ".wav"])
def test_kinds_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnwritableError):
        growth(Path(name))
    with pytest.raises(UnwritableError):
        SoundFile(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("extension", ["gsm", "WAV"])
def test_a_kind_whose_library_is_missing_is_refused_with_its_package(
    tmp_path: Path, extension: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(fmt: Format) -> bool:
        return fmt is not GSM and discovery.encodes(fmt)

    monkeypatch.setattr(growing, "encodes", without)
    monkeypatch.setattr(growing, "reason", lambda _: "it is decoded only, slowly; install libgsm1")
    with pytest.raises(UnwritableError, match=r"gsm cannot be encoded here: .*install libgsm1"):
        SoundFile(tmp_path / f"one.{extension}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("extension", ["gsm", "g722", "opus", "spx", "WAV"])
def test_stereo_is_refused_where_a_codec_has_one_channel(tmp_path: Path, extension: str) -> None:
    with pytest.raises(UnwritableError, match="one channel"):
        SoundFile(tmp_path / f"one.{extension}", 2)


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
