"""Each option that ICE has, from the file to what a description says and what is sent."""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aioice.stun import Class, Message, Method, parse_message
from session_bench import Bench, on_bench
from test_session_transports import change, described

from asterism.config import ConfigFile
from asterism.media.settings import RtpSettings
from asterism.media.transports.ice_services import IceServices
from asterism.media.transports.mdns import NameResolver
from asterism.pbx.calls.originate import OriginateRequest, originate
from asterism.stack.message import Request
from asterism.stack.sdp import SessionDescription

PUBLIC = "203.0.113.9"
ICE = ("a=ice-ufrag:abcd", "a=ice-pwd:0123456789abcdef012345", "a=rtcp-mux")


class Servers(asyncio.DatagramProtocol):
    """A STUN and TURN server that sees everybody at :data:`PUBLIC` and knows the user ``u`` with the password ``p``."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[tuple[Method, str]] = []
        self.wire: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, address: Any) -> None:
        message = parse_message(data)
        self.asked.append((message.message_method, address[0]))
        answer = Message(message.message_method, Class.RESPONSE, message.transaction_id)
        key = hashlib.md5(b"u:example.com:p").digest()
        if message.message_method is not Method.BINDING and not message.check_message_integrity(key):
            answer = Message(message.message_method, Class.ERROR, message.transaction_id)
            answer.attributes.update({"ERROR-CODE": (401, "Unauthorized"), "NONCE": b"n", "REALM": "example.com"})
        else:
            answer.attributes["XOR-MAPPED-ADDRESS"] = (PUBLIC, address[1])
            if message.message_method is not Method.BINDING:
                answer.attributes["LIFETIME"] = 600
                answer.attributes["XOR-RELAYED-ADDRESS"] = (PUBLIC, 50000)
                answer.add_message_integrity(key)
        self.wire.sendto(bytes(answer), address)


@asynccontextmanager
async def servers() -> AsyncIterator[Servers]:
    loop = asyncio.get_running_loop()
    wire, server = await loop.create_datagram_endpoint(Servers, local_addr=("127.0.0.1", 0), family=socket.AF_INET)
    try:
        yield server
    finally:
        wire.close()


async def offered(bench: Bench, conf: str, **options: Any) -> SessionDescription:
    """What Bob is offered, with this ``rtp.conf``."""
    bench.server.media.use(RtpSettings.from_file(ConfigFile.parse(conf, "rtp.conf")))
    change(bench, "bob", **options)
    bob = bench.phone(5072)
    task = asyncio.ensure_future(originate(bench.server.pbx, OriginateRequest("PJSIP/bob", "internal", "900")))
    for _ in range(500):
        invites = [one for one in bob.messages() if isinstance(one, Request)]
        if invites:
            break
        await asyncio.sleep(0.01)
    bob.read = len(bob.flow.sent)
    bob.respond(invites[0], 486)
    await task
    bench.advance(64)
    return SessionDescription.parse(invites[0].body)


def hosts(description: SessionDescription) -> list[str]:
    """Type and address of each candidate, with the address behind it."""
    lines = [value or "" for name, value in description.media[0].attributes if name == "candidate"]
    found = [re.search(r"UDP \d+ (\S+) \d+ typ (\w+)(?: raddr (\S+))?", line) for line in lines]
    return [" ".join(part for part in (one[2], one[1], one[3]) if part) for one in found if one is not None]


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with these addresses."""
    monkeypatch.setattr(IceServices, "_all_hosts", lambda _self: ("192.0.2.1", "10.8.0.2", "127.0.0.1"))


LOCAL = ["host 192.0.2.1", "host 10.8.0.2"]
MUX = {"ice_support": True, "rtcp_mux": True}


