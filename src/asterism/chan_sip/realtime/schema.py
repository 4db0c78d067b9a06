"""The tables of ``sippeers``, ``sipusers`` and ``sipregs``, for ``asterism db``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.realtime.peers import PEERS, REGISTRATIONS, USERS
from asterism.chan_sip.realtime.rows import KEY
from asterism.data.realtime.schema import column_type

if TYPE_CHECKING:
    from sqlalchemy import Column, MetaData

FAMILIES = (PEERS, USERS, REGISTRATIONS)
_WRITTEN = ("defaultuser",)
"""Options that a registration is written to."""


def add_table(metadata: MetaData, family: str, name: str) -> None:
    """Add the table of a family, by its name in the database; its key is the peer's name."""
    from sqlalchemy import Column, String, Table

    columns: list[Column[Any]] = [Column(KEY, String(80), primary_key=True)]
    if family != USERS:
        columns += _registration()
    present = {column.name for column in columns}
    if family == REGISTRATIONS:
        columns += [Column(spec.name, column_type(spec)) for spec in SipPeer.OPTIONS if spec.name in _WRITTEN]
    else:
        columns.append(Column("type", String(10)))
        columns += [Column(spec.name, column_type(spec)) for spec in SipPeer.OPTIONS if spec.name not in present]
    Table(name, metadata, *columns)


def _registration() -> list[Column[Any]]:
    from sqlalchemy import BigInteger, Column, Integer, String, Text

    return [
        Column("ipaddr", String(45)),
        Column("port", Integer()),
        Column("regseconds", BigInteger()),
        Column("fullcontact", String(255)),
        Column("regserver", String(80)),
        Column("useragent", String(255)),
        Column("lastms", Integer()),
        Column("path", Text()),
    ]
