"""What one channel hears of a class of music."""

from __future__ import annotations

import logging
import random
import wave
from itertools import islice
from pathlib import Path

import pytest

from asterism.media.formats import SLIN, ULAW
from asterism.media.soundfiles import Sounds
from asterism.pbx.channels.music.classes import MusicClass
from asterism.pbx.channels.music.tracks import tracks

LOG = logging.getLogger("test")
SOUNDS = Sounds(log=LOG)


def files(folder: Path, names: str = "abc") -> tuple[str, ...]:
    """One file a name, two frames each of its letter."""
    for name in names:
        (folder / f"{name}.ulaw").write_bytes(name.encode() * 320)
    return tuple(str(folder / name) for name in names)


def heard(music: MusicClass, count: int, seed: int = 1) -> str:
    frames = islice(tracks(music, ULAW, SOUNDS, LOG, random.Random(seed)), 2 * count)
    return b"".join(frame.payload[:1] for frame in frames).decode()[::2]


def test_files_follow_each_other_without_end(tmp_path: Path) -> None:
    assert heard(MusicClass("m", files=files(tmp_path)), 7) == "abcabca"


def test_orders(tmp_path: Path) -> None:
    names = files(tmp_path)
    backwards = names[::-1]
    assert heard(MusicClass("m", files=backwards, sort="alpha"), 4) == "abca"
    starts = {heard(MusicClass("m", files=names, sort="randstart"), 4, seed) for seed in range(20)}
    assert starts == {"abca", "bcab", "cabc"}
    shuffled = heard(MusicClass("m", files=names, sort="random"), 9)
    assert all(sorted(shuffled[start : start + 3]) == ["a", "b", "c"] for start in (0, 3, 6))
    assert len({heard(MusicClass("m", files=names, sort="random"), 6, seed) for seed in range(20)}) > 3


def test_the_last_one_is_repeated(tmp_path: Path) -> None:
    assert heard(MusicClass("m", files=files(tmp_path), loop_last=True), 6) == "abcccc"


def test_an_announcement_goes_before_each_file(tmp_path: Path) -> None:
    files(tmp_path, "x")
    music = MusicClass("m", files=files(tmp_path, "ab"), announcement=str(tmp_path / "x"))
    assert heard(music, 5) == "xaxbx"


def test_a_broken_file_is_passed_over_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = files(tmp_path)
    (tmp_path / "b.ulaw").unlink()
    (tmp_path / "b.wav").write_bytes(b"RIFF no sound")
    assert heard(MusicClass("m", files=names), 6) == "acacac"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "music class 'm'" in caplog.text


def test_a_class_of_broken_files_ends(tmp_path: Path) -> None:
    names = (str(tmp_path / "gone"), str(tmp_path / "away"))
    assert list(tracks(MusicClass("m", files=names), ULAW, SOUNDS, LOG)) == []


def test_a_class_of_files_without_sound_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.ulaw").touch()
    (tmp_path / "b.wav").touch()
    names = (str(tmp_path / "a"), str(tmp_path / "b"))
    assert list(tracks(MusicClass("m", files=names), ULAW, SOUNDS, LOG)) == []
    assert "a.ulaw: has no sound in it" in caplog.text
    assert "b.wav: is no WAV file" in caplog.text


def test_a_long_file_is_read_in_pieces_and_converted(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "long.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(b"\x00\x10" * 16000 * 3)
    frames = list(islice(tracks(MusicClass("m", files=(str(tmp_path / "long"),)), SLIN, SOUNDS, LOG), 150))
    assert {(frame.format, len(frame.payload)) for frame in frames} == {(SLIN, 320)}
