"""Calls by call files: attempts, what is written to the file, and events as recorded."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_technology import settle
from local_kit import CALL_APPLICATIONS as RECORD
from local_kit import comparable, local_server, recorded, told

from asterism.pbx.calls.spool import module
from asterism.pbx.calls.spool.module import Spool
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.party import PartyId
from asterism.testing import until

ANSWERED, BUSY = "answered, Archive: yes", "busy, MaxRetries 1, RetryTime 2, Archive: yes"


def section(title: str) -> str:
    text = RECORD.read_text()
    return text[text.index(f"\n### {title}\n") :].split("\n", 2)[2].partition("\n### ")[0].strip() + "\n"


def archived(title: str) -> str:
    text = RECORD.read_text()
    part = text[text.index(f"\n### call file: {title}\n") :]
    return part[part.index("file left in outgoing_done: c.call\n") :].split("\n", 1)[1].partition("\n\n### ")[0].strip()


class World:
    """A server with the module, whose time is moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.server = local_server()
        self.server.paths = SimpleNamespace(spool=folder)
        self.server.spawn = lambda coroutine, name: asyncio.get_running_loop().create_task(coroutine)  # type: ignore[attr-defined]
        self.server.sip.phones["bob"] = PartyId("6002", "Bob")
        self.spool = Spool()
        self.spool.load(self.server)  # type: ignore[arg-type]
        self.spool._clock = lambda: self.now
        self.now = time.time() + 20  # whatever is written now has rested since
        self.folder = self.spool._folder
        self.folder.create()

    def put(self, text: str | bytes, name: str = "c.call", due: float | None = None) -> Path:
        path = self.folder.path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        due = self.now - 5 if due is None else due
        os.utime(path, (due, due))
        return path

    async def look(self, seconds: float = 0.0) -> None:
        self.now += seconds
        await self.spool.look(*self.folder.scan())
        await settle(60)

    async def idle(self) -> None:
        """Until every call by a file is over."""
        while self.spool.use_count():  # noqa: ASYNC110 - it works in threads
            await asyncio.sleep(0.001)
        await settle()

    @property
    def bob(self) -> Channel:
        return self.server.sip.made[-1]

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.path.iterdir())

    def done(self, name: str = "c.call") -> str:
        return (self.folder.done / name).read_text()


def run(folder: Path, scenario: Callable[[World], Awaitable[None]]) -> World:
    async def main() -> World:
        world = World(folder)
        await scenario(world)
        world.spool.unload()
        for channel in world.server.pbx.channels:
            channel.hang_up()
        await settle(60)
        return world

    return asyncio.run(main())


def refuses(channel: Channel) -> None:
    channel.queue_hangup(17, "", 486)


def answers(channel: Channel) -> None:
    channel.queue_control(Control.RINGING)
    channel.queue_control(Control.ANSWER)


def shape(text: str) -> str:
    """An archived file with the recorded process and times: seconds from its first."""
    times = [int(found) for found in re.findall(r"\((\d+)\)", text)]
    text = re.sub(r"\((\d+)\)", lambda found: f"({int(found[1]) - times[0]})", text)
    return re.sub(r"Retry: \d+ ", "Retry: PID ", text)


