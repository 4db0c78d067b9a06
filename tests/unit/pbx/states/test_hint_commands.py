"""Hints at the console, laid out as recorded."""

from __future__ import annotations

import asyncio

from fake_console import Console, recorded
from fake_technology import FakeServer, settle


def test_hints() -> None:
    async def main() -> None:
        server = FakeServer()
        server.sip.reachable = False
        server.sip.phones["carol"] = server.sip.phones["alice"]
        for exten, hint in (
            ("6003", "PJSIP/carol,CustomPresence:carol"), ("6002", "PJSIP/bob"), ("6001", "PJSIP/alice"),
            ("6050", "PJSIP/alice&PJSIP/bob"), ("_61XX", "PJSIP/x${EXTEN}"),
        ):  # fmt: skip
            server.pbx.dialplan.add_extension(server.owner, "hints", exten, -1, hint, "")
        await settle()
        console = Console(server)
        ours = console.run("core show hints")
        wanted = [row for row in recorded("core show hints", "idle") if not row.startswith("6060")]
        assert sorted(ours[2:-1]) == sorted(wanted[2:-1])
        assert ours[:2] == wanted[:2]
        assert ours[-1] == "- 5 hints registered"
        assert console.run("core show hint", "9999") == recorded("core show hint 9999", "idle")
        assert console.run("core show hint", "6001") == recorded("core show hint 6001", "idle")

    asyncio.run(main())
