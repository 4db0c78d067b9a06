"""The cache in front of backends that have to be waited for (databases).

The objects themselves are in the type's :class:`~asterism.data.table.Table`; the cache knows how old they are and what
was found to be absent, asks the backends, and keeps what is known when they cannot answer. One query is in
flight per type at a time; what is asked meanwhile goes into the next one, each key once.
"""

from __future__ import annotations

import asyncio
import enum
import math
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.data.cache_options import CacheOptions
from asterism.data.errors import DataUnavailableError

if TYPE_CHECKING:
    from asterism.core.test_events import TestEvents
    from asterism.data.backends import Backend, Loaded, Objects
    from asterism.data.options import ConfiguredObject
    from asterism.data.table import Table

NEGATIVE_SECONDS = 5.0
"""How long an object that was not found counts as absent without asking again."""

MAX_ABSENT = 10_000
"""How many such names are remembered, or twice as many as there are objects: strangers choose them."""

ABSENT_BYTES = 256
"""Memory that one of them may take on average, in bytes; where names are longer there are fewer."""

MAX_KEY = 255
"""Characters of an object's id: what is longer is absent, without asking. It is the length of the tables' column."""

MAX_WAITING = 10_000
"""How many ids may wait to be asked for; requests for more fail as unavailable."""

GATHER_SECONDS = 0.2
"""How long what is only to be refreshed waits for more of it: a query for many costs little more than for one."""

RETRY_SECONDS = 1.0
"""How long known objects are served without asking after a backend failed."""

KEYS_PER_QUERY = 500

LOOK_SECONDS = 1.0
"""How often other servers' changes of run-time objects are looked for."""

LOOK_SHARE = 20
"""Looking takes at most one part in this many of the time."""


class Missing(enum.Enum):
    """Why ``get`` has no object: there is none, or memory cannot tell and ``retrieve`` must ask."""

    ABSENT = "absent"
    NOT_LOADED = "not loaded"


class Age(enum.Enum):
    """Age of an object in memory: refreshed when it is used, or not used before its backend was asked."""

    STALE = "stale"
    EXPIRED = "expired"


def is_possible(key: str) -> bool:
    """Whether any database can have an object of this id: not too long, and text."""
    if len(key) > MAX_KEY or "\0" in key:
        return False
    if not key.isascii():
        try:
            key.encode()
        except UnicodeEncodeError:
            return False
    return True


def _size(key: str) -> int:
    """Memory that an absent id takes, in bytes: its text, its place in the dictionary, and the time."""
    return sys.getsizeof(key) + 120


