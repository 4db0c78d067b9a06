"""Where sounds are looked for, and what is kept of them."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from asterism.media import g711
from asterism.media.formats import ALAW, G729, GSM, SLIN, SLIN16, ULAW
from asterism.media.resample import resample
from asterism.media.soundfiles import Sound, SoundError, Sounds
from asterism.media.soundfiles.search import choose_file
from soundfile_kit import level_at, tone, write_encoded, write_wav


@pytest.fixture
def sounds(tmp_path: Path) -> Sounds:
    (tmp_path / "data" / "sounds" / "de").mkdir(parents=True)
    (tmp_path / "spool").mkdir()
    return Sounds((tmp_path / "data", tmp_path / "spool"), system=tmp_path / "system")


def heard(sound: Sound) -> bytes:
    return b"".join(frame.payload for frame in sound.frames())


def put(path: Path, octet: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes((octet,)) * 160)


@pytest.mark.parametrize("name", ["hello-world", "welcome", "goodbye", "beep", "echo-test", "invalid", "melody"])
def test_shipped_sounds(sounds: Sounds, name: str) -> None:
    sound = sounds.load(name)
    assert sound.format is ULAW
    assert 0.2 < sound.seconds < 20
    assert len(set(heard(sound))) >= 5


def test_the_shipped_beep_is_a_tone(sounds: Sounds) -> None:
    assert level_at(heard(sounds.load("beep", format=SLIN)), 1000) > 0.9


def test_the_user_then_the_system_then_what_is_shipped(sounds: Sounds, tmp_path: Path) -> None:
    shipped = heard(sounds.load("beep"))
    put(tmp_path / "system/sounds/en/beep.ulaw", 1)
    assert heard(sounds.load("beep")) == b"\x01" * 160
    put(tmp_path / "data/sounds/beep.ulaw", 2)
    assert heard(sounds.load("beep")) == b"\x02" * 160
    put(tmp_path / "data/sounds/en/beep.ulaw", 3)
    assert heard(sounds.load("beep")) == b"\x03" * 160
    assert len(shipped) > 160


def test_a_variant_of_a_language_then_the_language_then_none(sounds: Sounds, tmp_path: Path) -> None:
    root = tmp_path / "data" / "sounds"
    put(root / "de" / "beep.ulaw", 1)
    assert heard(sounds.load("beep", "de_AT_wien")) == b"\x01" * 160
    put(root / "de_AT" / "beep.ulaw", 2)
    assert heard(sounds.load("beep", "de_AT_wien")) == b"\x02" * 160
    assert len(heard(sounds.load("beep", "fr"))) > 160
    put(root / "beep.ulaw", 3)
    assert heard(sounds.load("beep", "fr")) == b"\x03" * 160


def test_english_where_there_is_no_other(sounds: Sounds, tmp_path: Path) -> None:
    put(tmp_path / "system/sounds/en/only.ulaw", 1)
    assert heard(sounds.load("only", "fr")) == b"\x01" * 160
    assert heard(sounds.load("only", "../../data")) == b"\x01" * 160


def test_packages_of_the_system_are_found_by_who_speaks(sounds: Sounds, tmp_path: Path) -> None:
    put(tmp_path / "system/sounds/en_US_f_Allison/digits/1.ulaw", 1)
    assert sounds.find("digits/1") == tmp_path / "system/sounds/en_US_f_Allison/digits/1.ulaw"
    assert sounds.find("digits/1", "en_GB") == tmp_path / "system/sounds/en_US_f_Allison/digits/1.ulaw"
    (tmp_path / "system/sounds/en").symlink_to("en_US_f_Allison")
    assert sounds.find("digits/1") == tmp_path / "system/sounds/en/digits/1.ulaw"


def test_the_folder_of_debian_is_the_system() -> None:
    assert str(Path("/usr/share/asterisk/sounds")) in Sounds()._search


@pytest.mark.parametrize(
    ("files", "target", "chosen"),
    [
        (("wav", "alaw"), ALAW, "alaw"),
        (("wav", "alaw"), SLIN, "wav"),
        (("gsm", "wav", "sln16"), ULAW, "wav"),
        (("gsm", "sln16"), ULAW, "sln16"),
        (("gsm", "sln16"), GSM, "gsm"),
        (("gsm", "wav", "sln16"), SLIN16, "sln16"),
        (("wav", "sln48"), SLIN16, "sln48"),
        (("g723", "wav"), ULAW, "wav"),
        (("g729",), G729, "g729"),
        (("WAV", "wav49"), ULAW, "WAV"),
        (("txt",), ULAW, None),
        ((), ULAW, None),
    ],
)
def test_the_file_that_is_cheapest_to_play(tmp_path: Path, files: tuple[str, ...], target, chosen) -> None:
    for extension in files:
        (tmp_path / f"x.{extension}").touch()
    assert choose_file(tmp_path / "x", (target,)) == (None if chosen is None else tmp_path / f"x.{chosen}")


def test_a_file_that_nothing_can_read_is_taken_last(
    sounds: Sounds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    (tmp_path / "data/sounds/beep.mp3").touch()
    assert len(heard(sounds.load("beep"))) > 160
    (tmp_path / "data/sounds/alone.mp3").touch()
    with pytest.raises(SoundError, match=r"alone\.mp3.*asterism\[formats\]"):
        sounds.load("alone")


def test_a_language_outweighs_the_cost(sounds: Sounds, tmp_path: Path) -> None:
    put(tmp_path / "data/sounds/x.ulaw", 1)
    write_wav(tmp_path / "data/sounds/de/x.wav", resample(tone(), 8000, 16000), 16000)
    assert sounds.find("x", "de", (ULAW,)) == tmp_path / "data/sounds/de/x.wav"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is empty"),
        ("../../../etc/passwd", r"'\.\.'"),
        ("a/../../b", r"'\.\.'"),
        ("/etc/passwd", "there is no sound"),
        ("x\0y", "NUL"),
        ("a" * 300, "longer than 255"),
    ],
)
def test_names_cannot_leave_the_sound_folders(sounds: Sounds, tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "data" / "b.ulaw").write_bytes(b"x")
    assert sounds.find(name) is None
    with pytest.raises(SoundError, match=why):
        sounds.load(name)


def test_absolute_names_within_data_spool_and_system(sounds: Sounds, tmp_path: Path) -> None:
    put(tmp_path / "spool/msg.ulaw", 1)
    put(tmp_path / "system/sounds/en/x.ulaw", 2)
    put(tmp_path / "secret.ulaw", 3)
    (tmp_path / "spool" / "link").symlink_to(tmp_path)
    assert heard(sounds.load(str(tmp_path / "spool" / "msg"))) == b"\x01" * 160
    assert heard(sounds.load(str(tmp_path / "system/sounds/en/x"))) == b"\x02" * 160
    assert sounds.find(str(tmp_path / "secret")) is None
    with pytest.raises(SoundError, match="below the data and spool folders"):
        sounds.load(str(tmp_path / "secret"))
    assert sounds.find(str(tmp_path / "spool" / "link" / "secret")) is None


def test_what_is_no_file_is_told_and_waited_for_by_nobody(sounds: Sounds, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "data/sounds/pipe.wav")
    (tmp_path / "data/sounds/device.ulaw").symlink_to("/dev/zero")
    (tmp_path / "data/sounds/folder.ulaw").mkdir()
    (tmp_path / "data/sounds/loop.ulaw").symlink_to("loop.ulaw")
    for name in ("pipe", "device"):
        with pytest.raises(SoundError, match=rf"{name}\.\w+: is not a regular file"):
            sounds.load(name)
    for name in ("folder", "loop"):
        with pytest.raises(SoundError, match="there is no sound"):
            sounds.load(name)


def test_a_file_that_changed_is_read_again(sounds: Sounds, tmp_path: Path) -> None:
    path = tmp_path / "data" / "sounds" / "x.ulaw"
    put(path, 1)
    assert heard(sounds.load("x")) == b"\x01" * 160
    assert sounds.load("x") is sounds.load("x")
    put(path, 2)
    os.utime(path, ns=(1, 1))
    assert heard(sounds.load("x")) == b"\x02" * 160


def test_what_is_kept_is_bounded(sounds: Sounds, tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"data/sounds/{number}.ulaw").write_bytes(bytes(500_000))
        for _ in sounds.load(str(number)).frames():
            pass
    assert sounds._cached == sum(one.size for one in sounds._cache.values()) <= 16 * 1024 * 1024
    assert 1 < len(sounds._cache) < 12
    (tmp_path / "data/sounds/long.ulaw").write_bytes(bytes(8_000_000))
    assert sounds.load("long") is not sounds.load("long")


def test_what_is_wrong_in_a_file_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sounds = Sounds((tmp_path,), logging.getLogger("sounds"), None)
    (tmp_path / "sounds").mkdir()
    write_wav(tmp_path / "sounds/x.wav", tone())
    data = bytearray((tmp_path / "sounds/x.wav").read_bytes())
    data[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "sounds/x.wav").write_bytes(data)
    for _ in range(3):
        assert len(heard(sounds.load("x"))) == 8000
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}/sounds/x.wav: claims 4294967295 bytes of sound and has 16000, which are played"
    ]


def test_missing(sounds: Sounds) -> None:
    with pytest.raises(SoundError, match="nothing-here"):
        sounds.load("nothing-here")


def test_g711_in_every_folder_is_heard_in_its_language(sounds: Sounds, tmp_path: Path) -> None:
    (tmp_path / "data/sounds/de/x.alaw").write_bytes(g711.linear_to_alaw(tone(600)))
    assert level_at(heard(sounds.load("x", "de", SLIN)), 600) > 0.9


def test_mp3_beside_what_is_cheaper(sounds: Sounds, tmp_path: Path) -> None:
    write_encoded(tmp_path / "data/sounds/x.mp3", "libmp3lame", tone(440, 16000), 16000, "mp3")
    assert level_at(heard(sounds.load("x", format=SLIN))[1600:], 440) > 0.9
    write_wav(tmp_path / "data/sounds/x.wav", tone(600))
    assert level_at(heard(sounds.load("x", format=SLIN)), 600) > 0.9
