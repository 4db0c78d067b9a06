"""The internal key/value database: what was put is there at once, whatever else has the file."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asterism.data.astdb import AstDb
from asterism.data.store import Store


@pytest.fixture
def turns() -> list[Callable[[], object]]:
    return []


@pytest.fixture
def store(tmp_path: Path, turns: list[Callable[[], object]]) -> Iterator[Store]:
    made = Store(
        tmp_path / "store.sqlite3", log=logging.getLogger("test"), call_soon=turns.append,
        call_later=lambda _seconds, function: turns.append(function),
    )  # fmt: skip
    yield made
    made.close()


@pytest.fixture
def lock(store: Store) -> Iterator[sqlite3.Connection]:
    """A checkpoint or another process, which has the file locked."""
    made = sqlite3.connect(store.path, isolation_level=None)
    yield made
    made.close()


def run(turns: list[Callable[[], object]]) -> None:
    calls, turns[:] = list(turns), []
    for function in calls:
        function()


def test_what_was_put_is_read_while_the_file_is_locked(
    store: Store, turns: list[Callable[[], object]], lock: sqlite3.Connection
) -> None:
    database = AstDb(store)
    for key in ("a", "b", "c"):
        database.put("fam", key, "old")
    run(turns)
    lock.execute("BEGIN IMMEDIATE")
    database.put("fam", "a", "new")
    database.put("fam/deep", "d", "new")
    assert database.delete("fam", "b")
    assert database.get("fam", "a") == "new"
    assert database.get("fam", "b") is None
    assert not database.delete("fam", "b")
    assert database.get("fam", "c") == "old"
    expected = [("/fam/a", "new"), ("/fam/c", "old"), ("/fam/deep/d", "new")]
    assert database.entries("fam") == database.entries() == expected
    assert database.entries("fam", "a") == [("/fam/a", "new")]
    assert database.keys("fam") == ["a", "c", "deep"]
    lock.execute("ROLLBACK")
    assert database.entries("fam") == expected
    run(turns)
    assert not store.in_batch
    assert database.entries("fam") == expected
    assert lock.execute("SELECT key, value FROM astdb ORDER BY key").fetchall() == expected


def test_what_could_not_be_kept_is_not_read_either(
    store: Store, turns: list[Callable[[], object]], lock: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asterism.data.store.BUSY_SECONDS", 0.0)
    database = AstDb(store)
    database.put("fam", "a", "old")
    run(turns)
    lock.execute("BEGIN IMMEDIATE")
    database.put("fam", "a", "new")
    assert database.get("fam", "a") == "new"
    run(turns)
    lock.execute("ROLLBACK")
    assert database.get("fam", "a") == "old"
    assert database.entries() == [("/fam/a", "old")]
