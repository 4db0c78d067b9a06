"""Lines of records: who gets a record, and what one of them that fails does to the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from records_kit import call, event, log

from asterism.core.errors import DuplicateError
from asterism.core.registry import Owner
from asterism.pbx.records import backlog, journal, writing
from asterism.pbx.records.encoding import encode
from asterism.pbx.records.lines import BatchSettings, Line, Records
from asterism.pbx.records.record import CallRecord
from asterism.pbx.records.writing import Attempt, WriteError
from asterism.testing import until


class Writer:
    """Keeps what it writes, and fails while it is told to."""

    def __init__(self, name: str = "csv") -> None:
        self.name = name
        self.written: list[int] = []
        self.batches: list[int] = []
        self.marks: list[Any] = []
        self.error: Exception | None = None
        self.tried = asyncio.Event()

    async def write(self, records: Sequence[CallRecord], attempt: Attempt) -> None:
        self.tried.set()
        self.marks.append(attempt.before)
        await attempt.in_thread(lambda: attempt.note(len(records)))
        if self.error is not None:
            raise self.error
        await attempt.in_thread(lambda: self.written.extend(record.sequence for record in records))
        self.batches.append(len(records))


class Server:
    """The lines of a server that may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.logger, self.lines = log()
        self.records = Records(self.logger, SimpleNamespace(spool=folder))
        self.owner = Owner("test")
        self.calls: Line[CallRecord] = self.records.calls

    def start(self, *writers: Writer) -> None:
        for writer in writers:
            self.calls.register(self.owner, writer)
        self.calls.start()

    async def stop(self, *writers: Writer) -> None:
        for writer in writers:
            await self.calls.finish(writer.name)
        self.owner.release()
        self.calls.close()

    def kill(self) -> None:
        """What a kill leaves: nothing is written, nothing is told; the system closes what is open."""
        self.owner.release()
        backlog = self.calls._backlog
        if backlog is not None:
            backlog.journal.close()
            backlog.close(0)


def test_listeners_get_each_record_of_their_line_in_order(tmp_path: Path) -> None:
    server, heard = Server(tmp_path), []
    assert not server.calls.wanted
    server.calls.listen(Owner("x"), "manager", lambda record: heard.append(record.sequence))
    assert server.calls.wanted
    assert not server.records.channels.wanted
    for number in range(3):
        server.calls.put(call(sequence=number))
    server.records.channels.put(event())
    assert heard == [0, 1, 2]
    assert list(tmp_path.iterdir()) == []  # no writer, no journal


def test_a_listener_that_fails_is_told_of_and_the_others_go_on(tmp_path: Path) -> None:
    server, heard = Server(tmp_path), []

    def fail(record: CallRecord) -> None:
        raise ValueError("no")

    server.calls.listen(Owner("x"), "bad", fail)
    server.calls.listen(Owner("x"), "good", heard.append)
    server.calls.put(call())
    assert heard == [call()]
    assert server.lines == ["ERROR what listens to the records of calls failed"]


async def test_a_record_that_cannot_be_kept_is_told_of_and_listeners_have_it(tmp_path: Path) -> None:
    server, heard = Server(tmp_path), []
    server.calls.register(server.owner, Writer())
    server.calls.listen(server.owner, "good", heard.append)
    server.calls.put(call(variables={"a": object()}))
    assert len(heard) == 1
    assert server.lines == ["ERROR the journal of calls failed"]
    server.kill()


async def test_names_are_in_order_and_go_with_their_owner(tmp_path: Path) -> None:
    line, owner = Server(tmp_path).calls, Owner("x")
    line.register(owner, Writer())
    line.listen(owner, "cdr_manager", lambda record: None)
    assert line.names == ["csv", "cdr_manager"]
    with pytest.raises(DuplicateError):
        line.register(Owner("y"), Writer())
    owner.release()
    assert line.names == []


async def test_each_writer_gets_every_record_once_and_the_journal_ends_empty(tmp_path: Path) -> None:
    server, first, second = Server(tmp_path), Writer("csv"), Writer("CDR File custom bac")
    server.start(first, second)
    for number in range(2500):
        server.calls.put(call(sequence=number))
    await server.stop(first, second)
    assert first.written == second.written == list(range(2500))
    assert [path for path in (tmp_path / "records").iterdir() if path.suffix == ".journal"] == []


async def test_a_writer_that_fails_is_tried_again_while_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "FIRST_DELAY", 0.01)
    server, bad, good = Server(tmp_path), Writer("bad"), Writer("good")
    bad.error = OSError(28, "No space left on device", "/var/log/x.csv")
    server.start(bad, good)
    for number in range(3):
        server.calls.put(call(sequence=number))
    await until(lambda: good.written == [0, 1, 2] and len(bad.marks) > 3)
    server.calls.put(call(sequence=3))
    await until(lambda: good.written == [0, 1, 2, 3])
    why = "[Errno 28] No space left on device: '/var/log/x.csv'"
    assert server.lines == [f"ERROR bad cannot write records of calls: {why}; they are kept, and it is tried again"]
    bad.error = None
    await until(lambda: bad.written == [0, 1, 2, 3])
    assert server.lines[1:] == ["WARNING bad writes records of calls again"]
    await server.stop(bad, good)


