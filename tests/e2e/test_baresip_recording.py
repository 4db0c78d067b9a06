"""A call of two baresip phones, recorded: each is in its own channel of the file."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest
from peers import Baresip, own_host, server_process

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 102,1,MixMonitor(call.wav,bDi(ID)r(says.ulaw))
 same => n,Dial(PJSIP/102,30)
"""


def strongest(pcm: np.ndarray) -> float:
    """The frequency that is loudest."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(np.argmax(spectrum)) * 8000 / len(pcm)


async def test_two_phones_in_stereo(tmp_path: Path) -> None:
    host = own_host()
    async with (
        server_process(tmp_path / "server", host, EXTENSIONS) as server,
        Baresip(tmp_path / "ann", "101", host, 440) as ann,
        Baresip(tmp_path / "bob", "102", host, 660) as bob,
    ):
        await ann.registered()
        await bob.registered()
        ann.command("dial", f"sip:102@{host}")
        await bob.event("CALL_INCOMING")
        bob.command("accept")
        await ann.event("CALL_ESTABLISHED")
        await bob.hears(440)
        await ann.hears(660)
        await asyncio.sleep(1)
        name = server.rx("core show channels concise").stdout.split("!")[0]
        listing = server.rx(f"mixmonitor list {name}").stdout
        assert "/spool/monitor/call\t" in listing, (name, listing)
        bob.command("hangup")
        await ann.event("CALL_CLOSED")
    folder = tmp_path / "server/spool/monitor"
    with wave.open(str(folder / "call.wav"), "rb") as file:
        assert file.getnchannels() == 2
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    middle = frames[len(frames) - 9600 : len(frames) - 1600]
    assert strongest(middle[:, 0]) == pytest.approx(440, abs=5)
    assert strongest(middle[:, 1]) == pytest.approx(660, abs=5)
    assert (folder / "says.ulaw").stat().st_size == len(frames)
