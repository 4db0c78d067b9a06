"""Accounts in a database: the configuration that reads them from there, and the tables themselves."""

from __future__ import annotations

import asyncio
import contextlib
import io
from pathlib import Path

from asterism.command.database import read_settings, run_database
from bench.configuration import SERVER
from bench.phones import PASSWORD

_PJSIP = (
    f"[udp]\ntype=transport\nprotocol=udp\nbind={SERVER[0]}:{SERVER[1]}\n"
    "[ping]\ntype=endpoint\nallow_unauthenticated_options=yes\n[probe]\ntype=endpoint\nallow=ulaw\n"
)
_SORCERY = """\
[res_pjsip]
endpoint=config,pjsip.conf,criteria=type=endpoint
endpoint=realtime,ps_endpoints
auth=realtime,ps_auths
aor=realtime,ps_aors
"""
_WHOLE = "".join(f"{kind}/cache=memory_cache,full_backend_cache=yes\n" for kind in ("endpoint", "auth", "aor"))
_EXTCONFIG = """\
[settings]
ps_endpoints => odbc,pbx
ps_auths => odbc,pbx
ps_aors => odbc,pbx
"""
_TABLES: dict[str, dict[str, str | int | None]] = {
    "ps_endpoints": {
        "context": "default",
        "disallow": "all",
        "allow": "ulaw",
        "allow_unauthenticated_options": "yes",
        "aors": None,
        "auth": None,
    },
    "ps_auths": {"auth_type": "userpass", "username": None, "password": PASSWORD},
    "ps_aors": {"max_contacts": 1, "remove_existing": "yes"},
}
"""The columns besides ``id``; ``None``: the account's name."""


def account(number: int) -> str:
    """The name of an account."""
    return f"phone{number}"


def configuration(url: str, *, whole: bool = False) -> dict[str, str]:
    """The configuration files with which a server reads accounts from a database.

    ``whole``: all at start; otherwise, as by default, each when it is first used, and again when it is used more than
    30 seconds later.
    """
    return {
        "pjsip.conf": _PJSIP,
        "sorcery.conf": _SORCERY + (_WHOLE if whole else ""),
        "extconfig.conf": _EXTCONFIG,
        "res_config_sqlalchemy.conf": f"[pbx]\nurl={url}\ntimeout=60\n",
    }


def make(folder: Path, url: str, count: int, *, whole: bool = False) -> dict[str, str]:
    """Make the tables and ``count`` accounts; returns the configuration that reads them."""
    files = configuration(url, whole=whole)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = run_database(["upgrade", str(folder)])
    if status:
        raise RuntimeError(f"the tables were not made: {printed.getvalue()}")
    asyncio.run(_fill(folder, count))
    return files


async def _fill(folder: Path, count: int) -> None:
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(read_settings(folder).databases["pbx"].url)
    try:
        async with engine.begin() as connection:
            for table, columns in _TABLES.items():
                await connection.execute(text(f"DELETE FROM {table}"))
                names = ", ".join(columns)
                values = ", ".join(f":{name}" for name in columns)
                rows: list[dict[str, str | int]] = [
                    {key: name if value is None else value for key, value in {"id": None, **columns}.items()}
                    for name in map(account, range(count))
                ]
                await connection.execute(text(f"INSERT INTO {table} (id, {names}) VALUES (:id, {values})"), rows)
    finally:
        await engine.dispose()
