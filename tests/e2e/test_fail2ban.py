"""fail2ban's stock Asterisk filter finds attackers in our logs, and nobody else."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
from peers import own_host, require

from asterism.stack.digest import Challenge, ClientSession, ha1
from asterism.stack.message import Response
from asterism.stack.parser import parse_message
from asterism.testing import free_port, running_server

pytestmark = pytest.mark.e2e

FILTER = Path("/etc/fail2ban/filter.d/asterisk.conf")
PJSIP = """
[udp]
type=transport
protocol=udp
bind={host}:{port}
[101]
type=endpoint
auth=101
aors=101
[101]
type=auth
username=101
password=secret
[101]
type=aor
max_contacts=1
[frank]
type=endpoint
auth=101
aors=101
deny=0.0.0.0/0
permit=192.0.2.1
[closed]
type=acl
deny={denied}/32
"""
LOGGER = "[general]\ndateformat=%F %T\n[logfiles]\nmessages.log => notice,warning,error\nsecurity.log => security\n"


class _Attacker(asyncio.DatagramProtocol):
    """Sends REGISTERs from an address of its own."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[Response] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        message = parse_message(data)
        assert isinstance(message, Response)
        self.answers.put_nowait(message)


async def register(server: tuple[str, int], source: str, user: str, password: str) -> int:
    """REGISTER with credentials, whatever they are worth; the last status."""
    loop = asyncio.get_running_loop()
    transport, attacker = await loop.create_datagram_endpoint(_Attacker, local_addr=(source, 0), remote_addr=server)
    host, port = transport.get_extra_info("sockname")
    authorization = ""
    try:
        for number in (1, 2):
            transport.sendto(
                f"REGISTER sip:{server[0]} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{number}{user};rport\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:{user}@{server[0]}>;tag=f\r\nTo: <sip:{user}@{server[0]}>\r\n"
                f"Call-ID: c{user}{port}\r\nCSeq: {number} REGISTER\r\nContact: <sip:{user}@{host}:{port}>\r\n"
                f"{authorization}Content-Length: 0\r\n\r\n".encode()
            )
            answer = await asyncio.wait_for(attacker.answers.get(), 10)
            if answer.status != 401:
                break
            challenge = Challenge.parse(answer.get("WWW-Authenticate") or "")
            session = ClientSession(challenge, user, ha1(user, challenge.realm, password), "cnonce")
            authorization = f"Authorization: {session.authorize('REGISTER', f'sip:{server[0]}')}\r\n"
    finally:
        transport.close()
    return answer.status


def fail2ban(log: Path) -> list[str]:
    """The address of each line that the filter matches."""
    words = [require("fail2ban-regex"), "--out", "ip", str(log), str(FILTER)]
    result = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.split()


async def test_attackers_are_found_and_phones_are_not(tmp_path: Path) -> None:
    host, denied = own_host(), own_host()
    port = free_port(host)
    server_address = (host, port)
    sources = {name: own_host() for name in ("wrong", "unknown", "acl", "good")}
    config = {"pjsip.conf": PJSIP.format(host=host, port=port, denied=denied), "logger.conf": LOGGER}
    async with running_server(config, tmp_path) as server:
        assert await register(server_address, sources["wrong"], "101", "guess") == 401
        assert await register(server_address, sources["unknown"], "ghost", "guess") == 401
        assert await register(server_address, sources["acl"], "frank", "secret") == 401
        assert await register(server_address, denied, "101", "secret") == 403
        assert await register(server_address, sources["good"], "101", "secret") == 200
    expected = {
        "security.log": ("wrong", "unknown", "acl"),
        "messages.log": ("wrong", "unknown", "acl", "denied"),
    }
    sources["denied"] = denied
    for name, attackers in expected.items():
        found = await asyncio.to_thread(fail2ban, server.paths.log / name)
        assert set(found) == {sources[attacker] for attacker in attackers}, name
