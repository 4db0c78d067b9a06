"""A call that runs Dial."""

from __future__ import annotations

import asyncio
from typing import Any

from fake_technology import FakeServer, settle
from test_events_call import make_server

from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.party import PartyId


def run(scenario: Any) -> FakeServer:
    async def main() -> FakeServer:
        server = make_server()
        server.sip.phones["carol"] = PartyId("6003", "Carol")
        await scenario(server)
        for channel in server.pbx.channels:
            channel.soft_hangup()
        await settle()
        assert len(server.pbx.channels) == 0
        assert not server.pbx.bridges
        return server

    return asyncio.run(main())


async def dialling(server: FakeServer, args: str, after: str = "") -> Channel:
    """Alice dials by ``args``; ``after`` is the application of the next priority."""
    server.dialplan(("1", 1, "Dial", args))
    if after:
        server.dialplan(("1", 2, after, ""))
    alice = server.sip.incoming("alice", "1", accountcode="acct")
    server.pbx.start(alice)
    await settle()
    return alice


def log_of(channel: Channel) -> list[Any]:
    return channel.driver.log  # type: ignore[attr-defined]