class Cache:
    """Ages, absences and queries of one type."""

    def __init__(self, table: Table, options: CacheOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self.table = table
        self.options = options
        self.name = options.name or f"res_pjsip/{table.cls.TYPE}"
        self.full = options.full_backend_cache or not table.cls.ON_DEMAND
        """Whether memory is to hold every object, so that what it does not have is absent."""
        self.tests: TestEvents | None = None
        """Told of stale objects that were replaced."""
        self.complete = False
        """Whether it does by now."""
        self.due = 0.0 if self.full or options.prefetch else math.inf
        """When everything is to be read (again)."""
        self.look_due = math.inf
        """When other servers' changes are to be looked for."""
        self.queries = 0
        self._clock = clock
        self._fresh: dict[str, float] = {}
        self._aged: dict[str, float] = {}
        self._suspects: dict[str, Age] = {}
        self._absent: dict[str, float] = {}
        self._absent_bytes = 0
        self._quiet_until = 0.0
        self._pending: dict[str, asyncio.Future[ConfiguredObject | None]] = {}
        self._queue: list[str] = []
        self._gathered: dict[str, None] = {}
        self._gathering: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._watchers: list[set[str]] = []
        self._reading: asyncio.Lock | None = None

    # Asking memory.

    def check(self, key: str, found: ConfiguredObject | None) -> ConfiguredObject | Missing:
        """The answer without waiting for a backend: ``found``, the object in the table, or why there is none to use."""
        if found is None:
            if self.complete:
                return Missing.ABSENT
            until = self._absent.get(key)
            if (until is not None and until > self._clock()) or not is_possible(key):
                return Missing.ABSENT
            return Missing.NOT_LOADED
        age = self._suspects.get(key)
        if age is not None and self._clock() >= self._quiet_until:
            if age is Age.EXPIRED:
                return Missing.NOT_LOADED
            self.refresh(key)
        return found

    def was_absent(self, key: str) -> bool:
        """Whether there was no such object when it was last asked for, however long ago.

        Where there is something else to use, that is as good as a stale object until :meth:`refresh` tells better.
        """
        until = self._absent.get(key)
        limit = self.options.object_lifetime_maximum
        return until is not None and (not limit or self._clock() < until - NEGATIVE_SECONDS + limit)

    # Asking the backends.

    async def retrieve(self, key: str) -> ConfiguredObject | None:
        """The object, from the backends. Raises :class:`DataUnavailableError` when that cannot be known."""
        return await asyncio.shield(self._ask(key)) if is_possible(key) else None

    def request(self, key: str) -> None:
        """Have the object read, without waiting for it."""
        if self._clock() >= self._quiet_until and is_possible(key):
            self._ask(key)

    def refresh(self, key: str) -> None:
        """Schedule an object to be read again, together with others that are due."""
        if key not in self._gathered and key not in self._pending and self._clock() >= self._quiet_until:
            self._gathered[key] = None
            if len(self._gathered) >= KEYS_PER_QUERY:
                self._ask_gathered()
            elif self._gathering is None:
                self._gathering = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._ask_gathered)

    def _ask_gathered(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        for key in list(self._gathered):
            self._ask(key)

    def _ask(self, key: str) -> asyncio.Future[ConfiguredObject | None]:
        future = self._pending.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            self._gathered.pop(key, None)
            if len(self._pending) >= MAX_WAITING:
                future.set_exception(DataUnavailableError(f"too many {self.table.cls.TYPE} objects are asked for"))
                future.exception()  # nobody may be waiting
                return future
            self._pending[key] = future
            self._queue.append(key)
            if self._task is None:
                self._task = loop.create_task(self._work(), name=f"cache {self.name}")
        return future

    async def _work(self) -> None:
        try:
            while self._queue:
                keys, self._queue = self._queue[:KEYS_PER_QUERY], self._queue[KEYS_PER_QUERY:]
                try:
                    await self._fetch(keys)
                finally:
                    for key in keys:
                        future = self._pending.pop(key, None)
                        if future is not None and not future.done():
                            self._answer(future, key, None)
        finally:
            self._task = None

    async def _fetch(self, keys: list[str]) -> None:
        """Ask the backends in order for the objects that none before has, and answer the waiting requests."""
        self.queries += 1
        wanted = list(keys)
        failure: DataUnavailableError | None = None
        with self._watching() as touched:
            for backend in self.table.backends:
                if not backend.remote or not wanted:
                    continue
                try:
                    loaded = await backend.fetch(wanted, self.table.objects)
                except DataUnavailableError as error:
                    failure = failure or error
                    continue
                except Exception as error:
                    self.table.log.exception("%s objects could not be read", self.table.cls.TYPE)
                    failure = failure or DataUnavailableError(str(error))
                    continue
                self.table.report(loaded.errors)
                for key, item in loaded.objects.items():
                    if key not in touched:
                        self._take(key, item, backend)
                wanted = [key for key in wanted if key not in loaded.objects]
                for key in loaded.refused:
                    # A row that cannot be read: what was known of it stays, as after a reload of a file.
                    if key in wanted and key in self.table.objects:
                        wanted.remove(key)
                        self._seen(key)
            for key in wanted:
                if failure is None and key not in touched:
                    self._not_found(key)
        if failure is None:
            self._quiet_until = 0.0
        else:
            self._quiet_until = self._clock() + RETRY_SECONDS
        for key in keys:
            future = self._pending.pop(key, None)
            if future is not None and not future.done():
                self._answer(future, key, failure if key in wanted else None)

    def _answer(
        self, future: asyncio.Future[ConfiguredObject | None], key: str, failure: DataUnavailableError | None
    ) -> None:
        found = self.table.objects.get(key)
        if found is None and failure is not None:
            future.set_exception(failure)
            future.exception()  # nobody may be waiting any more
        else:
            future.set_result(found)

    def _take(self, key: str, item: ConfiguredObject, backend: Backend) -> None:
        """Put what a backend has into the table, unless a backend before it has the object too."""
        if key in self.table.staged:
            return
        origin = self.table.origin(key)
        backends = self.table.backends
        if origin is not None and not origin.remote and backends.index(origin) < backends.index(backend):
            self._seen(key)
            return
        stale = self._suspects.get(key) is Age.STALE
        self.table.take(key, item, backend)
        self._seen(key)
        tests = self.tests
        if stale and tests is not None and tests.wanted:
            headers = (("Cache", self.name), ("Type", self.table.cls.TYPE), ("Name", key))
            tests.send("SORCERY_MEMORY_CACHE_REFRESHED", headers)

    def _not_found(self, key: str) -> None:
        """No backend that was asked has it: a file's copy counts then, else it is absent."""
        self._suspects.pop(key, None)
        if not self.table.fall_back(key):
            self._forget(key)
            self._drop_absent(key)
            self._absent[key] = self._clock() + NEGATIVE_SECONDS
            self._absent_bytes += _size(key)
            most = max(MAX_ABSENT, 2 * len(self.table.objects))
            while len(self._absent) > most or self._absent_bytes > most * ABSENT_BYTES:
                self._drop_absent(next(iter(self._absent)))
        else:
            self._seen(key)

    def _drop_absent(self, key: str) -> None:
        if self._absent.pop(key, None) is not None:
            self._absent_bytes -= _size(key)

    def _drop_all_absent(self) -> None:
        self._absent.clear()
        self._absent_bytes = 0

    async def populate(self) -> bool:
        """Read everything; return whether every backend answered. What one cannot tell stays as it is."""
        if self._reading is None:
            self._reading = asyncio.Lock()
        async with self._reading:
            return await self._populate()

    async def _populate(self) -> bool:
        self.queries += 1
        claimed: set[str] = set()
        answered: list[Backend] = []
        with self._watching() as touched:
            for backend in self.table.backends:
                if not backend.remote:
                    continue
                try:
                    loaded: Loaded = await backend.fetch_all(self.table.objects)
                except DataUnavailableError:
                    continue
                except Exception:
                    self.table.log.exception("%s objects could not be read", self.table.cls.TYPE)
                    continue
                answered.append(backend)
                self.table.report(loaded.errors)
                self._take_all(loaded, backend, claimed, touched)
            lost = [
                key
                for key in self.table.objects
                if key not in claimed and key not in touched and self.table.origin(key) in answered
            ]
            for key in lost:
                self._forget(key)
                self.table.fall_back(key)
        done = len(answered) == sum(backend.remote for backend in self.table.backends)
        self._schedule(done)
        return done

    def _take_all(self, loaded: Loaded, backend: Backend, claimed: set[str], touched: set[str]) -> None:
        claimed.update(loaded.refused)
        objects: Objects = loaded.objects
        table, now = self.table, self._clock()
        for key, item in objects.items():
            if key not in claimed and key not in touched:
                if self.full and table.origin(key) is backend and table.objects[key] is item:
                    self._fresh[key] = now
                else:
                    self._take(key, item, backend)
        claimed.update(objects)

    def _schedule(self, done: bool) -> None:
        now = self._clock()
        if not done:
            self.due = now + RETRY_SECONDS
            self._quiet_until = now + RETRY_SECONDS
            return
        self._quiet_until = 0.0
        if self.full:
            self.complete = True
            self._drop_all_absent()
            self._suspects.clear()
        interval = self.options.object_lifetime_stale or self.options.object_lifetime_maximum
        self.due = now + interval if self.full and interval and not self.table.cls.RUNTIME else math.inf
        if self.table.cls.VERSION:
            self._look_after(0.0)

    def _look_after(self, took: float) -> None:
        seconds = LOOK_SECONDS if self.options == CacheOptions() else self.options.object_lifetime_stale
        self.look_due = self._clock() + max(seconds, took * LOOK_SHARE) if seconds else math.inf

    async def look(self) -> None:
        """Find what other servers have changed in the database, and read it."""
        began = self._clock()
        self.queries += 1
        differing: set[str] = set()
        objects, origin = self.table.objects, self.table.origin
        for backend in self.table.backends:
            if backend.remote:
                own = objects
                if len(self.table.backends) > 1:
                    own = {key: item for key, item in objects.items() if origin(key) is backend}
                try:
                    differing |= await backend.differing(own)
                except DataUnavailableError:
                    continue
        self._look_after(self._clock() - began)
        keys = list(differing)
        for start in range(0, len(keys), KEYS_PER_QUERY):
            await asyncio.gather(*map(self._ask, keys[start : start + KEYS_PER_QUERY]), return_exceptions=True)

    # Ages.

    def _seen(self, key: str) -> None:
        """The object is as the backends have it now."""
        self._suspects.pop(key, None)
        if self.full:
            self._fresh[key] = self._clock()  # their order does not matter: they do not age one by one
            return
        if self._absent:
            self._drop_absent(key)
        self._aged.pop(key, None)
        self._fresh.pop(key, None)
        self._fresh[key] = self._clock()
        limit = self.options.maximum_objects
        while limit and len(self._fresh) + len(self._aged) > limit and not self.full:
            self._evict(next(iter(self._aged or self._fresh)))

    def touched(self, key: str) -> None:
        """The object was changed here; a query under way may bring its old state."""
        for watcher in self._watchers:
            watcher.add(key)
        if key in self.table.objects:
            self._seen(key)
        else:
            self._forget(key)

    def _watching(self) -> _Watch:
        return _Watch(self._watchers)

    def sweep(self) -> None:
        """Mark and drop what has become too old; called about once a second."""
        now = self._clock()
        stale, maximum = self.options.object_lifetime_stale, self.options.object_lifetime_maximum
        if not self.full:
            if stale:
                self._age(self._fresh, now - stale, self._become_stale)
            if maximum and now >= self._quiet_until:
                self._age(self._aged, now - maximum, self._evict)
                self._age(self._fresh, now - maximum, self._evict)

    def _age(self, loaded: dict[str, float], before: float, action: Callable[[str], None]) -> None:
        due: list[str] = []
        for key, when in loaded.items():
            if when > before:
                break
            due.append(key)
        for key in due:
            action(key)

    def _become_stale(self, key: str) -> None:
        self._aged[key] = self._fresh.pop(key)
        self._suspects.setdefault(key, Age.STALE)

    def _forget(self, key: str) -> None:
        self._fresh.pop(key, None)
        self._aged.pop(key, None)
        self._suspects.pop(key, None)

    def _evict(self, key: str) -> None:
        self._forget(key)
        origin = self.table.origin(key)
        if origin is not None and origin.remote:
            self.table.evict(key)
        elif origin is not None:
            self._suspects[key] = Age.EXPIRED

    def forget(self, key: str) -> bool:
        """Have memory be without an object that a database has, until it is used again; whether there was one.

        Observers are not called: it is not gone.
        """
        origin = self.table.origin(key)
        if origin is None or not origin.remote:
            return False
        self._evict(key)
        return True

    def suspect_local(self) -> None:
        """Objects of files that come after a database in order are not used before the database was asked."""
        for key in self.table.objects:
            origin = self.table.origin(key)
            if origin is not None and not origin.remote and self.table.remote_before(origin):
                self._suspects[key] = self._usable(Age.EXPIRED)

    def _usable(self, age: Age) -> Age:
        """The age to note: types that are only read whole are never expired, as single objects are not asked for."""
        return age if self.table.cls.ON_DEMAND else Age.STALE

    def keys(self) -> list[tuple[str, Age | None]]:
        """Everything cached, with what is wrong with it."""
        return [(key, self._suspects.get(key)) for key in (*self._aged, *self._fresh)]

    # By command, and on reload.

    def stale(self, key: str = "") -> bool:
        """Have an object, or all, read again when used next; return whether there is one."""
        return self._mark(key, Age.STALE)

    def expire(self, key: str = "") -> bool:
        """Use an object, or none, no more before it was read again; return whether there is one."""
        return self._mark(key, Age.EXPIRED)

    def _mark(self, key: str, age: Age) -> bool:
        if key and key not in self._fresh and key not in self._aged:
            return False
        for each in [key] if key else [*self._fresh, *self._aged]:
            self._suspects[each] = self._usable(age)
        if not key:
            self._drop_all_absent()
        if self.full:
            self.due = 0.0
        return True

    def reloaded(self) -> None:
        """The configuration was read again: nothing in memory is newer than that."""
        self._mark("", Age.EXPIRED if self.options.expire_on_reload else Age.STALE)
        self.suspect_local()
        if self.full or self.options.prefetch:
            self.due = 0.0

    def close(self) -> None:
        """End the query under way, and ask no more."""
        if self._gathering is not None:
            self._gathering.cancel()
        if self._task is not None:
            self._task.cancel()


class _Watch:
    """A set of the keys that are changed while a query is under way."""

    __slots__ = ("_keys", "_watchers")

    def __init__(self, watchers: list[set[str]]) -> None:
        self._watchers = watchers
        self._keys: set[str] = set()

    def __enter__(self) -> set[str]:
        self._watchers.append(self._keys)
        return self._keys

    def __exit__(self, *exc_info: object) -> None:
        # By identity: two sets without members are equal.
        self._watchers[:] = [each for each in self._watchers if each is not self._keys]
