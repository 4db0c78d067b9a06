"""Recordings of calls, told by what is in their files."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
from call_kit import World

from asterism.pbx.calls.recording.recording import Recording
from asterism.testing import PhoneCall

DIRECTORIES = "[directories]\n" + "".join(
    f"{name} => {{root}}/{place}\n"
    for name, place in (
        ("astvarlibdir", "lib"), ("astdbdir", "lib"), ("astkeydir", "lib"), ("astdatadir", "lib"),
        ("astmoddir", "modules"), ("astspooldir", "spool"), ("astrundir", "run"), ("astlogdir", "log"),
    )
)  # fmt: skip


def folder(world: World) -> Path:
    return Path(world.server.paths.spool) / "monitor"


def samples_of(path: Path) -> np.ndarray:
    """One row for each channel."""
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getsampwidth()) == (8000, 2)
        found = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return found.reshape(-1, file.getnchannels()).T


def strengths(pcm: np.ndarray, frequency: int, step: float = 0.1) -> list[float]:
    """How strong a tone is in each tenth of a second; a phone's tone is about 8000."""
    size = int(8000 * step)
    wave_ = np.exp(-2j * np.pi * frequency * np.arange(size) / 8000)
    pieces = pcm[: len(pcm) // size * size].reshape(-1, size)
    return [float(value) for value in np.abs(pieces @ wave_) * 2 / size]


def heard(pcm: np.ndarray, frequency: int) -> list[bool]:
    return [one > 3000 for one in strengths(pcm, frequency)]


def open_files() -> list[str]:
    return [os.path.realpath(one) for one in Path("/proc/self/fd").iterdir()]


async def recording_of(world: World, name: str = "101") -> Recording:
    """The recording of a phone's channel."""
    (found,) = [one for one in world.server.pbx.recordings if one.channel.name.startswith(f"PJSIP/{name}")]
    return found


async def finish(world: World, call: PhoneCall, incoming: PhoneCall) -> None:
    recordings = list(world.server.pbx.recordings)
    await call.hangup()
    await incoming.ended()
    for one in recordings:
        await one.wait(5)
