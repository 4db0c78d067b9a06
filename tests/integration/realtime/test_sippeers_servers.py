"""Peers of sip.conf on real PostgreSQL and MariaDB: in tables as Asterisk's migrations make them, and in ours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from database_servers import DatabaseServer, MariaDb, Postgres

from asterism.chan_sip.objects.peer import SipPeer
from asterism.command.database import read_settings, run_database
from asterism.sip.contacts import Contact
from asterism.sip.objects import Auth, Endpoint
from asterism.sip.objects.contact import contact_id
from asterism.testing import free_port, running_server

pytestmark = pytest.mark.e2e

TYPES = {
    "postgresql": (
        "CREATE TYPE type_values AS ENUM ('friend', 'user', 'peer')",
        "CREATE TYPE yes_no_values AS ENUM ('yes', 'no')",
        "SERIAL", "type_values", "yes_no_values",
    ),
    "mariadb": ("", "", "INTEGER AUTO_INCREMENT", "ENUM('friend', 'user', 'peer')", "ENUM('yes', 'no')"),
}  # fmt: skip
URI = "sip:bob@192.0.2.7:5099;transport=tcp"


@pytest.fixture(params=[Postgres, MariaDb], ids=["postgresql", "mariadb"])
def database(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    """A database server of this test."""
    server: DatabaseServer = request.param()
    try:
        yield server
    finally:
        server.close()


def prepare(folder: Path, database: DatabaseServer) -> dict[str, str]:
    """The configuration of a server."""
    files = {
        "modules.conf": "[modules]\nautoload=yes\nnoload=http\n",
        "sip.conf": f"[general]\nudpbindaddr=127.0.0.1:{free_port()}\nrtcachefriends=yes\n",
        "extconfig.conf": "[settings]\nsippeers => odbc,pbx\n",
        "res_config_sqlalchemy.conf": f"[pbx]\nurl={database.url}\ntimeout=2\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return files


async def execute(folder: Path, *statements: str) -> list[Any]:
    """Run statements in one transaction; the rows of the last one that has any."""
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(read_settings(folder).databases["pbx"].url)
    found: list[Any] = []
    try:
        async with engine.begin() as connection:
            for statement in filter(None, statements):
                result = await connection.execute(text(statement))
                if result.returns_rows:
                    found = [tuple(row) for row in result.fetchall()]
    finally:
        await engine.dispose()
    return found


def as_asterisk_has_it(scheme: str) -> list[str]:
    """The statements that make the table as Asterisk's migrations do, as far as the test needs it."""
    first, second, serial, kind, yes_no = TYPES[scheme]
    quote = '"' if scheme == "postgresql" else "`"
    columns = (
        f"id {serial} PRIMARY KEY", "name VARCHAR(40) NOT NULL UNIQUE", "ipaddr VARCHAR(45)", "port INTEGER",
        "regseconds INTEGER", "defaultuser VARCHAR(40)", "fullcontact VARCHAR(80)", "regserver VARCHAR(20)",
        "useragent VARCHAR(20)", "lastms INTEGER", "host VARCHAR(40)", f"type {kind}", "context VARCHAR(40)",
        "secret VARCHAR(40)", f"directmedia {yes_no}", "allow VARCHAR(200)", "disallow VARCHAR(200)",
        f"{quote}call-limit{quote} INTEGER", "mask VARCHAR(40)",
    )  # fmt: skip
    return [first, second, f"CREATE TABLE sippeers ({', '.join(columns)})"]


async def written(folder: Path, *expected: object) -> None:
    """Wait until bob's row has these values."""
    query = "SELECT ipaddr, port, regseconds, fullcontact, useragent FROM sippeers WHERE name = 'bob'"
    end = time.monotonic() + 15
    while (found := await execute(folder, query)) != [expected]:
        assert time.monotonic() < end, found
        await asyncio.sleep(0.05)


def contact(seconds: int) -> Contact:
    """What a REGISTER makes."""
    return Contact(
        contact_id("bob", URI), uri=URI, expiration_time=seconds, endpoint="bob", user_agent="A phone with a long name"
    )


async def test_the_tables_of_asterisk(database: DatabaseServer, tmp_path: Path) -> None:
    files = prepare(tmp_path, database)
    await execute(
        tmp_path,
        *as_asterisk_has_it(database.scheme),
        "INSERT INTO sippeers (name, host, type, context, secret, directmedia, disallow, allow) VALUES "
        "('bob', 'dynamic', 'friend', 'phones', 'x', 'no', 'all', 'alaw;ulaw')",
    )
    soon = int(time.time()) + 600
    async with running_server(files, tmp_path) as server:
        endpoint, auth = await server.data.retrieve(Endpoint, "bob"), await server.data.retrieve(Auth, "bob/in")
        assert endpoint is not None
        assert auth is not None
        assert (endpoint.context, list(endpoint.allow), auth.password) == ("phones", ["alaw", "ulaw"], "x")
        assert await server.data.retrieve(Endpoint, "BOB") is None, "names know capitals, whatever the database does"
        await server.data.create(contact(soon))
        address = ("192.0.2.7", 5099)
        await written(tmp_path, *address, soon, "sip:bob@192.0.2.7:5099^3Btransport=tcp", "A phone with a long ")
        await asyncio.to_thread(database.kill)
        await server.data.update(contact(soon + 5))
        peer = server.data.get(SipPeer, "bob")
        assert isinstance(peer, SipPeer), "what is known goes on being used"
        assert await server.data.retrieve(Endpoint, "bob") is endpoint
        await asyncio.to_thread(database.start)
        await written(tmp_path, *address, soon + 5, "sip:bob@192.0.2.7:5099^3Btransport=tcp", "A phone with a long ")
        await server.data.delete(server.data.find(Contact, "aor", "bob")[0])
        await written(tmp_path, None, 0, 0, None, None)


async def test_our_own_tables(database: DatabaseServer, tmp_path: Path) -> None:
    files = prepare(tmp_path, database)
    assert await asyncio.to_thread(run_database, ["upgrade", str(tmp_path)]) == 0
    assert await asyncio.to_thread(run_database, ["show", str(tmp_path)]) == 0
    await execute(tmp_path, "INSERT INTO sippeers (name, host, type, context) VALUES ('bob', 'dynamic', 'peer', 'p')")
    soon = int(time.time()) + 600
    async with running_server(files, tmp_path) as server:
        assert await server.data.retrieve(Endpoint, "bob") is not None
        await server.data.create(contact(soon))
        await written(
            tmp_path, "192.0.2.7", 5099, soon, "sip:bob@192.0.2.7:5099^3Btransport=tcp", "A phone with a long name"
        )
