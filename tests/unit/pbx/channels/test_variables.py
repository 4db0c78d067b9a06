"""Setting several variables at once, and values that are worked out when somebody asks: heard by somebody or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from fake_technology import FakeServer, settle

from asterism.pbx.channels.channel import Channel


def run(scenario: Callable[[FakeServer, Channel], None], *, heard: bool) -> list[str]:
    """Run ``scenario`` on a channel, with a subscriber or without; returns the VarSet events, ``name=value``."""
    told: list[str] = []

    async def main() -> None:
        server = FakeServer()
        if heard:
            server.bus.subscribe(
                server.owner,
                None,
                lambda event, args: told.append(f"{args[1]}={args[2]}") if event.name == "VarSet" else None,
            )
        channel = server.sip.incoming("alice", "1")
        told.clear()
        scenario(server, channel)
        channel.hang_up()
        await settle()

    asyncio.run(main())
    return told


@pytest.mark.parametrize("heard", [False, True])
def test_several_at_once(heard: bool) -> None:
    def scenario(server: FakeServer, channel: Channel) -> None:
        channel.set_variable("B", "old")
        channel.set_variables({"A": "1", "B": "2"})
        channel.set_variables({"A": "3"})
        assert list(channel.variables.items()) == [("B", "2"), ("A", "3")]

    assert run(scenario, heard=heard) == (["B=old", "A=1", "B=2", "A=3"] if heard else [])


@pytest.mark.parametrize("heard", [False, True])
def test_deleting_several(heard: bool) -> None:
    def scenario(server: FakeServer, channel: Channel) -> None:
        channel.set_variable("__A", "1")
        channel.set_variables({"B": "2", "C": "3"})
        channel.delete_variables(("A", "B", "D"))
        assert channel.variables == {"C": "3"}
        child = server.sip.incoming("bob", "1")
        child.inherit_variables(channel)
        assert not child.variables
        child.hang_up()

    assert run(scenario, heard=heard) == (["__A=1", "B=2", "C=3", "A=", "B=", "D="] if heard else [])


@pytest.mark.parametrize("heard", [False, True])
def test_setting_ends_inheritance(heard: bool) -> None:
    def scenario(server: FakeServer, channel: Channel) -> None:
        channel.set_variable("__A", "1")
        channel.set_variables({"A": "2"})
        child = server.sip.incoming("bob", "1")
        child.inherit_variables(channel)
        assert "A" not in child.variables
        child.hang_up()

    run(scenario, heard=heard)


@pytest.mark.parametrize("heard", [False, True])
def test_deferred_values(heard: bool) -> None:
    asked: list[str] = []

    def scenario(server: FakeServer, channel: Channel) -> None:
        def values() -> tuple[str, str]:
            asked.append("values")
            return "1", "2"

        channel.defer_variables(("A", "B"), values)
        assert asked == (["values"] if heard else [])
        channel.set_variable("C", "3")
        assert channel.get_variable("B") == "2"
        assert list(channel.variables.items()) == [("A", "1"), ("B", "2"), ("C", "3")]
        assert asked == ["values"]

    assert run(scenario, heard=heard) == (["A=1", "B=2", "C=3"] if heard else [])


def test_deferred_values_give_way_to_newer_ones() -> None:
    def scenario(server: FakeServer, channel: Channel) -> None:
        channel.defer_variables(("A", "B", "C"), lambda: ("old", "old", "old"))
        channel.set_variable("A", "set")
        channel.defer_variables(("B",), lambda: ("new",))
        channel.set_variable("C", None)
        assert list(channel.variables.items()) == [("A", "set"), ("B", "new")]

    run(scenario, heard=False)


def test_deferred_values_that_nobody_reads_are_never_made() -> None:
    asked: list[str] = []

    def scenario(server: FakeServer, channel: Channel) -> None:
        channel.defer_variables(("A",), lambda: asked.append("values") or ("1",))

    run(scenario, heard=False)
    assert not asked
