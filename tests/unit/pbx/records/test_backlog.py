"""What is said, and what is kept, when a journal cannot be written or is full."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from records_kit import call, log

from asterism.pbx.records import backlog as module
from asterism.pbx.records.backlog import Backlog
from asterism.pbx.records.cursor import Position
from asterism.pbx.records.encoding import encode
from asterism.pbx.records.record import CallRecord


def make(folder: Path, **options: Any) -> tuple[Backlog[CallRecord], list[str]]:
    logger, lines = log()
    return Backlog(folder, "calls", CallRecord, logger, **options), lines


def sequences(backlog: Backlog[CallRecord]) -> list[int]:
    read = backlog.read(list(backlog.journal.pieces), 0, backlog.journal.end, 1 << 20)
    assert not read.damaged
    return [record.sequence for record in read.records]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_a_folder_that_fails_is_told_of_once_and_what_was_in_memory_is_kept_when_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    backlog, lines = make(tmp_path)
    monkeypatch.setattr(module, "_RETRY", 0.0)
    backlog.put(call(sequence=0))

    def fail(*args: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "write", fail)
    for number in range(1, 4):
        backlog.put(call(sequence=number))
    where = f"'{tmp_path}' ({os.strerror(code)})"
    assert lines == [
        f"ERROR records of calls cannot be kept in {where}: those that are not written yet are only in memory"
    ]
    assert sequences(backlog) == [0, 1, 2, 3]
    monkeypatch.undo()
    backlog.put(call(sequence=4))
    assert lines[1:] == [f"WARNING records of calls are kept in '{tmp_path}' again"]
    assert backlog.journal.in_memory == 0
    backlog.close(0)
    assert sequences(make(tmp_path)[0]) == [0, 1, 2, 3, 4]


def test_a_folder_that_fails_is_not_asked_for_each_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backlog, _ = make(tmp_path)
    asked: list[int] = []

    def fail(*args: object) -> int:
        asked.append(1)
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", fail)
    for _ in range(100):
        backlog.put(call())
    assert len(asked) <= 2


def test_a_folder_that_cannot_be_made_is_one_that_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    backlog, lines = make(tmp_path / "file/records")
    backlog.put(call(sequence=0))
    assert len(lines) == 1
    assert "Not a directory" in lines[0]
    assert sequences(backlog) == [0]
    assert backlog.cursor("csv").position is None


def test_another_server_in_the_same_folder_is_told_of_and_nothing_is_mixed(tmp_path: Path) -> None:
    first, _ = make(tmp_path)
    first.put(call(sequence=0))
    second, lines = make(tmp_path)
    second.put(call(sequence=1))
    assert "another server keeps its records there" in lines[0]
    assert (sequences(first), sequences(second)) == ([0], [1])
    second.forget_cursors([])
    second.close(0)
    assert "are lost" in lines[-1]
    first.close(0)
    assert sequences(make(tmp_path)[0]) == [0]


def test_a_full_journal_keeps_the_oldest_and_tells_how_many_are_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(encode(call(sequence=0)))
    backlog, lines = make(tmp_path, limit=2 * size)
    for number in range(5):
        backlog.put(call(sequence=number))
    assert lines == [f"ERROR no room for records of calls, '{tmp_path}' is full ({2 * size} octets wait): 1 lost"]
    monkeypatch.setattr(module, "_COMPLAIN", 0.0)
    backlog.put(call(sequence=5))
    assert lines[1:] == [f"ERROR no room for records of calls, '{tmp_path}' is full ({2 * size} octets wait): 4 lost"]
    assert sequences(backlog) == [0, 1]
    backlog.journal.close()
    backlog.journal.release(backlog.journal.end)
    backlog.put(call(sequence=6))
    assert lines[2:] == ["WARNING records of calls are kept again; 4 were lost"]


def test_damage_is_counted(tmp_path: Path) -> None:
    backlog, _ = make(tmp_path)
    backlog.put(call(sequence=0))
    backlog.close(0)
    (path,) = tmp_path.glob("*.journal")
    path.write_bytes(b"00000000 {}\n" + path.read_bytes() + b"torn")
    again, _ = make(tmp_path)
    read = again.read(list(again.journal.pieces), 0, again.journal.end, 1 << 20)
    assert ([record.sequence for record in read.records], read.damaged) == ([0], 16)


def test_cursors_of_writers_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    backlog, _ = make(tmp_path)
    for writer in ("csv", "CSV file"):
        backlog.cursor(writer).save(Position(1))
    backlog.forget_cursors(["csv"])
    assert [backlog.cursor(writer).position for writer in ("csv", "CSV file")] == [Position(1), None]
