"""How calls of tests begin: answered, refused, ringing."""

from __future__ import annotations

import asyncio
from typing import Any

from session_bench import Bench, Phone, sdp

from asterism.stack.message import Request, Response


async def answered(bench: Bench) -> tuple[Response, Request, Phone, Phone]:
    """Alice calls Bob; both have answered."""
    alice, bob = bench.phone(5071), bench.phone(5072)

    @bench.server.pbx.extension("internal", "6002")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 20)

    alice.call("6002")
    await alice.next(100)
    invite = await bob.next("INVITE")
    bob.respond(invite, 180)
    await alice.next(180)
    bob.respond(invite, 200, body=sdp())
    await bob.next("ACK")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    return ok, invite, alice, bob


async def refused(bench: Bench, exten: str, **more: Any) -> Response:
    alice = bench.phone(5071)
    alice.call(exten, **more)
    for _ in range(500):
        for message in alice.messages():
            if isinstance(message, Response) and message.status >= 200:
                alice.request("ACK", f"sip:{exten}@127.0.0.1", "alice", message.get("To"), branch=alice.branch)
                return message
        await asyncio.sleep(0)
    raise AssertionError("no final response")


async def dialing(bench: Bench, destination: str, port: int) -> tuple[Phone, Phone, Request, list[Any]]:
    """Alice calls; the server has sent its INVITE to ``port``."""
    alice, called = bench.phone(5071), bench.phone(port)
    results: list[Any] = []

    @bench.server.pbx.extension("internal", "900")
    async def dial(channel: Any) -> None:
        results.append(await channel.dial(destination, 40))
        await channel.hangup()

    alice.call("900")
    return alice, called, await called.next("INVITE"), results
