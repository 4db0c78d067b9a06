"""Which names the variables of a bridge's members have."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer

from asterism.pbx.bridges.peer_names import MAX_NAMED, forget_peers, name_peers
from asterism.pbx.channels.channel import Channel


def channels(count: int) -> list[Channel]:
    server = FakeServer()
    return [server.sip.incoming("alice", "1") for _ in range(count)]


def test_two_name_each_other_and_a_rest_of_one_names_nobody() -> None:
    first, second = channels(2)
    name_peers([first, second], as_they_came=False)
    assert first.get_variable("BRIDGEPEER") == second.name
    assert second.get_variable("BRIDGEPEER") == first.name
    name_peers([second], as_they_came=False)
    assert second.get_variable("BRIDGEPEER") is None
    forget_peers(first)
    assert first.get_variable("BRIDGEPEER") is None


@pytest.mark.parametrize("as_they_came", [True, False])
def test_the_order_of_more_than_two(as_they_came: bool) -> None:
    members = channels(3)
    name_peers(members, as_they_came=as_they_came)
    one, two, three = (member.name for member in members)
    expected = f"{one},{three}" if as_they_came else f"{three},{one}"
    assert members[1].get_variable("BRIDGEPEER") == expected
    assert two not in expected


def test_a_large_bridge_names_some() -> None:
    members = channels(MAX_NAMED + 5)
    name_peers(members, as_they_came=True)
    named = [str(member.get_variable("BRIDGEPEER")).split(",") for member in members]
    assert all(len(names) == MAX_NAMED for names in named)
    assert all(member.name not in names for member, names in zip(members, named, strict=True))
