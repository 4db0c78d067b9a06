"""The entity id: what a server is called among those that share states, ``02:1b:...`` (``entityid``, ``ENTITYID``)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from asterism.data.store import text_of

if TYPE_CHECKING:
    from asterism.data.store import Store

_SCHEMA = ("CREATE TABLE entity (id TEXT NOT NULL)",)


def own_entity_id(store: Store) -> str:
    """The id of a server whose configuration names none: made up once, in the form of a MAC address, and kept.

    Not the MAC address of the machine: two servers on one would take each other for themselves.
    """
    store.migrate("entity", _SCHEMA)
    rows = store.read("SELECT id FROM entity")
    if rows:
        return str(text_of(rows[0][0]))
    octets = (2, *secrets.token_bytes(5))  # 2: assigned locally
    made = ":".join(f"{octet:02x}" for octet in octets)
    store.write("INSERT INTO entity VALUES (?)", (made,))
    return made
