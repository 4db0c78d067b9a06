"""A user agent server on the stack alone: ``python bare_uas.py [port]``.

It answers OPTIONS, REGISTER and MESSAGE, takes calls without media, and refuses everything else in the way that
RFC 3261 section 8.2 wants. There is nothing of Asterism in it but ``asterism.stack``.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from asterism.stack import Flow, ParseError, Request, Response, make_response
from asterism.stack.bodies import parse_body
from asterism.stack.dialog import Dialog, DialogId, received_request_id
from asterism.stack.timers import TimerQueue
from asterism.stack.transactions import (
    InviteServerTransaction,
    ServerTransaction,
    TimerConfig,
    TransactionLayer,
)
from asterism.stack.transactions.users import NOBODY

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, MESSAGE"
KNOWN_METHODS = frozenset(("SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO", "PRACK", "UPDATE", "REFER"))
CONTENT = "application/sdp, text/plain"
SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=inactive\r\n"


class RefusedError(Exception):
    """How a request is refused."""

    def __init__(self, status: int, *headers: tuple[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


class BareUas:
    """The user of a transaction layer; its only state is the table of dialogs."""

    def __init__(self, timers: TimerQueue, config: TimerConfig | None = None) -> None:
        self.layer = TransactionLayer(config or TimerConfig(), timers, self)
        self.dialogs: dict[DialogId, tuple[Dialog, Flow]] = {}

    # What the layer tells.

    def on_request(self, request: Request) -> None:
        """Check a request in the order of section 8.2 and answer it. A ParseError is answered by the layer."""
        transaction = self.layer.create_server_transaction(request)
        try:
            request.validate()
            self._check(request)
            self._serve(request, transaction)
        except RefusedError as refusal:
            response = make_response(request, refusal.status)
            for name, value in refusal.headers:
                response.add_header(name, value)
            transaction.respond(response)

    def on_ack(self, request: Request) -> None:
        """The call is established; there is no media to start."""

    def on_cancel(self, transaction: InviteServerTransaction, request: Request) -> None:
        """Give up an INVITE that has no answer yet; this server answers at once."""
        transaction.respond(make_response(transaction.request, 487))

    def on_ack_timeout(self, transaction: InviteServerTransaction) -> None:
        """A 2xx without ACK: the call is ended by BYE (13.3.1.4)."""
        request = transaction.request
        found = self.dialogs.pop((request.call_id, transaction.to_tag, request.from_.tag or ""), None)
        if found is not None:
            dialog, flow = found
            self.layer.send_request(dialog.create_request("BYE"), flow, NOBODY)

    def on_response_error(self, transaction: ServerTransaction) -> None:
        """The answer could not be sent: there is nobody to tell."""

    def on_stray_response(self, response: Response) -> None:
        """Responses to what was never asked are dropped (18.1.2)."""

    def on_malformed(self, error: ParseError, data: bytes, flow: Flow) -> None:
        """The layer has answered, where that was possible."""

    # Section 8.2.

    def _check(self, request: Request) -> None:
        method = request.method
        if method not in ALLOW.split(", "):
            raise RefusedError(405 if method in KNOWN_METHODS else 501, ("Allow", ALLOW))
        if request.uri.scheme not in ("sip", "sips", "tel"):
            raise RefusedError(416)
        unknown = request.get_list("Require")
        if unknown:
            raise RefusedError(420, ("Unsupported", ", ".join(unknown)))
        if method == "REGISTER" and not request.to.uri.is_sip:
            raise RefusedError(400)
        self._check_content(request)
        accepted = [item.partition(";")[0].strip().lower() for item in request.get_list("Accept")]
        if method == "INVITE" and accepted and not {"application/sdp", "application/*", "*/*"} & set(accepted):
            raise RefusedError(406)

    @staticmethod
    def _check_content(request: Request) -> None:
        body = parse_body(request)
        if body is None:
            return
        if (request.get("Content-Encoding") or "identity").lower() != "identity":
            raise RefusedError(415, ("Accept-Encoding", "identity"))
        parts = [part for part in body.walk() if not part.parts]
        understood = any(part.content_type.name in CONTENT.split(", ") for part in parts)
        if not understood and body.disposition.required:
            raise RefusedError(415, ("Accept", CONTENT))

    def _serve(self, request: Request, transaction: ServerTransaction) -> None:
        if request.to.tag:
            self._in_dialog(request, transaction)
            return
        method = request.method
        if method == "BYE":
            raise RefusedError(481)
        response = make_response(request, 200)
        if method == "INVITE":
            dialog = Dialog.uas(request, transaction.to_tag, self._contact(transaction.flow))
            dialog.confirm()
            self.dialogs[dialog.id] = dialog, transaction.flow
            self._accept(response, dialog)
        elif method == "OPTIONS":
            response.add_header("Allow", ALLOW)
            response.add_header("Accept", CONTENT)
        elif method == "REGISTER":
            for contact in request.contacts:
                response.add_header("Contact", str(contact))
        transaction.respond(response)

    def _in_dialog(self, request: Request, transaction: ServerTransaction) -> None:
        found = self.dialogs.get(received_request_id(request))
        if found is None:
            raise RefusedError(481)
        dialog, _ = found
        status = dialog.receive_request(request)
        if status:
            raise RefusedError(status)
        response = make_response(request, 200)
        if request.method == "INVITE":
            dialog.update_target(request)
            self._accept(response, dialog)
        elif request.method == "BYE":
            dialog.terminate()
            del self.dialogs[dialog.id]
        transaction.respond(response)

    @staticmethod
    def _accept(response: Response, dialog: Dialog) -> None:
        response.add_header("Contact", dialog.contact)
        response.add_header("Allow", ALLOW)
        response.set_body(SDP, "application/sdp")

    @staticmethod
    def _contact(flow: Flow) -> str:
        host, port = flow.local
        return f"<sip:{f'[{host}]' if ':' in host else host}:{port}>"


# All that is missing to put it on the network: a socket, the clock, and one timer.


class UdpFlow(Flow):
    """The path to one peer of a datagram socket."""

    def __init__(self, transport: asyncio.DatagramTransport, local: tuple[str, int], remote: tuple[str, int]) -> None:
        super().__init__("UDP", local, remote)
        self._socket = transport

    def send(self, data: bytes) -> None:
        """Send one message."""
        self._socket.sendto(data, self.remote)


class UdpServer(asyncio.DatagramProtocol):
    """Drives a :class:`BareUas` from an asyncio loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.timers = TimerQueue(self.loop.time)
        self.uas = BareUas(self.timers)
        self._wake: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """The socket is bound."""
        self._socket = transport
        self.local: tuple[str, int] = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, address: Any) -> None:
        """One message."""
        # A flow for every datagram will do; a real transport keeps one for each peer.
        self.uas.layer.receive(data, UdpFlow(self._socket, self.local, address[:2]), self.loop.time())
        self._arm()

    def _arm(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
        when = self.timers.next_timer()
        self._wake = None if when is None else self.loop.call_at(when, self._expired)

    def _expired(self) -> None:
        self.timers.handle_timers(self.loop.time())
        self._arm()


async def serve(port: int) -> None:
    """Answer on all IPv4 addresses for ever."""
    await asyncio.get_running_loop().create_datagram_endpoint(UdpServer, ("0.0.0.0", port))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 5060))
