"""Music that a program makes."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

import pytest

from asterism.media.formats import SLIN
from asterism.pbx.channels.music.classes import MusicClass
from asterism.pbx.channels.music.program import Program
from asterism.testing import until

LOG = logging.getLogger("test")
SPEAKS = f"{sys.executable} -uc \"import sys\nwhile 1: sys.stdout.buffer.write(b'a' * 3200)\""
DEAF = (
    f'{sys.executable} -uc "import signal,time\nsignal.signal(1,1);signal.signal(15,1);'
    "print('a'*320)\ntime.sleep(99)\""
)


def program(command: str) -> Program:
    return Program(MusicClass("m", "custom", application=command, kill_delay=0.1), asyncio.get_running_loop(), LOG)


async def test_all_listeners_hear_the_same_and_the_last_ends_it() -> None:
    made = program(SPEAKS)
    first, second = made.frames(), made.frames()
    assert next(first).format is SLIN
    await until(lambda: next(first).payload == b"a" * 320)
    assert next(second) is next(first)
    first.close()  # type: ignore[attr-defined]
    assert made.running
    second.close()  # type: ignore[attr-defined]
    await until(lambda: made.idle)


async def test_what_it_writes_ahead_is_bounded() -> None:
    made = program(SPEAKS)
    frames = made.frames()
    next(frames)
    await until(lambda: made.held)
    assert len(made.buffer) < 400_000
    frames.close()  # type: ignore[attr-defined]
    await until(lambda: made.idle)


async def test_a_program_that_will_not_end_is_killed() -> None:
    made = program(DEAF)
    frames = made.frames()
    await until(lambda: next(frames).payload[:1] == b"a")
    pid = made.pid
    frames.close()  # type: ignore[attr-defined]
    await until(lambda: made.idle)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_program_that_cannot_be_run_is_silence(caplog: pytest.LogCaptureFixture) -> None:
    made = program("/nowhere/music")
    frames = made.frames()
    assert next(frames).payload == bytes(320)
    await until(lambda: "its program ended (127)" in caplog.text)
    assert next(frames).payload == bytes(320)
    frames.close()  # type: ignore[attr-defined]
    await until(lambda: made.idle)
