"""``asterism db``: the tables of peers are made, extended, and good for what the server does with them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sippeers_kit import config, execute, insert

from asterism.chan_sip.objects.peer import SipPeer
from asterism.command.database import run_database
from asterism.sip.objects import Endpoint
from asterism.testing import running_server


def columns(database: Path, table: str) -> list[str]:
    """The columns of a table."""
    return [row[1] for row in execute(database, f"PRAGMA table_info({table})")]


async def test_tables_are_made_and_extended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database, folder = tmp_path / "db.sqlite3", tmp_path / "etc"
    folder.mkdir()
    execute(database, "CREATE TABLE sipusers (name TEXT PRIMARY KEY, secret TEXT)")
    files = config(tmp_path, database, "", "sippeers", "sipusers", "sipregs")
    for name, text in files.items():
        (folder / name).write_text(text)
    assert await asyncio.to_thread(run_database, ["show", str(folder)]) == 1
    assert await asyncio.to_thread(run_database, ["upgrade", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "made table sippeers" in said
    assert "made table sipregs" in said
    assert "added column context to sipusers" in said
    assert await asyncio.to_thread(run_database, ["show", str(folder)]) == 0
    assert columns(database, "sippeers")[:5] == ["name", "ipaddr", "port", "regseconds", "fullcontact"]
    assert {spec.name for spec in SipPeer.OPTIONS} <= set(columns(database, "sippeers"))
    assert "ipaddr" not in columns(database, "sipusers")
    assert set(columns(database, "sipregs")) == {
        "name", "ipaddr", "port", "regseconds", "fullcontact", "regserver", "useragent", "lastms", "path",
        "defaultuser",
    }  # fmt: skip
    insert(database, name="bob", type="friend", host="dynamic", context="phones", call_limit=2)
    async with running_server(files, folder) as server:
        endpoint = await server.data.retrieve(Endpoint, "bob")
        assert endpoint is not None
        assert endpoint.context == "phones"
