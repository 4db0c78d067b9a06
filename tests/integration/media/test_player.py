"""Playback of every kind of file, heard by a phone."""

from __future__ import annotations

import math
import struct
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from asterism.media.g711 import linear_to_alaw, linear_to_ulaw
from asterism.testing import Phone, running_server
from asterism.testing.sdp import PCMA, PCMU

PITCH = 1300
"""Hz; what the GSM frames below amount to."""
SECONDS = 1

CONFIG = {
    "pjsip.conf": """
[101]
type=endpoint
context=phones
allow=ulaw,alaw
auth=101
aors=101
[101]
type=auth
username=101
password=secret
[101]
type=aor
""",
    "extensions.conf": """
[phones]
exten => 600,1,Playback(our-prompt)
 same => n,Hangup(${IF($["${PLAYBACKSTATUS}"="SUCCESS"]?16:17)})
""",
}


def linear(rate: int) -> bytes:
    count = SECONDS * rate
    return struct.pack(f"<{count}h", *(int(8000 * math.sin(2 * math.pi * PITCH * n / rate)) for n in range(count)))


def wav(rate: int) -> Callable[[Path], None]:
    def write(base: Path) -> None:
        with wave.open(str(base.with_suffix(".wav")), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(linear(rate))

    return write


def ulaw(base: Path) -> None:
    base.with_suffix(".ulaw").write_bytes(linear_to_ulaw(linear(8000)))


def alaw(base: Path) -> None:
    base.with_suffix(".alaw").write_bytes(linear_to_alaw(linear(8000)))


def gsm(base: Path) -> None:
    """GSM 06.10 frames written by hand: neutral filters, and pulses of changing sign, 26 of them in 80 samples."""
    bits = "1101" + "".join(f"{1 << (width - 1):0{width}b}" for width in (6, 6, 5, 5, 4, 4, 3, 3))
    for part in range(4):
        lag, gain, grid, size = f"{80:07b}", "00", "00", f"{50:06b}"
        pulses = "".join("111" if (part + pulse) % 2 else "000" for pulse in range(13))
        bits += lag + gain + grid + size + pulses
    frame = int(bits, 2).to_bytes(33, "big")
    base.with_suffix(".gsm").write_bytes(frame * (50 * SECONDS))


@pytest.mark.parametrize("codec", [PCMU, PCMA], ids=["u-law phone", "A-law phone"])
@pytest.mark.parametrize(
    "write", [wav(8000), wav(16000), ulaw, alaw, gsm], ids=["WAV", "WAV at 16 kHz", "u-law", "A-law", "GSM"]
)
async def test_a_file_is_heard(tmp_path: Path, write: Callable[[Path], None], codec: int) -> None:
    async with running_server(CONFIG, tmp_path) as server, Phone("101", server, "secret") as phone:
        phone.codecs = [codec]
        sounds = server.paths.data / "sounds" / "en"
        sounds.mkdir(parents=True)
        write(sounds / "our-prompt")
        call = await phone.dial("600")
        await call.answered()
        await call.hears(PITCH)
        assert await call.ended() == "BYE received"
        assert call.requests[-1].get("Reason") == "Q.850;cause=16"
        assert 45 * SECONDS <= len(call.audio.packets) <= 55 * SECONDS