async def test_an_attempt_is_told_what_the_one_before_has_noted_and_gets_the_same_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "FIRST_DELAY", 0.01)
    server, writer = Server(tmp_path), Writer()
    writer.error = WriteError("away")
    server.start(writer)
    server.calls.put(call(sequence=0))
    await writer.tried.wait()
    server.calls.put(call(sequence=1))
    await until(lambda: len(writer.marks) > 2)
    writer.error = None
    await until(lambda: writer.written == [0, 1])
    assert writer.marks[0] is None
    assert set(writer.marks[1:-1]) == {1}
    assert writer.batches == [1, 1]  # the second came later, and is no part of the batch that was begun
    await server.stop(writer)


async def test_after_a_kill_the_rest_is_written(tmp_path: Path) -> None:
    server, writer = Server(tmp_path), Writer()
    server.start(writer)
    server.calls.put(call(sequence=0))
    await until(lambda: writer.batches == [1])
    writer.error = WriteError("away")
    for number in range(1, 4):
        server.calls.put(call(sequence=number))
    await until(lambda: any("cannot write" in line for line in server.lines))
    server.kill()
    again, after = Server(tmp_path), Writer()
    again.start(after)
    again.calls.put(call(sequence=4))
    await until(lambda: 4 in after.written)
    assert writer.written + after.written == [0, 1, 2, 3, 4]
    assert after.marks[0] is not None
    await again.stop(after)


async def test_a_kill_before_anything_was_written_loses_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.calls.register(server.owner, Writer())
    server.calls.put(call(sequence=7))
    server.kill()
    again, after = Server(tmp_path), Writer()
    again.start(after)
    await until(lambda: after.written == [7])
    await again.stop(after)


