"""The entity id that a server makes up for itself."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from asterism.data.entity import own_entity_id
from asterism.data.store import Store


def opened(path: Path) -> Store:
    return Store(path, log=logging.getLogger("test"), call_soon=lambda commit: None)


def test_it_is_made_once_and_kept(tmp_path: Path) -> None:
    store = opened(tmp_path / "one.sqlite3")
    first = own_entity_id(store)
    assert re.fullmatch("02(:[0-9a-f]{2}){5}", first)
    assert own_entity_id(store) == first
    store.close()
    store = opened(tmp_path / "one.sqlite3")
    assert own_entity_id(store) == first
    store.close()
    other = opened(tmp_path / "other.sqlite3")
    assert own_entity_id(other) != first
    other.close()
