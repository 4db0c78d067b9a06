"""One writer at work: its attempts, its thread, and a cursor that cannot be kept."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from records_kit import call, log

from asterism.pbx.records import writing as module
from asterism.pbx.records.backlog import Backlog
from asterism.pbx.records.record import CallRecord
from asterism.pbx.records.writing import Attempt, Writing
from asterism.testing import until


class Writer:
    name = "csv"

    def __init__(self) -> None:
        self.written: list[int] = []
        self.batches: list[int] = []
        self.threads: set[str] = set()
        self.error: BaseException | None = None
        self.attempts = 0

    async def write(self, records: Sequence[CallRecord], attempt: Attempt) -> None:
        self.attempts += 1
        if self.error is not None:
            raise self.error
        await attempt.in_thread(lambda: self._write(records))

    def _write(self, records: Sequence[CallRecord]) -> None:
        self.threads.add(threading.current_thread().name)
        self.written += [record.sequence for record in records]
        self.batches.append(len(records))


def make(folder: Path) -> tuple[Writing[CallRecord], Writer, list[str]]:
    logger, lines = log()
    backlog = Backlog(folder, "calls", CallRecord, logger)
    writer = Writer()
    return Writing(writer, backlog, backlog.cursor("csv"), logger, lambda: None), writer, lines


async def test_many_records_are_written_in_batches_in_a_thread_of_its_own(tmp_path: Path) -> None:
    writing, writer, _ = make(tmp_path)
    writing.start()
    for number in range(3000):
        writing.backlog.put(call(sequence=number))
    writing.release(writing.backlog.journal.end)
    assert await writing.finish(10)
    assert writer.written == list(range(3000))
    assert 1 < len(writer.batches) < 10
    assert {name.rpartition("_")[0] for name in writer.threads} == {"records csv"}
    writing.stop()


async def test_it_writes_no_further_than_it_may(tmp_path: Path) -> None:
    writing, writer, _ = make(tmp_path)
    writing.start()
    writing.backlog.put(call(sequence=0))
    place = writing.backlog.journal.end
    writing.backlog.put(call(sequence=1))
    writing.release(place)
    assert await writing.finish(10)
    assert writer.written == [0]
    writing.stop()


async def test_a_program_error_of_a_writer_is_one_line_with_its_place(tmp_path: Path) -> None:
    writing, writer, lines = make(tmp_path)
    writer.error = ZeroDivisionError("oops")
    writing.start()
    writing.backlog.put(call())
    writing.release(writing.backlog.journal.end)
    assert not await writing.finish(10)
    assert lines == ["ERROR csv cannot write records of calls: oops; they are kept, and it is tried again"]
    writer.error = None
    assert await writing.finish(10)  # tries at once
    writing.stop()


async def test_delays_grow_while_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    delays: list[float | None] = []
    wait_for = asyncio.wait_for

    async def waited(awaitable: object, timeout: float | None) -> None:
        delays.append(timeout)
        awaitable.close()  # type: ignore[attr-defined]
        if len(delays) > 9:
            await wait_for(asyncio.Event().wait(), None)
        raise TimeoutError

    monkeypatch.setattr(module.asyncio, "wait_for", waited)
    writing, writer, _ = make(tmp_path)
    writer.error = OSError(28, "full")
    writing.backlog.put(call())
    writing.release(writing.backlog.journal.end)
    writing.start()
    await until(lambda: len(delays) > 9)
    assert delays[:9] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    writing.stop()


async def test_records_that_come_while_it_fails_do_not_hurry_it(tmp_path: Path) -> None:
    writing, writer, _ = make(tmp_path)
    writer.error = OSError(28, "full")
    writing.start()
    for number in range(20):
        writing.backlog.put(call(sequence=number))
        writing.release(writing.backlog.journal.end)
        await until(lambda: writing.failing)
        await asyncio.sleep(0.001)
    assert writer.attempts == 1
    writer.error = None
    writing.release(writing.backlog.journal.end, now=True)
    await until(lambda: writer.written == list(range(20)))
    writing.stop()


async def test_a_cursor_that_cannot_be_kept_is_told_of_once_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, writer, lines = make(tmp_path)

    def fail(*args: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", fail)
    writing.start()
    for number in range(3):
        writing.backlog.put(call(sequence=number))
        writing.release(writing.backlog.journal.end)
        assert await writing.finish(10)
    assert writer.written == [0, 1, 2]
    where = f"'{tmp_path}' (No space left on device)"
    assert lines == [f"ERROR what csv has written cannot be noted in {where}: after a kill records may be there twice"]
    writing.stop()


async def test_damage_is_told_of_and_passed_over(tmp_path: Path) -> None:
    writing, _, _ = make(tmp_path)
    writing.backlog.put(call(sequence=0))
    writing.backlog.close(0)
    path = tmp_path / f"calls.{0:020}.journal"
    path.write_bytes(b"x" * 20 + b"\n" + path.read_bytes())
    again, writer, lines = make(tmp_path)
    again.start()
    again.release(again.backlog.journal.end)
    assert await again.finish(10)
    assert writer.written == [0]
    assert lines == ["ERROR 21 octets of the journal of calls are damaged: csv goes on behind them"]
    again.stop()
