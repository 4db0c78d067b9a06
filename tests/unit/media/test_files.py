"""Sound files: finding, reading, converting."""

from __future__ import annotations

import wave

import pytest

from asterism.media import g711, tones
from asterism.media.files import Sound, SoundError, Sounds, read
from asterism.media.formats import ALAW, SLIN, SLIN16, ULAW
from asterism.media.resample import resample
from asterism.testing.tone import level

TONE = tones.samples((440,), 1600)


@pytest.fixture
def sounds(tmp_path):
    (tmp_path / "data" / "sounds" / "de").mkdir(parents=True)
    (tmp_path / "spool").mkdir()
    return Sounds((tmp_path / "data", tmp_path / "spool"))


def write_wav(path, data, rate=8000, channels=1, width=2):
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(data)


@pytest.mark.parametrize("name", ["hello-world", "welcome", "goodbye", "beep", "echo-test", "invalid", "melody"])
def test_shipped_sounds(sounds, name):
    sound = sounds.load(name)
    assert sound.format is ULAW
    assert 0.2 < sound.seconds < 20
    assert len(set(sound.data)) >= 5


def test_the_shipped_beep_is_a_tone(sounds):
    assert level(sounds.load("beep", format=SLIN).data, 1000) > 0.9


def test_language_then_the_common_folder_then_the_shipped(sounds, tmp_path):
    root = tmp_path / "data" / "sounds"
    (root / "de" / "beep.ulaw").write_bytes(b"\x01" * 160)
    assert sounds.load("beep", "de").data == b"\x01" * 160
    assert sounds.load("beep", "de_AT").data == b"\x01" * 160
    assert sounds.load("beep", "fr").data != b"\x01" * 160
    (root / "beep.ulaw").write_bytes(b"\x02" * 160)
    assert sounds.load("beep", "fr").data == b"\x02" * 160


def test_the_cheapest_file_is_taken(sounds, tmp_path):
    root = tmp_path / "data" / "sounds"
    write_wav(root / "x.wav", TONE)
    (root / "x.alaw").write_bytes(g711.linear_to_alaw(TONE))
    assert sounds.find("x", "en", (ALAW,)).suffix == ".alaw"
    assert sounds.find("x", "en", (SLIN,)).suffix == ".wav"


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        ("ulaw", g711.linear_to_ulaw(TONE)),
        ("alaw", g711.linear_to_alaw(TONE)),
        ("sln", TONE),
        ("sln16", resample(TONE, 8000, 16000)),
        ("pcm", g711.linear_to_ulaw(TONE)),
    ],
)
@pytest.mark.parametrize("target", [ULAW, ALAW, SLIN])
def test_raw_files_in_every_format(sounds, tmp_path, suffix, data, target):
    (tmp_path / "data" / "sounds" / f"x.{suffix}").write_bytes(data)
    sound = sounds.load("x", format=target)
    assert sound.format is target
    assert sound.seconds == pytest.approx(0.2)
    decode = {ULAW: g711.ulaw_to_linear, ALAW: g711.alaw_to_linear, SLIN: bytes}[target]
    assert level(decode(sound.data), 440) > 0.9  # type: ignore[operator]


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 1), (8000, 2)])
def test_wav(sounds, tmp_path, rate, channels):
    data = TONE if rate == 8000 else resample(TONE, 8000, 16000)
    if channels == 2:
        data = b"".join(data[i : i + 2] * 2 for i in range(0, len(data), 2))
    write_wav(tmp_path / "data" / "sounds" / "x.wav", data, rate, channels)
    sound = sounds.load("x", format=SLIN)
    assert sound.seconds == pytest.approx(0.2)
    assert level(sound.data, 440) > 0.9


def test_unsupported_and_broken_wav(tmp_path):
    write_wav(tmp_path / "x.wav", bytes(400), 44100)
    with pytest.raises(SoundError, match="44100"):
        read(tmp_path / "x.wav")
    (tmp_path / "y.wav").write_bytes(b"RIFF nonsense")
    with pytest.raises(SoundError):
        read(tmp_path / "y.wav")


def test_broken_gsm(tmp_path):
    (tmp_path / "x.gsm").write_bytes(b"")
    with pytest.raises(SoundError):
        read(tmp_path / "x.gsm")


def test_gsm_is_decoded(tmp_path):
    # Ten frames of GSM 06.10 (magic nibble 0xD, all parameters 0), 20 ms each.
    (tmp_path / "x.gsm").write_bytes((b"\xd0" + bytes(32)) * 10)
    sound = read(tmp_path / "x.gsm")
    assert sound.format is SLIN
    assert len(sound.data) == 10 * 320


@pytest.mark.parametrize("name", ["", "../../../etc/passwd", "a/../../b", "/etc/passwd", "x\0y", "a" * 300])
def test_names_cannot_leave_the_sound_folders(sounds, tmp_path, name):
    (tmp_path / "data" / "b.ulaw").write_bytes(b"x")
    assert sounds.find(name) is None


def test_absolute_names_within_data_and_spool(sounds, tmp_path):
    (tmp_path / "spool" / "msg.ulaw").write_bytes(b"\xff" * 160)
    (tmp_path / "secret.ulaw").write_bytes(b"x")
    (tmp_path / "spool" / "link").symlink_to(tmp_path)
    assert sounds.load(str(tmp_path / "spool" / "msg")).data == b"\xff" * 160
    assert sounds.find(str(tmp_path / "secret")) is None
    with pytest.raises(SoundError, match="below the data and spool folders"):
        sounds.load(str(tmp_path / "secret"))
    assert sounds.find(str(tmp_path / "spool" / "link" / "secret")) is None


def test_a_file_that_changed_is_read_again(sounds, tmp_path):
    import os

    path = tmp_path / "data" / "sounds" / "x.ulaw"
    path.write_bytes(b"\x01")
    assert sounds.load("x").data == b"\x01"
    assert sounds.load("x") is sounds.load("x")
    path.write_bytes(b"\x02")
    os.utime(path, ns=(1, 1))
    assert sounds.load("x").data == b"\x02"


def test_missing(sounds):
    with pytest.raises(SoundError, match="nothing-here"):
        sounds.load("nothing-here")


def test_frames_are_filled_up():
    frames = list(Sound(ULAW, b"\x01" * 200).frames())
    assert [len(frame.payload) for frame in frames] == [160, 160]
    assert frames[1].payload == b"\x01" * 40 + b"\xff" * 120
    assert [frame.payload for frame in Sound(SLIN16, b"\x01" * 640).frames()] == [b"\x01" * 640]
