"""The embedded store: batches, order, failure, schema, and durability against kill -9."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asterism.data import AstDb, Store, StoreError
from asterism.data import store as store_module

LOG = logging.getLogger("test.store")


@pytest.fixture
def turns() -> list[Callable[[], object]]:
    """What the store asked to be called in the next turn of the loop."""
    return []


@pytest.fixture
def store(tmp_path: Path, turns: list[Callable[[], object]]) -> Iterator[Store]:
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


def test_one_commit_per_batch_then_replies_in_order(store: Store, turns: list[Callable[[], object]]) -> None:
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


def test_a_failing_batch_is_undone_then_each_request_hears(store: Store, turns: list[Callable[[], object]]) -> None:
    said: list[str] = []
    store.write("INSERT INTO t VALUES ('a', 1)")
    store.after_commit(said.append, "reply a", undo=lambda: said.append("undo a"), failed=lambda: said.append("500 a"))
    store.write("INSERT INTO no_such_table VALUES ('b')")
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


def test_a_value_that_is_not_taken_fails_its_own_request_and_not_the_batch(store: Store) -> None:
    said: list[str] = []
    store.write("INSERT INTO t VALUES ('a', 1)")
    store.after_commit(said.append, "200 a")
    for bad in (None, 1 << 63, -(1 << 63) - 1):
        with pytest.raises(StoreError, match="does not take a value"):
            store.write("INSERT INTO t VALUES ('b', ?)", (bad,))
    store.write("INSERT INTO t VALUES ('c', ?)", (-(1 << 63),))
    store.after_commit(said.append, "200 c")
    assert store.commit()
    assert said == ["200 a", "200 c"]
    assert other_reader(store) == [("a", 1), ("c", -(1 << 63))]


class Later:
    """Stands for the loop's ``call_later``."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []

    def __call__(self, _seconds: float, function: Callable[[], object]) -> None:
        self.calls.append(function)

    def run(self) -> None:
        calls, self.calls = self.calls, []
        for function in calls:
            function()


@pytest.fixture
def later(store: Store) -> Later:
    made = Later()
    store._call_later = made
    return made


@pytest.fixture
def lock(store: Store) -> Iterator[sqlite3.Connection]:
    """Another process, which has the file locked."""
    other = sqlite3.connect(store.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


PUT = "INSERT OR REPLACE INTO t VALUES (?, ?)"


def test_a_locked_file_never_stops_the_loop_and_the_batch_waits_for_it(
    store: Store, turns: list[Callable[[], object]], later: Later, lock: sqlite3.Connection
) -> None:
    said: list[str] = []
    store.write_last(PUT, ("a", 1))
    store.after_commit(said.append, "200 a", failed=lambda: said.append("500 a"))
    began = time.perf_counter()
    turns.pop()()
    assert time.perf_counter() - began < 0.2
    # What comes meanwhile joins the batch, in order, whatever way it is written.
    store.write("INSERT INTO t VALUES (?, ?)", ("b\udcff", 2))
    store.write_last(PUT, ("c", 3))
    store.after_commit(said.append, "200 c", failed=lambda: said.append("500 c"))
    later.run()
    assert said == []
    assert store.in_batch
    lock.execute("ROLLBACK")
    later.run()
    assert said == ["200 a", "200 c"]
    assert sorted(value for _, value in other_reader(store)) == [1, 2, 3]
    assert not later.calls
    assert not store.in_batch


@pytest.mark.parametrize("alone", [True, False], ids=["one statement", "several"])
def test_a_file_that_stays_locked_fails_the_batch_soon_and_the_next_at_once(
    store: Store,
    turns: list[Callable[[], object]],
    later: Later,
    lock: sqlite3.Connection,
    caplog: pytest.LogCaptureFixture,
    alone: bool,
) -> None:
    said: list[str] = []
    put = store.write_last if alone else store.write  # what is written at once begins a transaction
    put("INSERT OR REPLACE INTO t VALUES (?, ?)", ("a", 1))
    store.after_commit(said.append, "200", undo=lambda: said.append("undo"), failed=lambda: said.append("500"))
    turns.pop()()
    end = time.monotonic() + 5
    while later.calls and time.monotonic() < end:
        later.run()
    assert said == ["undo", "500"]
    for _ in range(3):
        put("INSERT OR REPLACE INTO t VALUES (?, ?)", ("b", 2))
        store.after_commit(said.append, "200", failed=lambda: said.append("500 b"))
        turns.pop()()
        assert not later.calls
    assert said[2:] == ["500 b"] * 3
    lock.execute("ROLLBACK")
    put("INSERT OR REPLACE INTO t VALUES (?, ?)", ("c", 3))
    store.after_commit(said.append, "200 c")
    turns.pop()()
    assert said[5:] == ["200 c"]
    assert other_reader(store) == [("c", 3)]
    # One line when it begins and one when it is over.
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_who_may_wait_waits_for_a_locked_file(store: Store, lock: sqlite3.Connection) -> None:
    store.write_last(PUT, ("a", 1))
    ended = threading.Timer(0.1, lock.close)
    ended.start()
    try:
        assert store.commit(5.0)
    finally:
        ended.join()
    assert other_reader(store) == [("a", 1)]


def test_the_file_is_for_its_owner_and_group_only(tmp_path: Path) -> None:
    path = tmp_path / "asterism.sqlite3"

    def modes() -> set[int]:
        return {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}

    before = os.umask(0)
    try:
        made = Store(path, log=LOG)
        made.migrate("t", ["CREATE TABLE t (k TEXT)"])
        assert len(list(tmp_path.iterdir())) == 3
        assert modes() == {0o640}
        made.close()
        # One that an earlier version made, or somebody opened to more.
        path.chmod(0o666)
        made = Store(path, log=LOG)
        made.migrate("t", ["CREATE TABLE t (k TEXT)", "CREATE TABLE u (k TEXT)"])
        assert modes() == {0o640}
        made.close()
        path.chmod(0o600)
        Store(path, log=LOG).close()
        assert modes() == {0o600}
    finally:
        os.umask(before)


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


def test_what_is_written_last_comes_before_what_is_written_or_read_meanwhile(
    store: Store, turns: list[Callable[[], object]]
) -> None:
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
