"""``async for record in server.records()``: from now on, in order, and bounded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from records_kit import call, event, log

from asterism.pbx.records import readers
from asterism.pbx.records.lines import Records
from asterism.testing import running_server


def make(folder: Path) -> tuple[Records, list[str]]:
    logger, lines = log()
    return Records(logger, SimpleNamespace(spool=folder)), lines


async def test_readers_get_what_comes_from_now_on(tmp_path: Path) -> None:
    records, _ = make(tmp_path)
    records.calls.put(call(sequence=0))
    first = records.calls.read()
    assert records.calls.wanted
    waiting = asyncio.ensure_future(anext(first))
    await asyncio.sleep(0)
    records.calls.put(call(sequence=1))
    assert (await waiting).sequence == 1
    second = records.calls.read()
    records.calls.put(call(sequence=2))
    assert [(await anext(reader)).sequence for reader in (first, second)] == [2, 2]
    events = records.channels.read()
    records.channels.put(event())
    assert await anext(events) == event()


async def test_readers_of_a_server_end_with_it(tmp_path: Path) -> None:
    async with running_server({}, tmp_path) as server:
        calls, channels = server.records(), server.records(channels=True)
        server.pbx.records.calls.put(call(sequence=1))
        server.pbx.records.channels.put(event())
        assert (await anext(calls)).sequence == 1
        assert (await anext(channels)).event == "APP_START"
    assert [record async for record in calls] == []
    assert [record async for record in channels] == []


async def test_a_slow_reader_loses_the_oldest_and_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "MOST", 3)
    records, lines = make(tmp_path)
    reader = records.calls.read()
    for number in range(10):
        records.calls.put(call(sequence=number))
    assert [(await anext(reader)).sequence for _ in range(3)] == [7, 8, 9]
    assert reader.lost == 7
    assert lines == ["WARNING a reader of the records of calls is too slow: it loses the oldest"]


async def test_a_reader_ends_with_the_server_after_what_waits(tmp_path: Path) -> None:
    records, _ = make(tmp_path)
    reader = records.calls.read()
    records.calls.put(call(sequence=0))
    records.calls.close()
    assert [record.sequence async for record in reader] == [0]
    idle = records.calls.read()
    waiting = asyncio.ensure_future(anext(idle, None))
    await asyncio.sleep(0)
    records.calls.close()
    assert await waiting is None


async def test_a_reader_that_is_closed_or_forgotten_is_no_longer_kept(tmp_path: Path) -> None:
    records, _ = make(tmp_path)
    async with records.calls.read():
        assert records.calls.wanted
    assert not records.calls.wanted

    async def first() -> int:
        async for record in records.calls.read():
            return record.sequence
        raise AssertionError

    task = asyncio.ensure_future(first())
    await asyncio.sleep(0)
    records.calls.put(call(sequence=5))
    assert await task == 5
    del task
    assert not records.calls.wanted


async def test_one_task_reads_a_reader(tmp_path: Path) -> None:
    reader = make(tmp_path)[0].calls.read()
    waiting = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError):
        await anext(reader)
    waiting.cancel()
