"""LOCK, TRYLOCK, UNLOCK: what one channel at a time may do."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function, waiting_function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.core.events import EventType
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

MAX_LOCKS = 10_000
"""Locks that may be held at a time; more are refused."""
SECOND_LOCK_TIMEOUT = 3.0
"""Seconds for which a channel that holds a lock waits for another: the other's owner may wait for the first."""
_NAME = (Argument("lockname", "Any text; all channels of the server share the names.", True),)
_KEY = "locks"
"""Where ``channel.data`` has the names of the locks that a channel holds."""


class _Lock:
    """One lock while somebody holds it, and who waits for it."""

    __slots__ = ("count", "owner", "waiting")

    def __init__(self, owner: Channel) -> None:
        self.owner = owner
        self.count = 1
        self.waiting: deque[tuple[Channel, asyncio.Future[bool]]] = deque()


class LockFunctions(PbxModule):
    """Locks in the dialplan."""

    name: ClassVar[str] = "func_lock"
    description: ClassVar[str] = "Locks between channels"

    def load(self, server: HostServer) -> Awaitable[None] | None:
        """Register the functions."""
        self._locks: dict[str, _Lock] = {}
        self._deaf: Callable[[], None] | None = None
        self._owner = server.owner
        return super().load(server)

    @waiting_function(
        "LOCK",
        Documentation(
            "Get a lock, once nobody else has it: 1, or 0 on failure.",
            "LOCK(lockname)",
            "It is the channel's until UNLOCK, or until it has hung up. A channel that has a lock waits for another "
            "for three seconds at most, so that two that wait for each other go on. A channel may lock again what it "
            "has, and unlocks it as often. Manager clients and the like may not use it unless live_dangerously is set.",
            _NAME,
            ("TRYLOCK", "UNLOCK"),
        ),
        dangerous=True,
        effects=True,
    )
    async def lock(self, channel: Channel | None, args: str) -> str:
        """Wait for it."""
        channel, name = needs_channel(channel), _name(args)
        if self._take(channel, name):
            return "1"
        lock = self._locks[name]
        future: asyncio.Future[bool] = self.pbx.loop.create_future()
        entry = (channel, future)
        lock.waiting.append(entry)
        try:
            granted = await self._wait(channel, future)
        except BaseException:
            if future.done() and not future.cancelled() and future.result() and lock.owner is channel:
                self._release(channel, name, wholly=True)
            raise
        finally:
            if entry in lock.waiting:
                lock.waiting.remove(entry)
        if not granted:
            self.pbx.log.warning("%s did not get the lock '%s'", channel.name, name)
        return "1" if granted else "0"

    @staticmethod
    async def _wait(channel: Channel, future: asyncio.Future[bool]) -> bool:
        if channel.alive:
            return await channel.park(SECOND_LOCK_TIMEOUT if channel.data.get(_KEY) else None, 0, future)
        # In h, where nothing can be waited for on the channel itself.
        done, _ = await asyncio.wait({future}, timeout=SECOND_LOCK_TIMEOUT)
        if not done:
            future.cancel()
        return bool(done)

    @function(
        "TRYLOCK",
        Documentation(
            "Get a lock if nobody else has it: 1, or 0.",
            "TRYLOCK(lockname)",
            "As LOCK, without waiting.",
            _NAME,
            ("LOCK", "UNLOCK"),
        ),
        dangerous=True,
        effects=True,
    )
    def try_lock(self, channel: Channel | None, args: str) -> str:
        """Take it, or not."""
        return "1" if self._take(needs_channel(channel), _name(args)) else "0"

    @function(
        "UNLOCK",
        Documentation(
            "Give a lock back: 1, or 0 for one that the channel does not have.",
            "UNLOCK(lockname)",
            "The one who has waited longest gets it. What a channel holds when it has hung up is given back then.",
            _NAME,
            ("LOCK", "TRYLOCK"),
        ),
        dangerous=True,
        effects=True,
    )
    def unlock(self, channel: Channel | None, args: str) -> str:
        """Give it to the next."""
        channel, name = needs_channel(channel), _name(args)
        lock = self._locks.get(name)
        if lock is None or lock.owner is not channel:
            self.pbx.log.warning("%s does not have the lock '%s'", channel.name, name)
            return "0"
        self._release(channel, name)
        return "1"

    def _take(self, channel: Channel, name: str) -> bool:
        lock = self._locks.get(name)
        if lock is None:
            if len(self._locks) >= MAX_LOCKS:
                raise FunctionError("there are too many locks")
            self._locks[name] = _Lock(channel)
            self._holds(channel, name)
            return True
        if lock.owner is not channel:
            return False
        lock.count += 1
        return True

    def _holds(self, channel: Channel, name: str) -> None:
        channel.data.setdefault(_KEY, set()).add(name)
        if self._deaf is None:
            self._deaf = self.pbx.bus.subscribe(self._owner, events.HANGUP, self._hung_up)

    def _release(self, channel: Channel, name: str, *, wholly: bool = False) -> None:
        lock = self._locks[name]
        lock.count -= 1
        if lock.count and not wholly:
            return
        channel.data[_KEY].discard(name)
        while lock.waiting:
            waiter, future = lock.waiting.popleft()
            if not future.done():
                lock.owner, lock.count = waiter, 1
                self._holds(waiter, name)
                future.set_result(True)
                return
        del self._locks[name]
        if not self._locks and self._deaf is not None:
            self._deaf()
            self._deaf = None

    def _hung_up(self, _: EventType, args: tuple[object, ...]) -> None:
        channel: Channel = args[0]  # type: ignore[assignment]
        for name in sorted(channel.data.get(_KEY, ())):
            self._release(channel, name, wholly=True)


def _name(args: str) -> str:
    name = str(args).strip()
    if not name:
        raise FunctionError("it needs the name of a lock")
    return name
