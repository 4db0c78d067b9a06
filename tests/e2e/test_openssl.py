"""Certificates and protocol versions, as OpenSSL's own client sees them."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from peers import require
from transport_peers import accounts, make_certificates, transport

from asterism.testing import running_server

pytestmark = pytest.mark.e2e

OPTIONS = (
    "OPTIONS sip:nobody@localhost SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:5061;rport;branch=z9hG4bKopenssl\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:nobody@localhost>;tag=f\r\nTo: <sip:nobody@localhost>\r\nCall-ID: openssl\r\n"
    "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, a server's and a client's certificate, and a certificate nobody vouches for."""
    folder = tmp_path_factory.mktemp("pki")
    make_certificates(folder)

    def openssl(*arguments: str) -> None:
        subprocess.run([require("openssl"), *arguments], check=True, cwd=folder, capture_output=True)

    key = ("-newkey", "rsa:2048", "-passout", "pass:open sesame")
    openssl("req", *key, "-keyout", "client.key", "-out", "client.csr", "-subj", "/CN=phone", "-noenc")
    openssl(
        "x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "client.pem", "-days", "2"
    )
    openssl("req", "-x509", *key, "-keyout", "stray.key", "-out", "stray.pem", "-subj", "/CN=stray", "-noenc")
    openssl("req", "-x509", *key, "-keyout", "locked.key", "-out", "locked.pem", "-subj", "/CN=localhost")
    return folder


@asynccontextmanager
async def tls_server(pki: Path, **options: object):
    """A server with one TLS transport."""
    given = {"cert_file": pki / "server.pem", "priv_key_file": pki / "server.key"} | options
    async with running_server({"pjsip.conf": transport("tls", name="secure", **given) + accounts("101")}) as server:
        yield server


async def s_client(server, *arguments: str) -> tuple[str, str]:
    """Send OPTIONS through ``openssl s_client``; what came back, and what it said about the connection."""
    host, port = server.sip_address("tls")
    process = await asyncio.create_subprocess_exec(
        require("openssl"), "s_client", "-connect", f"{host}:{port}", "-nocommands", "-verify_quiet", *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(OPTIONS.encode())
    seen = b""
    try:
        async with asyncio.timeout(10):
            while b"SIP/2.0 401" not in seen and (data := await process.stdout.read(4096)):
                seen += data
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    text = seen.decode("utf-8", "replace")
    return ("answered" if "SIP/2.0 401" in text else "closed"), text


async def test_the_chain_is_verified_and_the_name_fits(pki: Path) -> None:
    async with tls_server(pki) as server:
        trust = ["-CAfile", str(pki / "ca.pem"), "-verify_return_error"]
        outcome, text = await s_client(server, *trust, "-verify_hostname", "localhost", "-servername", "localhost")
        assert outcome == "answered"
        assert "Verification: OK" in text
        assert (await s_client(server, *trust, "-verify_hostname", "other.test"))[0] == "closed"
        assert (await s_client(server, "-CAfile", str(pki / "stray.pem"), "-verify_return_error"))[0] == "closed"


async def test_the_certificate_is_the_one_for_the_name_asked_for(pki: Path) -> None:
    def make(name: str) -> None:
        subprocess.run(
            [require("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-keyout", "named.key",
             "-out", "named.pem", "-days", "2", "-subj", "/CN=named", "-addext", f"subjectAltName=DNS:{name}"],
            check=True, cwd=pki, capture_output=True,
        )  # fmt: skip

    make("*.example.net")
    async with tls_server(pki, sni_cert=f"{pki / 'named.pem'}, {pki / 'named.key'}") as server:

        async def shown(name: str) -> str:
            outcome, text = await s_client(server, "-servername", name)
            assert outcome == "answered"
            return "named" if "CN = named" in text or "CN=named" in text else "own"

        assert [await shown(name) for name in ("sip.example.net", "localhost", "sip.example.org")] == [
            "named", "own", "own",
        ]  # fmt: skip
        make("*.example.org")
        await server.reload("res_pjsip")
        assert [await shown(name) for name in ("sip.example.net", "sip.example.org")] == ["own", "named"]


async def test_protocol_versions(pki: Path) -> None:
    async with tls_server(pki, method="tlsv1_3") as server:
        assert (await s_client(server, "-tls1_3"))[0] == "answered"
        assert (await s_client(server, "-tls1_2"))[0] == "closed"
    async with tls_server(pki, method="tlsv1_2") as server:
        assert (await s_client(server, "-tls1_2"))[0] == "answered"
        assert (await s_client(server, "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"))[0] == "closed"


async def test_ciphers(pki: Path) -> None:
    async with tls_server(pki, cipher="ECDHE-ECDSA-AES256-GCM-SHA384,TLS_AES_256_GCM_SHA384") as server:
        outcome, text = await s_client(server, "-tls1_2")
        assert (outcome, "ECDHE-ECDSA-AES256-GCM-SHA384" in text) == ("answered", True)
        assert (await s_client(server, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"))[0] == "closed"


@pytest.mark.parametrize(("option", "without"), [("verify_client", "answered"), ("require_client_cert", "closed")])
async def test_client_certificates(pki: Path, option: str, without: str) -> None:
    async with tls_server(pki, ca_list_file=pki / "ca.pem", **{option: "yes"}) as server:
        good = ["-cert", str(pki / "client.pem"), "-key", str(pki / "client.key")]
        stray = ["-cert", str(pki / "stray.pem"), "-key", str(pki / "stray.key")]
        assert (await s_client(server, *good))[0] == "answered"
        assert (await s_client(server))[0] == without
        assert (await s_client(server, *stray))[0] == "closed"


async def test_a_key_with_a_passphrase(pki: Path) -> None:
    files = {"cert_file": pki / "locked.pem", "priv_key_file": pki / "locked.key"}
    async with tls_server(pki, **files, password="open sesame") as server:
        assert (await s_client(server))[0] == "answered"


async def test_a_new_certificate_is_shown_after_a_reload_and_old_connections_go_on(pki: Path, tmp_path: Path) -> None:
    for name in ("server.pem", "server.key"):
        (tmp_path / name).write_bytes((pki / name).read_bytes())
    async with tls_server(tmp_path) as server:
        host, port = server.sip_address("tls")
        before = await asyncio.create_subprocess_exec(
            require("openssl"), "s_client", "-connect", f"{host}:{port}", "-nocommands", "-quiet",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert before.stdin is not None
        assert before.stdout is not None
        before.stdin.write(OPTIONS.encode())
        assert b"401" in await asyncio.wait_for(before.stdout.readline(), 10)
        assert "CN = localhost" in (await s_client(server))[1]
        (tmp_path / "server.pem").write_bytes((pki / "stray.pem").read_bytes())
        (tmp_path / "server.key").write_bytes((pki / "stray.key").read_bytes())
        await server.reload("res_pjsip")
        assert "CN = stray" in (await s_client(server))[1]
        (tmp_path / "server.pem").write_text("nonsense")
        await server.reload("res_pjsip")
        assert "CN = stray" in (await s_client(server))[1]
        before.stdin.write(OPTIONS.replace("openssl", "again").encode())
        seen = b""
        async with asyncio.timeout(10):
            while b"Call-ID: again" not in seen:
                seen += await before.stdout.readline()
        before.kill()
        await before.wait()
