"""Names that end with .local are asked for in the local network, and only while somebody wants to know (RFC 6762)."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from network import Network, network

pytestmark = pytest.mark.e2e

NAME = "1f4712db-ea17-4bcf-a596-105139dfd8bf.local"
PUBLISHER = """
import asyncio, sys
from aioice.mdns import create_mdns_protocol
async def main():
    protocol = await create_mdns_protocol()
    await protocol.publish(sys.argv[1], sys.argv[2])
    print("ready", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
ASKER = """
import asyncio, json, logging, sys
from asterism.media.transports.mdns import NameResolver
async def main():
    resolver = NameResolver(asyncio.get_running_loop(), logging.getLogger())
    names = sys.argv[1:]
    print(json.dumps(await asyncio.gather(*map(resolver.resolve, names))), flush=True)
    assert resolver._opening is None
asyncio.run(main())
"""


@pytest.fixture
def net() -> Iterator[Network]:
    with network() as made:
        yield made


def test_a_name_is_found(net: Network) -> None:
    browser, server = net.host("browser", "192.0.2.7"), net.host("server", "192.0.2.1")
    publisher = browser.run(sys.executable, "-c", PUBLISHER, NAME, "192.0.2.7", stdout=subprocess.PIPE, text=True)
    assert publisher.stdout.readline() == "ready\n"
    began = time.monotonic()
    asker = server.run(
        sys.executable, "-c", ASKER, NAME, "nobody-has-this.local", "example.com", stdout=subprocess.PIPE, text=True
    )
    assert asker.stdout.readline() == '["192.0.2.7", null, null]\n'
    assert asker.wait(10) == 0
    assert time.monotonic() - began < 10
