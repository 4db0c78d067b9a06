"""``sorcery memory cache ...`` at the console, ``SorceryMemoryCache...`` for the manager."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import ClassVar

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.module import Module
from asterism.data.cache import Age, Cache
from asterism.data.server import DataServer

_CACHE = Argument("Cache", "The name of the cache.", True)
_OBJECT = Argument("Object", "The name of the object.", True)


class MemoryCacheModule(Module):
    """Shows and empties the caches before realtime databases."""

    name: ClassVar[str] = "res_sorcery_memory_cache"
    aliases: ClassVar[tuple[str, ...]] = ("memory_cache",)
    description: ClassVar[str] = "Caches of realtime objects"

    server: DataServer

    def load(self, server: DataServer) -> None:
        """Register commands and actions."""
        self.server = server
        server.register_marked(self)

    def complete(self, words: list[str]) -> Iterable[str]:
        """The names of the caches."""
        return [cache.name for cache in self.server.data.caches()] if len(words) == 1 else ()

    def _cache(self, name: str) -> Cache | None:
        return next((cache for cache in self.server.data.caches() if cache.name == name), None)

    def _named(self, call: CommandCall, most: int = 1) -> Cache:
        if not 1 <= len(call.args) <= most:
            raise UsageError
        cache = self._cache(call.args[0])
        if cache is None:
            raise CommandError(f"Specified sorcery memory cache '{call.args[0]}' does not exist")
        return cache

    @command(
        "sorcery memory cache show",
        Documentation(
            "Show the size and limits of a cache.",
            "sorcery memory cache show <cache name>",
            "Caches stand before realtime databases; one is named after its type (res_pjsip/endpoint) unless "
            "sorcery.conf gives it a name.",
            see_also=("sorcery memory cache dump",),
        ),
        complete="complete",
    )
    def show(self, call: CommandCall) -> str:
        """``sorcery memory cache show``."""
        cache = self._named(call)
        options = cache.options
        rows = (
            ("Sorcery memory cache", cache.name),
            ("Number of objects within cache", len(cache.keys())),
            ("Maximum number of objects", options.maximum_objects or "no limit"),
            ("Number of seconds before object expires", options.object_lifetime_maximum or "never"),
            ("Number of seconds before object becomes stale", options.object_lifetime_stale or "never"),
            ("Expire on reload", "On" if options.expire_on_reload else "Off"),
            ("Full backend cache", "On" if cache.full else "Off"),
            ("Number of queries", cache.queries),
        )
        return "".join(f"{name}: {value}\n" for name, value in rows)

    @command(
        "sorcery memory cache dump",
        Documentation("List the objects in a cache.", "sorcery memory cache dump <cache name>"),
        complete="complete",
    )
    def dump(self, call: CommandCall) -> str:
        """``sorcery memory cache dump``."""
        cache = self._named(call)
        states = {None: "fresh", Age.STALE: "stale", Age.EXPIRED: "expired"}
        lines = [f"Dumping sorcery memory cache '{cache.name}':\n"]
        lines += [f"    {key}  ({states[age]})\n" for key, age in sorted(cache.keys())]
        return "".join(lines)

    @command(
        "sorcery memory cache expire",
        Documentation(
            "Use an object, or none, no more before the database was asked again.",
            "sorcery memory cache expire <cache name> [object name]",
        ),
        complete="complete",
    )
    def expire(self, call: CommandCall) -> str:
        """``sorcery memory cache expire``."""
        return self._mark(call, "expired")

    @command(
        "sorcery memory cache stale",
        Documentation(
            "Read an object, or all, again when used next.",
            "sorcery memory cache stale <cache name> [object name [reload]]",
            "With reload the object is read at once.",
        ),
        complete="complete",
    )
    async def stale(self, call: CommandCall) -> str:
        """``sorcery memory cache stale``."""
        text = self._mark(call, "stale", 3)
        if len(call.args) == 3:
            if call.args[2] != "reload":
                raise UsageError
            await self._named(call, 3).retrieve(call.args[1])
        return text

    def _mark(self, call: CommandCall, what: str, most: int = 2) -> str:
        cache = self._named(call, most)
        mark = cache.expire if what == "expired" else cache.stale
        if len(call.args) == 1:
            mark()
            return f"All objects of sorcery memory cache '{cache.name}' are {what}\n"
        if not mark(call.args[1]):
            raise CommandError(f"Object '{call.args[1]}' is not in sorcery memory cache '{cache.name}'")
        return f"Object '{call.args[1]}' of sorcery memory cache '{cache.name}' is {what}\n"

    @command(
        "sorcery memory cache populate",
        Documentation("Read everything into a cache.", "sorcery memory cache populate <cache name>"),
        complete="complete",
    )
    async def populate(self, call: CommandCall) -> str:
        """``sorcery memory cache populate``."""
        cache = self._named(call)
        if not await self.server.data.populate(cache):
            raise CommandError("The database did not answer; the objects in the cache are kept")
        return f"Sorcery memory cache '{cache.name}' holds {len(cache.keys())} objects\n"

    # -- the manager ---------------------------------------------------------------------------------

    @action(
        "SorceryMemoryCacheExpire",
        "system",
        Documentation(
            "Expire all objects of a cache.",
            description="Forgets all objects of one cache: the next look-up of each asks the database.",
            arguments=(_CACHE,),
        ),
    )
    def expire_all(self, call: ActionCall) -> None:
        """``Action: SorceryMemoryCacheExpire``."""
        cache = self._asked(call)
        if cache is not None:
            cache.expire()
            call.success("All objects were expired from the cache")

    @action(
        "SorceryMemoryCacheExpireObject",
        "system",
        Documentation(
            "Expire one object of a cache.",
            description="Forgets one object of a cache: the next look-up asks the database.",
            arguments=(_CACHE, _OBJECT),
        ),
    )
    def expire_object(self, call: ActionCall) -> None:
        """``Action: SorceryMemoryCacheExpireObject``."""
        cache = self._asked(call, True)
        if cache is not None:
            if cache.expire(call.get("Object")):
                call.success("The provided object was expired from the cache")
            else:
                call.error("The provided object could not be expired from the cache")

    @action(
        "SorceryMemoryCacheStale",
        "system",
        Documentation(
            "Have all objects of a cache read again when used next.",
            description="Marks all objects of one cache as stale: they serve once more while the database is "
            "asked in the background.",
            arguments=(_CACHE,),
        ),
    )
    def stale_all(self, call: ActionCall) -> None:
        """``Action: SorceryMemoryCacheStale``."""
        cache = self._asked(call)
        if cache is not None:
            cache.stale()
            call.success("All objects were marked as stale in the cache")

    @action(
        "SorceryMemoryCacheStaleObject",
        "system",
        Documentation(
            "Have one object of a cache read again when used next.",
            description="Marks one object as stale: it serves once more while the database is asked in the background.",
            arguments=(_CACHE, _OBJECT, Argument("Reload", "true: read it at once.")),
        ),
    )
    def stale_object(self, call: ActionCall) -> Awaitable[None] | None:
        """``Action: SorceryMemoryCacheStaleObject``."""
        cache = self._asked(call, True)
        if cache is None:
            return None
        if not cache.stale(call.get("Object")):
            call.error("The provided object could not be marked as stale in the cache")
            return None
        if call.get("Reload").lower() in ("true", "yes", "1"):
            return self._reload_object(call, cache)
        call.success("The provided object was marked as stale in the cache")
        return None

    async def _reload_object(self, call: ActionCall, cache: Cache) -> None:
        await cache.retrieve(call.get("Object"))
        call.success("The provided object was marked as stale in the cache")

    @action(
        "SorceryMemoryCachePopulate",
        "system",
        Documentation(
            "Read everything into a cache.",
            description="Reads all objects of one kind from the database into its cache.",
            arguments=(_CACHE,),
        ),
    )
    async def populate_all(self, call: ActionCall) -> None:
        """``Action: SorceryMemoryCachePopulate``."""
        cache = self._asked(call)
        if cache is not None:
            if await self.server.data.populate(cache):
                call.success("Cache populated")
            else:
                call.error("The database did not answer")

    def _asked(self, call: ActionCall, with_object: bool = False) -> Cache | None:
        name = call.get("Cache")
        if not name:
            call.error("SorceryMemoryCache requires that a cache name be provided")
            return None
        cache = self._cache(name)
        if cache is None:
            call.error("The provided cache does not exist")
            return None
        if with_object and not call.get("Object"):
            call.error("SorceryMemoryCache requires that an object name be provided")
            return None
        return cache
