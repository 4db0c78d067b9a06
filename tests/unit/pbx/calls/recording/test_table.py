"""The recordings of a server: how many, to which files, and that a disk that hangs costs only the recording."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from fake_technology import settle
from recording_kit import Call, in_a_call

from asterism.media.formats import ULAW
from asterism.media.recording.mixdown import Output, Source
from asterism.media.stream import Frame
from asterism.pbx.calls.recording import table
from asterism.pbx.calls.recording.settings import RecordingError, RecordingSettings
from asterism.pbx.calls.recording.table import MOST
from asterism.pbx.vocabulary.events import BRIDGE_LEAVE


def settings(path: Path, **options: object) -> RecordingSettings:
    return RecordingSettings((Output(path),), **options)  # type: ignore[arg-type]


def test_a_channel_has_a_limit_and_a_file_is_written_by_one_recording(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        recordings = call.server.pbx.recordings
        for number in range(MOST):
            recordings.start(call.alice, settings(tmp_path / f"{number}.wav"))
        with pytest.raises(RecordingError, match="already"):
            recordings.start(call.alice, settings(tmp_path / "more.wav"))
        with pytest.raises(RecordingError, match="another recording"):
            recordings.start(call.bob, settings(tmp_path / "0.wav"))
        twice = RecordingSettings((Output(tmp_path / "x.wav"), Output(tmp_path / "x.wav", Source.SENT)))
        with pytest.raises(RecordingError, match="the same"):
            recordings.start(call.bob, twice)
        with pytest.raises(RecordingError, match="kind"):
            recordings.start(call.bob, settings(tmp_path / "x.mp3"))
        assert len(recordings) == MOST
        first = recordings.of(call.alice)[0]
        first.stop()
        again = recordings.start(call.bob, settings(tmp_path / "0.wav"))
        again.stop()
        await again.wait(5)
        assert again.error == ""

    in_a_call(tmp_path, scenario)


def test_a_channel_that_is_over_cannot_be_recorded(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        call.alice.soft_hangup()
        await settle()
        with pytest.raises(RecordingError, match="hung up"):
            call.server.pbx.recordings.start(call.alice, settings(tmp_path / "x.wav"))

    in_a_call(tmp_path, scenario)


def test_bridges_are_watched_only_while_a_recording_needs_it(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        recordings = call.server.pbx.recordings
        plain = recordings.start(call.alice, settings(tmp_path / "1.wav"))
        assert not recordings._unsubscribe
        bridged = recordings.start(call.alice, settings(tmp_path / "2.wav", bridged_only=True))
        assert len(recordings._unsubscribe) == 2
        bridged.stop()
        assert not recordings._unsubscribe
        assert plain.active

    in_a_call(tmp_path, scenario)


def _wait(event: threading.Event) -> None:
    event.wait(30)


def test_a_disk_that_hangs_holds_neither_the_loop_nor_more_memory_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "_CLOSING", 0.2)

    async def scenario(call: Call) -> None:
        recordings = call.server.pbx.recordings
        recordings.thread._limit = 10_000
        hangs = threading.Event()
        recordings.thread.submit(lambda: _wait(hangs))
        recording = recordings.start(call.alice, settings(tmp_path / "1.wav"))
        stream: Any = call.alice.stream
        for turn in range(10):
            for number in range(25):
                stream.hear_in(Frame(ULAW, b"\x80" * 160, (turn * 25 + number) * 160))
            recording.turn(asyncio.get_running_loop().time())
        assert recordings.thread.waiting <= 10_000
        assert "lacks what could not be written in time" in call.log.text
        with pytest.raises(TimeoutError):
            await recording.wait(0.05)
        began = asyncio.get_running_loop().time()
        await recordings.finish()  # as at the end of the server
        assert asyncio.get_running_loop().time() - began < 3
        assert "files of 1 recordings could not be closed" in call.log.text
        hangs.set()
        await recording.wait(5)
        assert recording.error == ""
        assert recordings.thread.waiting == 0

    in_a_call(tmp_path, scenario)


def test_what_others_began_is_not_ended_muted_or_listed_by_mixmonitor(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        recordings = call.server.pbx.recordings
        quiet = recordings.start(call.alice, settings(tmp_path / "1.wav"), announced=False)
        bridged = recordings.start(call.alice, settings(tmp_path / "2.wav", bridged_only=True), announced=False)
        own = recordings.start(call.alice, settings(tmp_path / "3.wav"))
        assert recordings.of(call.alice) == [own]
        assert recordings.find(call.alice, quiet.identifier) is None
        await call.action("MixMonitorMute", Channel=call.alice.name, Direction="both", State="1")
        assert own._muted
        assert not quiet._muted
        assert "1.wav" not in call.console("list", call.alice.name)
        await call.application("StopMixMonitor", quiet.identifier)
        await call.application("StopMixMonitor")
        assert (quiet.active, bridged.active, own.active) == (True, True, False)
        call.server.pbx.bus.publish(BRIDGE_LEAVE, call.alice.bridge, call.alice)
        assert bridged._holds == {"unbridged"}

    in_a_call(tmp_path, scenario)


def test_an_unloaded_mixmonitor_ends_its_own_and_the_end_of_the_server_all(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        recordings = call.server.pbx.recordings
        quiet = recordings.start(call.alice, settings(tmp_path / "1.wav"), announced=False)
        own = recordings.start(call.alice, settings(tmp_path / "2.wav"))
        await recordings.finish_announced()
        await own.wait(0)
        assert quiet.active
        await recordings.finish()
        await quiet.wait(0)
        assert not quiet.active

    in_a_call(tmp_path, scenario)
