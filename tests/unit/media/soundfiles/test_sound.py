"""One sound: made as it is played, and shared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from asterism.media.formats import ALAW, ILBC, SLIN, SLIN16, ULAW
from asterism.media.soundfiles import Sound, SoundError
from asterism.media.soundfiles import sound as module
from asterism.media.soundfiles.contents import Contents, Run
from soundfile_kit import tone, whole, write_wav


def numbered(path: Path, frames: int) -> Path:
    """A file of which each frame has its number as its samples."""
    path.write_bytes(b"".join(number.to_bytes(2, "little") * 160 for number in range(frames)))
    return path


def numbers(frames: Iterator) -> list[int]:
    return [int.from_bytes(frame.payload[:2], "little") for frame in frames]


def test_frames_are_filled_up(tmp_path: Path) -> None:
    (tmp_path / "x.ulaw").write_bytes(b"\x01" * 200)
    frames = list(Sound(tmp_path / "x.ulaw", ULAW, print).frames())
    assert [frame.payload for frame in frames] == [b"\x01" * 160, b"\x01" * 40 + b"\xff" * 120]
    assert [frame.format for frame in frames] == [ULAW, ULAW]


@pytest.mark.parametrize("length", [100, 20_000], ids=["kept", "read by each"])
def test_from_any_place(tmp_path: Path, length: int) -> None:
    sound = Sound(numbered(tmp_path / "x.sln", length), SLIN, print)
    assert sound.shared is (length == 100)
    assert numbers(sound.frames(1000)) == list(range(50, length))
    assert numbers(sound.frames(-20)) == list(range(length))
    assert numbers(sound.frames(20 * length - 30)) == [length - 2, length - 1]
    assert numbers(sound.frames(20 * length)) == []
    assert numbers(sound.frames(10**9)) == []


def test_nothing_is_made_before_it_is_played_and_then_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = module.frames_of

    def counting(*args):
        for frame in real(*args):
            made.append(frame)
            yield frame

    monkeypatch.setattr(module, "frames_of", counting)
    sound = Sound(numbered(tmp_path / "x.sln", 1000), ALAW, print)
    one, two = sound.frames(), sound.frames()
    assert len(made) == 1
    first = [next(one) for _ in range(10)]
    assert [next(two) for _ in range(5)] == first[:5]
    assert len(made) == 10
    assert len(list(two)) == 995
    assert len(list(one)) == 990
    assert len(made) == 1000


def test_a_far_place_in_a_sound_that_is_kept_is_gone_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Sound(numbered(tmp_path / "x.sln", 5000), SLIN, print)
    assert next(sound.frames(90_000)).payload[:2] == (4500).to_bytes(2, "little")
    assert len(sound._kept) == 1


def test_a_file_that_is_longer_than_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.open_contents
    monkeypatch.setattr(module, "open_contents", lambda *args: real(*args)._replace(seconds=1.0))
    sound = Sound(numbered(tmp_path / "x.sln", 3000), SLIN, print)
    assert numbers(sound.frames()) == list(range(3000))
    assert len(sound._kept) < 400


def test_what_cannot_be_read_on_is_over_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(start: float) -> Run:
        def payloads() -> Iterator[bytes]:
            yield bytes(320)
            yield bytes(320)
            raise OSError(5, "Input/output error")

        return Run(payloads())

    monkeypatch.setattr(module, "open_contents", lambda *_: Contents(SLIN, 1.0, failing))
    told: list[str] = []
    sound, data = whole(numbered(tmp_path / "x.sln", 50), SLIN, told.append)
    assert len(data) == 640
    assert len(list(sound.frames())) == 2
    assert told == [f"{tmp_path}/x.sln: cannot be read on: [Errno 5] Input/output error"]


def test_what_cannot_be_begun_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(start: float) -> Run:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module, "open_contents", lambda *_: Contents(SLIN, 1.0, failing))
    with pytest.raises(SoundError, match=r"x\.sln.*Input/output error"):
        Sound(numbered(tmp_path / "x.sln", 50), SLIN, print)


def test_a_long_file_that_goes_away_meanwhile_is_over_and_told(tmp_path: Path) -> None:
    told: list[str] = []
    sound = Sound(numbered(tmp_path / "x.sln", 20_000), SLIN, told.append)
    (tmp_path / "x.sln").unlink()
    assert list(sound.frames()) == []
    assert "No such file" in told[0]


def test_an_empty_file_is_no_sound_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "x.ulaw").touch()
    sound = Sound(tmp_path / "x.ulaw", ULAW, print)
    assert (sound.seconds, list(sound.frames())) == (0, [])


def test_frames_of_another_length_are_left_to_the_stream(tmp_path: Path) -> None:
    sound = Sound(write_wav(tmp_path / "x.wav", tone(440, 16000), 16000), ILBC, print)
    assert sound.format is SLIN
    assert {len(frame.payload) for frame in sound.frames()} == {320}


def test_a_wide_file_for_a_narrow_stream_and_the_other_way(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "x.wav", tone(440, 16000), 16000)
    assert Sound(path, SLIN16, print).format is SLIN16
    assert len(whole(path, ULAW)[1]) == 8000
