"""The tutorial on session supplements works as printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from session_bench import Bench, on_bench, sdp

PAGE = Path(__file__).parents[3] / "docs/extending/session-supplement.md"


def module_of_page() -> Any:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {"__name__": "account"}
    exec(compile(found.group(1), str(PAGE), "exec"), names)
    return names["AccountModule"]


@on_bench
async def test_the_supplement_of_the_tutorial(bench: Bench) -> None:
    alice, bob = bench.phone(5071), bench.phone(5072)
    seen: list[str] = []

    @bench.server.pbx.extension("internal", "6002")
    async def dial(channel: Any) -> None:
        seen.append(channel.accountcode)
        await channel.dial("PJSIP/bob", 20)

    bench.server.modules.add(module_of_page())
    await bench.server.modules.load("account")
    alice.call("6002", extra="X-Account: blocked\r\n", call="one")
    assert (await alice.next(402)).start_line() == "SIP/2.0 402 Payment Required"
    alice.request("ACK", "sip:6002@127.0.0.1", "alice", "<sip:6002@127.0.0.1>;tag=x", branch=alice.branch)
    assert not seen

    alice.call("6002", extra="X-Account: 4711\r\n", call="two")
    invite = await bob.next("INVITE")
    assert seen == ["4711"]
    bob.respond(invite, 200, body=sdp())
    await bob.next("ACK")
    ok = await alice.next(200)
    # Unloaded in the middle of a call, which goes on.
    await bench.server.modules.unload("account")
    alice.in_dialog("ACK", ok, 1, call="two")
    alice.in_dialog("BYE", ok, 2, call="two")
    bob.respond(await bob.next("BYE"), 200)
    await bench.until(lambda: bench.idle)

    alice.call("6002", extra="X-Account: blocked\r\n", call="three")
    bob.respond(await bob.next("INVITE"), 486)
    await bob.next("ACK")
    assert seen[-1] == "acct-alice"
