"""Classes of musiconhold.conf."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from asterism.config import ConfigFile
from asterism.pbx.channels.music.classes import DEFAULT, MusicSettings, built_in, read_settings


def read(text: str, data: Path) -> tuple[MusicSettings, list[str]]:
    settings, problems = read_settings(ConfigFile.parse(text, "musiconhold.conf"), data)
    return settings, [str(problem) for problem in problems]


def make(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(bytes(160))
    return folder


def test_without_a_file_there_is_music(tmp_path: Path) -> None:
    default = built_in(tmp_path)
    assert [Path(name).name for name in default.files] == ["prelude"]
    assert built_in(tmp_path / "none").files == default.files


def test_without_a_file_it_is_that_of_the_system(tmp_path: Path) -> None:
    make(tmp_path, "cold_day.wav", "robot_dity.gsm", "readme.txt")
    default = built_in(tmp_path)
    assert default.files == (str(tmp_path / "cold_day"), str(tmp_path / "robot_dity"))
    assert default.directory == str(tmp_path)


def test_the_folder_of_the_system_stands_in_for_one_that_is_not_there(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "data", make(tmp_path / "system" / "moh", "a.wav").parent
    text = "[default]\nmode=files\ndirectory=moh\n"
    settings, problems = read_settings(ConfigFile.parse(text, "musiconhold.conf"), ours, theirs)
    assert not problems
    assert settings.classes["default"].files == (str(theirs / "moh" / "a"),)
    make(ours / "moh", "b.ulaw")
    settings, _ = read_settings(ConfigFile.parse(text, "musiconhold.conf"), ours, theirs)
    assert settings.classes["default"].files == (str(ours / "moh" / "b"),)


def test_a_folder_below_the_data_directory(tmp_path: Path) -> None:
    folder = make(tmp_path / "moh" / "quiet", "b.ulaw", "a.wav", "a.ulaw", "notes.txt", ".hidden.ulaw")
    settings, problems = read("[quiet]\nmode=files\ndirectory=moh/quiet\nsort=alpha\ndigit=5\n", tmp_path)
    quiet = settings.classes["quiet"]
    assert not problems
    assert quiet.files == (str(folder / "a"), str(folder / "b"))
    assert (quiet.directory, quiet.sort, quiet.digit) == (str(folder), "alpha", "5")
    assert DEFAULT in settings.classes


def test_a_folder_of_which_nothing_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    make(tmp_path / "mp3", "a.mp3", "b.mp3")
    settings, problems = read("[m]\nmode=files\ndirectory=mp3\n", tmp_path)
    assert "m" not in settings.classes
    assert "no file in" in problems[0]
    assert "asterism[formats]" in problems[0]
    make(tmp_path / "mp3", "c.ulaw")
    settings, problems = read("[m]\nmode=files\ndirectory=mp3\n", tmp_path)
    assert len(settings.classes["m"].files) == 3
    assert not problems


def test_a_list_of_files(tmp_path: Path) -> None:
    text = "[pl]\nmode=playlist\nentry=/music/a\nentry=b\nloop_last=yes\n"
    settings, problems = read(text, tmp_path)
    assert not problems
    assert settings.classes["pl"].files == ("/music/a", str(tmp_path / "sounds" / "b"))
    assert settings.classes["pl"].loop_last


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("mode=files\n", "no directory"),
        ("mode=files\ndirectory=empty\n", "no sound files in"),
        ("mode=files\ndirectory=nowhere\n", "cannot read"),
        ("mode=mp3\n", "mode 'mp3' of music class 'wrong' is not known"),
        ("mode=playlist\n", "has no entry"),
        ("mode=playlist\nentry=http://127.0.0.1/a.mp3\n", "is no file"),
        ("mode=playlist\nentry=a\nsort=loudest\n", "'loudest' is no order"),
        ("mode=playlist\nentry=a\ndigit=55\n", "'55' is no key"),
        ("mode=playlist\nentry=a\nformat=opus\n", "'opus' is no format"),
        ("mode=custom\n", "has no application"),
        ("mode=custom\napplication=cat\n", "'allow_application = yes' in [general] allows it"),
        ("mode=playlist\nentry=a\nkill_method=kindly\n", "'kindly' is not known"),
        ("mode=playlist\nentry=a\nkill_escalation_delay=soon\n", "'soon' is not a number"),
    ],
)
def test_a_class_that_is_wrong_is_told_and_left_out(tmp_path: Path, options: str, told: str) -> None:
    (tmp_path / "empty").mkdir()
    settings, problems = read(f"[good]\nmode=playlist\nentry=a\n[wrong]\n{options}", tmp_path)
    assert set(settings.classes) == {"good", DEFAULT}
    (problem,) = problems
    assert told in problem


def test_a_program_that_is_allowed(tmp_path: Path) -> None:
    text = "[general]\nallow_application=yes\n[radio]\nmode=custom\napplication=cat\nformat=ulaw\n"
    settings, problems = read(text, tmp_path)
    assert not problems
    assert (settings.classes["radio"].application, settings.classes["radio"].format.name) == ("cat", "ulaw")
