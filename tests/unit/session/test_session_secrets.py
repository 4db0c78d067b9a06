"""Secrets of descriptions are kept for as long as their call lasts, and in nothing that outlives it."""

from __future__ import annotations

import functools
import gc
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
from secure_phone import AES80, change, wait_for
from session_bench import Bench, on_bench
from test_session_transports import described

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
PASSWORD = "0123456789abcdefSECRET0123"
LINES = (
    f"a=crypto:1 {AES80} inline:{KEY}",
    "a=ice-ufrag:abcd",
    f"a=ice-pwd:{PASSWORD}",
    "a=candidate:1 1 UDP 2130706431 127.0.0.1 31800 typ host",
)


def remembering(secret: str) -> list[str]:
    """The caches of functions that have a text with this secret in what they hold."""
    found = []
    for cache in gc.get_objects():
        if not isinstance(cache, functools._lru_cache_wrapper):
            continue
        seen: set[int] = set()
        waiting: list[Any] = [one for one in gc.get_referents(cache) if one is not cache.__wrapped__]
        while waiting:
            one = waiting.pop()
            if isinstance(one, str | bytes):
                if secret in (one if isinstance(one, str) else one.decode("latin-1")):
                    found.append(cache.__qualname__)
                    break
            elif id(one) not in seen and not isinstance(one, type | ModuleType | FunctionType):
                seen.add(id(one))
                waiting += gc.get_referents(one)
    return found


def test_a_cache_that_remembers_is_found() -> None:
    @functools.lru_cache(maxsize=8)
    def read(lines: tuple[str, ...]) -> int:
        return len(lines)

    read(("a=ice-pwd:FOUNDHERE",))
    assert remembering("FOUNDHERE") == [read.__qualname__]


@pytest.mark.parametrize(
    "options",
    [
        {"media_encryption": "sdes", "ice_support": "yes"},
        {"media_encryption": "sdes", "media_encryption_optimistic": "yes"},
        {"ice_support": "yes"},
        {},
        {"allow": "g722"},
    ],
)
@pytest.mark.parametrize("protocol", ["RTP/SAVP", "RTP/AVP"])
def test_no_cache_has_keys_or_passwords(options: dict[str, str], protocol: str, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        @bench.server.pbx.extension("internal", "700")
        async def answering(channel: Any) -> None:
            await channel.answer()

        change(bench, "alice", **options)
        alice = bench.phone(5071)
        alice.call("700", body=described(protocol, *LINES))
        await bench.until(lambda: any(getattr(one, "status", 0) >= 200 for one in alice.messages()))
        ok = next(one for one in alice.messages() if getattr(one, "status", 0) >= 200)
        if ok.status == 200:
            alice.in_dialog("ACK", ok, 1)  # type: ignore[arg-type]
            alice.respond(await wait_for(alice, "BYE"), 200)
        assert [name for secret in (KEY, PASSWORD) for name in remembering(secret)] == []

    test(tmp_path)
