"""REALTIME and its kin on a database in a file."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from functions_kit import warnings

from asterism.core.restriction import DANGEROUS_FUNCTIONS, restricted
from asterism.server.server import Server
from asterism.testing import running_server


class Rows:
    """A server with a table of customers, and one channel."""

    def __init__(self, server: Server, path: Path) -> None:
        self.world = server.pbx
        self.environment = server.pbx.dialplan.environment
        self.path = path
        self.server = server

    async def read(self, text: str) -> str:
        return await self.server.pbx.dialplan.expand_later("${" + text + "}")

    async def write(self, name: str, value: str) -> bool:
        return await self.environment.assign_later(None, name, value)

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path)) as db, db:
            return list(db.execute(statement))


@asynccontextmanager
async def rows(folder: Path, **files: str) -> AsyncIterator[Rows]:
    path = folder / "customers.sqlite3"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(80), number VARCHAR(20), credit FLOAT,"
            " since DATE, vip BOOLEAN, note VARCHAR(80));"
            "INSERT INTO customers VALUES (1, 'Alice', '6001', 2.5, '2020-02-29', 1, NULL);"
            "INSERT INTO customers VALUES (2, 'Bob, \"the\" (b)', '6002', 0, NULL, 0, '');"
        )
    config = {
        "extconfig.conf": "[settings]\ncustomers => odbc,db\nnone => odbc,db,nosuch\n",
        "res_config_sqlalchemy.conf": f"[db]\nurl=sqlite:///{path}\n",
        **files,
    }
    async with running_server(config) as server:
        yield Rows(server, path)


async def test_rows_are_read(tmp_path: Path) -> None:
    async with rows(tmp_path) as table:
        alice = "id=1,name=Alice,number=6001,credit=2.5,since=2020-02-29,vip=1"
        assert await table.read("REALTIME(customers,number,6001)") == alice
        assert await table.read("REALTIME(customers,id,1,|,:)") == alice.replace(",", "|").replace("=", ":")
        assert await table.read("REALTIME(customers,name LIKE,Al%)") == alice
        assert await table.read("REALTIME(customers,id <,2)") == alice
        assert await table.read("REALTIME(customers,since,2020-02-29)") == alice
        assert await table.read("REALTIME(customers,number,7)") == ""
        assert await table.read("REALTIME_FIELD(customers,id,2,name)") == 'Bob, "the" (b)'
        assert await table.read("REALTIME_FIELD(customers,id,2,since)") == ""


async def test_rows_are_written_added_and_removed(tmp_path: Path) -> None:
    async with rows(tmp_path) as table:
        assert await table.write("REALTIME(customers,id,1,credit)", "7.25")
        assert await table.write("REALTIME_FIELD(customers,number,6001,note)", "it's; DROP TABLE customers --")
        assert await table.write("REALTIME(customers,id,1,since)", "")
        assert table.sql("SELECT credit, note, since FROM customers WHERE id = 1") == [
            (7.25, "it's; DROP TABLE customers --", None)
        ]
        assert await table.write("REALTIME_STORE(customers,name,number,vip,since)", 'Carol\\, "C",6003,yes,2026-01-02')
        assert table.sql("SELECT * FROM customers WHERE id = 3") == [
            (3, "Carol, C", "6003", None, "2026-01-02", 1, None)
        ]
        assert (await table.read("REALTIME_DESTROY(customers,number,6003)")).startswith("id=3,name=Carol, C")
        assert await table.read("REALTIME_DESTROY(customers,number,6003)") == ""
        assert await table.write("REALTIME_DESTROY(customers,id,2)", "")
        assert table.sql("SELECT id FROM customers") == [(1,)]


async def test_a_call_reads_a_row_as_a_hash(tmp_path: Path) -> None:
    dialplan = (
        "[default]\nexten => s,1,Set(HASH(row)=${REALTIME_HASH(customers,id,2)})\n"
        " same => n,Set(GLOBAL(FOUND)=${HASHKEYS(row)}: ${HASH(row,name)} ${HASH(row,number)})\n"
        " same => n,Set(REALTIME_STORE(customers,name)=Dave)\n same => n,Set(GLOBAL(ID)=${RTSTOREID})\n"
    )
    async with rows(tmp_path, **{"extensions.conf": dialplan}) as table:
        from asterism.pbx.calls.originate import OriginateRequest, originate

        await originate(table.server.pbx, OriginateRequest("Local/s@default", application="Wait", data="0.1"))
        assert table.server.pbx.dialplan.globals["FOUND"] == 'id,name,number,credit,vip,note: Bob, "the" (b) 6002'
        assert table.server.pbx.dialplan.globals["ID"] == "3"


async def test_what_a_caller_sends_is_a_value_and_no_sql(tmp_path: Path) -> None:
    async with rows(tmp_path) as table:
        assert await table.read("REALTIME(customers,number,' OR '1'='1)") == ""
        assert await table.read('REALTIME(customers,name,"Bob, \\"the\\" (b)")') != ""


async def test_what_cannot_be_done_is_one_line(tmp_path: Path) -> None:
    async with rows(tmp_path) as table:
        for text in (
            "REALTIME()", "REALTIME(nosuch,id,1)", "REALTIME(customers,nosuch,1)", "REALTIME(customers,id,x)",
            "REALTIME_FIELD(customers,id,1)", "REALTIME_HASH(customers,id,1)", "REALTIME(customers,since,never)",
        ):  # fmt: skip
            with warnings(table) as lines:
                assert await table.read(text) == ""
            assert len(lines) == 1, text
        for name, value in (
            ("REALTIME(customers,id,1)", "x"), ("REALTIME(customers,id,1,nosuch)", "x"),
            ("REALTIME_STORE(customers)", "x"),
            ("REALTIME_STORE(customers,name)", "a,b"), ("REALTIME(customers,id,1,credit)", "much"),
            ("REALTIME_STORE(customers,id)", "1"),
        ):  # fmt: skip
            with warnings(table) as lines:
                assert not await table.write(name, value)
            assert len(lines) == 1, name
        with warnings(table) as lines:
            assert await table.read("REALTIME(none,id,1)") == ""
        assert any("there is no table 'nosuch'" in line for line in lines)
        assert len(table.sql("SELECT id FROM customers")) == 2


async def test_refused_from_outside(tmp_path: Path) -> None:
    async with rows(tmp_path) as table:
        with restricted(DANGEROUS_FUNCTIONS), warnings(table) as lines:
            for name in ("REALTIME", "REALTIME_DESTROY", "REALTIME_HASH"):
                assert await table.read(f"{name}(customers,id,1)") == ""
            assert not await table.write("REALTIME(customers,id,1,name)", "evil")
            assert not await table.write("REALTIME_STORE(customers,name)", "evil")
        assert len(lines) == 5
        assert table.sql("SELECT name FROM customers WHERE id = 1") == [("Alice",)]
