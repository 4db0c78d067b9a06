"""``kill -9`` in the middle of recorded calls: what was recorded is there, up to the last second, and can be played."""

from __future__ import annotations

import asyncio
import random
import signal
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from server_process import ServerProcess

from asterism.media.formats import SLIN
from asterism.media.soundfiles import Sound
from asterism.testing import Phone
from asterism.testing.servers import free_port

EXTENSIONS = """
[phones]
exten => 301,1,MixMonitor(one.wav,br(in.sln))
 same => n,MixMonitor(gsm.WAV,b)
 same => n,MixMonitor(ogg.opus,b)
 same => n,Dial(PJSIP/102,30)
"""


def config(port: int) -> str:
    sections = [f"[udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:{port}\n"]
    for user in ("101", "102"):
        sections += [
            f"[{user}]\ntype=endpoint\ncontext=phones\nallow=!all,ulaw\nauth={user}\naors={user}\n",
            f"[{user}]\ntype=auth\nusername={user}\npassword=secret\n",
            f"[{user}]\ntype=aor\nmax_contacts=1\n",
        ]
    return "".join(sections)


@pytest.mark.timeout(120)
async def test_kill_9_costs_less_than_the_last_second(tmp_path: Path) -> None:
    port = free_port()
    server = ServerProcess(
        tmp_path, pjsip=config(port), extensions=EXTENSIONS, logger="[logfiles]\nfull => error\n"
    )  # fmt: skip
    try:
        await asyncio.to_thread(server.start, "-q")
        process = server.process
        assert process is not None
        address = ("127.0.0.1", port)
        async with Phone("101", address, "secret") as ann, Phone("102", address, "secret") as bob:
            await ann.register()
            await bob.register()
            call = await ann.dial("301")
            incoming = await bob.incoming()
            before = time.monotonic()
            incoming.answer()
            await call.answered()
            after = time.monotonic()
            call.play(440)
            incoming.play(700)
            await incoming.hears(440)
            await call.hears(700)
            await asyncio.sleep(random.uniform(2, 4))
            process.send_signal(signal.SIGKILL)
            killed = time.monotonic()
            await asyncio.to_thread(process.wait)
        path, received = tmp_path / "spool/monitor/one.wav", tmp_path / "spool/monitor/in.sln"
        with wave.open(str(path), "rb") as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert path.stat().st_size == 44 + 2 * len(samples)
        seconds = len(samples) / 8000
        assert killed - after - 1 < seconds < killed - before + 0.1
        last = samples[-1600:]
        for frequency in (440, 700):
            found = np.abs(np.sum(last * np.exp(-2j * np.pi * frequency * np.arange(1600) / 8000))) / 800
            assert found > 6000, frequency
        for name in ("gsm.WAV", "ogg.opus"):
            told: list[str] = []
            sound = Sound(tmp_path / "spool/monitor" / name, SLIN, told.append)
            assert len(list(sound.frames())) * 0.02 == pytest.approx(seconds, abs=0.6)  # one turn more or less
            assert told == []
        assert received.stat().st_size == pytest.approx(2 * len(samples), abs=9000)  # one turn more or less
    finally:
        server.__exit__(None, None, None)
