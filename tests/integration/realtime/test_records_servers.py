"""Records of calls and channels on real PostgreSQL and MariaDB: the tables, and a database that is killed meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from database_servers import DatabaseServer, MariaDb, Postgres
from sqlalchemy import text

from asterism.command.database import read_settings, run_database
from asterism.data.realtime.database import Database
from asterism.pbx.records.record import CallRecord, ChannelRecord, Disposition
from asterism.testing import running_server, until

pytestmark = pytest.mark.e2e

CONFIG = {
    "cdr.conf": '[general]\n[sql]\nconnection=pbx\nusegmtime=yes\nalias start => calldate\nstatic "a" => site\n',
    "cel.conf": "[general]\nenable=yes\n[sql]\nconnection=pbx\ntable=events\nusegmtime=yes\n",
}
CALL = CallRecord(
    clid='"Älice" <6001>', src="6001", dst="6002", dcontext="internal", channel="PJSIP/alice-1",
    dstchannel="PJSIP/bob-2", lastapp="Dial", lastdata="PJSIP/bob,20", start=1795909198.6, answer=1795909198.9,
    end=1795909200.4, duration=1, billsec=1, disposition=Disposition.ANSWERED, amaflags=3, accountcode="x" * 300,
    peeraccount="", uniqueid="1.1", linkedid="1.1", userfield="a\0b", sequence=0,
)  # fmt: skip
EVENT = ChannelRecord(
    event="USER_DEFINED", time=1795909198.614384, userdeftype="mine", cid_name="Älice", cid_num="6001", cid_ani="",
    cid_rdnis="", cid_dnid="", exten="6002", context="internal", channame="PJSIP/alice-1", appname="", appdata="",
    amaflags=3, accountcode="", peeraccount="", uniqueid="1.1", linkedid="1.1", peer="", userfield="", extra='{"a":1}',
)  # fmt: skip


class Lines(logging.Handler):
    """The lines of a log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture(params=[Postgres, MariaDb], ids=["postgresql", "mariadb"])
def database(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    server: DatabaseServer = request.param()
    try:
        yield server
    finally:
        server.close()


async def test_records_are_written_once_although_the_database_is_killed_meanwhile(
    tmp_path: Path, database: DatabaseServer, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {**CONFIG, "res_config_sqlalchemy.conf": f"[pbx]\nurl={database.url}\ntimeout=2\n"}
    for name, content in config.items():
        (tmp_path / name).write_text(content)
    assert await asyncio.to_thread(run_database, ["show", str(tmp_path)]) == 1
    assert await asyncio.to_thread(run_database, ["upgrade", str(tmp_path)]) == 0
    assert await asyncio.to_thread(run_database, ["show", str(tmp_path)]) == 0
    assert "cdr: up to date" in capsys.readouterr().out
    reader = Database(read_settings(tmp_path).databases["pbx"], logging.getLogger("test"))

    async def rows(query: str) -> list[Any]:
        return [tuple(row) for row in await reader.run(lambda one: one.execute(text(query)).fetchall())]

    async with running_server(config, tmp_path) as server:
        handler = Lines()
        server.log.addHandler(handler)
        lines = handler.lines
        records = server.pbx.records
        for number in range(300):
            records.calls.put(replace(CALL, sequence=number))
            records.channels.put(EVENT)
            if number == 100:
                database.kill()
            if number % 10 == 0:
                await asyncio.sleep(0.01)
        await until(lambda: any("cannot write records of calls" in line for line in lines), 30)
        assert sum("cannot write records of calls" in line for line in lines) == 1
        await asyncio.to_thread(database.start)
        await until(lambda: sum("writes records of" in line for line in lines) == 2, 60)
        await records.calls.finish("SQLAlchemy")
        await records.channels.finish("SQLAlchemy")
        assert await rows("SELECT sequence FROM cdr ORDER BY sequence") == [(number,) for number in range(300)]
        assert await rows("SELECT count(*) FROM events") == [(300,)]
        (row,) = await rows(
            "SELECT clid, userfield, length(accountcode), site, disposition, calldate, billsec FROM cdr "
            "WHERE sequence = 7"
        )
        assert [str(value) for value in row] == [
            '"Älice" <6001>', "ab", "255", "a", "ANSWERED", "2026-11-28 23:39:58", "1",
        ]  # fmt: skip
        (row,) = await rows("SELECT eventtype, cid_name, eventtime, extra FROM events LIMIT 1")
        assert [str(value) for value in row] == ["mine", "Älice", "2026-11-28 23:39:58.614384", '{"a":1}']
    await reader.close()
