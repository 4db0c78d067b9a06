"""Acknowledged records of calls are written once: the server is killed with -9 in the midst of 1,000 of them."""

from __future__ import annotations

import csv
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest
from server_process import ServerProcess

FLOOD = '''
"""Puts 1,000 records, and notes each that was acknowledged."""
import asyncio, os
from pathlib import Path
from asterism.core.module import Module
from asterism.pbx.records.record import CallRecord, Disposition


class Flood(Module):
    name = "flood"

    def load(self, server):
        self.server = server

    def start(self):
        go = Path(self.server.paths.etc) / "go"
        if go.exists():
            go.unlink()
            self.server.spawn(self.flood(), "flood")

    async def flood(self):
        noted = os.open(Path(self.server.paths.etc) / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number in range(1000):
            record = CallRecord(
                clid='"Alice" <6001>', src="6001", dst="6002", dcontext="internal", channel="PJSIP/alice-1",
                dstchannel="PJSIP/bob-2", lastapp="Dial", lastdata="PJSIP/bob,20", start=1795909198.6,
                answer=1795909198.9, end=1795909200.4, duration=1, billsec=1, disposition=Disposition.ANSWERED,
                amaflags=3, accountcode=f"acc{number % 3}", peeraccount="", uniqueid=str(number),
                linkedid=str(number), userfield="", sequence=number,
            )
            self.server.pbx.records.calls.put(record)
            os.write(noted, b"%d\\n" % number)
            if number % 7 == 0:
                await asyncio.sleep(0.001)
'''
FILES = {
    "logger": "[logfiles]\nfull => error,warning\n",
    "pjsip": "",
    "cdr": "[general]\nenable=yes\n{batch}[csv]\nloguniqueid=yes\n[sql]\nconnection=pbx\n",
    "cdr_custom": "[mappings]\nOther.csv => ${CDR(uniqueid)},${CSV_QUOTE(${CDR(clid)})}\n",
    "res_config_sqlalchemy": "[pbx]\nurl=sqlite:///calls.sqlite3\n",
}
ALL = frozenset(range(1000))


def wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.002)


class Written:
    """What a server has written below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def lines(self, name: str) -> list[str]:
        path = self.root / name
        return path.read_text().splitlines() if path.exists() else []

    def acknowledged(self) -> set[int]:
        return {int(line) for line in self.lines("etc/acknowledged")}

    def columns(self) -> dict[str, list[int]]:
        """The records in each file, by their unique ids."""
        log = self.root / "log"
        with closing(connect(self.root / "lib/calls.sqlite3")) as database:
            rows = database.execute("SELECT uniqueid FROM cdr").fetchall()
        accounts = [row for n in range(3) for row in csv.reader(self.lines(f"log/cdr-csv/acc{n}.csv"))]
        return {
            "Master.csv": [int(row[16]) for row in csv.reader(self.lines("log/cdr-csv/Master.csv"))],
            "accounts": [int(row[16]) for row in accounts],
            "custom": [int(row[0]) for row in csv.reader(self.lines("log/cdr-custom/Other.csv"))],
            "database": [int(number) for (number,) in rows],
            "log": [0] * bool((log / "full").exists()),
        }


@pytest.mark.parametrize("batch", ["", "batch=yes\nsize=200\n"], ids=["simple", "batch"])
def test_a_kill_in_the_midst_of_a_thousand_records_loses_and_doubles_none(tmp_path: Path, batch: str) -> None:
    server = ServerProcess(tmp_path, **{**FILES, "cdr": FILES["cdr"].format(batch=batch)})
    (tmp_path / "etc/modules").mkdir()
    (tmp_path / "etc/modules/flood.py").write_text(FLOOD)
    (tmp_path / "etc/go").touch()
    (tmp_path / "lib").mkdir()
    with closing(connect(tmp_path / "lib/calls.sqlite3")) as database, database:
        database.execute("CREATE TABLE cdr (uniqueid VARCHAR(80), clid VARCHAR(80))")
        database.execute("CREATE TABLE asterism_records (writer VARCHAR(255) PRIMARY KEY, batch VARCHAR(40))")
    written, least = Written(tmp_path), random.randint(50, 900)
    try:
        server.launch()
        wait(lambda: len(written.acknowledged()) > least, "nothing was acknowledged")
        assert server.process is not None
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        acknowledged = written.acknowledged()
        assert least < len(acknowledged)
        with server:
            names = ("Master.csv", "accounts", "custom", "database")
            wait(lambda: all(acknowledged <= set(written.columns()[name]) for name in names), f"{written.columns()}")
            time.sleep(0.2)  # more would be too much
            for name, found in written.columns().items():
                assert [one for one, times in Counter(found).items() if times > 1] == [], f"{name}, killed at {least}"
                assert set(found) <= ALL
            assert server.stop() == 0
    finally:
        server.__exit__(None, None, None)
