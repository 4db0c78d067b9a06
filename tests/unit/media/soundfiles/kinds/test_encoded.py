"""MP3 and Vorbis, with PyAV and without."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from asterism.media.formats import SLIN16
from asterism.media.soundfiles import SoundError
from asterism.media.soundfiles.kinds.encoded import KINDS, reason
from asterism.testing.tone import level
from soundfile_kit import level_at, tone, whole, write_encoded


@pytest.fixture
def mp3(tmp_path: Path) -> Path:
    return write_encoded(tmp_path / "x.mp3", "libmp3lame", tone(440, 44100, 2), 44100, "mp3")


def test_mp3(mp3: Path) -> None:
    sound, heard = whole(mp3)
    assert sound.seconds == pytest.approx(2, abs=0.1)
    assert len(heard) == pytest.approx(32000, abs=1600)
    assert level(heard[1600:], 440) > 0.9


def test_the_band_is_kept(tmp_path: Path) -> None:
    path = write_encoded(tmp_path / "x.mp3", "libmp3lame", tone(6000, 44100), 44100, "mp3")
    _, heard = whole(path, SLIN16)
    assert level_at(heard[3200:], 6000, rate=16000) > 0.9


def test_from_a_place_on(mp3: Path) -> None:
    sound, heard = whole(mp3)
    rest = sum(len(frame.payload) for frame in sound.frames(1500))
    assert rest == pytest.approx(len(heard) - 24000, abs=1600)


def test_vorbis(tmp_path: Path) -> None:
    path = write_encoded(tmp_path / "x.ogg", "vorbis", tone(440, 44100, 2), 44100, "ogg")
    _, heard = whole(path)
    assert len(heard) == pytest.approx(32000, abs=1600)
    assert level(heard[1600:], 440) > 0.9


def test_a_file_that_is_cut_off_or_broken_is_played_as_far_as_it_goes(mp3: Path) -> None:
    data = mp3.read_bytes()
    mp3.write_bytes(data[: len(data) // 2])
    assert len(whole(mp3)[1]) > 8000
    mp3.write_bytes(data[:4000] + bytes(1000) + data[5000:])
    assert len(whole(mp3)[1]) > 8000


@pytest.mark.parametrize(
    "content", [b"", b"no music", b"#EXTM3U\n/etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n"]
)
def test_what_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.mp3").write_bytes(content)
    with pytest.raises(SoundError, match=r"x\.mp3"):
        whole(tmp_path / "x.mp3")


def test_without_pyav_it_is_told_what_to_install(mp3: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert "asterism[formats]" in reason()
    assert all(kind.reason() == reason() for kind in KINDS)
    with pytest.raises(SoundError, match=r"asterism\[formats\]"):
        whole(mp3)
