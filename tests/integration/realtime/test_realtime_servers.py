"""Realtime on real PostgreSQL and MariaDB: schema, phones, and a database that is killed under load."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from database_servers import DatabaseServer, MariaDb, Postgres

from asterism.command.database import read_settings, run_database
from asterism.data.errors import DataRefusedError
from asterism.data.realtime.backend import RealtimeBackend
from asterism.data.realtime.database import Database
from asterism.sip.objects import Contact
from asterism.testing import Phone, PhoneError, free_port, running_server, until

pytestmark = pytest.mark.e2e

PHONES = 12

CONFIG = {
    "modules.conf": "[modules]\nautoload=yes\nnoload=manager\nnoload=http\nnoload=console\n",
    "sorcery.conf": """\
[res_pjsip]
endpoint=realtime,ps_endpoints
endpoint/cache=memory_cache,object_lifetime_stale=1
auth=realtime,ps_auths
aor=realtime,ps_aors
contact=realtime,ps_contacts
[res_pjsip_endpoint_identifier_ip]
identify=realtime,ps_endpoint_id_ips
""",
    "extconfig.conf": """\
[settings]
ps_endpoints => odbc,pbx
ps_auths => odbc,pbx
ps_aors => odbc,pbx
ps_contacts => odbc,pbx
ps_endpoint_id_ips => odbc,pbx,identifies
""",
}


AS_ASTERISK_HAS_IT = {
    "postgresql": (
        "CREATE TYPE yesno_values AS ENUM ('yes', 'no')",
        "ALTER TABLE ps_contacts ALTER COLUMN prune_on_boot TYPE yesno_values USING prune_on_boot::yesno_values",
        "ALTER TABLE ps_contacts ALTER COLUMN qualify_frequency TYPE INTEGER",
        "ALTER TABLE ps_aors ALTER COLUMN remove_existing TYPE yesno_values USING remove_existing::yesno_values",
    ),
    "mariadb": (
        "ALTER TABLE ps_contacts MODIFY prune_on_boot ENUM('yes', 'no')",
        "ALTER TABLE ps_contacts MODIFY qualify_frequency INTEGER",
        "ALTER TABLE ps_aors MODIFY remove_existing ENUM('yes', 'no')",
    ),
}
"""Column types of the tables that Asterisk's own migrations make."""


