"""Call completion in virtual time: phones that are busy or do not answer, and everything the manager is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fake_technology import FakeServer, settle
from test_events_call import make_server

from asterism.pbx.calls.completion import events
from asterism.pbx.calls.completion.parameters import kept
from asterism.pbx.calls.completion.transaction import Transaction
from asterism.pbx.calls.local import LocalTechnology
from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.completion import CompletionApplications
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.party import PartyId
from virtual_loop import VirtualLoop

NUMBERS = {"carol": "6003", "dave": "6004"}


class Completing:
    """A server with the phones alice, bob, carol and dave, which completion concerns."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.pbx = server.pbx
        self.completion = server.pbx.completion
        self.told: list[tuple[str, dict[str, Any]]] = []
        """What the manager was told of it."""
        self.parameters: dict[str, dict[str, str]] = {
            name: {"cc_agent_policy": "generic", "cc_monitor_policy": "generic"} for name in (*server.sip.phones,)
        }
        make = server.sip.request

        def request(asked: Any) -> Channel:
            return self._marked(make(asked))

        server.sip.request = request  # type: ignore[assignment]
        for event in events.ALL:
            server.bus.subscribe(server.owner, event, self._hear)
        server.dialplan(
            ("30", 1, "CallCompletionRequest", ""),
            ("30", 2, "NoOp", "${CC_REQUEST_RESULT} ${CC_REQUEST_REASON}"),
            ("31", 1, "CallCompletionCancel", ""),
            ("31", 2, "NoOp", "${CC_CANCEL_RESULT} ${CC_CANCEL_REASON}"),
        )
        for name, number in server.sip.phones.items():
            if not server.pbx.dialplan.exists("internal", number.number):
                server.dialplan((number.number, 1, "Dial", f"PJSIP/{name},20"), (number.number, 2, "Hangup", ""))

    def _hear(self, event: Any, values: tuple[Any, ...]) -> None:
        self.told.append((event.name, dict(event.render(*values))))

    def _marked(self, channel: Channel) -> Channel:
        state = kept(channel)
        for name, value in self.parameters.get(channel.device.partition("/")[2], {}).items():
            state.parameters = state.parameters.with_option(name, value)
        return channel

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.told]

    @property
    def one(self) -> Transaction:
        """The only transaction."""
        (found,) = self.completion
        return found

    async def call(self, phone: str, exten: str) -> Channel:
        """A phone calls."""
        channel = self._marked(self.server.sip.incoming(phone, exten))
        self.pbx.start(channel)
        await settle()
        return channel

    async def ask(self, phone: str, exten: str = "30") -> tuple[str, str]:
        """A phone calls the extension that requests, or cancels; the result and the reason."""
        channel = await self.call(phone, exten)
        what = "REQUEST" if exten == "30" else "CANCEL"
        return channel.variables[f"CC_{what}_RESULT"], channel.variables[f"CC_{what}_REASON"]

    def busy(self, *phones: str) -> None:
        """Who calls these gets busy from now on."""
        for phone in phones:
            self.server.sip.scripts[phone] = lambda channel: channel.queue_hangup(17)

    def answers(self, *phones: str) -> None:
        """Who calls these is answered."""
        for phone in phones:
            self.server.sip.scripts[phone] = lambda channel: channel.queue_control(Control.ANSWER)

    def rings(self, *phones: str) -> None:
        """These only ring."""
        for phone in phones:
            self.server.sip.scripts[phone] = lambda channel: channel.queue_control(Control.RINGING)

    async def in_use(self, phone: str) -> Channel:
        """A phone is in a call that does not concern anybody here."""
        channel = self.server.sip.incoming(phone, "771")
        self.pbx.start(channel)
        await settle()
        assert channel.state is ChannelState.UP
        return channel

    async def free(self, channel: Channel) -> None:
        """That call ends."""
        channel.queue_hangup()
        await settle(20)

    async def refused(self, phone: str = "alice", exten: str = "6002") -> Channel:
        """A phone calls one that is in use, and gets busy; the call that it is in."""
        name = next(one for one, party in self.server.sip.phones.items() if party.number == exten)
        self.busy(name)
        using = await self.in_use(name)
        await self.call(phone, exten)
        return using

    def calls_of(self, phone: str) -> list[Channel]:
        """The channels by which a phone was called."""
        return [channel for channel in self.server.sip.made if channel.device == f"PJSIP/{phone}"]


def completing(scenario: Callable[[Completing], Awaitable[None]]) -> None:
    """Run a scenario; at the end nothing may be left: no channel, no timer, no queue, no watched device."""

    async def main() -> None:
        server = make_server()
        phones = server.sip.phones
        for name, number in NUMBERS.items():
            phones[name] = PartyId(number, name.title())
        CompletionApplications().load(WithMarks(server))  # type: ignore[arg-type]
        server.pbx.register_technology(LocalTechnology(server.pbx))
        world = Completing(server)
        server.pbx.device_states.register_provider(server.owner, "ccss", world.completion.state_of)
        await scenario(world)
        world.completion.end_all("the test is over")
        for channel in server.pbx.channels:
            channel.soft_hangup()
        await settle(20)
        world.completion.end_all("the test is over")
        await settle()
        assert len(server.pbx.channels) == 0
        assert not world.completion.transactions
        assert not len(world.completion.queues)
        assert not server.pbx.device_states._watched
        loop: Any = asyncio.get_running_loop()
        assert [timer for timer in loop._scheduled if not timer.cancelled()] == []

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


class WithMarks:
    """The server as a module of the dialplan sees it."""

    def __init__(self, server: FakeServer) -> None:
        self.pbx = server.pbx
        self.register_marked = lambda holder: None
