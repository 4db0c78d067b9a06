"""baresip with ICE across networks: behind NAT, and where nothing but a TURN server is reached (coturn, namespaces)."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from network import Host, Nat, Network, Packet, network
from peers import LIMIT, Baresip, require
from server_process import COMMAND, ServerProcess
from test_ice_networks import SERVER as RELAY
from test_ice_networks import STUN, TURN, coturn

from asterism.testing import until

__all__ = ["coturn"]
pytestmark = pytest.mark.e2e

ADDRESS = "203.0.113.10"
EXTENSIONS = "[phones]\nexten => 600,1,Answer()\n same => n,Echo()\n"
PJSIP = f"""
[udp]
type=transport
protocol=udp
bind={ADDRESS}:5060
[101]
type=endpoint
context=phones
allow=!all,ulaw
auth=101
aors=101
ice_support=yes
rtp_symmetric=no
rewrite_contact=yes
[101]
type=auth
username=101
password=secret101
[101]
type=aor
max_contacts=1
"""


class NetworkServer(ServerProcess):
    """A server on a host of the network."""

    def __init__(self, host: Host, root: Path, rtp: str) -> None:
        super().__init__(
            root, pjsip=PJSIP, extensions=EXTENSIONS, logger="[logfiles]\nconsole => warning,error\n",
            rtp=f"[general]\nrtpstart=10000\nrtpend=10100\n{rtp}",
        )  # fmt: skip
        self.host = host

    def launch(self, *flags: str) -> None:
        self.process = self.host.run(
            *COMMAND, "-f", "-C", str(self.conf), *flags,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
        )  # fmt: skip


class NetworkBaresip(Baresip):
    """A phone on a host of the network, with ICE."""

    def __init__(self, where: Host, folder: Path, stun: str = "") -> None:
        super().__init__(folder, "101", ADDRESS, 523)
        config, accounts = folder / "config", folder / "accounts"
        before, self.host, self.where = self.host, where.addresses[0], where
        text = config.read_text().replace(before, self.host)
        config.write_text(text + "module ice.so\nmodule stun.so\n")
        server = f";stunserver=stun:{stun}" if stun else ""
        accounts.write_text(accounts.read_text().rstrip() + f";medianat=ice{server}\n")

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        with self.where.inside():
            sock = socket.socket()
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (self.host, 4444))
        except OSError:
            sock.close()
            raise
        return await asyncio.open_connection(sock=sock)

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            return self.where.run(
                require("baresip"), "-4", "-f", str(self.folder),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder,
            )  # fmt: skip


@pytest.fixture
def net() -> Iterator[Network]:
    with network() as made:
        yield made


@asynccontextmanager
async def serving(net: Network, root: Path, rtp: str = "") -> AsyncIterator[NetworkServer]:
    server = NetworkServer(net.host("server", ADDRESS), root, rtp)
    try:
        await asyncio.to_thread(server.start)
        yield server
        await until(lambda: server.rx("core show channels count").stdout.startswith("0 active channels"), LIMIT)
    finally:
        server.__exit__(None, None, None)


async def echoes(phone: NetworkBaresip) -> None:
    await phone.registered()
    phone.command("dial", f"sip:600@{ADDRESS}")
    await phone.event("CALL_ESTABLISHED")
    await phone.hears(523)
    phone.command("hangup")
    await phone.event("CALL_CLOSED")


async def test_a_phone_behind_nat(net: Network, tmp_path: Path) -> None:
    """Without ``rtp_symmetric``: by its checks alone the server learns where the phone is."""
    inside = net.host("phone", "10.0.0.2")
    net.put_behind(inside, Nat("192.0.2.5"))
    async with serving(net, tmp_path / "server"), NetworkBaresip(inside, tmp_path / "phone") as phone:
        await echoes(phone)


async def test_nothing_but_the_relay_is_reached(net: Network, coturn: Path, tmp_path: Path) -> None:
    inside = net.host("phone", "192.0.2.7")

    def passes(packet: Packet) -> bool:
        signalling = 5060 in (packet.source[1], packet.target[1])
        return signalling or RELAY in (packet.source[0], packet.target[0])

    net.passes = passes
    async with (
        serving(net, tmp_path / "server", STUN + TURN),
        NetworkBaresip(inside, tmp_path / "phone", RELAY) as phone,
    ):
        await echoes(phone)
    assert "peer 192.0.2.7" in await asyncio.to_thread(coturn.read_text)
