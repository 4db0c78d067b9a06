"""Records in a database: each once, whatever fails between two steps; and what a database does not take."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from types import MappingProxyType
from typing import Any

import pytest
from records_kit import call, event, log

from asterism.command.database import run_database
from asterism.data.errors import DataUnavailableError
from asterism.data.realtime.database import Database
from asterism.data.realtime.settings import DatabaseSettings
from asterism.pbx.records.record import CallRecord
from asterism.pbx.records.writers.sql import SqlWriter
from asterism.pbx.records.writers.sql_rows import BATCHES, SOURCES
from asterism.pbx.records.writers.sql_settings import SqlSettings
from asterism.pbx.records.writing import Attempt, WriteError
from asterism.testing import running_server, until

CDR = "CREATE TABLE cdr (src VARCHAR(80), sequence INTEGER)"
NOTED = f"CREATE TABLE {BATCHES} (writer VARCHAR(255) PRIMARY KEY, batch VARCHAR(40))"
CONFIG = {
    "res_config_sqlalchemy.conf": "[pbx]\nurl=sqlite:///calls.sqlite3\n",
    "cdr.conf": "[general]\nenable=yes\n[sql]\nconnection=pbx\nalias start => calldate\n",
    "cel.conf": "[general]\nenable=yes\n[sql]\nconnection=pbx\ntable=events\n",
}


class World:
    """A writer, its database, and what it has noted."""

    def __init__(self, folder: Path, *statements: str) -> None:
        self.path = folder / "calls.sqlite3"
        self.execute(*statements)
        self.log, self.lines = log()
        self.database = Database(DatabaseSettings("pbx", f"sqlite+aiosqlite:///{self.path}"), log()[0])
        self.writer: SqlWriter[CallRecord] = SqlWriter("me calls", SOURCES["cdr.conf"][1], self.log)
        self.writer.use(self.database, SqlSettings("pbx", "cdr"))
        self.mark: Any = None

    def execute(self, *statements: str) -> None:
        with closing(connect(self.path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    def rows(self, query: str = "SELECT src, sequence FROM cdr ORDER BY sequence") -> list[Any]:
        with closing(connect(self.path)) as connection:
            return connection.execute(query).fetchall()

    def note(self, mark: Any) -> None:
        self.mark = json.loads(json.dumps(mark))

    async def write(self, *numbers: int, **fields: Any) -> None:
        async def in_thread(work: Any) -> Any:
            return work()

        records = [call(sequence=number, **fields) for number in numbers]
        await self.writer.write(records, Attempt(self.mark, self.note, in_thread))  # type: ignore[arg-type]


async def test_a_batch_that_was_written_before_a_kill_is_not_written_again(tmp_path: Path) -> None:
    world = World(tmp_path, CDR, NOTED)
    await world.write(1, 2)
    await world.write(1, 2)  # the cursor was not kept
    world.mark = None
    await world.write(3)
    assert world.rows() == [("6001", 1), ("6001", 2), ("6001", 3)]
    await world.database.close()


async def test_what_was_noted_and_not_written_is_written(tmp_path: Path) -> None:
    world = World(tmp_path, CDR, NOTED)
    await world.write(1)
    world.mark = "begun"
    await world.write(2)
    assert world.rows() == [("6001", 1), ("6001", 2)]
    await world.database.close()


async def test_a_connection_that_is_lost_at_the_commit_writes_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, CDR, NOTED)
    run = Database.run

    async def lose(database: Database, work: Any, **options: Any) -> Any:
        await run(database, work, **options)
        return await run(database, work, **options)  # its answer was lost: it is tried once more

    monkeypatch.setattr(Database, "run", lose)
    await world.write(1, 2)
    assert world.rows() == [("6001", 1), ("6001", 2)]
    await world.database.close()


async def test_a_database_without_the_table_of_batches_is_told_of_once(tmp_path: Path) -> None:
    world = World(tmp_path, CDR)
    await world.write(1)
    world.writer.use(world.database, SqlSettings("pbx", "cdr"))
    await world.write(2)
    assert world.rows() == [("6001", 1), ("6001", 2)]
    assert world.lines == [
        f"WARNING database 'pbx' has no table {BATCHES}, which 'asterism db upgrade' makes: a kill may double records"
    ]
    await world.database.close()


@pytest.mark.parametrize("noted", [[NOTED], []])
async def test_a_record_that_is_not_taken_does_not_keep_the_others(tmp_path: Path, noted: list[str]) -> None:
    table = "CREATE TABLE cdr (src VARCHAR(80), sequence INTEGER UNIQUE)"
    world = World(tmp_path, table, "INSERT INTO cdr VALUES ('x', 2)", *noted)
    await world.write(1, 2, 3, variables=MappingProxyType({"a": "b"}))
    assert world.rows() == [("6001", 1), ("x", 2), ("6001", 3)]
    (line,) = [line for line in world.lines if line.startswith("ERROR")]
    assert line.startswith("ERROR database 'pbx' does not take a record, which is written nowhere else")
    assert '"sequence":2' in line
    await world.database.close()


async def test_a_table_that_is_missing_or_wants_more_is_waited_for(tmp_path: Path) -> None:
    world = World(tmp_path, NOTED)
    with pytest.raises(WriteError, match="there is no table 'cdr'; 'asterism db upgrade' makes it"):
        await world.write(1)
    world.execute("CREATE TABLE cdr (src VARCHAR(80), sequence INTEGER, tenant VARCHAR(9) NOT NULL)")
    with pytest.raises(WriteError, match="wants a value in columns that get none: tenant"):
        await world.write(1)
    world.execute("DROP TABLE cdr", CDR)
    await world.write(1)
    assert world.rows() == [("6001", 1)]
    await world.database.close()


async def test_a_database_that_is_away_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, CDR, NOTED)

    async def away(*args: Any, **options: Any) -> Any:
        raise DataUnavailableError("database 'pbx': connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "run", away)
        with pytest.raises(WriteError, match="connection refused"):
            await world.write(1)
    await world.write(1)
    assert world.rows() == [("6001", 1)]
    await world.database.close()


async def test_columns_that_are_named_and_not_there_are_told_of(tmp_path: Path) -> None:
    world = World(tmp_path, CDR, NOTED)
    world.writer.use(world.database, SqlSettings("pbx", "cdr", aliases={"start": "calldate"}))
    await world.write(1)
    assert world.lines == ["WARNING table 'cdr' of database 'pbx' has no column calldate"]
    await world.database.close()


async def test_without_a_database_everything_waits(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.writer.use(None, None)
    with pytest.raises(WriteError, match="not configured"):
        await world.write(1)


async def test_a_server_writes_to_the_tables_that_the_command_makes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in CONFIG.items():
        (tmp_path / name).write_text(text)
    assert await asyncio.to_thread(run_database, ["upgrade", str(tmp_path)]) == 0
    assert await asyncio.to_thread(run_database, ["show", str(tmp_path)]) == 0
    assert "events: up to date" in capsys.readouterr().out
    async with running_server(CONFIG, tmp_path) as server:
        server.pbx.records.calls.put(call(sequence=9))
        server.pbx.records.channels.put(event())
    with closing(connect(tmp_path / "var/calls.sqlite3")) as connection:
        assert connection.execute("SELECT src, sequence, billsec FROM cdr").fetchall() == [("6001", 9, 1)]
        assert connection.execute("SELECT eventtype, appname FROM events").fetchall() == [("APP_START", "Dial")]
        writers = connection.execute(f"SELECT writer FROM {BATCHES}").fetchall()
    assert {name.rpartition(" ")[2] for (name,) in writers} == {"calls", "channels"}


async def test_a_reload_takes_another_database_and_what_waited_goes_there(tmp_path: Path) -> None:
    async with running_server({**CONFIG, "cdr.conf": "[general]\n[sql]\nconnection=nosuch\n"}, tmp_path) as server:
        line = server.pbx.records.calls
        line.put(call(sequence=3))
        with closing(connect(tmp_path / "var/calls.sqlite3")) as connection, connection:
            connection.execute(CDR)
        (tmp_path / "cdr.conf").write_text("[general]\n[sql]\nconnection=pbx\n")
        await server.reload("cdr_sqlalchemy")
        line.submit()

        def rows() -> list[Any]:
            with closing(connect(tmp_path / "var/calls.sqlite3")) as connection:
                return connection.execute("SELECT sequence FROM cdr").fetchall()

        await until(lambda: rows() == [(3,)])
        (tmp_path / "cdr.conf").write_text("[general]\n")
        await server.reload("cdr_sqlalchemy")
        assert "SQLAlchemy" not in line.names


async def test_a_writer_that_is_unloaded_is_ended_before_its_database_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_end: list[bool] = []
    async with running_server({**CONFIG, "cel.conf": ""}, tmp_path) as server:
        line, use = server.pbx.records.calls, SqlWriter.use

        def watched(writer: SqlWriter[Any], *given: Any) -> Database | None:
            if writer._key.endswith(" calls"):
                at_end.append(writer.name in line.names)
            return use(writer, *given)

        monkeypatch.setattr(SqlWriter, "use", watched)
        assert "SQLAlchemy" in line.names
    assert at_end
    assert not any(at_end)


async def test_a_reload_in_the_midst_of_a_look_at_the_table_is_not_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, CDR, CDR.replace("cdr", "calls", 1), NOTED)
    look, looked = Database.table, []

    async def reload(database: Database, name: str) -> Any:
        found = await look(database, name)
        if not looked:
            world.writer.use(database, SqlSettings("pbx", "calls"))
        looked.append(name)
        return found

    monkeypatch.setattr(Database, "table", reload)
    await world.write(1)
    world.mark = None
    await world.write(2)
    assert looked == ["cdr", "calls"]
    assert (world.rows(), world.rows("SELECT sequence FROM calls")) == ([("6001", 1)], [(2,)])
    await world.database.close()


async def test_a_record_that_is_not_taken_is_told_of_though_the_answer_of_the_commit_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, CDR.replace("INTEGER", "INTEGER UNIQUE"), "INSERT INTO cdr VALUES ('x', 2)", NOTED)
    run = Database.run
    lost: list[str] = []

    async def lose(database: Database, work: Any, **options: Any) -> Any:
        result = await run(database, work, **options)
        if len(world.rows()) > 1 and not lost:
            lost.append("answer")
            raise DataUnavailableError("database 'pbx': the connection was lost")
        return result

    monkeypatch.setattr(Database, "run", lose)
    with pytest.raises(WriteError, match="was lost"):
        await world.write(1, 2)
    await world.write(1, 2)
    assert world.rows() == [("6001", 1), ("x", 2)]
    assert len([line for line in world.lines if "does not take a record" in line]) == 1
    await world.database.close()


async def test_a_batch_is_noted_before_it_is_asked_for(tmp_path: Path) -> None:
    """Where a transaction of ours still goes on at the database, only a write waits for its end."""
    world = World(tmp_path, CDR, NOTED)
    await world.write(1)
    world.mark = None
    asked: list[str] = []

    def watch(connection: Any) -> Any:
        driver = connection.connection.driver_connection
        driver.set_trace_callback(asked.append)

    await world.database.run(watch)
    await world.write(2)
    about = [statement.split()[0] for statement in asked if BATCHES in statement]
    assert about == ["UPDATE"]
    world.execute(f"UPDATE {BATCHES} SET batch = NULL")
    world.mark = None
    await world.write(3)
    assert world.rows() == [("6001", 1), ("6001", 2), ("6001", 3)]
    await world.database.close()
