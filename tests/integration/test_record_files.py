"""A call of two phones, and what every writer has of it; a server that is stopped while they talk."""

from __future__ import annotations

import csv
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest
from dial_record_kit import PJSIP
from manager_kit import MANAGER, manager

from asterism.command.database import run_database
from asterism.interfaces.console.runner import CommandRunner
from asterism.testing import Phone, running_server

CONFIG = {
    "pjsip.conf": PJSIP,
    "extensions.conf": "[internal]\nexten => 6002,1,Dial(PJSIP/bob,20)\n",
    "cdr.conf": "[general]\nunanswered=yes\n[csv]\nloguniqueid=yes\naccountlogs=no\n[sql]\nconnection=pbx\n",
    "cdr_custom.conf": "[mappings]\nOther.csv => ${CSV_QUOTE(${CDR(clid)})},${CDR(dst)},${CDR(disposition)}\n",
    "cdr_manager.conf": "[general]\nenabled=yes\n[mappings]\nlinkedid => Linkedid\n",
    "cel.conf": "[general]\nenable=yes\nevents=CHAN_START,CHAN_END,ANSWER\n[sql]\nconnection=pbx\n",
    "cel_custom.conf": "[mappings]\nEvents.csv => ${eventtype},${CHANNEL(channame)}\n",
    "res_config_sqlalchemy.conf": "[pbx]\nurl=sqlite:///calls.sqlite3\n",
    "manager.conf": MANAGER,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("cdr.conf", "cel.conf", "res_config_sqlalchemy.conf"):
        (tmp_path / name).write_text(CONFIG[name])
    assert run_database(["upgrade", str(tmp_path)]) == 0
    return tmp_path


def rows(folder: Path, name: str) -> list[list[str]]:
    path = folder / "var/log" / name
    return list(csv.reader(path.read_text().splitlines())) if path.exists() else []


def in_database(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(connect(folder / "var/calls.sqlite3")) as database:
        return database.execute(query).fetchall()


async def test_every_writer_has_the_call(folder: Path) -> None:
    async with running_server(CONFIG, folder) as server, manager(server) as client:
        async with Phone("alice", server, "secret") as alice, Phone("bob", server, "secret") as bob:
            await bob.register()
            call = await alice.dial("6002")
            incoming = await bob.incoming()
            incoming.ring()
            incoming.answer()
            await call.answered()
            await call.hangup()
            await incoming.ended()
        event = await client.event("Cdr")
        printed: list[str] = []
        await CommandRunner(server).run("cdr show status", printed.append)
        for name in ("CDR File custom bac", "csv", "SQLAlchemy", "cdr_manager"):
            assert f"    {name}\n" in "".join(printed)
    (row,) = rows(folder, "cdr-csv/Master.csv")
    assert (row[1:4], row[14]) == (["6001", "6002", "internal"], "ANSWERED")
    assert rows(folder, "cdr-custom/Other.csv") == [[row[4], "6002", "ANSWERED"]]
    assert in_database(folder, "SELECT dst, disposition, uniqueid FROM cdr") == [("6002", "ANSWERED", row[16])]
    assert (event["Destination"], event["Linkedid"]) == ("6002", row[16])
    kinds = [kind for kind, _ in rows(folder, "cel-custom/Events.csv")]
    assert sorted(kinds) == ["ANSWER", "ANSWER", "CHAN_END", "CHAN_END", "CHAN_START", "CHAN_START"]
    assert [kind for (kind,) in in_database(folder, "SELECT eventtype FROM cel ORDER BY rowid")] == kinds


async def test_a_call_that_a_stop_ends_is_in_the_files_at_the_latest_after_the_next_start(folder: Path) -> None:
    async with (
        running_server(CONFIG, folder) as server,
        Phone("alice", server, "secret") as alice,
        Phone("bob", server, "secret") as bob,
    ):
        await bob.register()
        call = await alice.dial("6002")
        incoming = await bob.incoming()
        incoming.answer()
        await call.answered()
        await server.stop()
    async with running_server(CONFIG, folder):
        pass
    (row,) = rows(folder, "cdr-csv/Master.csv")
    assert row[14] == "ANSWERED"
    assert len(in_database(folder, "SELECT * FROM cdr")) == 1
    assert len([one for one in rows(folder, "cel-custom/Events.csv") if one[0] == "CHAN_END"]) == 2
