"""A listener that cannot be opened, and one for both families of addresses: HTTP, manager and console."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from asterism import Server
from asterism.command.database import run_database
from asterism.testing import Phone
from asterism.testing.servers import write_config

PJSIP = """\
[101]
type=endpoint
context=phones
aors=101
[101]
type=aor
max_contacts=1
"""
HTTP = "[general]\nenabled=yes\nbindport=0\n"
MANAGER = "[general]\nenabled=yes\nport=0\n"


@pytest.fixture
def busy() -> Iterator[int]:
    """A TCP port that is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def addresses(server: Server, name: str) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
    found = server.modules.find(name)
    assert found is not None
    return found.instance.address, found.instance.tls_address  # type: ignore[attr-defined]


async def started(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Start a server; what it logs as errors."""
    errors: list[str] = []
    monkeypatch.setattr(server.log, "error", lambda text, *args, **more: errors.append(text % args))
    await server.start()
    return errors


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("http", HTTP + "bindaddr=127.0.0.1\nbindport={port}\n"),
        ("http", HTTP + "bindaddr=192.0.2.77\n"),
        ("http", HTTP + "bindaddr=nowhere\n"),
        ("manager", MANAGER + "bindaddr=127.0.0.1\nport={port}\n"),
        ("manager", MANAGER + "bindaddr=192.0.2.77\n"),
    ],
    ids=["busy", "absent", "wrong", "manager busy", "manager absent"],
)
async def test_a_listener_that_cannot_open_leaves_the_rest_working(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy: int, name: str, text: str
) -> None:
    write_config(tmp_path, {"pjsip.conf": PJSIP, f"{name}.conf": text.format(port=busy)})
    server = Server.from_config(tmp_path)
    try:
        errors = await started(server, monkeypatch)
        assert any(f"{name}.conf: cannot listen on " in each for each in errors), errors
        assert addresses(server, name) == (None, None)
        async with Phone("101", server) as phone:
            await phone.register()
        # A reload tries again, also where nothing was changed.
        write_config(tmp_path, {"pjsip.conf": PJSIP, f"{name}.conf": (HTTP + MANAGER) + "bindaddr=127.0.0.1\n"})
        await server.reload()
        assert addresses(server, name)[0] is not None
    finally:
        await server.stop()


@pytest.mark.parametrize(("name", "text"), [("http", HTTP), ("manager", MANAGER)])
async def test_a_certificate_that_cannot_be_used_leaves_the_plain_listener(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    text += "bindaddr=127.0.0.1\ntlsenable=yes\ntlsbindaddr=127.0.0.1:0\ntlscertfile=absent.pem\n"
    write_config(tmp_path, {f"{name}.conf": text})
    server = Server.from_config(tmp_path)
    try:
        errors = await started(server, monkeypatch)
        assert any("tlscertfile 'absent.pem'" in each for each in errors), errors
        plain, tls = addresses(server, name)
        assert plain is not None
        assert tls is None
    finally:
        await server.stop()


@pytest.mark.parametrize("name", ["http", "manager"])
async def test_the_ipv6_wildcard_serves_both_families(tmp_path: Path, name: str) -> None:
    text = (HTTP if name == "http" else MANAGER) + "bindaddr=::\n[a]\nsecret=b\ndeny=::/0\npermit=127.0.0.1/32\n"
    write_config(tmp_path, {f"{name}.conf": text, "acl.conf": ""})
    async with Server.from_config(tmp_path) as server:
        address, _ = addresses(server, name)
        assert address is not None
        for host in ("::1", "127.0.0.1"):
            reader, writer = await asyncio.open_connection(host, address[1])
            writer.write(b"GET /none HTTP/1.0\r\n\r\n" if name == "http" else b"Action: Ping\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.0 404" if name == "http" else b"Asterisk Call Manager")
            writer.close()
        if name == "manager":
            # An IPv4 peer is known by its IPv4 address, to which access lists apply.
            reader, writer = await asyncio.open_connection("127.0.0.1", address[1])
            writer.write(b"Action: Login\r\nUsername: a\r\nSecret: b\r\n\r\n")
            answer = await reader.readuntil(b"\r\n\r\n")
            assert b"Response: Success" in answer
            writer.close()


async def test_a_console_socket_that_cannot_open_leaves_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config(tmp_path, {"pjsip.conf": PJSIP})
    server = Server.from_config(tmp_path)
    (tmp_path / "var/asterism.ctl").mkdir(parents=True)
    try:
        errors = await started(server, monkeypatch)
        assert any("console socket" in each for each in errors), errors
        assert server.booted
    finally:
        await server.stop()


def test_databases_without_their_packages_say_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("asterism.data.realtime.settings.find_spec", lambda name: None)
    assert run_database(["show", str(tmp_path)]) == 1
    assert 'pip install "asterism[realtime]"' in capsys.readouterr().err
