"""The fields of the events, in the recorded order."""

from __future__ import annotations

import asyncio
import re

import pytest
from fake_technology import settle
from parking_kit import RECORD, World, parking

from asterism.pbx.calls.parking import events


def recorded_names(event: str) -> list[str]:
    found = re.search(rf"^Event: {event}\nPrivilege: call,all\n(.+?)\n\n", RECORD.read_text(), re.M | re.S)
    assert found is not None
    return [line.partition(":")[0] for line in found.group(1).splitlines()]


@pytest.mark.parametrize("name", ["ParkedCall", "UnParkedCall", "ParkedCallTimeOut", "ParkedCallGiveUp"])
def test_the_fields_are_those_of_the_record(name: str) -> None:
    async def scenario(world: World) -> None:
        alice = await world.call("alice", "7400")
        await asyncio.sleep(4.5)
        alice.queue_hangup(16)
        await settle(20)
        alice = await world.call("alice", "7400")
        alice.queue_hangup(16)
        await settle(20)
        alice = await world.call("alice", "7400")
        carol = await world.call("carol", "7406")
        await asyncio.sleep(0.5)
        carol.queue_hangup(16)
        await settle(20)

    told = parking(scenario).server.fields(name)
    assert told
    for fields in told:
        assert list(fields) == recorded_names(name)


def test_each_is_documented() -> None:
    assert all(event.documentation.arguments for event in events.ALL)
