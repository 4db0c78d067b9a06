"""Calls that become faxes: the phones' descriptions, and what the server's have."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from typing import Any

from session_bench import Bench, Phone, sdp, set_options

from asterism.media.udptl import ErrorCorrection, UdptlReceiver, UdptlSender
from asterism.pbx.channels.t38 import ChannelT38, T38Parameters, t38_of
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.message import Request, Response

HEAD = "v=0\r\no=ua 1000 {version} IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
FAX = (
    "m=image {port} udptl t38", "a=T38FaxVersion:0", "a=T38MaxBitRate:14400", "a=T38FaxRateManagement:transferredTCF",
    "a=T38FaxMaxBuffer:262", "a=T38FaxMaxDatagram:176",
)  # fmt: skip
CORRECTION = {"none": (), "redundancy": ("a=T38FaxUdpEC:t38UDPRedundancy",), "fec": ("a=T38FaxUdpEC:t38UDPFEC",)}


AUDIO = "m=audio PORT RTP/AVP 0 8 101"


def fax(port: int = 31900, correction: str = "redundancy", version: int = 2) -> str:
    lines = [line.format(port=port) for line in (*FAX, *CORRECTION[correction])]
    return HEAD.format(version=version) + "".join(f"{line}\r\n" for line in lines)


def described(message: Request | Response) -> list[str]:
    """The sections of a description, with PORT for each port that is not 0."""
    lines = message.body.decode().split("\r\n")
    start = next(index for index, line in enumerate(lines) if line.startswith("m="))
    return [re.sub(r"^(m=\w+) [1-9]\d*", r"\1 PORT", line) for line in lines[start:] if line]


def port_of(message: Request | Response) -> int:
    found = re.search(r"^m=image (\d+)", message.body.decode(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def version_of(message: Request | Response) -> int:
    found = re.search(r"^o=\S+ \d+ (\d+)", message.body.decode(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def allow_fax(bench: Bench, *names: str, **options: Any) -> None:
    for name in names:
        set_options(bench.server.data.get(Endpoint, name), t38_udptl=True, **options)


class Udptl:
    """A phone's UDPTL socket."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]
        self.sender = UdptlSender(ErrorCorrection.REDUNDANCY)
        self.receiver = UdptlReceiver()
        self.heard: list[bytes] = []

    def send(self, port: int, *ifps: bytes) -> None:
        for ifp in ifps:
            self.socket.sendto(self.sender.packet(ifp)[1], ("127.0.0.1", port))

    async def hears(self, count: int) -> list[bytes]:
        while len(self.heard) < count:
            data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 4096), 5)
            self.heard += [ifp for _, ifp in self.receiver.take(data)]
        return self.heard


def kinds(phone: Phone) -> list[int | str]:
    return [one.status if isinstance(one, Response) else one.method for one in phone.messages()]


class Machine:
    """A fax application that takes what comes, or asks by itself."""

    def __init__(self, accepts: bool = True, parameters: T38Parameters | None = None) -> None:
        self.accepts = accepts
        self.parameters = parameters or T38Parameters()
        self.asked: list[T38Parameters] = []
        self.states: list[str] = []
        self.heard: list[bytes] = []
        self.t38: ChannelT38 | None = None
        self.more = asyncio.Event()

    def use(self, channel: Any) -> ChannelT38:
        self.t38 = t38_of(channel)
        self.t38.use(self)
        if self.t38.asked is not None:
            self.t38_requested(self.t38)
        return self.t38

    def t38_requested(self, t38: ChannelT38) -> None:
        assert t38.asked is not None
        self.asked.append(t38.asked)
        if self.accepts:
            t38.accept(self.parameters)

    def t38_changed(self, t38: ChannelT38) -> None:
        self.states.append(t38.state.value)
        if t38.port is not None:
            t38.port.on_ifp = self.take

    def take(self, number: int, ifp: bytes) -> None:
        self.heard.append(ifp)
        self.more.set()

    async def hears(self, count: int) -> list[bytes]:
        while len(self.heard) < count:
            self.more.clear()
            await asyncio.wait_for(self.more.wait(), 5)
        return self.heard


async def called(bench: Bench, machine: Machine | None, user: str = "alice") -> tuple[Phone, Response, list[Any]]:
    """A call that is answered by a fax application, or one that knows nothing of fax; its channel is in the list."""
    phone, channels = bench.phone(5071), []

    @bench.server.pbx.extension("internal", "740")
    async def receive(channel: Any) -> None:
        channels.append(channel)
        await channel.answer()
        if machine is not None:
            machine.use(channel)
        await channel.wait_for_hangup()

    phone.call("740", user)
    ok = await phone.next(200)
    phone.in_dialog("ACK", ok, 1)
    await bench.turn()
    return phone, ok, channels


async def bridged(
    bench: Bench, before: Callable[[Any], object] | None = None
) -> tuple[Phone, Phone, Response, Request]:
    """Alice talks to Bob through the server."""
    alice, bob = bench.phone(5071), bench.phone(5072)

    @bench.server.pbx.extension("internal", "743")
    async def dial(channel: Any) -> None:
        if before is not None:
            before(channel)
        await channel.dial("PJSIP/bob", 20)

    alice.call("743")
    invite = await bob.next("INVITE")
    bob.respond(invite, 200, body=sdp())
    await bob.next("ACK")
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    await bench.turn()
    return alice, bob, ok, invite