async def test_a_writer_that_is_new_gets_what_comes_from_now_on(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.calls.register(server.owner, Writer())
    server.calls.put(call(sequence=0))
    server.kill()
    again, old, new = Server(tmp_path), Writer(), Writer("new")
    again.start(old, new)
    again.calls.put(call(sequence=1))
    await until(lambda: old.written == [0, 1] and new.written == [1])
    await again.stop(old, new)


async def test_what_waits_for_a_writer_that_is_no_longer_configured_is_forgotten(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.calls.register(server.owner, Writer())
    server.calls.put(call(sequence=0))
    server.kill()
    Server(tmp_path).start()
    assert [path.name for path in (tmp_path / "records").iterdir()] == ["calls.lock"]


async def test_a_batch_is_written_when_it_is_full_and_when_it_is_submitted(tmp_path: Path) -> None:
    server, writer = Server(tmp_path), Writer()
    server.calls.batch = BatchSettings(enabled=True, size=3, time=300)
    server.start(writer)
    for number in range(2):
        server.calls.put(call(sequence=number))
    await asyncio.sleep(0.05)
    assert (writer.written, server.calls.waiting) == ([], 2)
    assert 290 < server.calls.next_batch <= 300
    server.calls.put(call(sequence=2))
    await until(lambda: writer.batches == [3])
    server.calls.put(call(sequence=3))
    server.calls.submit()
    await until(lambda: writer.batches == [3, 1])
    assert server.calls.waiting == 0
    await server.stop(writer)


async def test_a_batch_is_written_when_its_time_has_come(tmp_path: Path) -> None:
    server, writer = Server(tmp_path), Writer()
    server.calls.batch = BatchSettings(enabled=True, time=0)
    server.start(writer)
    server.calls.put(call(sequence=0))
    await until(lambda: writer.batches == [1])
    await server.stop(writer)


@pytest.mark.parametrize("safe", [True, False])
async def test_safeshutdown_says_whether_a_stop_waits_for_the_batch(tmp_path: Path, safe: bool) -> None:
    server, writer = Server(tmp_path), Writer()
    server.calls.batch = BatchSettings(enabled=True, safeshutdown=safe)
    server.start(writer)
    server.calls.put(call(sequence=0))
    await server.stop(writer)
    assert writer.written == ([0] if safe else [])
    again, after = Server(tmp_path), Writer()
    again.start(after)
    await again.stop(after)
    assert after.written == ([] if safe else [0])


async def test_records_that_come_when_the_writers_are_gone_are_written_after_the_next_start(tmp_path: Path) -> None:
    server, writer = Server(tmp_path), Writer()
    server.start(writer)
    await server.calls.finish(writer.name)
    server.owner.release()
    assert server.calls.wanted
    server.calls.put(call(sequence=9))
    server.calls.close()
    again, after = Server(tmp_path), Writer()
    again.start(after)
    await again.stop(after)
    assert after.written == [9]


async def test_a_writer_without_its_module_is_stopped_in_the_midst(tmp_path: Path) -> None:
    server, writer = Server(tmp_path), Writer()
    writer.error = WriteError("away")
    server.start(writer)
    server.calls.put(call())
    await writer.tried.wait()
    await server.stop(writer)
    assert server.lines[-1] == "WARNING csv has not written all records of calls: the rest waits"


def small_journal(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Have journals be full after so many octets."""

    def made(folder: Path, name: str, _: int) -> journal.Journal:
        return journal.Journal(folder, name, limit)

    monkeypatch.setattr(backlog, "Journal", made)


def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each record be a piece of the journal of its own."""
    monkeypatch.setattr(journal, "PIECE", 1)


async def test_what_waits_for_a_writer_that_was_ended_first_is_not_deleted_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pieces(monkeypatch)
    server, failing, working = Server(tmp_path), Writer("sql"), Writer()
    failing.error = WriteError("away")
    server.start(working)
    end = server.calls.register(server.owner, failing)
    server.calls.put(call(sequence=0))
    await until(lambda: working.written == [0])
    await server.calls.finish("sql")
    end()
    server.calls.put(call(sequence=1))
    await server.stop(working)
    assert working.written == [0, 1]
    again, after = Server(tmp_path), Writer("sql")
    again.start(after, Writer())
    await again.stop(after)
    assert after.written == [0, 1]


async def test_a_writer_taken_out_of_the_configuration_writes_what_waits_and_leaves_nothing(tmp_path: Path) -> None:
    server, writer = Server(tmp_path), Writer()
    server.calls.batch = BatchSettings(enabled=True, safeshutdown=False)
    server.start(writer)
    server.calls.put(call(sequence=0))
    await server.calls.remove("csv")
    assert writer.written == [0]
    assert not server.calls.wanted
    assert [path.name for path in (tmp_path / "records").iterdir()] == ["calls.lock"]
    server.calls.put(call(sequence=1))
    server.calls.register(server.owner, writer)
    server.calls.put(call(sequence=2))
    await server.stop(writer)
    server.start(writer)
    await server.stop(writer)
    assert writer.written == [0, 2]


async def test_a_writer_taken_out_of_the_configuration_does_not_hold_the_journal_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pieces(monkeypatch)
    server, failing, working = Server(tmp_path), Writer("sql"), Writer()
    failing.error = WriteError("away")
    server.start(failing, working)
    server.calls.put(call(sequence=0))
    await until(lambda: working.written == [0] and failing.tried.is_set())
    await server.calls.remove("sql")
    assert any("sql is no longer configured" in line and "octets are forgotten" in line for line in server.lines)
    assert not list((tmp_path / "records").glob("*.journal"))
    assert server.calls.names == ["csv"]
    await server.stop(working)


@pytest.mark.parametrize("loaded", [True, False])
async def test_a_full_journal_costs_only_the_writer_that_is_farthest_behind_its_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loaded: bool
) -> None:
    small_pieces(monkeypatch)
    size = len(encode(call(sequence=0)))
    small_journal(monkeypatch, 4 * size)
    server, behind, working = Server(tmp_path), Writer("sql"), Writer()
    behind.error = WriteError("away")
    server.start(working)
    end = server.calls.register(server.owner, behind)
    for number in range(9):
        server.calls.put(call(sequence=number))
        server.calls.submit()
        await until(lambda count=number + 1: len(working.written) == count)  # type: ignore[misc]
        if not loaded and not number:
            await until(behind.tried.is_set)
            end()
    assert working.written == list(range(9))
    lost = [line for line in server.lines if "is full" in line]
    assert lost[0] == (
        f"ERROR the journal of calls is full: sql loses the oldest records that wait for it, {size} octets "
        "(about 1 records)"
    )
    assert not any("no room" in line for line in server.lines)
    behind.error = None
    if not loaded:
        server.calls.register(server.owner, behind)
    server.calls.submit()
    await server.stop(behind, working)
    assert behind.written == [5, 6, 7, 8]


async def test_a_batch_that_was_begun_is_given_up_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_pieces(monkeypatch)
    size = len(encode(call(sequence=0)))
    small_journal(monkeypatch, 4 * size)
    server, writer = Server(tmp_path), Writer()
    server.start(writer)
    writer.error = WriteError("the answer was lost")
    for number in range(3):
        server.calls.put(call(sequence=number))
    await until(lambda: any("cannot write" in line for line in server.lines))
    for number in range(3, 5):
        server.calls.put(call(sequence=number))
    writer.error = None
    await server.stop(writer)
    assert writer.written == [3, 4]
    assert writer.marks[-1] is None


@pytest.mark.parametrize("names", [("Own file", "own-file"), ("csv", "CSV")])
def test_names_of_writers_that_are_one_in_files_are_taken(tmp_path: Path, names: tuple[str, str]) -> None:
    server = Server(tmp_path)
    server.calls.register(server.owner, Writer(names[0]))
    with pytest.raises(DuplicateError, match="the files of"):
        server.calls.register(server.owner, Writer(names[1]))
    server.owner.release()
    server.calls.close()
