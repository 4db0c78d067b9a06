"""Two channels of one server that send each other a fax, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from completion_kit import VirtualLoop
from fake_manager import FakeCall
from fake_technology import FakeServer, set_audio, settle

from asterism.core.commands import CommandCall, marks_of
from asterism.media.formats import ULAW
from asterism.media.memory import memory_pair
from asterism.pbx.calls.fax.actions import FaxActions
from asterism.pbx.calls.fax.commands import FaxCommands
from asterism.pbx.calls.fax.module import FaxModule
from asterism.pbx.channels.channel import Channel


class World:
    """Alice, whose channel runs SendFAX or the like, and bob; what one is sent the other says."""

    def __init__(self, server: FakeServer, folder: Path) -> None:
        self.server, self.pbx, self.folder = server, server.pbx, folder
        server.paths = SimpleNamespace(spool=folder, etc=folder)
        server.register_marked = lambda holder: None  # type: ignore[attr-defined]
        self.marked: dict[tuple[str, str], Any] = {}
        self.module = FaxModule()
        for holder in (self.module, FaxCommands(), FaxActions()):
            holder.load(server)  # type: ignore[arg-type]
            self.marked |= {(found.kind, found.name): method for found, method in marks_of(holder)}
        self.alice, self.bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "2")
        self.streams = memory_pair((ULAW,))
        for channel, stream in zip((self.alice, self.bob), self.streams, strict=True):
            set_audio(channel, stream)
        server.record()

    def start(self, channel: Channel, application: str, args: str) -> asyncio.Task[None]:
        """Run an application."""
        return self.pbx.loop.create_task(self.marked["application", application](channel, args))

    def console(self, command: str, *args: str) -> str:
        text: str = self.marked["command", command](CommandCall(list(args), lambda _: None))
        return text

    def act(self, action: str, **fields: str) -> FakeCall:
        call = FakeCall(dict(fields))
        self.marked["action", action](call)
        return call

    def read(self, channel: Channel, item: str) -> str:
        text: str = self.marked["function", "FAXOPT"](channel, item)
        return text

    def write(self, channel: Channel, item: str, value: str) -> None:
        self.marked["function_writer", "FAXOPT"](channel, item, value)


def faxing(folder: Path, scenario: Callable[[World], Awaitable[None]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a scenario; nothing may be left of it."""

    async def at_once(function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)  # a thread's time is not the virtual one

    monkeypatch.setattr(asyncio, "to_thread", at_once)

    async def main() -> None:
        world = World(FakeServer(), folder)
        await scenario(world)
        assert not len(world.pbx.faxes)
        for channel in world.pbx.channels:
            channel.hang_up()
        await settle()
        assert not len(world.pbx.channels)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    assert not list(folder.rglob("*.part"))
