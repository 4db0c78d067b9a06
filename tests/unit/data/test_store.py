"""The embedded store: batches, order, failure, schema, and durability against kill -9."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asterism.data import AstDb, Store, StoreError
from asterism.data import store as store_module

LOG = logging.getLogger("test.store")


@pytest.fixture
def turns() -> list[object]:
    """What the store asked to be called in the next turn of the loop."""
    return []


@pytest.fixture
def store(tmp_path: Path, turns: list[object]) -> Iterator[Store]:
    made = Store(tmp_path / "a" / "asterism.sqlite3", log=LOG, call_soon=turns.append)
    made.migrate("t", ["CREATE TABLE t (k TEXT PRIMARY KEY, v INTEGER NOT NULL)"])
    yield made
    made.close()


def other_reader(store: Store) -> list[tuple[str, int]]:
    db = sqlite3.connect(store.path)
    try:
        return db.execute("SELECT k, v FROM t ORDER BY k").fetchall()
    finally:
        db.close()


def test_one_commit_per_batch_then_replies_in_order(store: Store, turns: list[object]) -> None:
    said: list[object] = []
    for number in range(3):
        store.write("INSERT INTO t VALUES (?, ?)", (str(number), number))
        store.after_commit(lambda n=number: said.append((n, len(other_reader(store)))))
    assert len(turns) == 1
    assert said == []
    assert other_reader(store) == []
    assert len(store.read("SELECT * FROM t")) == 3
    assert store.commit()
    assert said == [(0, 3), (1, 3), (2, 3)]
    assert store.commits == 1
    assert not store.in_batch


def test_without_a_batch_nothing_waits(store: Store) -> None:
    said: list[int] = []
    store.after_commit(said.append, 1)
    assert said == [1]


def test_a_failing_batch_is_undone_then_each_request_hears(store: Store, turns: list[object]) -> None:
    said: list[str] = []
    store.write("INSERT INTO t VALUES ('a', 1)")
    store.after_commit(said.append, "reply a", undo=lambda: said.append("undo a"), failed=lambda: said.append("500 a"))
    store.write("INSERT INTO t VALUES ('b', NULL)")
    store.after_commit(said.append, "reply b", undo=lambda: said.append("undo b"), failed=lambda: said.append("500 b"))
    assert not store.commit()
    assert said == ["undo b", "undo a", "500 a", "500 b"]
    assert other_reader(store) == []
    store.write("INSERT INTO t VALUES ('c', 3)")
    assert store.commit()
    assert other_reader(store) == [("c", 3)]
    assert len(turns) == 2


def test_a_failing_callback_does_not_stop_the_others(store: Store) -> None:
    said: list[int] = []
    store.write("INSERT INTO t VALUES ('a', 1)")
    store.after_commit(lambda: 1 // 0)
    store.after_commit(said.append, 2)
    store.commit()
    assert said == [2]


def test_a_locked_database_fails_the_batch(store: Store) -> None:
    store.read("PRAGMA busy_timeout=1")
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    said: list[str] = []
    store.write("INSERT INTO t VALUES ('a', 1)")
    store.after_commit(said.append, "200", failed=lambda: said.append("500"))
    assert not store.commit()
    store.write_last("INSERT INTO t VALUES (?, ?)", ("b", 2))
    store.after_commit(said.append, "200", failed=lambda: said.append("500 b"))
    assert not store.commit()
    other.execute("ROLLBACK")
    other.close()
    assert said == ["500", "500 b"]
    assert other_reader(store) == []


def test_a_batch_of_one_statement_is_its_own_transaction(store: Store) -> None:
    put = "INSERT OR REPLACE INTO t VALUES (?, ?)"
    run: list[str] = []
    store._db.set_trace_callback(run.append)
    store.write_last(put, ("a", 1))
    assert run == []
    assert store.commit()
    assert [text.split()[0] for text in run] == ["INSERT"]
    assert other_reader(store) == [("a", 1)]
    run.clear()
    store.write_last(put, ("b", 2))
    store.write_last(put, ("c", 3))
    assert store.commit()
    assert [text.split()[0] for text in run] == ["BEGIN", "INSERT", "INSERT", "COMMIT"]
    run.clear()
    # Text that is no UTF-8 is stored on the second try.
    store.write_last(put, ("d\udcff", 4))
    assert store.commit()
    assert [text.split()[0] for text in run] == ["INSERT"]
    assert [value for _, value in other_reader(store)] == [1, 2, 3, 4]
    assert store.commits == 3


def test_what_is_written_last_comes_before_what_is_written_or_read_meanwhile(store: Store, turns: list[object]) -> None:
    put, drop = "INSERT OR REPLACE INTO t VALUES (?, ?)", "DELETE FROM t WHERE k = ?"
    store.write_last(put, ("a", 1))
    store.write_last(put, ("b", 2))
    assert store.in_batch
    store.write("UPDATE t SET v = 9 WHERE k = 'a'")
    store.write_last(drop, ("b",))
    store.write_last(put, ("c\udcff", 3))
    assert sorted(store.read("SELECT v FROM t")) == [(3,), (9,)]
    store.write_last(drop, ("a",))
    assert other_reader(store) == []
    assert store.commit()
    assert [value for _, value in other_reader(store)] == [3]
    assert len(turns) == 1
    assert store.commits == 1


def test_what_is_written_last_fails_the_batch(store: Store) -> None:
    said: list[str] = []
    put = "INSERT OR REPLACE INTO t VALUES (?, ?)"
    store.write_last(put, ("a", 1))
    store.after_commit(said.append, "200", failed=lambda: said.append("500 a"))
    store.write_last(put, ("b", None))
    store.after_commit(said.append, "200", failed=lambda: said.append("500 b"))
    store.write_last("DELETE FROM t WHERE k = ?", ("a",))
    assert not store.commit()
    assert said == ["500 a", "500 b"]
    assert other_reader(store) == []
    store.write_last(put, ("c", 2**70))
    assert not store.commit()
    store.write_last(put, ("d", 4))
    assert store.commit()
    assert other_reader(store) == [("d", 4)]


def test_the_loop_commits_in_its_next_turn(tmp_path: Path) -> None:
    async def run() -> list[str]:
        store = Store(tmp_path / "s.sqlite3", log=LOG)
        store.migrate("t", ["CREATE TABLE t (k TEXT)"])
        done = asyncio.Event()
        store.write("INSERT INTO t VALUES ('a')")
        store.after_commit(done.set)
        assert store.in_batch
        await asyncio.wait_for(done.wait(), 5)
        rows = [row[0] for row in store.read("SELECT k FROM t")]
        store.close()
        return rows

    assert asyncio.run(run()) == ["a"]


def test_migrations_run_once_and_refuse_to_go_back(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    one = "CREATE TABLE a (x)"
    two = "ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES (1, 2)"
    first = Store(path, log=LOG)
    first.migrate("c", [one])
    first.migrate("c", [one, two])
    first.migrate("c", [one, two])
    assert first.version("c") == 2
    assert first.read("SELECT * FROM a") == [(1, 2)]
    with pytest.raises(StoreError, match="migration 3 of c failed"):
        first.migrate("c", [one, two, "CREATE TABLE b (x); NONSENSE"])
    assert first.version("c") == 2
    assert first.read("SELECT name FROM sqlite_master WHERE name = 'b'") == []
    first.close()
    second = Store(path, log=LOG)
    with pytest.raises(StoreError, match="newer version"):
        second.migrate("c", [one])
    second.close()


def test_a_file_that_is_no_database_is_a_store_error(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="cannot open"):
        Store(path, log=LOG)


def test_checkpoints_empty_the_wal_in_the_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "CHECKPOINT_AFTER", 5)
    monkeypatch.setattr(store_module, "WAL_LIMIT", 1)
    store = Store(tmp_path / "s.sqlite3", log=LOG)
    store.migrate("t", ["CREATE TABLE t (k INTEGER)"])
    for number in range(5):
        store.write("INSERT INTO t VALUES (?)", (number,))
        store.commit()
    assert store._checkpointer is not None
    store._checkpointer.shutdown(wait=True)
    store._checkpointer = None
    db = sqlite3.connect(f"file:{store.path}?immutable=1", uri=True)  # reads the database file without its WAL
    assert db.execute("SELECT count(*) FROM t").fetchone() == (5,)
    db.close()
    store.close()
    assert not Path(store.path + "-wal").exists()


def test_astdb_families(store: Store) -> None:
    db = AstDb(store)
    db.put("cidname", "100", "Alice")
    db.put("a/b", "c", "1")
    db.put("a/b", "d", "2")
    db.put("ab", "x", "3")
    assert db.get("cidname", "100") == "Alice"
    assert db.get("cidname", "101") is None
    assert db.entries("a") == [("/a/b/c", "1"), ("/a/b/d", "2")]
    assert db.keys("a") == ["b"]
    assert db.keys("a/b") == ["c", "d"]
    assert len(db.entries()) == 4
    db.put("odd", "\udcff", "\udcfe")
    assert db.get("odd", "\udcff") == "\udcfe"
    assert db.delete("odd", "\udcff")
    assert db.delete("a/b", "c")
    assert not db.delete("a/b", "c")
    assert db.delete_tree("a") == 1
    assert db.delete_tree() == 2
    store.commit()


WRITER = """
import asyncio, logging, sys
from asterism.data import Store

async def main():
    store = Store(sys.argv[1], log=logging.getLogger("w"))
    store.migrate("t", ["CREATE TABLE t (k INTEGER PRIMARY KEY)"])
    number = int(store.read("SELECT coalesce(max(k), 0) FROM t")[0][0])
    while True:
        for _ in range(7):
            number += 1
            store.write("INSERT INTO t VALUES (?)", (number,))
            store.after_commit(sys.stdout.write, f"{number}\\n")
        store.after_commit(sys.stdout.flush)
        await asyncio.sleep(0)

asyncio.run(main())
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    for wanted in (50, 777, 2500):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        acknowledged = 0
        for _ in range(wanted):
            acknowledged = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read()
        child.wait()
        child.stdout.close()
        lines = [line for line in rest.split(b"\n")[:-1] if line]
        acknowledged = int(lines[-1]) if lines else acknowledged
        store = Store(path, log=LOG)
        assert store.read("SELECT count(*), max(k) FROM t WHERE k <= ?", (acknowledged,)) == [(acknowledged,) * 2]
        store.close()
