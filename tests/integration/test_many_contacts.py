"""Many contacts, checked one after the other on real sockets: every one is asked, and answered ones are reachable."""

from __future__ import annotations

import asyncio
import socket

from asterism.sip.contacts import ContactStatus
from asterism.stack.message import Request, make_response
from asterism.stack.parser import parse_message
from asterism.testing import running_server, until

COUNT = 150


class Phones(asyncio.DatagramProtocol):
    """Answers OPTIONS for half of the contacts, late for one; notes when each came."""

    def __init__(self) -> None:
        self.times: dict[str, float] = {}
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = parse_message(data)
        assert isinstance(request, Request)
        user = request.uri.user
        loop = asyncio.get_running_loop()
        self.times.setdefault(user, loop.time())
        if int(user[1:]) % 2 == 0:
            assert self.transport is not None
            delay = 0.05 if user == "c0" else 0.0
            status = 404 if user == "c2" else 200
            loop.call_later(delay, self.transport.sendto, make_response(request, status, to_tag="p").to_bytes(), addr)


async def test_each_contact_is_asked_and_the_load_is_spread() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.setblocking(False)
        port = bound.getsockname()[1]
        loop = asyncio.get_running_loop()
        _, phones = await loop.create_datagram_endpoint(Phones, sock=bound.dup())
        conf = "".join(
            f"[c{number}]\ntype=aor\ncontact=sip:c{number}@127.0.0.1:{port}\nqualify_frequency=60\nqualify_timeout=2.5\n"
            f"[c{number}]\ntype=endpoint\naors=c{number}\n"
            for number in range(COUNT)
        ).replace("contact=sip:c2@", "qualify_2xx_only=yes\ncontact=sip:c2@")
        async with running_server({"pjsip.conf": conf}) as server:
            location = server.sip.location

            def state(number: int) -> ContactStatus:
                return location.state(location.contacts(f"c{number}")[0]).status

            await until(lambda: len(phones.times) == COUNT, 20, lambda: str(len(phones.times)))
            first, last = min(phones.times.values()), max(phones.times.values())
            assert last - first > 0.5
            await until(lambda: state(0) is ContactStatus.REACHABLE and state(4) is ContactStatus.REACHABLE, 10)
            rtt = location.state(location.contacts("c0")[0]).rtt
            assert rtt is not None
            assert 0.05 <= rtt < 2.5
            await until(lambda: state(1) is ContactStatus.UNREACHABLE and state(2) is ContactStatus.UNREACHABLE, 10)
            await until(lambda: str(server.pbx.device_states.get("PJSIP/c4").name) == "NOT_INUSE", 5)
            await until(lambda: server.pbx.device_states.get("PJSIP/c1").name == "UNAVAILABLE", 5)
