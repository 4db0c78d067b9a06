"""DTLS-SRTP with OpenSSL's own client and server, in both roles."""

from __future__ import annotations

import asyncio
import re
import socket
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from peers import require

from asterism.core.log import ServerLogger
from asterism.media.transports.association import PROFILES
from asterism.media.transports.certificates import fingerprint, make_certificate
from asterism.media.transports.dtls import DtlsAgent
from asterism.media.transports.dtls_server import DtlsServer, DtlsSettings
from asterism.media.transports.parameters import Address, SrtpKey

pytestmark = pytest.mark.e2e

HOST = "127.0.0.1"
SUITES = ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"]


class Endpoint(asyncio.DatagramProtocol):
    """An agent on a port of the loopback interface."""

    transport: asyncio.DatagramTransport

    def __init__(self, settings: DtlsSettings) -> None:
        self.server = DtlsServer(ServerLogger("dtls"))
        self.keys: asyncio.Future[tuple[SrtpKey, SrtpKey]] = asyncio.get_running_loop().create_future()
        self.agent = DtlsAgent(self.server, settings, self._send, self._keyed, lambda reason: None)

    def _send(self, datagram: bytes, address: Address) -> None:
        self.transport.sendto(datagram, address)

    def _keyed(self, sent: SrtpKey, received: SrtpKey) -> None:
        self.keys.set_result((sent, received))

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.agent.receive(data, addr)


@asynccontextmanager
async def endpoint(**options: object) -> AsyncIterator[tuple[Endpoint, int]]:
    """An agent and its port."""
    made = Endpoint(DtlsSettings(**options))  # type: ignore[arg-type]
    made.transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, (HOST, 0))
    try:
        yield made, made.transport.get_extra_info("sockname")[1]
    finally:
        made.agent.close()
        made.transport.close()
        made.server.close()


class Program:
    """A running ``openssl`` and the certificate that it shows."""

    def __init__(self, process: Process, fingerprint: str) -> None:
        self.process = process
        self.fingerprints = [("sha-256", fingerprint)]

    async def says(self, pattern: str) -> str:
        """All that it says until it says this."""
        text = ""
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            while not re.search(pattern, text):
                line = await self.process.stdout.readline()
                assert line, f"openssl has ended: {text}"
                text += line.decode(errors="replace")
        return text


@asynccontextmanager
async def openssl(command: str, folder: Path, suite: str, *arguments: str) -> AsyncIterator[Program]:
    """Run ``openssl s_client`` or ``s_server`` with a certificate of its own."""
    own = make_certificate()
    file = folder / "peer.pem"
    key = own.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(own.certificate.public_bytes(serialization.Encoding.PEM) + key)
    name, size, salt = PROFILES[suite]
    process = await asyncio.create_subprocess_exec(
        require("openssl"), command, "-cert", str(file), "-key", str(file), "-use_srtp", name.decode(), "-mtu", "300",
        "-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", str(2 * (size + salt)), *arguments,
        stdin=PIPE, stdout=PIPE, stderr=STDOUT,
    )  # fmt: skip
    try:
        yield Program(process, own.fingerprint("sha-256"))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def exported(client: SrtpKey, server: SrtpKey) -> str:
    """Keys in the order in which the exporter gives them (RFC 5764 4.2)."""
    key = PROFILES[client.suite][1]
    return (client.key[:key] + server.key[:key] + client.key[key:] + server.key[key:]).hex().upper()


def free_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.mark.parametrize("suite", SUITES)
async def test_openssl_is_the_server(suite: str, tmp_path: Path) -> None:
    port = free_port()
    listen = ("-dtls1_2", "-accept", f"{HOST}:{port}", "-Verify", "1")
    async with endpoint(suites=(suite,)) as (ours, _), openssl("s_server", tmp_path, suite, *listen) as program:
        await program.says("ACCEPT")
        ours.agent.start("active", program.fingerprints, address=(HOST, port))
        sent, received = await asyncio.wait_for(ours.keys, 20)
        said = await program.says("Keying material: ")
        assert f"Keying material: {exported(sent, received)}" in said
        shown = re.search("-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----", said, re.DOTALL)
        assert shown
        certificate = x509.load_pem_x509_certificate(shown[0].encode())
        assert (
            fingerprint(certificate.public_bytes(serialization.Encoding.DER), "sha-256")
            == (ours.agent.fingerprint()[1])
        )


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("suite", SUITES)
async def test_openssl_is_the_client(suite: str, named: bool, tmp_path: Path) -> None:
    """From the address that the description names, or another, which takes a cookie."""
    async with endpoint(suites=(suite,)) as (ours, port):
        source = free_port()
        connect = ("-dtls1_2", "-connect", f"{HOST}:{port}", "-bind", f"{HOST}:{source}")
        async with openssl("s_client", tmp_path, suite, *connect) as program:
            ours.agent.start("passive", program.fingerprints, address=(HOST, source if named else 9))
            sent, received = await asyncio.wait_for(ours.keys, 20)
            said = await program.says("Keying material: ")
            assert f"Keying material: {exported(received, sent)}" in said
            assert ours.agent.address == (HOST, source)


async def test_dtls_1_0_is_refused(tmp_path: Path) -> None:
    async with endpoint() as (ours, port):
        source = free_port()
        connect = ("-connect", f"{HOST}:{port}", "-bind", f"{HOST}:{source}", "-cipher", "ALL:@SECLEVEL=0")
        async with openssl("s_client", tmp_path, SUITES[0], "-dtls1", *connect) as program:
            ours.agent.start("passive", program.fingerprints, address=(HOST, source))
            assert "protocol version" in await program.says("alert")
            assert not ours.agent.secure
