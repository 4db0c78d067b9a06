"""Sound files in calls: every kind is heard, and none that is broken ends or delays a call."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ivr_kit import PJSIP, Ivr, ivr

from asterism.media import g711
from asterism.media.formats import GSM, SLIN
from asterism.media.resample import resample
from asterism.media.translate import translator
from asterism.testing import until
from soundfile_kit import tone, write_encoded, write_riff, write_wav

LOW, HIGH = 500, 1500
DIALPLAN = """
exten => _8XX,1,Answer()
 same => n,Playback(${SOUND})
 same => n,NoOp(over)
 same => n,Playback(after)
"""


def folder(world: Ivr) -> Path:
    made = Path(world.server.paths.data) / "sounds" / "en"
    made.mkdir(parents=True, exist_ok=True)
    write_wav(made / "after.wav", tone(HIGH, seconds=2))
    return made


def _gsm(path: Path) -> None:
    encode = translator(SLIN, GSM)
    if encode is None:
        pytest.skip("nothing here encodes GSM: libgsm1 is not installed")
    path.write_bytes(encode(tone(LOW, seconds=2)))


KINDS = {
    "wav": lambda path: write_wav(path, tone(LOW, seconds=2)),
    "wav16": lambda path: write_wav(path, tone(LOW, 16000, 2), 16000),
    "wav of 48 kHz": lambda path: write_wav(path, tone(LOW, 48000, 2), 48000),
    "wav of 44.1 kHz and two channels": lambda path: write_wav(path, tone(LOW, 88200, 2), 44100, 2),
    "wav of G.711": lambda path: write_riff(path, 6, 8, g711.linear_to_alaw(tone(LOW, seconds=2))),
    "sln16": lambda path: path.write_bytes(resample(tone(LOW, seconds=2), 8000, 16000)),
    "alaw": lambda path: path.write_bytes(g711.linear_to_alaw(tone(LOW, seconds=2))),
    "gsm": _gsm,
    "opus": lambda path: write_encoded(path, "libopus", tone(LOW, 48000, 2), 48000, "ogg"),
    "ogg": lambda path: write_encoded(path, "vorbis", tone(LOW, 44100, 2), 44100, "ogg"),
    "mp3": lambda path: write_encoded(path, "libmp3lame", tone(LOW, 44100, 2), 44100, "mp3"),
}
"""How a file with a low tone is made, by its extension and what is special."""


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_is_heard(kind: str) -> None:
    async with ivr("[globals]\nSOUND=said\n[internal]" + DIALPLAN) as world:
        KINDS[kind](folder(world) / f"said.{kind.partition(' ')[0]}")
        call = await world.dial("800")
        await call.hears(LOW)
        await call.hangup()
        assert not [line for line in world.told("Playing") if "said" in line]


def _claims(path: Path) -> str:
    write_wav(path / "bad.wav", tone(LOW))
    data = bytearray((path / "bad.wav").read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    (path / "bad.wav").write_bytes(data)
    return "bad.wav: claims 4294967295 bytes of sound and has 16000, which are played"


def _cut(path: Path) -> str:
    write_encoded(path / "bad.opus", "libopus", tone(LOW, 48000, 4), 48000, "ogg")
    data = (path / "bad.opus").read_bytes()
    (path / "bad.opus").write_bytes(data[: len(data) // 2])
    return "bad.opus: is cut off in the middle of a page"


def _pipe(path: Path) -> str:
    os.mkfifo(path / "bad.wav")
    return "bad.wav: is not a regular file"


def _device(path: Path) -> str:
    (path / "bad.ulaw").symlink_to("/dev/zero")
    return "bad.ulaw: is not a regular file"


def _unreadable(path: Path) -> str:
    (path / "bad.mp3").write_bytes(b"#EXTM3U\n/etc/passwd\n" * 100)
    return "bad.mp3: cannot be read"


BAD = {"claims": _claims, "cut": _cut, "pipe": _pipe, "device": _device, "unreadable": _unreadable}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_file_is_told_and_the_call_goes_on(kind: str) -> None:
    async with ivr("[globals]\nSOUND=bad\n[internal]" + DIALPLAN) as world:
        told = BAD[kind](folder(world))
        call = await world.dial("800")
        await call.hears(HIGH)
        assert [line for line in world.told("Playing") if told in line]
        await call.hangup()


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "x" * 300])
async def test_a_name_that_leads_elsewhere_is_told_and_the_call_goes_on(name: str) -> None:
    async with ivr(f"[globals]\nSOUND={name}\n[internal]{DIALPLAN}") as world:
        folder(world)
        call = await world.dial("800")
        await call.hears(HIGH)
        assert "PLAYBACKSTATUS=FAILED" in world.variables("PLAYBACKSTATUS")
        assert [line for line in world.told("Playing") if "Playback" in line and "sound '" in line]
        await call.hangup()


async def test_those_who_hear_a_sound_share_it_each_from_its_beginning() -> None:
    pjsip = PJSIP.replace("max_contacts=1", "max_contacts=5")
    async with ivr("[globals]\nSOUND=said\n[internal]" + DIALPLAN, {"pjsip.conf": pjsip}) as world:
        path = folder(world) / "said.wav"
        write_wav(path, tone(LOW, seconds=1) + tone(HIGH, seconds=1))
        one = await world.dial("800")
        await one.hears(HIGH)
        two = await world.dial("801")
        await two.hears(LOW)
        await until(lambda: len(world.server.media.sounds._cache) == 2)
        await one.hangup()
        await two.hangup()


async def test_packages_of_the_system_are_found(tmp_path: Path) -> None:
    spoken, music = tmp_path / "system/sounds/en_US_f_Allison", tmp_path / "system/moh"
    spoken.mkdir(parents=True)
    music.mkdir()
    write_wav(spoken / "said.wav", tone(LOW, seconds=2))
    write_wav(music / "cold_day.wav", tone(HIGH, seconds=2))
    places = "".join(f"{one} => var\n" for one in ("astvarlibdir", "astspooldir", "astrundir", "astlogdir"))
    conf = f"[directories]\n{places}astsharedir => {tmp_path}/system\n"
    dialplan = "exten => 800,1,Answer()\n same => n,Playback(said)\n same => n,MusicOnHold()\n"
    async with ivr(dialplan, {"asterisk.conf": conf}) as world:
        call = await world.dial("800")
        await call.hears(LOW)
        await call.hears(HIGH)
        await call.hangup()
