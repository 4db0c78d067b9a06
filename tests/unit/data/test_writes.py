"""Changes on their way to a database: one value that it does not take is not an outage for the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from asterism.core.registry import Owner
from asterism.data import ConfiguredObject, Data, DataUnavailableError, Missing, option
from asterism.data.backends import Backend
from asterism.data.errors import DataError, DataRefusedError
from asterism.data.kinds import TEXT


class Item(ConfiguredObject, type="item"):
    """Something kept in a database."""

    SOURCES = ("remote",)
    ON_DEMAND = True

    text = option(TEXT, "", "What it says.")


class Remote(Backend):
    """Refuses the text ``bad`` in a batch, is away while ``down``, and waits at ``gate``."""

    name = "remote"
    remote = True
    writable = True

    def __init__(self, cls: type[ConfiguredObject]) -> None:
        super().__init__(cls)
        self.rows: dict[str, str] = {}
        self.tries: list[list[str]] = []
        self.down = False
        self.gate: asyncio.Event | None = None
        self.tried = asyncio.Event()

    async def write(self, changes: Mapping[str, ConfiguredObject | None]) -> None:
        self.tries.append(list(changes))
        self.tried.set()
        await asyncio.sleep(0)
        if self.gate is not None:
            await self.gate.wait()
        if self.down:
            raise DataUnavailableError("it is away")
        if any(item is not None and item.text == "bad" for item in changes.values()):  # type: ignore[attr-defined]
            raise DataRefusedError("no")
        for key, item in changes.items():
            if item is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = item.text  # type: ignore[attr-defined]


class World:
    def __init__(self, folder: Path) -> None:
        self.remote = Remote(Item)
        self.data = Data(Owner("test"), logging.getLogger("test.writes"), folder)
        self.data.register_backend("remote", lambda _cls, _arguments: self.remote)
        self.data.register_type(Item)
        self.data.load()
        self.said: list[str] = []

    def request(self, name: str, *items: Item) -> None:
        """A request that changes these and waits for them."""
        self.data.change_now(items)
        self.wait(name, *(item.id for item in items))

    def wait(self, name: str, *ids: str) -> None:
        said = self.said
        self.data.on_settled(Item, lambda: said.append(f"200 {name}"), lambda: said.append(f"500 {name}"), ids)

    def in_memory(self) -> list[str]:
        return sorted(item.id for item in self.data.all(Item))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_the_request_with_the_value_that_is_not_taken_fails_alone(world: World) -> None:
    count = 128
    for number in range(count):
        world.request(str(number), Item(f"i{number}", text="bad" if number == 77 else "good"))
    await world.data.drain()
    assert world.said == [f"{500 if number == 77 else 200} {number}" for number in range(count)]
    expected = {f"i{number}" for number in range(count)} - {"i77"}
    assert set(world.in_memory()) == set(world.remote.rows) == expected
    # Halves of halves, not each by itself.
    assert len(world.remote.tries) <= 2 * count.bit_length()
    assert world.data.get_staged(Item, "i77") is None


async def test_a_request_is_written_as_a_whole_or_not_at_all(world: World) -> None:
    world.request("a", Item("a1"), Item("a2", text="bad"), Item("a3"))
    world.request("b", Item("b1"), Item("b2"))
    world.request("c", Item("c1"))
    await world.data.drain()
    assert world.said == ["500 a", "200 b", "200 c"]
    assert world.in_memory() == ["b1", "b2", "c1"] == sorted(world.remote.rows)


async def test_requests_that_share_an_object_go_together(world: World) -> None:
    world.request("a", Item("a"), Item("shared"))
    world.request("b", Item("b", text="bad"), Item("shared"))
    world.request("c", Item("c"))
    await world.data.drain()
    assert world.said == ["500 a", "500 b", "200 c"]
    assert world.in_memory() == ["c"]


async def test_a_database_that_is_away_is_not_asked_again_for_each(world: World) -> None:
    world.remote.down = True
    for number in range(10):
        world.request(str(number), Item(f"i{number}"))
    await world.data.drain()
    assert world.said == [f"500 {number}" for number in range(10)]
    assert len(world.remote.tries) == 1


async def test_who_depends_on_what_is_being_written_waits_for_it(world: World) -> None:
    world.remote.gate = asyncio.Event()
    world.request("first", Item("a"))
    await world.remote.tried.wait()
    # It is on its way: a query of the same object, one of another, and one that adds to it.
    world.wait("same", "a")
    world.wait("other", "x")
    world.request("more", Item("b"))
    world.wait("both", "a", "b")
    assert world.said == ["200 other"]
    world.remote.gate.set()
    await world.data.drain()
    assert world.said == ["200 other", "200 first", "200 same", "200 more", "200 both"]


async def test_who_depends_on_what_fails_hears_so(world: World) -> None:
    world.remote.gate = asyncio.Event()
    world.request("first", Item("a", text="bad"))
    await world.remote.tried.wait()
    world.request("more", Item("b"))
    world.wait("both", "a", "b")
    world.request("again", Item("a", text="good"))
    world.remote.gate.set()
    await world.data.drain()
    assert world.said == ["500 first", "500 both", "200 more", "200 again"]
    assert world.remote.rows == {"a": "good", "b": ""}


async def test_create_tells_of_its_own_object(world: World) -> None:
    made = await asyncio.gather(
        world.data.create(Item("good")), world.data.create(Item("no", text="bad")), return_exceptions=True
    )
    assert made[0] is None
    assert isinstance(made[1], DataError)
    assert isinstance(world.data.get(Item, "good"), Item)
    assert world.data.get(Item, "no") is Missing.NOT_LOADED
