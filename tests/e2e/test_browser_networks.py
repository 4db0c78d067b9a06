"""Chromium in a network of its own: where nothing but a TURN server is reached, and an address that changes in a call.

By its own checks for WebRTC: the media are the browser's, the network is a router in this test (coturn, namespaces).
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from browser_phone_kit import PhonePage, media_chromium
from network import Host, Network, network
from peers import LIMIT
from test_ice_baresip import ADDRESS, NetworkServer

from asterism.testing import until

pytestmark = pytest.mark.e2e

RELAY, SECRET = "203.0.113.1", "only-for-this-test"
PORT = 8088
ORIGIN = f"http://{ADDRESS}:{PORT}"
FILES = {
    "http": f"[general]\nenabled=yes\nbindaddr={ADDRESS}\nbindport={PORT}\n",
    "browser_phone": f"[general]\nenabled=yes\nice_server=turn:{RELAY}, {SECRET}\n",
    "extensions": "[default]\nexten => 600,1,Answer()\n same => n,Echo()\n",
    "pjsip": "[104]\ntype=endpoint\ncontext=default\nwebrtc=yes\nallow=!all,ulaw\nauth=104\naors=104\n"
    "[104]\ntype=auth\nusername=104\npassword=secret\n[104]\ntype=aor\nmax_contacts=3\n",
}
FLAGS = (
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE {ADDRESS}",
    f"--unsafely-treat-insecure-origin-as-secure={ORIGIN}",
)
_UDP = 17


@pytest.fixture
def net() -> Iterator[Network]:
    with network() as made:
        yield made


@asynccontextmanager
async def talking(net: Network, folder: Path, where: Host) -> AsyncIterator[PhonePage]:
    """A page on a host that hears its own tone; the call is over in the end."""
    server = NetworkServer(net.host("server", ADDRESS), folder / "server", "")
    for name, text in FILES.items():
        (server.etc / f"{name}.conf").write_text(text)
    try:
        await asyncio.to_thread(server.start)
        async with media_chromium(folder, 660, *FLAGS, host=where) as browser:
            page = await PhonePage.open(browser, f"{ORIGIN}/phone/")
            await page.sign_in("104", "secret")
            await page.dial("600")
            await page.state(1, "talking")
            await page.hears(1, 660)
            yield page
            await page.key("Escape")
            await page.state(1, "over")
        await until(lambda: server.rx("core show channels count").stdout.startswith("0 active channels"), LIMIT)
    finally:
        server.__exit__(None, None, None)


async def test_nothing_but_the_relay_is_reached(net: Network, tmp_path: Path) -> None:
    relay = net.host("coturn", RELAY)
    log = tmp_path / "coturn.log"
    relay.run(
        "turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls", "--listening-ip", RELAY, "--relay-ip", RELAY,
        "--use-auth-secret", "--static-auth-secret", SECRET, "--realm", "example.com", "--pidfile",
        str(tmp_path / "pid"), "--log-file", "stdout", "--userdb", str(tmp_path / "db"), "--simple-log", "--verbose",
        stdout=log.open("w"), stderr=subprocess.STDOUT, cwd=tmp_path,
    )  # fmt: skip
    await until(lambda: "UDP listener opened" in log.read_text(), LIMIT, log.read_text)
    net.passes = lambda packet: packet.protocol != _UDP or RELAY in (packet.source[0], packet.target[0])
    async with talking(net, tmp_path, net.host("browser", "192.0.2.7")):
        assert f"peer {ADDRESS}" in await asyncio.to_thread(log.read_text)


async def test_an_address_that_changes_in_the_middle(net: Network, tmp_path: Path) -> None:
    """The connection of SIP is lost with it, of which nobody tells the browser: the page makes another."""
    where = net.host("browser", "192.0.2.7")
    state = "window.connections[0].iceConnectionState"
    async with talking(net, tmp_path, where) as page:
        where.use("192.0.2.77")
        await page.until(f"{state} === 'disconnected'")
        await page.until(f"['connected', 'completed'].includes({state})", "another path")
        await page.hears(1, 660)
