"""Loopback peers and a user for transport tests."""

from __future__ import annotations

import asyncio
import socket

from asterism.stack import Request, Uri, make_response
from asterism.transport import TransportManager, TransportSettings

OPTIONS = (
    "OPTIONS sip:bob@127.0.0.1 SIP/2.0\r\n"
    "Via: SIP/2.0/{transport} {sent_by};branch=z9hG4bK{branch}{via}\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=f\r\nTo: <sip:bob@127.0.0.1>\r\n"
    "Call-ID: {branch}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def options(branch="1", via=";rport", sent_by="127.0.0.1:5999", transport="UDP"):
    return OPTIONS.format(branch=branch, via=via, sent_by=sent_by, transport=transport).encode()


class Echo:
    """Answers every request 200 without state; raises when the To user is ``crash``."""

    def __init__(self):
        self.requests = []
        self.malformed = []
        self.manager = None

    def on_request(self, request):
        if request.uri.user == "crash":
            raise RuntimeError("a bug of the user")
        self.requests.append(request)
        self.manager.layer.respond_stateless(request, make_response(request, 200))

    def on_malformed(self, error, data, flow):
        self.malformed.append(data)

    def on_ack(self, request):
        pass

    def on_cancel(self, transaction, request):
        pass

    def on_ack_timeout(self, transaction):
        pass

    def on_response_error(self, transaction):
        pass

    def on_stray_response(self, response):
        pass


class Client:
    """A client user whose outcome can be awaited."""

    def __init__(self):
        self.outcome = asyncio.get_running_loop().create_future()

    def _set(self, value):
        if not self.outcome.done():
            self.outcome.set_result(value)

    def on_response(self, transaction, response):
        if response.status >= 200:
            self._set(response.status)

    def on_timeout(self, transaction):
        self._set("timeout")

    def on_transport_error(self, transaction):
        self._set("transport_error")


def request_to(port, host="127.0.0.1", user="bob"):
    request = Request("OPTIONS", Uri("sip", user, host, port))
    for name, value in (
        ("Max-Forwards", "70"),
        ("From", "<sip:a@127.0.0.1>;tag=x"),
        ("To", "<sip:b@127.0.0.1>"),
        ("Call-ID", "c1"),
        ("CSeq", "1 OPTIONS"),
    ):
        request.add_header(name, value)
    return request


async def echo_manager(config=None, **settings):
    """A manager with one bound transport that answers OPTIONS."""
    user = Echo()
    manager = TransportManager(user, config)
    user.manager = manager
    settings = {"name": "main", "host": "127.0.0.1"} | settings
    transport = await manager.bind(TransportSettings(**settings))
    return manager, transport, user


class Peer:
    """A plain UDP socket on loopback."""

    def __init__(self, host="127.0.0.1", port=0):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((host, port))
        self.port = self.socket.getsockname()[1]

    def send(self, data, host, port):
        self.socket.sendto(data, (host, port))

    async def receive(self, timeout=5.0):
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 65535), timeout)

    def close(self):
        self.socket.close()


async def until(condition):
    """Poll until a condition holds, for five seconds at most."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the condition did not come about")
