"""Two channels of one server that send each other a fax, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_manager import FakeCall
from fake_technology import FakeServer, set_audio, settle

from asterism.core.commands import CommandCall, marks_of
from asterism.media.formats import ULAW
from asterism.media.memory import memory_pair
from asterism.pbx.calls.fax.actions import FaxActions
from asterism.pbx.calls.fax.commands import FaxCommands
from asterism.pbx.calls.fax.module import FaxModule
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.t38 import T38Parameters, t38_of
from virtual_loop import VirtualLoop


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
        self.alice: Any = server.sip.incoming("alice", "1")  # as programs have it
        self.bob: Any = server.sip.incoming("bob", "2")
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


class Port:
    """The port of one side: what is written comes to the other in the loop's next pass, unless it is lost."""

    def __init__(self) -> None:
        self.on_ifp: Callable[[int, bytes], None] | None = None
        self.other: Port
        self.written: list[tuple[bytes, int]] = []
        self.lost: Callable[[int], bool] = lambda _: False

    def write(self, ifp: bytes, times: int = 1) -> None:
        number = len(self.written)
        self.written.append((ifp, times))
        if not self.lost(number):
            asyncio.get_running_loop().call_soon(self._arrive, number, ifp)

    def _arrive(self, number: int, ifp: bytes) -> None:
        if self.other.on_ifp is not None:
            self.other.on_ifp(number & 0xFFFF, ifp)


class Far:
    """The far end of a channel that has T.38: the channel at the other end of the call."""

    def __init__(self, channel: Channel) -> None:
        self.channel, self.port = channel, Port()
        self.asked = 0
        self.other: Far
        driver: Any = channel.driver
        driver.t38_available = True
        driver.t38_port = None
        driver.t38_request, driver.t38_answer, driver.t38_end = self.request, self.answer, self.end

    def _soon(self, function: Callable[..., object], *args: object) -> None:
        asyncio.get_running_loop().call_soon(function, *args)

    def request(self, parameters: T38Parameters) -> None:
        self.asked += 1
        self._soon(t38_of(self.other.channel).requested, parameters)

    def answer(self, parameters: T38Parameters | None) -> None:
        if parameters is None:
            self._soon(t38_of(self.other.channel).refused)
            return
        for side in (self, self.other):
            driver: Any = side.channel.driver
            driver.t38_port = side.port
            self._soon(t38_of(side.channel).negotiated, parameters)

    def end(self) -> None:
        for side in (self, self.other):
            driver: Any = side.channel.driver
            driver.t38_port = None
            self._soon(t38_of(side.channel).ended)


def with_t38(*channels: Channel) -> list[Far]:
    """Give two channels of one call T.38."""
    one, two = found = [Far(channel) for channel in channels]
    one.other, two.other = two, one
    one.port.other, two.port.other = two.port, one.port
    return found


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
