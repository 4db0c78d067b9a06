"""Servers whose peers of sip.conf are in a SQLite database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from asterism.testing import free_port

TABLE = """
CREATE TABLE sippeers (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(40) NOT NULL UNIQUE, ipaddr VARCHAR(45), port INTEGER,
  regseconds INTEGER, defaultuser VARCHAR(40), fullcontact VARCHAR(80), regserver VARCHAR(20), useragent VARCHAR(255),
  lastms INTEGER, path VARCHAR(255), host VARCHAR(40), type VARCHAR(10), context VARCHAR(40), permit VARCHAR(95),
  deny VARCHAR(95), secret VARCHAR(40), md5secret VARCHAR(40), transport VARCHAR(20), dtmfmode VARCHAR(20),
  disallow VARCHAR(200), allow VARCHAR(200), setvar VARCHAR(200), callerid VARCHAR(40), mailbox VARCHAR(40),
  qualify VARCHAR(40), regexten VARCHAR(40), "call-limit" INTEGER, nat VARCHAR(29), canreinvite VARCHAR(10)
)
"""


def config(
    folder: Path, database: Path, sip: str = "", *families: str, system: str = "", **more: str
) -> dict[str, str]:
    """The files of a server."""
    options = f"[options]\nsystemname={system}\n" if system else ""
    places = ("run", "db", "varlib", "log", "spool")
    directories = "".join(f"ast{name}dir => {folder / 'server' / name}\n" for name in places)
    names = families or ("sippeers",)
    return {
        "asterisk.conf": f"[directories]\n{directories}{options}",
        "modules.conf": "[modules]\nautoload=yes\nnoload=manager\nnoload=http\nnoload=console\n",
        "pjsip.conf": "; no type=transport here: they are those of sip.conf\n",
        "sip.conf": f"[general]\nudpbindaddr=127.0.0.1:{free_port()}\n{sip}",
        "extconfig.conf": "[settings]\n" + "".join(f"{name} => sqlite3,db,{name}\n" for name in names),
        "res_config_sqlalchemy.conf": f"[db]\nurl=sqlite:///{database}\n",
        **more,
    }


def execute(database: Path, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements in one transaction; the rows of the last one."""
    rows: list[tuple[Any, ...]] = []
    with closing(sqlite3.connect(database)) as db, db:
        for statement in statements:
            rows = db.execute(statement).fetchall()
    return rows


def insert(database: Path, table: str = "sippeers", **values: object) -> None:
    """Add a row; ``_`` at the end of a name is left out, ``call_limit`` is ``call-limit``."""
    names = ", ".join(f'"{name.replace("_", "-")}"' for name in values)
    marks = ", ".join("?" * len(values))
    with closing(sqlite3.connect(database)) as db, db:
        db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))
