"""Functions of the dialplan by themselves: what they read, write and warn of, in a PBX without a server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dialplan_world import World

from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.language import foreign


class Functions:
    """A world with some more modules, and one channel."""

    def __init__(self, *modules: Any) -> None:
        self.world = World()
        self.modules = modules
        for module in modules:
            module.load(self.world.server)
        self.channel: Channel = self.world.channel()
        self.environment = self.world.dialplan.environment

    async def read(self, text: str, channel: Channel | None = None) -> str:
        """What ``${text}`` is."""
        return await self.world.dialplan.expand_later("${" + text + "}", channel or self.channel)

    async def write(self, name: str, value: str, channel: Channel | None = None) -> bool:
        """``Set(name=value)``."""
        return await self.environment.assign_later(channel or self.channel, name, value)

    def caller_says(self, text: str) -> None:
        """Have ``${SAID}`` be text from outside."""
        self.channel.set_variable("SAID", foreign.foreign(text))

    async def meanwhile(self, text: str) -> tuple[str, int]:
        """What ``${text}`` is, and how often the loop got a turn until then, every 10 ms."""
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.01)
                turns += 1

        counter = asyncio.create_task(count())
        try:
            return await self.read(text), turns
        finally:
            counter.cancel()


@contextmanager
def warnings(functions: Any) -> Iterator[list[str]]:
    """The warnings and errors that the log gets."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING:
                lines.append(record.getMessage())

    handler = Keep()
    functions.world.log.addHandler(handler)
    try:
        yield lines
    finally:
        functions.world.log.removeHandler(handler)
