"""A data layer on realtime tables, for tests."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from asterism.core.registry import Owner
from asterism.data import Data, Store
from asterism.data.realtime.module import RealtimeModule
from asterism.data.realtime.schema import describe, upgrade
from asterism.sip.objects import TYPES, register_types

LOG = logging.getLogger("test.realtime")

FAMILIES = (
    "ps_endpoints",
    "ps_auths",
    "ps_aors",
    "ps_contacts",
    "ps_endpoint_id_ips",
    "ps_domain_aliases",
    "ps_registrations",
)

SORCERY = """\
[res_pjsip]
endpoint=realtime,ps_endpoints
auth=realtime,ps_auths
aor=realtime,ps_aors
contact=realtime,ps_contacts
domain_alias=realtime,ps_domain_aliases
[res_pjsip_endpoint_identifier_ip]
identify=realtime,ps_endpoint_id_ips
[res_pjsip_outbound_registration]
registration=realtime,ps_registrations
"""


class Paths:
    def __init__(self, folder: Path) -> None:
        self.db = folder


class Host:
    """The part of a server that the realtime module needs."""

    def __init__(self, folder: Path, store: Store | None = None) -> None:
        self.log = LOG
        self.paths = Paths(folder)
        self.data = Data(Owner("test"), LOG, folder, store)
        self.module = RealtimeModule()
        self.module.load(self)  # type: ignore[arg-type]
        register_types(self.data)

    def register_marked(self, holder: object) -> None:
        return None

    async def start(self) -> Data:
        """Load files and what is read at start; nothing goes on by itself afterwards."""
        self.data.load()
        await self.module.refresh()
        return self.data

    async def stop(self) -> None:
        await self.module.unload()


def write_files(folder: Path, url: str, sorcery: str = SORCERY, extra: str = "") -> None:
    """The three files of realtime, with every family in one database."""
    (folder / "sorcery.conf").write_text(sorcery)
    lines = "\n".join(f"{family} => odbc,asterisk" for family in FAMILIES)
    (folder / "extconfig.conf").write_text(f"[settings]\n{lines}\n{extra}")
    (folder / "res_config_sqlalchemy.conf").write_text(f"[asterisk]\nurl={url}\n")


async def make_tables(url: str) -> list[str]:
    """What ``asterism db upgrade`` does."""
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(upgrade, describe(TYPES))
    finally:
        await engine.dispose()


async def execute(url: str, *statements: str, rows: Any = None) -> list[Any]:
    """Run SQL beside the server, as another program would."""
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(url)
    found: list[Any] = []
    try:
        async with engine.begin() as connection:
            for statement in statements:
                result = await connection.execute(text(statement), rows)
                if result.returns_rows:
                    found = [tuple(row) for row in result.fetchall()]
    finally:
        await engine.dispose()
    return found
