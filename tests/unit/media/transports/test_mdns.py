"""Names of mDNS: what is bounded, and what is no error."""

from __future__ import annotations

import asyncio
import logging

import pytest

from asterism.media.transports.mdns import MulticastProtocol, NameResolver


def test_no_more_than_so_many_at_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no network is no error."""

    async def refused(*_: object) -> None:
        await asyncio.sleep(0)
        raise OSError("no network")

    monkeypatch.setattr("asterism.media.transports.mdns._open", refused)

    async def main() -> None:
        resolver = NameResolver(asyncio.get_running_loop(), logging.getLogger("test"))
        found = await asyncio.gather(*(resolver.resolve(f"n{number}.local") for number in range(100)))
        assert found == [None] * 100
        assert resolver._opening is None
        assert resolver._asking == 0

    asyncio.run(main())


def test_what_is_no_message_is_passed_over() -> None:
    async def main() -> None:
        protocol = MulticastProtocol()
        for data in (b"", b"x", bytes(12), b"\0\0\x84\0\0\1\xff\xff\0\0\0\0\x05phone"):
            protocol.datagram_received(data, ("192.0.2.7", 5353))

    asyncio.run(main())


def test_other_names_are_not_asked_for() -> None:
    async def main() -> None:
        resolver = NameResolver(asyncio.get_running_loop(), logging.getLogger("test"))
        for name in ("example.com", "a.b.local", "-" * 64 + ".local", "local", ""):
            assert await resolver.resolve(name) is None
            assert resolver._opening is None

    asyncio.run(main())
