"""The cache before remote backends, on a clock of its own and a backend that does as it is told."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from asterism.config.file import Option
from asterism.core.errors import ConfigError, Position
from asterism.core.events import EventBus
from asterism.core.registry import Owner
from asterism.core.test_events import TEST_EVENT, TestEvents
from asterism.data import ConfiguredObject, Data, DataUnavailableError, Missing, option
from asterism.data import cache as cache_module
from asterism.data.backends import Backend, Loaded
from asterism.data.cache import ABSENT_BYTES, MAX_ABSENT, MAX_KEY, NEGATIVE_SECONDS
from asterism.data.cache_options import CacheOptions
from asterism.data.kinds import NAMES, UINT

LOG = logging.getLogger("test.cache")


class Part(ConfiguredObject, type="part"):
    """Something a thing refers to."""

    SOURCES = ("remote",)
    ON_DEMAND = True


class Thing(ConfiguredObject, type="thing"):
    """A thing."""

    SOURCES = ("remote",)
    ON_DEMAND = True
    REFERENCES = {"parts": "part"}  # noqa: RUF012

    size = option(UINT, 3, "How large.")
    parts = option(NAMES, (), "What it is made of.")


class Whole(ConfiguredObject, type="whole"):
    """Only known as a whole."""

    SOURCES = ("remote",)

    size = option(UINT, 3, "How large.")


class Remote(Backend):
    name = "remote"
    remote = True
    writable = True

    def __init__(self, cls: type[ConfiguredObject]) -> None:
        super().__init__(cls)
        self.rows: dict[str, ConfiguredObject] = {}
        self.asked: list[list[str]] = []
        self.down = False
        self.refused: set[str] = set()
        self.gate: asyncio.Event | None = None

    async def _wait(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        if self.down:
            raise DataUnavailableError("it is away")

    async def fetch(self, keys: Collection[str], known: Mapping[str, ConfiguredObject]) -> Loaded:
        self.asked.append(list(keys))
        rows = dict(self.rows)
        await self._wait()
        loaded = Loaded({key: rows[key] for key in keys if key in rows and key not in self.refused})
        loaded.refused = {key for key in keys if key in self.refused}
        return loaded

    async def fetch_all(self, known: Mapping[str, ConfiguredObject]) -> Loaded:
        self.asked.append(["*"])
        await self._wait()
        return Loaded(dict(self.rows))

    async def write(self, changes: Mapping[str, ConfiguredObject | None]) -> None:
        await self._wait()
        for key, item in changes.items():
            if item is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = item


class World:
    """A data layer with remote types and a clock that the test turns."""

    def __init__(self, folder: Path, sorcery: str = "", things: str = "") -> None:
        (folder / "sorcery.conf").write_text("[x]\n" + sorcery)
        (folder / "things.conf").write_text(things)
        self.now = 1000.0
        self.backends: dict[type[ConfiguredObject], list[Remote]] = {}
        self.data = Data(Owner("test"), LOG, folder)
        self.data.register_backend("remote", self._make)
        for cls in (Thing, Part, Whole):
            self.data.register_type(cls)
        self.errors = self.data.load().errors
        for cache in self.data.caches():
            cache._clock = lambda: self.now

    def _make(self, cls: type[ConfiguredObject], arguments: list[str]) -> Backend:
        backend = Remote(cls)
        self.backends.setdefault(cls, []).append(backend)
        return backend

    @property
    def remote(self) -> Remote:
        return self.backends[Thing][0]

    def cache(self, cls: type[ConfiguredObject] = Thing):
        return next(cache for cache in self.data.caches() if cache.table.cls is cls)

    async def size(self, key: str = "a") -> int | None:
        found = await self.data.retrieve(Thing, key)
        return None if found is None else found.size


async def test_many_ask_at_once_and_one_query_answers(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.remote.rows = {"a": Thing("a", size=1), "b": Thing("b", size=2)}
    assert world.data.get(Thing, "a") is Missing.NOT_LOADED
    answers = await asyncio.gather(*(world.size(key) for key in "aabbaac"))
    assert answers == [1, 1, 2, 2, 1, 1, None]
    assert world.remote.asked == [["a", "b", "c"]]
    assert await world.size("a") == 1
    assert len(world.remote.asked) == 1


async def test_what_is_not_there_is_remembered_for_a_while(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert await world.size("a") is None
    assert world.data.get(Thing, "a") is Missing.ABSENT
    world.now += NEGATIVE_SECONDS + 0.1
    assert world.data.get(Thing, "a") is Missing.NOT_LOADED
    world.remote.rows["a"] = Thing("a", size=7)
    assert await world.size("a") == 7
    for number in range(MAX_ABSENT + 500):
        world.cache()._not_found(f"x{number}")
    assert len(world.cache()._absent) == MAX_ABSENT


async def test_an_error_is_not_an_absent_row(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.remote.down = True
    with pytest.raises(DataUnavailableError):
        await world.size("a")
    assert world.data.get(Thing, "a") is Missing.NOT_LOADED
    world.remote.down = False
    world.remote.rows["a"] = Thing("a", size=1)
    assert await world.size("a") == 1


async def test_tests_hear_of_a_stale_object_that_is_replaced(tmp_path: Path) -> None:
    bus = EventBus(LOG)
    tests = TestEvents(bus)
    told: list[tuple[object, ...]] = []
    bus.subscribe(Owner("test"), TEST_EVENT, lambda _type, args: told.append((args[0], *args[2])))
    world = World(tmp_path, "thing/cache=memory_cache,object_lifetime_stale=10,name=things\n")
    world.cache().tests = tests
    world.remote.rows["a"] = Thing("a", size=1)
    for listens in (False, True):
        tests.listen("test", listens)
        await world.size()
        world.now += 10
        world.cache().sweep()
        await world.size()
        await world.cache().retrieve("a")
    cache = (("Cache", "things"), ("Type", "thing"), ("Name", "a"))
    assert told == [("SORCERY_MEMORY_CACHE_REFRESHED", *cache)]


async def test_stale_objects_are_served_and_refreshed_when_used(tmp_path: Path) -> None:
    world = World(tmp_path, "thing/cache=memory_cache,object_lifetime_stale=10\n")
    told: list[str] = []
    world.data.observe(Thing, lambda change: told.append(f"{change.kind} {change.item.size}"))
    world.remote.rows["a"] = Thing("a", size=1)
    assert await world.size() == 1
    world.remote.rows["a"] = Thing("a", size=2)
    world.now += 9
    world.cache().sweep()
    assert await world.size() == 1
    assert len(world.remote.asked) == 1
    world.now += 1
    world.cache().sweep()
    assert await world.size() == 1
    await world.cache().retrieve("a")
    assert await world.size() == 2
    assert len(world.remote.asked) == 2
    assert told == ["added 1", "changed 2"]
    # A row that is gone is gone at the next refresh.
    world.remote.rows.clear()
    world.cache().stale("a")
    await world.cache().retrieve("a")
    assert world.data.get(Thing, "a") is Missing.ABSENT
    assert told[-1] == "removed 2"


async def test_known_objects_are_served_while_the_backend_is_away(tmp_path: Path) -> None:
    world = World(tmp_path, "thing/cache=memory_cache,object_lifetime_maximum=10\n")
    world.remote.rows["a"] = Thing("a", size=1)
    assert await world.size() == 1
    world.remote.down = True
    world.cache().expire()
    assert world.data.get(Thing, "a") is Missing.NOT_LOADED
    assert await world.size() == 1
    # For a second nobody waits for it again.
    assert isinstance(world.data.get(Thing, "a"), Thing)
    asked = len(world.remote.asked)
    assert await world.size() == 1
    assert len(world.remote.asked) == asked
    world.now += 1
    world.remote.down = False
    world.remote.rows["a"] = Thing("a", size=5)
    assert await world.size() == 5


async def test_lifetime_and_number_are_limited(tmp_path: Path) -> None:
    world = World(tmp_path, "thing/cache=memory_cache,object_lifetime_maximum=10,maximum_objects=2\n")
    world.remote.rows = {key: Thing(key) for key in "abc"}
    for key in "abc":
        assert await world.size(key) == 3
    assert [item.id for item in world.data.all(Thing)] == ["b", "c"]
    assert world.data.get(Thing, "a") is Missing.NOT_LOADED
    world.now += 10
    world.cache().sweep()
    assert world.data.all(Thing) == []


async def test_a_change_made_during_a_query_wins(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.remote.rows["a"] = Thing("a", size=1)
    await world.size()
    world.cache().stale("a")
    world.remote.gate = asyncio.Event()
    reading = asyncio.ensure_future(world.cache().retrieve("a"))
    await asyncio.sleep(0)
    writing = asyncio.ensure_future(world.data.update(Thing("a", size=9)))
    await asyncio.sleep(0)
    world.remote.gate.set()
    await asyncio.gather(reading, writing)
    assert await world.size() == 9


async def test_a_change_is_visible_once_the_backend_confirmed_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    order: list[str] = []
    world.data.create_now(Thing("a", size=1))
    world.data.create_now(Thing("b", size=1))
    world.data.on_settled(Thing, lambda: order.append("done"), lambda: order.append("failed"))
    assert world.data.get(Thing, "a") is Missing.NOT_LOADED
    assert world.data.get_staged(Thing, "a") is not None
    await world.data.drain()
    assert order == ["done"]
    assert set(world.remote.rows) == {"a", "b"}
    world.remote.down = True
    world.data.update_now(Thing("a", size=2))
    world.data.on_settled(Thing, lambda: order.append("done"), lambda: order.append("failed"))
    await world.data.drain()
    assert order == ["done", "failed"]
    assert await world.size("a") == 1
    assert world.data._tables[Thing].staged == {}


async def test_references_come_along(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.remote.rows["a"] = Thing("a", parts=("p", "q"))
    world.backends[Part][0].rows["p"] = Part("p")
    await world.size("a")
    assert isinstance(world.data.get(Part, "p"), Part)
    assert world.data.get(Part, "q") is Missing.ABSENT
    assert world.backends[Part][0].asked == [["p", "q"]]


async def test_a_bad_row_keeps_what_was_known(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.remote.rows["a"] = Thing("a", size=1)
    await world.size()
    world.cache().expire("a")
    world.remote.refused = {"a"}
    assert await world.size() == 1


async def test_types_that_are_read_whole(tmp_path: Path) -> None:
    world = World(tmp_path)
    cache, remote = world.cache(Whole), world.backends[Whole][0]
    remote.down = True
    assert not await world.data.populate(cache)
    assert world.data.get(Whole, "a") is Missing.NOT_LOADED
    assert cache.due == world.now + 1
    remote.down = False
    remote.rows = {"a": Whole("a"), "b": Whole("b")}
    assert await world.data.populate(cache)
    assert world.data.get(Whole, "c") is Missing.ABSENT
    assert [item.id for item in world.data.all(Whole)] == ["a", "b"]
    remote.rows = {"b": Whole("b", size=8), "c": Whole("c")}
    await world.data.populate(cache)
    assert [(item.id, item.size) for item in world.data.all(Whole)] == [("b", 8), ("c", 3)]
    remote.down = True
    await world.data.populate(cache)
    assert len(world.data.all(Whole)) == 2
    # Nobody waits for single objects of such a type, whatever a command or a reload says.
    cache.expire()
    world.data.reload()
    world.now += 2
    assert isinstance(world.data.get(Whole, "b"), Whole)
    await cache.retrieve("b")


async def test_full_backend_cache_and_reload(tmp_path: Path) -> None:
    world = World(tmp_path, "thing/cache=memory_cache,full_backend_cache=yes,expire_on_reload=yes\n")
    world.remote.rows = {"a": Thing("a", parts=("p",))}
    world.backends[Part][0].rows["p"] = Part("p")
    await world.data.populate(world.cache())
    assert isinstance(world.data.get(Part, "p"), Part)
    assert world.data.get(Thing, "b") is Missing.ABSENT
    world.data.reload()
    assert world.cache().due == 0.0
    assert world.data.get(Thing, "a") is Missing.NOT_LOADED
    assert await world.size("a") == 3


async def test_files_and_databases_in_the_order_given(tmp_path: Path) -> None:
    things = "[a]\nsize=1\n[b]\nsize=1\n"
    world = World(tmp_path, "thing=config,things.conf\nthing=remote\n", things)
    world.remote.rows = {"a": Thing("a", size=2), "c": Thing("c", size=2)}
    assert [await world.size(key) for key in "abc"] == [1, 1, 2]
    await world.data.retrieve_all(Thing)
    assert [await world.size(key) for key in "abc"] == [1, 1, 2]

    world = World(tmp_path, "thing=remote\nthing=config,things.conf\n", things)
    world.remote.rows = {"a": Thing("a", size=2), "c": Thing("c", size=2)}
    assert world.data.get(Thing, "a") is Missing.NOT_LOADED
    assert [await world.size(key) for key in "abc"] == [2, 1, 2]
    # What the database drops falls back to the file.
    del world.remote.rows["a"]
    world.cache().expire("a")
    assert await world.size("a") == 1

    world = World(tmp_path, "thing=remote\nthing=remote\n")
    first, second = world.backends[Thing]
    first.rows, second.rows = {"a": Thing("a", size=2)}, {"a": Thing("a", size=3), "b": Thing("b", size=3)}
    assert [await world.size(key) for key in "ab"] == [2, 3]
    first.down = True
    assert await world.size("b") == 3
    with pytest.raises(DataUnavailableError):
        await world.size("nobody")


async def test_a_bug_in_a_backend_is_no_absence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(tmp_path)
    world.remote.rows = None
    with pytest.raises(DataUnavailableError):
        await world.size("a")
    assert "could not be read" in caplog.text


@pytest.mark.parametrize(
    "text", ["memory_cache,colour=red", "memory_cache,maximum_objects=many", "other_cache", "memory_cache,name"]
)
def test_options_are_checked(tmp_path: Path, text: str) -> None:
    world = World(tmp_path, f"thing/cache={text}\n")
    if text.endswith(",name"):
        assert world.errors == []
    else:
        assert [str(error) for error in world.errors if "accepted" in str(error)]


def test_options_without_a_line_are_as_documented() -> None:
    assert CacheOptions().object_lifetime_stale == 30
    given = CacheOptions.parse(["name=x", "prefetch"], Option("a/cache", "", Position("sorcery.conf", 1)))
    assert given == CacheOptions(name="x", prefetch=True, object_lifetime_stale=0)
    with pytest.raises(ConfigError, match=r"sorcery\.conf:1"):
        CacheOptions.parse(["x=1"], Option("a/cache", "", Position("sorcery.conf", 1)))


async def test_the_first_of_several_names(tmp_path: Path) -> None:
    world = World(tmp_path)
    data, remote = world.data, world.remote
    remote.rows["a"] = Thing("a", size=1)
    names = ("a@x", "a")
    assert data.first(Thing, names) is Missing.NOT_LOADED
    assert await data.retrieve_first(Thing, names) is data.get(Thing, "a")
    assert remote.asked == [["a@x", "a"]]
    assert data.first(Thing, ("b@x",)) is Missing.NOT_LOADED
    assert await data.retrieve_first(Thing, ("b@x", "b")) is None
    assert data.first(Thing, ("b@x", "b")) is Missing.ABSENT
    # Later nobody waits for it to be certain that there still is no a@x, not even while the database is away.
    world.now += NEGATIVE_SECONDS + 0.1
    remote.down = True
    assert data.first(Thing, names) is data.get(Thing, "a")
    await asyncio.sleep(0)
    world.cache()._ask_gathered()
    with pytest.raises(DataUnavailableError):
        await world.cache().retrieve("a@x")
    assert data.first(Thing, names) is data.get(Thing, "a")
    # Where there is nothing else, there is nothing to be had without asking.
    assert data.first(Thing, ("b@x", "b")) is Missing.NOT_LOADED
    remote.down = False
    world.now += 2
    remote.rows["a@x"] = Thing("a@x", size=2)
    assert data.first(Thing, names) is data.get(Thing, "a")
    await world.cache().retrieve("a@x")
    assert data.first(Thing, names) is data.get(Thing, "a@x")


async def test_each_of_several_names(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.remote.rows = {key: Thing(key) for key in "ab"}
    one = await world.data.retrieve(Thing, "a")
    assert world.data.get_each(Thing, ("a",)) == [one]
    assert world.data.get_each(Thing, ("a", "b")) is None
    two = await world.data.retrieve(Thing, "b")
    assert await world.data.retrieve(Thing, "c") is None
    assert world.data.get_each(Thing, ("b", "c", "a")) == [two, one]


async def test_a_lifetime_ends_absence_too(tmp_path: Path) -> None:
    world = World(tmp_path, "thing/cache=memory_cache,object_lifetime_maximum=20\n")
    world.remote.rows["a"] = Thing("a")
    await world.data.retrieve_first(Thing, ("a@x", "a"))
    world.now += 19
    assert world.data.first(Thing, ("a@x", "a")) is world.data.get(Thing, "a")
    world.now += 1
    assert world.data.first(Thing, ("a@x", "a")) is Missing.NOT_LOADED


async def test_what_is_refreshed_is_refreshed_together(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.remote.rows = {key: Thing(key, size=1) for key in "abc"}
    for key in "abc":
        await world.size(key)
    world.cache().stale()
    world.remote.rows["c"] = Thing("c", size=2)
    asked = len(world.remote.asked)
    for key in "abca":
        assert isinstance(world.data.get(Thing, key), Thing)
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    world.data.observe(Thing, lambda change: told.set_result(change.item.size))
    assert await asyncio.wait_for(told, 5) == 2
    assert world.remote.asked[asked:] == [["a", "b", "c"]]


async def test_absent_names_are_remembered_in_proportion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asterism.data.cache.MAX_ABSENT", 4)
    world = World(tmp_path)
    world.remote.rows = {f"t{number}": Thing(f"t{number}") for number in range(10)}
    await world.data.retrieve_all(Thing)
    for number in range(50):
        world.cache()._not_found(f"x{number}")
    assert list(world.cache()._absent) == [f"x{number}" for number in range(30, 50)]


@pytest.mark.parametrize("name", ["\udcff\udcfe", "a\0b", "x" * (MAX_KEY + 1)], ids=["no text", "NUL", "too long"])
async def test_a_name_that_no_database_can_have_is_absent_unasked(tmp_path: Path, name: str) -> None:
    world = World(tmp_path)
    world.remote.rows["a"] = Thing("a", size=1)
    assert world.data.get(Thing, name) is Missing.ABSENT
    assert world.data.first(Thing, (name, "a")) is Missing.NOT_LOADED
    assert await world.data.retrieve(Thing, name) is None
    world.data.request(Thing, name)
    found = await world.data.retrieve_first(Thing, [name, "a"])
    assert found is not None
    assert world.remote.asked == [["a"]]
    assert not world.cache()._absent


async def test_the_longest_name_there_can_be_is_asked_for(tmp_path: Path) -> None:
    world = World(tmp_path)
    name = "\N{EURO SIGN}" * MAX_KEY
    world.remote.rows[name] = Thing(name, size=7)
    assert await world.size(name) == 7


async def test_absent_names_are_bounded_in_bytes(tmp_path: Path) -> None:
    world = World(tmp_path)
    cache = world.cache()
    for number in range(2 * MAX_ABSENT):
        cache._not_found(f"{number:06}" + "\N{GRINNING FACE}" * (MAX_KEY - 6))
    held = sum(map(sys.getsizeof, cache._absent)) + sys.getsizeof(cache._absent)
    assert held <= MAX_ABSENT * ABSENT_BYTES
    assert 1000 < len(cache._absent) < MAX_ABSENT
    # What is remembered is counted right, whatever way it is forgotten.
    last = next(reversed(cache._absent))
    world.remote.rows[last] = Thing(last)
    world.now += NEGATIVE_SECONDS + 1
    await world.size(last)
    assert cache._absent_bytes == sum(map(cache_module._size, cache._absent))
    cache.expire()
    assert cache._absent_bytes == len(cache._absent) == 0


async def test_no_more_ids_wait_than_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asterism.data.cache.MAX_WAITING", 10)
    world = World(tmp_path)
    world.remote.gate = asyncio.Event()
    world.remote.rows = {f"x{number}": Thing(f"x{number}") for number in range(30)}
    asked = [asyncio.ensure_future(world.data.retrieve(Thing, f"x{number}")) for number in range(30)]
    await asyncio.sleep(0)
    assert len(world.cache()._pending) == 10
    world.remote.gate.set()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(each, Thing) for each in found] == [True] * 10 + [False] * 20
    assert all(isinstance(each, DataUnavailableError) for each in found[10:])
    assert await world.size("x29") == 3
