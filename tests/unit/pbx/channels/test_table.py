"""The table of live channels."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from asterism.pbx.channels.table import ChannelTable


def channel(name: str, uniqueid: str) -> Any:
    return SimpleNamespace(name=name, uniqueid=uniqueid, device=name.rpartition("-")[0])


def test_a_channel_is_found_by_name_in_any_case_by_uniqueid_and_by_device() -> None:
    table: ChannelTable[Any] = ChannelTable()
    first, second = channel("PJSIP/alice-00000000", "1.0"), channel("PJSIP/alice-00000001", "1.1")
    table.add(first)
    table.add(second)
    assert table.get("PJSIP/alice-00000000") is table.get("pjsip/ALICE-00000000") is table.get("1.0") is first
    assert table.of_device("PJSIP/alice") == [first, second]
    assert (list(table), len(table)) == ([first, second], 2)


def test_nothing_is_left_of_a_channel_that_is_removed() -> None:
    table: ChannelTable[Any] = ChannelTable()
    only = channel("PJSIP/alice-00000000", "1.0")
    table.add(only)
    table.remove(only)
    table.remove(only)
    assert (list(table), table.get(only.name), table.get("1.0"), table.of_device("PJSIP/alice")) == ([], None, None, ())
    assert not any(vars(table).values())


def test_the_table_may_change_while_it_is_read() -> None:
    table: ChannelTable[Any] = ChannelTable()
    for number in range(3):
        table.add(channel(f"PJSIP/alice-{number}", f"1.{number}"))
    for one in table:
        table.remove(one)
    assert len(table) == 0
