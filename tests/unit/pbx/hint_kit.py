"""A server with hints."""

from __future__ import annotations

import asyncio
from typing import Any

from fake_technology import FakeServer, settle


def run(scenario: Any) -> None:
    async def main() -> None:
        server = FakeServer()
        server.pbx.dialplan.add_extension(server.owner, "hints", "6001", -1, "PJSIP/alice", "")
        server.pbx.dialplan.add_extension(server.owner, "hints", "6050", -1, "PJSIP/alice&PJSIP/bob", "")
        server.pbx.dialplan.add_extension(server.owner, "hints", "_61XX", -1, "PJSIP/x${EXTEN}", "")
        server.record()
        await scenario(server)
        for channel in server.pbx.channels:
            channel.hang_up()
        await settle()

    asyncio.run(main())
