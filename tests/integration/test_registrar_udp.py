"""Registration and OPTIONS over real UDP sockets, the SIP core in process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

from sip_rig import MODULES, Rig

from asterism.applications.options import OptionsModule
from asterism.applications.qualify import QualifyModule
from asterism.sip.contacts import ContactStatus
from asterism.stack.message import Request, Response, make_response
from asterism.stack.parser import parse_message

CONF = """
[transport-udp]
type=transport
protocol=udp
bind=127.0.0.1:0
[alice]
type=endpoint
auth=alice
aors=alice
rewrite_contact=yes
context=internal
[alice]
type=auth
username=alice
password=alicepw
[alice]
type=aor
max_contacts=1
qualify_frequency=60
remove_existing=yes
"""
DIALPLAN = SimpleNamespace(exists=lambda context, exten: (context, exten) == ("internal", "100"))


class Phone:
    """A UDP socket that speaks a little SIP."""

    def __init__(self, rig: Rig, server: tuple[str, int]) -> None:
        self.rig = rig
        self.server = server
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1", 0))

    async def receive(self) -> Request | Response:
        data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 65535), 5)
        return parse_message(data)

    def send(self, data: bytes) -> None:
        self.socket.sendto(data, self.server)

    async def response(self) -> Response:
        """The next response; OPTIONS in between are answered."""
        while True:
            message = await self.receive()
            if isinstance(message, Response):
                return message
            self.send(make_response(message, 200, to_tag="p").to_bytes())

    async def ask(self, method: str, *headers: str, password: str = "alicepw", uri: str = "sip:pbx.test") -> Response:
        self.send(self.rig.request(method, uri, "alice", *headers).replace("\n", "\r\n").encode())
        first = await self.response()
        if first.status != 401:
            return first
        authorization = self.rig.answer(first, method, uri, "alice", password)
        self.send(self.rig.request(method, uri, "alice", *headers, authorization).replace("\n", "\r\n").encode())
        return await self.response()


def over_udp(tmp_path: Path, scenario: Callable[[Rig, Phone], Awaitable[None]]) -> None:
    async def run() -> None:
        pbx = SimpleNamespace(dialplan=DIALPLAN)
        rig = Rig(tmp_path / "etc", CONF, modules=(*MODULES, OptionsModule), pbx=pbx)
        rig.sip.location.stop()
        rig.store._call_soon = asyncio.get_running_loop().call_soon
        await rig.sip.start()
        qualify = QualifyModule()
        qualify.load(rig)  # type: ignore[arg-type]
        qualify.start()
        _, _, host, port = rig.sip.listening()[0]
        phone = Phone(rig, (host, port))
        try:
            await scenario(rig, phone)
        finally:
            phone.socket.close()
            qualify.unload()
            await rig.sip.stop()
            rig.store.close()

    asyncio.run(run())


def test_register_over_udp(tmp_path: Path) -> None:
    async def scenario(rig: Rig, phone: Phone) -> None:
        port = phone.socket.getsockname()[1]
        response = await phone.ask("REGISTER", "Contact: <sip:alice@10.0.0.1>", "Expires: 300")
        assert response.status == 200
        assert response.get("Contact") == "<sip:alice@10.0.0.1>;expires=299"
        assert rig.store.read("SELECT uri FROM contact") == [(f"sip:alice@127.0.0.1:{port}",)]
        assert (await phone.ask("REGISTER", password="wrong")).status == 401

    over_udp(tmp_path, scenario)


def test_a_new_contact_is_qualified_at_once(tmp_path: Path) -> None:
    async def scenario(rig: Rig, phone: Phone) -> None:
        events = rig.record()
        assert (await phone.ask("REGISTER", "Contact: <sip:alice@10.0.0.1>")).status == 200
        options = await phone.receive()
        assert isinstance(options, Request)
        assert options.method == "OPTIONS"
        assert str(options.uri) == f"sip:alice@127.0.0.1:{phone.socket.getsockname()[1]}"
        # Not asked yet is not unavailable.
        assert [name for name, _ in events][-2:] == ["ContactStatus", "PeerStatus"]
        contact = rig.sip.location.contacts("alice")[0]
        assert rig.sip.location.state(contact).status is ContactStatus.UNKNOWN
        assert rig.sip.location.state(contact).available
        phone.send(make_response(options, 200, to_tag="p").to_bytes())
        assert (await phone.ask("REGISTER")).status == 200
        told = [(name, dict(fields)) for name, fields in events if name in ("ContactStatus", "PeerStatus")]
        assert [(name, fields.get("ContactStatus") or fields["PeerStatus"]) for name, fields in told] == [
            ("ContactStatus", "NonQualified"),
            ("PeerStatus", "Reachable"),
            ("ContactStatus", "Reachable"),
        ]
        assert int(str(told[-1][1]["RoundtripUsec"])) > 0

    over_udp(tmp_path, scenario)


def test_options_over_udp(tmp_path: Path) -> None:
    async def scenario(rig: Rig, phone: Phone) -> None:
        for uri, status in (("sip:100@pbx.test", 200), ("sip:pbx.test", 200), ("sip:nosuch@pbx.test", 404)):
            response = await phone.ask("OPTIONS", uri=uri)
            assert response.status == status
            claims = rig.sip.state.capabilities.headers()
            assert [(name, response.get(name)) for name, _ in claims] == list(claims)
            assert response.get("Allow") == "OPTIONS, REGISTER"
        assert rig.sip.layer.live_transactions == rig.sip.layer.finished_transactions == 0

    over_udp(tmp_path, scenario)


def judge(data: bytes) -> None:
    """What is echoed of a malformed request is malformed too: only the status is looked at."""
    assert data[:8] == b"SIP/2.0 "
    assert data[8:9] in b"456"


def test_bad_input_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scenario(rig: Rig, phone: Phone) -> None:
        rig.sip.state.security.reports.limits.count = 0
        good = (
            rig.request("REGISTER", "sip:pbx.test", "alice", "Contact: <sip:a@1.2.3.4>").replace("\n", "\r\n").encode()
        )
        junk = (b"\0" * 1000, b"\xff" * 60000, b"A" * 60000, good.replace(b"sip:", b"\x80\x81:"), b"\r\n\r\n")
        bad = [good[:size] for size in range(0, len(good), 3)]
        bad += junk
        for number in range(200):
            position = 7 * number % len(good)
            bad.append(good[:position] + bytes((number % 256,)) + good[position + 1 :])
        for data in bad:
            phone.send(data)
            # The answers are taken as they come, so that none is lost for want of room.
            await asyncio.sleep(0)
            with contextlib.suppress(BlockingIOError):
                while True:
                    judge(phone.socket.recv(65535))
        phone.send(rig.request("REGISTER", "sip:x", "alice", call_id="sentinel").replace("\n", "\r\n").encode())
        data = b""
        while b"Call-ID: sentinel" not in data:
            data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(phone.socket, 65535), 5)
            judge(data)
        assert data[8:11] == b"401"
        assert rig.sip.location.contacts("alice") == ()
        assert rig.sip.layer.live_transactions == 0
        assert len(rig.sip.servants) == 0

    over_udp(tmp_path, scenario)
