"""Commands after recordings: off unless allowed, killed when they hang, never text of callers as syntax."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest
from recording_kit import Call, in_a_call

from asterism.pbx.calls.recording import afterwards
from asterism.pbx.calls.recording.afterwards import harmful
from asterism.pbx.dialplan.language.foreign import foreign, joined


async def until(condition: object, seconds: float = 5.0) -> None:
    for _ in range(int(seconds * 100)):
        if condition():  # type: ignore[operator]
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the condition never became true")


def test_a_command_is_not_run_unless_that_is_allowed(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        await call.application("MixMonitor", f"one.wav,d,touch {tmp_path}/done")
        (recording,) = call.server.pbx.recordings
        recording.stop()
        await recording.wait(5)
        await asyncio.sleep(0.2)
        assert not (call.folder / "one.wav").exists()
        assert "recording_commands is off" in call.log.text

    in_a_call(tmp_path, scenario)
    assert not (tmp_path / "done").exists()


def test_a_command_is_run_when_the_file_is_closed_and_its_variables_are_those_of_the_beginning(
    tmp_path: Path,
) -> None:
    async def scenario(call: Call) -> None:
        call.alice.set_variable("WHERE", f"{tmp_path}/copy.wav")
        await call.application("MixMonitor", f"one.wav,d,cp {call.folder}/one.wav ^{{WHERE}}")
        call.alice.set_variable("WHERE", "/nowhere")
        (recording,) = call.server.pbx.recordings
        recording.stop()
        await until(lambda: (tmp_path / "copy.wav").exists() and not (call.folder / "one.wav").exists())

    in_a_call(tmp_path, scenario, recording_commands=True)


def test_a_command_that_hangs_is_killed_with_what_it_started(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(call: Call) -> None:
        commands = call.server.pbx.recordings.commands
        commands.time_limit = 0.5
        await call.application("MixMonitor", f"one.wav,d,sleep 60 & echo $! >{tmp_path}/pid; wait; wait")
        (recording,) = call.server.pbx.recordings
        recording.stop()
        await until(lambda: "is killed" in call.log.text)
        pid = int((tmp_path / "pid").read_text())
        await until(lambda: not alive(pid))
        await until(lambda: not (call.folder / "one.wav").exists())

    in_a_call(tmp_path, scenario, recording_commands=True)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (OSError, IndexError):
        return False


def test_few_run_at_a_time_and_none_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(afterwards, "AT_ONCE", 2)

    async def scenario(call: Call) -> None:
        commands = call.server.pbx.recordings.commands
        for number in range(6):
            await call.application("MixMonitor", f"{number}.wav,,sleep 0.1; touch {tmp_path}/{number}")
        for recording in call.server.pbx.recordings:
            recording.stop()
            await recording.wait(5)
        await until(lambda: len(commands._running) == 2)
        await until(lambda: all((tmp_path / str(number)).exists() for number in range(6)))
        assert len(commands._running) <= 2

    in_a_call(tmp_path, scenario, recording_commands=True)


def test_a_command_that_fails_or_holds_text_of_a_caller_is_told_of(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        await call.application("MixMonitor", "one.wav,,exit 3")
        await call.application("MixMonitor", joined([f"two.wav,,touch {tmp_path}/", foreign("x;touch y")]))
        for recording in call.server.pbx.recordings:
            recording.stop()
        await until(lambda: "ended with 3" in call.log.text and "more than a word" in call.log.text)

    in_a_call(tmp_path, scenario, recording_commands=True)
    assert not list(tmp_path.glob("x*"))


def test_the_end_of_the_server_waits_for_commands_but_not_for_one_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(afterwards, "GRACE", 1.5)
    monkeypatch.setattr(afterwards, "AT_ONCE", 2)

    async def scenario(call: Call) -> None:
        await call.application("MixMonitor", f"one.wav,d,echo $$ >{tmp_path}/pid; sleep 60")
        for number in range(3):
            await call.application("MixMonitor", f"{number}.wav,,sleep 0.1; touch {tmp_path}/{number}")
        loop = asyncio.get_running_loop()
        begin = loop.time()
        await call.server.pbx.recordings.finish()
        assert loop.time() - begin < 4
        assert all((tmp_path / str(number)).exists() for number in range(3))
        assert not alive(int((tmp_path / "pid").read_text()))
        assert (call.folder / "one.wav").exists()  # its command has not done what it was to do
        assert "1 commands of recordings have not ended and are killed" in call.log.text

    in_a_call(tmp_path, scenario, recording_commands=True)


def test_text_of_callers_may_be_a_word() -> None:
    assert not harmful("rm -rf $(anything of the administrator's)")
    assert not harmful(joined(["play ", foreign("+49-30.1_2@x"), " now; ls"]))
    for text in ("a b", "$(id)", "`id`", "a;b", "a\nb", "'", '"', "*", "~"):
        assert harmful(joined(["play ", foreign(text)])), text


@pytest.mark.parametrize("command", ["", ",true"])
def test_files_are_deleted_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    where: list[bool] = []
    unlink = Path.unlink

    def watched(path: Path) -> None:
        where.append(threading.current_thread() is threading.main_thread())
        unlink(path)

    async def scenario(call: Call) -> None:
        monkeypatch.setattr(Path, "unlink", watched)
        await call.application("MixMonitor", f"one.wav,d{command}")
        (recording,) = call.server.pbx.recordings
        recording.stop()
        await until(lambda: where)
        assert where == [False]

    in_a_call(tmp_path, scenario, recording_commands=True)
    assert not (tmp_path / "monitor/one.wav").exists()
