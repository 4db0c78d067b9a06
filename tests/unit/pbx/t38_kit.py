"""Channels whose far ends have T.38 and do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fake_technology import FakeServer, settle

from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.t38 import ChannelT38, RateManagement, T38Parameters, T38State, t38_of
from virtual_loop import VirtualLoop

FAST = T38Parameters(3, 33600, RateManagement.LOCAL_TCF, 200, True, True, True)


class FaxDriver:
    """What is added to the far end of a channel: what it was asked, in order."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.asked: list[Any] = []
        self.answers: Callable[[T38Parameters], None] = lambda _: None
        self.agrees = True
        driver: Any = channel.driver
        driver.t38_available = True
        driver.t38_port = None
        driver.t38_request = self.request
        driver.t38_answer = self.answer
        driver.t38_end = self.end

    @property
    def t38(self) -> ChannelT38:
        return t38_of(self.channel)

    def request(self, parameters: T38Parameters) -> None:
        self.asked.append(("request", parameters))
        self.answers(parameters)

    def answer(self, parameters: T38Parameters | None) -> None:
        self.asked.append(("answer", parameters))
        if parameters is not None and self.agrees:
            self.t38.negotiated(FAST)

    def end(self) -> None:
        self.asked.append(("end",))
        if self.t38.state is T38State.NEGOTIATED:
            self.t38.ended()


class User:
    """An application in charge."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def t38_requested(self, t38: ChannelT38) -> None:
        self.told.append(t38.asked)

    def t38_changed(self, t38: ChannelT38) -> None:
        self.told.append(t38.state)


def fax(server: FakeServer, phone: str) -> FaxDriver:
    return FaxDriver(server.sip.incoming(phone, "1"))


def scenario(test: Callable[[FakeServer], Awaitable[None]]) -> Callable[[], None]:
    """Run ``test(server)`` in virtual time, and see that it leaves no channel."""

    async def main() -> None:
        server = FakeServer()
        server.record()
        await test(server)
        for channel in server.pbx.channels:
            channel.hang_up()
        await settle()
        assert len(server.pbx.channels) == 0

    def runner() -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as on:
            on.run(main())

    runner.__name__, runner.__doc__ = test.__name__, test.__doc__
    return runner
