"""One recording: pauses, mutes, bridges, skips, and its ends; what was said by the level that it has."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_technology import settle
from recording_kit import Call, in_a_call

from asterism.media.formats import SLIN
from asterism.media.recording import mixdown
from asterism.media.recording.mixdown import Mixdown, Output, Source
from asterism.media.taps import Direction
from asterism.pbx.calls.recording.recording import Recording
from asterism.pbx.calls.recording.settings import RecordingSettings
from asterism.pbx.vocabulary.events import BRIDGE_LEAVE


async def say(call: Call, level: int, frames: int = 10) -> None:
    """Alice says, and hears, a level for the next 200 ms, however busy the machine is."""
    begin = asyncio.get_running_loop().time()
    payload = np.full(160, level, "<i2").tobytes()
    for recording in call.server.pbx.recordings:
        for capture in recording._captures.values():
            for number in range(frames):
                capture.keep((begin + number * 0.02, SLIN, None, payload))
    await asyncio.sleep(0.25)


def start(call: Call, path: Path, source: Source = Source.MIXED, **more: object) -> Recording:
    settings = RecordingSettings((Output(path, source, sparse=source is not Source.MIXED),), **more)  # type: ignore[arg-type]
    return call.server.pbx.recordings.start(call.alice, settings)


def levels(path: Path) -> set[int]:
    return set(np.frombuffer(path.read_bytes(), "<i2").tolist())


async def closed(recording: Recording) -> None:
    recording.stop()
    await recording.wait(5)
    assert recording.error == ""


def test_nothing_of_a_pause_is_recorded(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        recording = start(call, tmp_path / "one.sln")
        await say(call, 100)
        recording.pause()
        recording.pause()
        assert recording.paused
        await say(call, 200)
        recording.turn(asyncio.get_running_loop().time())
        await say(call, 250)
        recording.resume()
        recording.resume()
        assert not recording.paused
        await say(call, 300)
        await closed(recording)
        assert levels(tmp_path / "one.sln") == {0, 200, 600}  # both directions, mixed
        assert 0.4 < recording.seconds < 1.0

    in_a_call(tmp_path, scenario)


@pytest.mark.parametrize("direction", list(Direction))
def test_a_muted_direction_is_silent(tmp_path: Path, direction: Direction) -> None:
    async def scenario(call: Call) -> None:
        recording = start(call, tmp_path / "one.sln")
        await say(call, 100)
        recording.mute(direction)
        recording.mute(direction)
        await say(call, 200)
        recording.mute(direction, on=False)
        await say(call, 300)
        await closed(recording)
        found = levels(tmp_path / "one.sln")
        assert {200, 600} <= found  # both
        assert 400 not in found  # one of two

    in_a_call(tmp_path, scenario)


def test_only_the_direction_that_is_written_is_tapped(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        for source, taps in ((Source.RECEIVED, (1, 0)), (Source.SENT, (0, 1)), (Source.STEREO, (1, 1))):
            recording = start(call, tmp_path / f"{source.value}.sln", source)
            stream: Any = call.alice.stream
            lines = stream.taps_in, stream.taps_out
            assert tuple(0 if line is None else len(line.taps) for line in lines) == taps
            await closed(recording)
            assert stream.taps_in is stream.taps_out is None

    in_a_call(tmp_path, scenario)


def test_only_bridges_and_not_the_first_seconds(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        bridged = start(call, tmp_path / "bridged.sln", bridged_only=True)
        late = start(call, tmp_path / "late.sln", skip=0.3)
        await say(call, 100)
        await asyncio.sleep(0.1)
        assert call.alice.bridge is not None
        bridge = call.alice.bridge
        call.server.pbx.bus.publish(BRIDGE_LEAVE, bridge, call.alice)
        await say(call, 200)
        await closed(bridged)
        await closed(late)
        assert 200 in levels(tmp_path / "bridged.sln")
        assert 400 not in levels(tmp_path / "bridged.sln")
        assert 400 in levels(tmp_path / "late.sln")
        assert 200 not in levels(tmp_path / "late.sln")

    in_a_call(tmp_path, scenario)


def test_it_ends_with_its_channel_and_says_so_once(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        recording = start(call, tmp_path / "one.sln")
        await say(call, 100)
        call.alice.soft_hangup()
        await settle()
        assert not recording.active
        await recording.wait(5)
        recording.stop()
        recording.pause()
        recording.resume()
        recording.turn(0.0)
        assert levels(tmp_path / "one.sln") >= {200}

    server = in_a_call(tmp_path, scenario)
    assert server.names().count("MixMonitorStop") == 1


def test_a_fault_of_ours_ends_the_recording_with_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(call: Call) -> None:
        recording = start(call, tmp_path / "one.sln")
        other = start(call, tmp_path / "two.sln")

        def work(batch: object) -> None:
            raise RuntimeError("broken on purpose")

        monkeypatch.setattr(recording._mixdown, "work", work)
        recording.turn(asyncio.get_running_loop().time())
        await recording.wait(5)
        assert recording.error == "broken on purpose"
        assert "broken on purpose" in call.log.text
        assert call.alice.bridge is not None
        assert other.active

    in_a_call(tmp_path, scenario)


def test_beeps_come_once_a_second_at_most(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        recording = start(call, tmp_path / "one.sln", beep=0.0001)
        await asyncio.sleep(0.1)
        timer = recording._beeping
        assert timer is not None
        assert timer.when() - asyncio.get_running_loop().time() > 0.5
        await closed(recording)

    in_a_call(tmp_path, scenario)


@pytest.mark.parametrize("when", ["open", "work", "cut", "close"])
def test_whatever_fails_in_the_thread_ends_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    def fail(*_args: object) -> None:
        raise ValueError("broken on purpose")

    monkeypatch.setattr("threading.excepthook", lambda _args: None)

    async def scenario(call: Call) -> None:
        monkeypatch.setattr(Mixdown, when, fail)
        recording = start(call, tmp_path / "one.sln")
        await say(call, 5)
        recording.stop(0.1)
        await recording.wait(5)
        await settle()
        assert (recording.error == "broken on purpose") is (when in ("open", "work", "cut"))
        assert not recording.active

    in_a_call(tmp_path, scenario)
    # What it raises at its end is to be raised before the hook is as it was.
    for thread in threading.enumerate():
        if thread.name == "recordings":
            thread.join(5)


def _break(*_args: object) -> None:
    raise ValueError("broken on purpose")


@pytest.mark.parametrize("where", ["open", "encode", "finish", "cut"])
def test_whatever_an_encoder_does_who_waits_is_told_and_every_file_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    async def scenario(call: Call) -> None:
        recordings = call.server.pbx.recordings
        with monkeypatch.context() as patch:
            if where == "open":
                patch.setattr(mixdown.SoundFile, "_write_head", _break)
            settings = RecordingSettings((Output(tmp_path / "one.wav"), Output(tmp_path / "two.wav")))
            recording = recordings.start(call.alice, settings)
            await say(call, 100)
        files = [writer.file for writer in recording._mixdown._writers]
        first: Any = files[0]._growth if files else None
        if where == "encode":
            first.encode = first.finish = _break
        elif where == "finish":
            first.finish = _break
        elif where == "cut":
            first.cut = _break
        if where in ("encode", "open"):
            recording.turn(asyncio.get_running_loop().time())
        else:
            recording.stop(0.01)
        await recording.wait(5)
        assert not recording.active
        assert not recordings._closing
        if where in ("open", "encode", "cut"):
            assert recording.error == "broken on purpose"
            assert "broken on purpose" in call.log.text
        assert [file._fd for file in files] == [-1] * len(files)

    in_a_call(tmp_path, scenario)


def test_mutes_do_not_move_the_turns(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        recording = start(call, tmp_path / "one.sln")
        due = recording.due
        for number in range(40):
            recording.mute(Direction.IN, on=not number % 2)
        assert recording.due == due
        await closed(recording)

    in_a_call(tmp_path, scenario)


def test_a_timer_of_the_beginning_ends_with_the_recording_though_beeps_came_meanwhile(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        recording = start(call, tmp_path / "one.sln", skip=30.0, beep=20.0)
        timer = recording._skipping
        assert timer is not None
        recording._beep()
        await closed(recording)
        assert timer.cancelled()
        assert recording._beeping is not None
        assert recording._beeping.cancelled()

    in_a_call(tmp_path, scenario)