def test_an_answered_call_as_recorded(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.server.sip.scripts["bob"] = answers
        world.put(section(f"call file: {ANSWERED}"))
        await world.look()
        assert world.left() == ["c.call"]
        await world.look(2)
        await world.look(5)  # told once
        world.bob.queue_hangup(0)
        await world.idle()
        assert world.left() == []
        assert shape(world.done().strip()) == shape(archived(ANSWERED))
        assert world.bob.accountcode == "cfa"

    server = run(tmp_path, scenario).server
    wanted = comparable(recorded(f"call file: {ANSWERED}", RECORD), lambda name: False)
    assert comparable(told(server), lambda name: False) == wanted


def test_a_busy_phone_is_called_again_as_recorded(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.server.sip.scripts["bob"] = refuses
        world.put(section(f"call file: {BUSY}"))
        await world.look()
        await world.idle()
        await world.look(1)
        assert len(world.server.sip.made) == 1
        await world.look(1)
        await world.idle()
        assert world.left() == []
        assert shape(world.done().strip()) == shape(archived(BUSY))
        await world.look(100)
        assert len(world.server.sip.made) == 2

    server = run(tmp_path, scenario).server
    wanted = comparable(recorded(f"call file: {BUSY}", RECORD), lambda name: False)
    assert comparable(told(server), lambda name: False) == wanted


def test_a_file_that_was_written_to_since_it_was_seen_is_looked_at_again_later(tmp_path: Path) -> None:
    """A call that ends between the look of the thread and that of the loop is not made again at once."""

    async def scenario(world: World) -> None:
        world.put("Channel: PJSIP/bob\nApplication: Wait\nMaxRetries: 5\nRetryTime: 100\n")
        await world.look()
        world.now += 101
        seen = world.folder.scan()
        refuses(world.bob)
        await world.idle()
        await world.spool.look(*seen)
        assert len(world.server.sip.made) == 1

    run(tmp_path, scenario)


def test_without_archive_the_file_is_deleted(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.server.sip.scripts["bob"] = refuses
        world.put("Channel: PJSIP/bob\nApplication: Wait\nData: 1\n")
        await world.look()
        await world.idle()
        assert world.left() == []
        assert not world.folder.done.exists()

    run(tmp_path, scenario)


def test_a_time_in_the_future_is_waited_for(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.put("Channel: PJSIP/bob\nApplication: Wait\nData: 9\n", due=world.now + 60)
        await world.look()
        await world.look(59)
        assert world.server.sip.made == []
        await world.look(1)
        assert len(world.server.sip.made) == 1

    run(tmp_path, scenario)


def test_a_file_that_is_being_written_is_left_until_it_rests(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        path = world.put("Channel: PJSIP/bob\nApplication: Wait\n")
        os.utime(path, (1, 1))  # its time may be set, and says nothing of that
        changed = path.stat().st_ctime
        world.now = changed + 0.9
        await world.look()
        assert world.server.sip.made == []
        world.now = changed + 1.1
        await world.look()
        assert len(world.server.sip.made) == 1

    run(tmp_path, scenario)


@pytest.mark.parametrize("text", ["", "Channel: PJSIP/bob\n", "Application: Wait\n"])
def test_one_in_which_something_is_missing_is_given_time(text: str, tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        path = world.put(text, due=1)
        changed = path.stat().st_ctime
        world.now = changed + 9
        await world.look()
        assert (world.left(), world.spool._left) == (["c.call"], {})
        world.now = changed + 11
        await world.look()
        assert (world.left(), list(world.spool._left)) == ((["c.call"], ["c.call"]) if not text else ([], []))

    run(tmp_path, scenario)


def test_an_attempt_that_another_server_began_is_made_again_and_counts(tmp_path: Path) -> None:
    """The server was killed in the middle of a call."""

    async def scenario(world: World) -> None:
        world.server.sip.scripts["bob"] = refuses
        text = "Channel: PJSIP/bob\nApplication: Wait\nMaxRetries: 1\nRetryTime: 10\nArchive: yes\n"
        world.put(text + "\nStartRetry: 1 1 (1000010)\n")
        await world.look()
        await world.idle()
        lines = world.done().removeprefix(text).split("\n")
        assert [line.split(" ", 1)[0] for line in lines if line] == [
            "StartRetry:", "AbortRetry:", "StartRetry:", "Status:",
        ]  # fmt: skip
        assert [line.split()[2] for line in lines if "Retry" in line] == ["1", "1", "2"]
        assert world.server.fields("VarSet")[0]["Value"] == "2"

    run(tmp_path, scenario)


def test_a_server_that_dies_at_each_attempt_does_not_call_for_ever(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        text = "Channel: PJSIP/bob\nApplication: Wait\nMaxRetries: 1\nArchive: yes\n"
        text += "\nStartRetry: 1 1 (1)\n\nAbortRetry: 2 1 (1)\n\nStartRetry: 2 2 (1)\n\nAbortRetry: 3 2 (1)\n"
        world.put(text)
        await world.look()
        assert world.server.sip.made == []
        assert world.done().endswith("Status: Expired\n")

    run(tmp_path, scenario)


def test_a_server_that_stops_leaves_the_attempt_to_who_starts_next(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.put("Channel: PJSIP/bob\nApplication: Wait\n")
        await world.look()
        await until(lambda: world.spool.use_count() == 1)
        world.spool.unload()
        await world.idle()
        assert "StartRetry" in (world.folder.path / "c.call").read_text()
        assert "EndRetry" not in (world.folder.path / "c.call").read_text()
        assert world.bob.dead

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("text", "told_of"),
    [
        ("Channel: PJSIP/bob\n", "c.call calls nobody: it needs Application"),
        ("Channel: PJSIP/bob\nApplication: Nothing\n", "there is no application 'Nothing'"),
        ("Channel: PJSIP/bob\nExtension: 7010\nPriority: nolabel\n", "7010@default has no priority 'nolabel'"),
        ("Chanel: PJSIP/bob\nApplication: Wait\n", "c.call, line 1: unknown key 'Chanel'"),
    ],
)
def test_a_wrong_file_is_told_with_its_name_and_line_and_not_kept(
    text: str, told_of: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(world: World) -> None:
        world.put(text + "Archive: yes\n")
        world.put(text, name="other")
        await world.look()
        assert world.left() == []
        assert world.done() == f"{text}Archive: yes\nStatus: Failed\n"
        assert world.server.sip.made == []

    run(tmp_path, scenario)
    assert told_of in capsys.readouterr().err


def test_what_is_no_call_file_is_told_once_and_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(world: World) -> None:
        world.put(b"Channel: \0", "binary")
        world.put(b"x" * 70_000, "huge")
        (world.folder.path / "link").symlink_to("/etc/passwd")
        os.mkfifo(world.folder.path / "pipe")
        for name in ("link", "pipe"):
            os.utime(world.folder.path / name, (1, 1), follow_symlinks=False)
        for _ in range(3):
            await world.look(10)
        assert world.left() == ["binary", "huge", "link", "pipe"]
        assert len(world.spool._left) == 4
        world.put("Channel: PJSIP/bob\nApplication: Wait\n", "binary")
        await world.look()
        assert len(world.server.sip.made) == 1  # it is another one now

    run(tmp_path, scenario)
    assert capsys.readouterr().err.count("is no call file") == 4


def test_a_file_that_cannot_be_written_to_is_not_called(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing would say that it was called, and it would be called at every look."""

    async def scenario(world: World) -> None:
        def refuse(name: str, text: str, due: float) -> Any:
            raise OSError(30, "Read-only file system")

        world.put("Channel: PJSIP/bob\nApplication: Wait\n")
        world.folder.append = refuse
        for _ in range(3):
            await world.look(10)
        assert world.server.sip.made == []

    run(tmp_path, scenario)
    assert capsys.readouterr().err.count("Read-only file system") == 1


def test_a_file_that_cannot_be_removed_is_not_called_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario(world: World) -> None:
        def refuse(*args: Any, **options: Any) -> bool:
            raise OSError(13, "Permission denied")

        world.server.sip.scripts["bob"] = refuses
        world.put("Channel: PJSIP/bob\nApplication: Wait\nRetryTime: 1\n")
        world.folder.finish = refuse
        for _ in range(3):
            await world.look(10)
            await world.idle()
        assert len(world.server.sip.made) == 1

    run(tmp_path, scenario)
    assert capsys.readouterr().err.count("cannot be removed") == 1


def test_a_file_that_was_deleted_during_the_call_is_not_called_again(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.put("Channel: PJSIP/bob\nApplication: Wait\nMaxRetries: 9\nRetryTime: 1\n")
        await world.look()
        (world.folder.path / "c.call").unlink()
        refuses(world.bob)
        await world.idle()
        await world.look(10)
        assert (world.left(), len(world.server.sip.made)) == ([], 1)

    run(tmp_path, scenario)


def test_only_so_many_calls_are_made_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        monkeypatch.setattr(module, "MAX_CALLS", 2)
        for number in range(4):
            world.put("Channel: PJSIP/bob\nApplication: Wait\n", f"{number}.call")
        await world.look()
        assert len(world.server.sip.made) == 2
        world.server.pbx.refuse_calls("it stops")
        refuses(world.server.sip.made[0])
        await settle(60)
        await asyncio.sleep(0.05)
        await world.look()
        assert len(world.server.sip.made) == 2
        world.server.pbx.refuse_calls("")
        await world.look()
        assert len(world.server.sip.made) == 3

    run(tmp_path, scenario)


def test_the_extension_failed_is_run_when_nobody_answers(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.server.sip.scripts["bob"] = refuses
        world.server.dialplan(("failed", 1, "NoOp", "${REASON} ${CFV}"))
        world.put("Channel: PJSIP/bob\nContext: internal\nExtension: 7010\nSetvar: CFV=1\nAccount: acc\n")
        await world.look()
        await world.idle()
        ran = [event for event in world.server.fields("Newexten") if event["Exten"] == "failed"]
        assert {event["Channel"].partition("-")[0] for event in ran} == {"OutgoingSpoolFailed"}
        assert ran[0]["AppData"] == "0 1"
        assert ran[0]["AccountCode"] == "acc"

    run(tmp_path, scenario)


def test_files_that_the_thread_finds_are_called_and_its_problems_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.005)

    async def scenario(world: World) -> None:
        world.put("Channel: PJSIP/bob\nApplication: Wait\n")
        world.spool.start()
        while not world.server.sip.made:  # noqa: ASYNC110 - a thread looks
            await asyncio.sleep(0.005)
        world.spool._found([], False, "outgoing: Permission denied")

    run(tmp_path, scenario)
    assert "Call files are not read: outgoing: Permission denied" in capsys.readouterr().err