@pytest.mark.parametrize(
    ("conf", "options", "expected"),
    [
        ("[general]\n", MUX, LOCAL),
        ("[general]\n", {"ice_support": False, "rtcp_mux": True}, []),
        ("[general]\nicesupport=no\n", MUX, []),
        ("[general]\nice_loopback=yes\n", MUX, [*LOCAL, "host 127.0.0.1"]),
        ("[general]\nice_deny=10.8.0.0/16\n", MUX, ["host 192.0.2.1"]),
        ("[general]\nice_deny=0.0.0.0/0\nice_permit=10.8.0.0/16\n", MUX, ["host 10.8.0.2"]),
        ("[general]\n[ice_host_candidates]\n10.8.0.2=>203.0.113.7\n", MUX, ["host 192.0.2.1", "host 203.0.113.7"]),
        (
            "[general]\n[ice_host_candidates]\n10.8.0.2=>203.0.113.7,include_local_address\n", MUX,
            ["host 192.0.2.1", "host 203.0.113.7", "host 10.8.0.2"],
        ),
        ("[general]\nstunaddr=127.0.0.1:{port}\n", MUX, [*LOCAL, f"srflx {PUBLIC} 127.0.0.1"]),
        ("[general]\nstunaddr=127.0.0.1:{port}\nstun_deny=127.0.0.0/8\n", MUX, LOCAL),
        (
            "[general]\nstunaddr=127.0.0.1:{port}\nstun_deny=0.0.0.0/0\nstun_permit=127.0.0.1\n", MUX,
            [*LOCAL, f"srflx {PUBLIC} 127.0.0.1"],
        ),
        (
            "[general]\nturnaddr=127.0.0.1\nturnport={port}\nturnusername=u\nturnpassword=p\n", MUX,
            [*LOCAL, f"relay {PUBLIC} {PUBLIC}"],
        ),
        ("[general]\nturnaddr=127.0.0.1\nturnport={port}\nturnusername=v\nturnpassword=p\n", MUX, LOCAL),
        ("[general]\nturnaddr=127.0.0.1\nturnport={port}\nturnusername=u\nturnpassword=q\n", MUX, LOCAL),
        (
            "[general]\nturnaddr=127.0.0.1\nturnport={port}\nturnusername=u\nturnpassword=p\nstun_deny=127.0.0.1\n",
            MUX, LOCAL,
        ),
        ("[general]\nstunaddr=127.0.0.1:{port}\nice_lite=yes\n", MUX, LOCAL),
    ],
)  # fmt: skip
def test_candidates_that_are_told(conf: str, options: dict[str, Any], expected: list[str], tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        async with servers() as server:
            description = await offered(bench, conf.replace("{port}", str(server.port)), **options)
            assert hosts(description) == expected
            assert bool(description.media[0].attribute("ice-ufrag")) is bool(expected)
            lite = "ice_lite" in conf
            assert (("ice-lite", None) in description.attributes) is lite
            for _ in range(100):
                if not bench.server.media.transports and not bench.server.media.context.ice._tasks:
                    break
                await asyncio.sleep(0.01)
            else:
                raise AssertionError("something is left of the call")

    test(tmp_path)


@pytest.mark.parametrize("mux", [True, False])
@pytest.mark.parametrize("bundle", [True, False])
def test_one_port_for_rtcp_and_for_several_streams(mux: bool, bundle: bool, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        options = {"ice_support": True, "rtcp_mux": mux, "bundle": bundle, "allow": "ulaw"}
        description = await offered(bench, "[general]\n", **options)
        (media,) = description.media
        assert (("rtcp-mux", None) in media.attributes) is (mux or bundle)
        assert len(hosts(description)) == (2 if mux or bundle else 4)
        assert ("group" in [name for name, _ in description.attributes]) is bundle

    test(tmp_path)


@pytest.mark.parametrize("lite", [True, False])
def test_who_is_lite_answers_checks_and_sends_none(lite: bool, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        conf = f"[general]\nice_loopback=yes\nice_lite={'yes' if lite else 'no'}\n"
        bench.server.media.use(RtpSettings.from_file(ConfigFile.parse(conf, "rtp.conf")))
        change(bench, "alice", **MUX)
        got = await checks_at(bench, "127.0.0.1")
        assert bool(got) is not lite

    test(tmp_path)


@pytest.mark.parametrize("address", ["127.0.0.1", None])
def test_names_of_browsers_are_looked_up(address: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = "1f4712db-ea17-4bcf-a596-105139dfd8bf.local"

    @on_bench
    async def test(bench: Bench) -> None:
        asked: list[str] = []

        async def resolve(_resolver: NameResolver, wanted: str) -> str | None:
            asked.append(wanted)
            return address

        monkeypatch.setattr(NameResolver, "resolve", resolve)
        conf = "[general]\nice_loopback=yes\n"
        bench.server.media.use(RtpSettings.from_file(ConfigFile.parse(conf, "rtp.conf")))
        change(bench, "alice", **MUX)
        got = await checks_at(bench, name)
        assert asked == [name]
        assert bool(got) is (address is not None)

    test(tmp_path)


async def checks_at(bench: Bench, host: str) -> list[bytes]:
    """What comes within half a second to a phone whose only candidate is at ``host``."""

    @bench.server.pbx.extension("internal", "700")
    async def answering(channel: Any) -> None:
        await channel.answer()
        await asyncio.sleep(100)

    got: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.setblocking(False)
        line = f"a=candidate:1 1 UDP 2130706431 {host} {phone.getsockname()[1]} typ host"
        alice = bench.phone(5071)
        alice.call("700", body=described("RTP/AVP", *ICE, line, "a=end-of-candidates"))
        ok = await alice.next(200)
        alice.in_dialog("ACK", ok, 1)
        try:
            async with asyncio.timeout(0.5):
                got.append(await asyncio.get_running_loop().sock_recv(phone, 2000))
        except TimeoutError:
            pass
        alice.in_dialog("BYE", ok, 2)
        await alice.next(200)
    return got


@pytest.mark.parametrize("trickle", [True, False])
@pytest.mark.parametrize("method", ["INFO", "UPDATE"])
def test_candidates_that_come_late_do_no_harm(method: str, trickle: bool, tmp_path: Path) -> None:
    """By INFO (RFC 8840) they are not taken; an offer with the same credentials adds them. The call goes on."""

    @on_bench
    async def test(bench: Bench) -> None:
        bench.server.media.use(RtpSettings.from_file(ConfigFile.parse("[general]\nice_loopback=yes", "rtp.conf")))
        change(bench, "alice", **MUX)

        @bench.server.pbx.extension("internal", "700")
        async def answering(channel: Any) -> None:
            await channel.answer()
            await asyncio.sleep(100)

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.bind(("127.0.0.1", 0))
            phone.setblocking(False)
            late = f"a=candidate:2 1 UDP 2130706430 127.0.0.1 {phone.getsockname()[1]} typ host"
            first = ("a=ice-options:trickle",) if trickle else ("a=candidate:1 1 UDP 2130706431 192.0.2.7 9 typ host",)
            alice = bench.phone(5071)
            alice.call("700", body=described("RTP/AVP", *ICE, *first))
            ok = await alice.next(200)
            assert b"a=ice-ufrag:" in ok.body
            alice.in_dialog("ACK", ok, 1)
            if method == "INFO":
                fragment = "\r\n".join([*ICE[:2], "m=audio 9 RTP/AVP 0", "a=mid:0", late, "a=end-of-candidates", ""])
                alice.in_dialog("INFO", ok, 2, fragment, content_type="application/trickle-ice-sdpfrag")
                accept = (await alice.next(415)).get("Accept")
                assert accept == "application/dtmf-relay, application/dtmf, application/media_control+xml"
            else:
                offer = described("RTP/AVP", *ICE, *first, late, "a=end-of-candidates")
                alice.in_dialog("UPDATE", ok, 2, offer)
                assert b"a=ice-ufrag:" in (await alice.next(200)).body
            heard = True
            try:
                async with asyncio.timeout(1.0):
                    await asyncio.get_running_loop().sock_recv(phone, 2000)
            except TimeoutError:
                heard = False
            assert heard == (method == "UPDATE")
            alice.in_dialog("BYE", ok, 3)
            await alice.next(200)

    test(tmp_path)