@pytest.fixture(params=[Postgres, MariaDb], ids=["postgresql", "mariadb"])
def database(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    server: DatabaseServer = request.param()
    try:
        yield server
    finally:
        server.close()


def prepare(folder: Path, database: DatabaseServer) -> dict[str, str]:
    pjsip = f"[t]\ntype=transport\nbind=127.0.0.1:{free_port()}\n"
    config = {
        **CONFIG,
        "pjsip.conf": pjsip,
        "res_config_sqlalchemy.conf": f"[pbx]\nurl={database.url}\ntimeout=2\n",
    }
    for name, text in config.items():
        (folder / name).write_text(text)
    return config


async def execute(folder: Path, *statements: str) -> list[Any]:
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(read_settings(folder).databases["pbx"].url)
    found: list[Any] = []
    try:
        async with engine.begin() as connection:
            for statement in statements:
                result = await connection.execute(text(statement))
                if result.returns_rows:
                    found = [tuple(row) for row in result.fetchall()]
    finally:
        await engine.dispose()
    return found


def test_a_real_database(database: DatabaseServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = prepare(tmp_path, database)
    assert run_database(["show", str(tmp_path)]) == 1
    assert run_database(["upgrade", str(tmp_path)]) == 0
    assert "made table ps_endpoints" in capsys.readouterr().out
    asyncio.run(execute(tmp_path, "ALTER TABLE ps_endpoints DROP COLUMN context"))
    assert run_database(["show", str(tmp_path)]) == 1
    assert "ps_endpoints: lacks context" in capsys.readouterr().out
    assert run_database(["upgrade", str(tmp_path)]) == 0
    assert "added column context to ps_endpoints" in capsys.readouterr().out
    assert run_database(["show", str(tmp_path)]) == 0
    asyncio.run(_phones(database, tmp_path, config))


def _insert(table: str, **values: object) -> str:
    columns = ", ".join(values)
    return f"INSERT INTO {table} ({columns}) VALUES ({', '.join(repr(str(value)) for value in values.values())})"


async def _phones(database: DatabaseServer, folder: Path, config: dict[str, str]) -> None:
    await execute(
        folder,
        "ALTER TABLE ps_endpoints ADD COLUMN colour VARCHAR(20)",
        *AS_ASTERISK_HAS_IT[database.scheme],
        *(
            statement
            for number in range(100, 100 + PHONES)
            for statement in (
                _insert(
                    "ps_endpoints", id=number, context="phones", disallow="all", allow="ulaw", aors=number, auth=number
                ),
                _insert("ps_auths", id=number, auth_type="userpass", username=number, password="secret"),
                _insert("ps_aors", id=number, max_contacts=2, remove_existing="yes"),
            )
        ),
    )
    async with running_server(config, folder) as server:
        lines = _Lines()
        server.log.addHandler(lines)
        async with Phone("100", server, "secret") as ann:
            await ann.register()
            # The 200 means that the row is there.
            rows = await execute(folder, "SELECT id, uri, endpoint, prune_on_boot, expiration_time FROM ps_contacts")
            assert len(rows) == 1
            assert rows[0][0].startswith("100^3B@")
            assert rows[0][2:4] == ("100", "no")
            assert rows[0][4] > 1_600_000_000
            await ann.unregister()
            assert await execute(folder, "SELECT id FROM ps_contacts") == []
        async with Phone("100", server, "wrong") as stranger:
            assert (await stranger.try_register()).status == 401
        await _kill_under_load(server, database, folder, lines)
        await _freeze(server, database)
    # The next server finds the bindings.
    async with running_server(config, folder) as server:
        stored = {row[0].replace("^3B", ";") for row in await execute(folder, "SELECT id FROM ps_contacts")}
        assert {contact.id for contact in server.data.all(Contact)} == stored
        assert len(stored) >= PHONES
        await _shared(server, folder / "other", config)


async def _shared(server: Any, folder: Path, config: dict[str, str]) -> None:
    """What a second server changes, the first sees."""
    pjsip = f"[t]\ntype=transport\nbind=127.0.0.1:{free_port()}\n"
    async with running_server({**config, "pjsip.conf": pjsip}, folder) as other, Phone("103", other, "secret") as phone:

        def seen() -> bool:
            return any(contact.uri.endswith(f":{phone.port}") for contact in server.sip.location.contacts("103"))

        await phone.register()
        await until(seen, 10, "the binding was not seen")
        await phone.unregister()
        await until(lambda: not seen(), 10, "the removal was not seen")


async def _kill_under_load(server: Any, database: DatabaseServer, folder: Path, lines: _Lines) -> None:
    loop = asyncio.get_running_loop()
    statuses: list[int] = []
    stop = asyncio.Event()

    def story() -> str:
        return f"{statuses[-40:]} {lines.problems()}"

    async def keep_registering(number: int) -> int:
        last = 0
        while not stop.is_set():
            async with Phone(str(number), server, "secret") as phone:
                try:
                    response = await phone.try_register(timeout=8)
                except PhoneError:
                    continue
                last = response.status
                statuses.append(last)
            await asyncio.sleep(0.02)
        return last

    phones = [asyncio.ensure_future(keep_registering(number)) for number in range(100, 100 + PHONES)]
    await until(lambda: statuses.count(200) > 2 * PHONES, 20, story)
    await loop.run_in_executor(None, database.kill)
    acknowledged = statuses.count(200)
    await until(
        lambda: sum(status in (500, 503) for status in statuses) > PHONES,
        20,
        lambda: f"{statuses[-40:]} {lines.problems()}",
    )
    # What needs no database goes on, and known endpoints are still known: they are challenged, not unknown.
    async with Phone("101", server, "wrong") as phone:
        assert (await phone.try_register(timeout=8)).status == 401
    await loop.run_in_executor(None, database.start)
    await until(
        lambda: statuses[-3 * PHONES :].count(200) > 2 * PHONES, 20, lambda: f"{statuses[-40:]} {lines.problems()}"
    )
    stop.set()
    assert set(await asyncio.gather(*phones)) == {200}
    assert statuses.count(200) > acknowledged
    # Every binding that memory shows is one that the database has.
    await server.data.drain()
    stored = {row[0].replace("^3B", ";") for row in await execute(folder, "SELECT id FROM ps_contacts")}
    assert {contact.id for contact in server.data.all(Contact)} == stored
    assert len([line for line in lines.texts if "is not available (" in line]) == 1
    assert len([line for line in lines.texts if "is available again" in line]) == 1
    assert not [line for line in lines.texts if "Traceback" in line]


async def _freeze(server: Any, database: DatabaseServer) -> None:
    """A database that does not answer costs a request its time limit, and nobody else anything."""
    database.signal(signal.SIGSTOP)
    try:
        async with Phone("100", server, "secret") as ann, Phone("101", server, "wrong") as bob:
            refused = asyncio.ensure_future(ann.try_register(timeout=8))
            assert (await bob.try_register(timeout=8)).status == 401
            assert not refused.done(), "bob had to wait for what ann waits for"
            assert (await refused).status in (500, 503)
    finally:
        database.signal(signal.SIGCONT)

    async def accepted() -> bool:
        async with Phone("100", server, "secret") as ann:
            return (await ann.try_register(timeout=8)).status == 200

    for _ in range(20):
        if await accepted():
            return
        await asyncio.sleep(0.25)
    raise AssertionError("the database is back and nobody can register")


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))

    def problems(self) -> list[str]:
        return [text for text in self.texts if "SecurityEvent" not in text][-5:]


