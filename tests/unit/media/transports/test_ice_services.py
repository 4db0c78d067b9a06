"""What ICE agents share: local addresses and names of servers."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest

from asterism.data.network import AccessRule, Rules
from asterism.media.transports import ice_services
from asterism.media.transports.ice_services import IceServices
from asterism.media.transports.ice_settings import IceSettings


def make(settings: IceSettings | None = None) -> IceServices:
    loop = asyncio.get_running_loop()
    return IceServices(lambda: settings or IceSettings(), loop, logging.getLogger("test"))


class Card:
    def __init__(self, *addresses: str) -> None:
        self.ips = [IP(address) for address in addresses]


class IP:
    def __init__(self, address: str) -> None:
        self.ip = (address, 0, 2) if ":" in address else address


def test_addresses_of_a_wildcard(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = [Card("127.0.0.1", "::1"), Card("192.0.2.1", "2001:db8::1", "fe80::1"), Card("10.0.0.1")]
    monkeypatch.setattr(ice_services.ifaddr, "get_adapters", lambda: cards)

    async def main() -> None:
        assert make().hosts("0.0.0.0") == ("192.0.2.1", "10.0.0.1")
        assert make().hosts("::") == ("2001:db8::1",)
        assert make(IceSettings(loopback=True)).hosts("0.0.0.0") == ("192.0.2.1", "10.0.0.1", "127.0.0.1")
        rules = AccessRule(False).parse("10.0.0.0/8", Rules())
        assert make(IceSettings(host_rules=rules)).hosts("0.0.0.0") == ("192.0.2.1",)
        assert make().hosts("192.0.2.77") == ("192.0.2.77",)
        assert make().hosts("127.0.0.1") == ()

    asyncio.run(main())


def test_names_are_looked_up_once_and_kept_through_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        services = make()
        loop = asyncio.get_running_loop()
        asked = []

        async def found(host: str, port: int, **_: object) -> list[object]:
            asked.append(host)
            if len(asked) > 1:
                raise OSError("no DNS")
            return [(socket.AF_INET, socket.SOCK_DGRAM, 0, "", ("192.0.2.53", port))]

        monkeypatch.setattr(loop, "getaddrinfo", found)
        for _ in range(3):
            assert await services.address_of("stun.example.com", 3478, socket.AF_INET) == ("192.0.2.53", 3478)
        assert len(asked) == 1
        monkeypatch.setattr(ice_services, "_NAME_KEPT", 0)
        services._found = {key: (0.0, address) for key, (_, address) in services._found.items()}
        assert await services.address_of("stun.example.com", 3478, socket.AF_INET) == ("192.0.2.53", 3478)
        assert len(asked) == 2
        assert await services.address_of("other.example.com", 3478, socket.AF_INET) is None
        assert await services.address_of("2001:db8::1", 1, socket.AF_INET) is None
        assert await services.address_of("192.0.2.1", 1, socket.AF_INET) == ("192.0.2.1", 1)

    asyncio.run(main())
