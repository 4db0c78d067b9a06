"""A browser whose address changes in the middle of a call, or whose path is lost: audio by its content afterwards."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from browser_phone_kit import HTTP, PhonePage, browser_server, media_chromium, page_url
from network import Host, Network, Packet, network
from peers import LIMIT

from asterism.media.transports import consent
from asterism.media.transports.transport import MediaTransport
from asterism.testing import Phone, PhoneCall, until

pytestmark = pytest.mark.e2e

SERVER, OLD, NEW = "203.0.113.1", "192.0.2.7", "192.0.2.77"
UDP = 17
PREPARE = """
// A microphone whose tone stays the same for long, however busy the machine is.
navigator.mediaDevices.getUserMedia = async () => {
  const context = new AudioContext(), microphone = context.createMediaStreamDestination();
  await context.resume();
  const tone = new OscillatorNode(context, { frequency: 660 });
  tone.connect(microphone);
  tone.start();
  return microphone.stream;
};
// Where a test wants that, the page does not hear that its path is gone.
RTCPeerConnection.prototype.addEventListener = function (kind, ...all) {
  if (!(window.deaf && kind === "iceconnectionstatechange"))
    EventTarget.prototype.addEventListener.call(this, kind, ...all);
};
true
"""


@pytest.fixture
def net() -> Iterator[Network]:
    with network() as made:
        yield made


class Call:
    """A page on a host of its own talks to a phone that is beside the server."""

    def __init__(self, page: PhonePage, phone: PhoneCall, transport: MediaTransport, browser: Host) -> None:
        self.page = page
        self.phone = phone
        self.transport = transport
        self.browser = browser

    @property
    def ufrag(self) -> str:
        """What names our end in checks; another one after a restart."""
        assert self.transport.ice is not None
        return self.transport.ice.local.ufrag

    async def is_heard(self, frequency: float) -> None:
        """Both hear the other, the page what it has not heard before."""
        self.phone.play(frequency)
        await self.page.hears(1, frequency)
        await self.phone.hears(660, timeout=LIMIT)


@asynccontextmanager
async def talking(net: Network, folder: Path, *, deaf: bool = False) -> AsyncIterator[Call]:
    """The call; ``deaf``: the page does nothing by itself about a path that is lost."""
    server_host, browser_host = net.host("server", SERVER), net.host("browser", OLD)
    http = HTTP.replace("127.0.0.1", SERVER)
    # Sockets that are made within this are those of the server's host.
    with server_host.inside():
        async with (
            browser_server(folder, http=http, rtp="[general]\n") as server,
            Phone("101", server, "secret") as phone,
        ):
            await phone.register()
            url = page_url(server)
            flags = (
                f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE {SERVER}",
                f"--unsafely-treat-insecure-origin-as-secure={url.removesuffix('/phone/')}",
            )
            async with media_chromium(folder, 660, *flags, host=browser_host) as browser:
                page = await PhonePage.open(browser, url)
                await page.sign_in("104", "secret")
                await page.run(PREPARE)
                await page.run(f"window.deaf = {str(deaf).lower()}")
                await page.dial("101")
                call = await phone.incoming()
                call.answer()
                await page.state(1, "talking")
                (transport,) = server.media.transports
                made = Call(page, call, transport, browser_host)
                await made.is_heard(880)
                assert transport.path is not None
                assert transport.path[0] == OLD
                yield made
                await call.hangup()
                await page.state(1, "over")
            assert not server.media.transports


async def test_its_address_changes_and_it_offers_a_restart(net: Network, tmp_path: Path) -> None:
    """Its connection of SIP is gone with the address too: the page makes another, and then a restart over that."""
    async with talking(net, tmp_path) as call:
        before = call.ufrag
        call.browser.use(NEW)
        # What systems do with connections whose address is gone; else the browser would notice after minutes.
        call.browser.run("ss", "-K", "src", OLD, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait()
        await until(lambda: call.transport.path is not None and call.transport.path[0] == NEW, 60, "the new address")
        await call.is_heard(1000)
        await until(lambda: call.ufrag != before, 60, "a restart")
        await call.is_heard(440)
        assert call.transport.path is not None
        assert call.transport.path[0] == NEW


async def test_its_path_is_lost_and_the_server_offers_a_restart(
    net: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page does nothing by itself; the browser answers our restart, and nothing was sent without its consent."""
    monkeypatch.setattr(consent, "_LASTS", 6.0)
    monkeypatch.setattr(consent, "_INTERVAL", 1.0)
    async with talking(net, tmp_path, deaf=True) as call:
        before = call.ufrag
        sent: list[Packet] = []

        def blocked(packet: Packet) -> bool:
            if packet.protocol == UDP:
                sent.append(packet)
            return packet.protocol != UDP

        net.passes = blocked
        await until(lambda: call.transport.path is None, LIMIT, "the loss of the path")
        sent.clear()
        await until(lambda: call.ufrag != before, LIMIT, "a restart")
        assert call.transport.path is None
        assert len([one for one in sent if one.source[0] == SERVER]) < 20
        net.passes = lambda _packet: True
        await until(lambda: call.transport.path is not None, LIMIT, "another path")
        await call.is_heard(1000)