def test_a_value_a_database_does_not_take_is_no_outage(database: DatabaseServer, tmp_path: Path) -> None:
    prepare(tmp_path, database)
    assert run_database(["upgrade", str(tmp_path)]) == 0
    asyncio.run(_values(tmp_path))


async def _values(folder: Path) -> None:
    # As Asterisk's own tables are: short columns.
    await execute(
        folder,
        "DROP TABLE ps_contacts",
        "CREATE TABLE ps_contacts (id VARCHAR(255) PRIMARY KEY, uri VARCHAR(511), expiration_time BIGINT,"
        " via_port INTEGER, user_agent VARCHAR(255))",
    )
    settings = read_settings(folder)
    log = logging.getLogger("test.realtime")
    pbx = Database(settings.databases["pbx"], log)
    backend = RealtimeBackend(Contact, [(pbx, "ps_contacts")], log)
    good = Contact("a;@good", uri="sip:a@b", expiration_time=2_000_000_000)
    await backend.write({good.id: good})
    bad: list[dict[str, Any]] = [
        {"user_agent": "x" * 256},
        {"uri": "sip:" + "x" * 600},
        {"via_port": 1 << 40},
        {"expiration_time": 1 << 70},
        {"user_agent": "\udcff"},
    ]
    if "postgresql" in settings.databases["pbx"].url:
        bad.append({"user_agent": "a\0b"})
    for values in bad:
        item = Contact("a;@bad", **{"uri": "sip:a@b", **values})
        with pytest.raises(DataRefusedError):
            await backend.write({"a;@bad": item, "a;@other": Contact("a;@other", uri="sip:o@b")})
        # Nothing of it was written, and the database goes on answering, on either of its connections.
        assert list((await backend.fetch(["a;@good", "a;@bad", "a;@other"], {})).objects) == ["a;@good"]
        assert list((await backend.fetch_all({})).objects) == ["a;@good"]
        assert not pbx.down
    for name in ("\udcff", "a\0b", "x" * 5000):
        loaded = await backend.fetch([name, "a;@good", "a;@bad"], {})
        assert list(loaded.objects) == ["a;@good"]
        assert not pbx.down
    await pbx.close()
