"""A phone that keeps to the RFCs, or breaks them on purpose, on a network that loses, repeats and reorders datagrams.

It shares no code with the sessions but the stack's transactions and dialogs: what it believes is agreed on is worked
out here.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from session_bench import Bench, MemoryFlow, sdp

from asterism.stack.dialog import Dialog
from asterism.stack.message import Request, Response, make_response
from asterism.stack.sdp import SessionDescription
from asterism.stack.transactions.config import TimerConfig
from asterism.stack.transactions.layer import TransactionLayer
from asterism.stack.transactions.reliable import ReliableReceiver, ReliableResponder, requires_100rel
from asterism.stack.uri import Uri

CONTACT = "<sip:phone@127.0.0.1:{port}>"


class Network:
    """Carries datagrams both ways in virtual time."""

    def __init__(self, bench: Bench, seed: int, loss: float, port: int) -> None:
        self.bench = bench
        self.random = random.Random(seed)
        self.loss = loss
        self.server_side = Wire(port, self, True)
        self.phone_side = Wire(port, self, False)
        bench.transports.flows[port] = self.server_side
        self.phone: ModelPhone | None = None

    def carry(self, data: bytes, to_phone: bool) -> None:
        copies = 1 + (self.random.random() < self.loss)
        for _ in range(copies):
            if self.random.random() < self.loss:
                continue
            delay = self.random.choice((0.0, 0.0, 0.0, 0.02, 0.3, 0.8)) if self.loss else 0.0
            self.bench.timers.call_later(delay, self._deliver, data, to_phone)

    def _deliver(self, data: bytes, to_phone: bool) -> None:
        if to_phone:
            assert self.phone is not None
            self.phone.layer.receive(data, self.phone_side, self.bench.now)
        else:
            self.bench.layer.receive(data, self.server_side, self.bench.now)


class Wire(MemoryFlow):
    """One side's end of the network."""

    __slots__ = ("net", "to_phone")

    def __init__(self, port: int, net: Network, to_phone: bool) -> None:
        super().__init__(port)
        self.net = net
        self.to_phone = to_phone
        if not to_phone:
            self.local, self.remote = self.remote, self.local

    def send(self, data: bytes) -> None:
        self.net.carry(data, self.to_phone)


class Offer:
    """One exchange of the phone's: its number, the port it names, what it is carried in."""

    def __init__(self, number: int, port: int, carrier: str) -> None:
        self.number, self.port, self.carrier = number, port, carrier


class ModelPhone:
    """The phone. ``agreed`` is the port it told last with the description that it was told, once both sides agree."""

    def __init__(self, bench: Bench, net: Network, user: str) -> None:
        self.bench, self.net, self.user = bench, net, user
        net.phone = self
        self.port = net.phone_side.local[1]
        self.layer = TransactionLayer(TimerConfig(), bench.timers, self)
        self.dialog: Dialog | None = None
        self.agreed: tuple[int, bytes] | None = None
        self.agreed_number = 0
        self.preview: tuple[int, bytes] | None = None
        self.count = 0
        self.mine: list[Offer] = []
        """Our offers that have no answer yet; more than one only where the phone breaks the rules."""
        self.inviting = False
        """An INVITE of ours has no final response."""
        self.asked_number = 0
        self.invited: object | None = None
        """The server transaction of the INVITE that we have not answered."""
        self.unacknowledged = False
        self.reliable: ReliableResponder | None = None
        self.receiver = ReliableReceiver()
        self.initial: Request | None = None
        self.acks: dict[int, Request] = {}
        self.ended = False
        self.answered = False
        self.early_port = 0
        self.early_done = False
        self.offered = b""
        self.tag = f"tag{port_of(self)}"

    # Descriptions.

    def describe(self) -> tuple[int, int, str]:
        self.count += 1
        port = 20000 + 2 * self.count
        return self.count, port, sdp(version=self.count).replace("31800", str(port))

    def agree(self, number: int, port: int, theirs: bytes) -> None:
        if number >= self.agreed_number:
            self.agreed_number, self.agreed = number, (port, theirs)

    def answered_by(self, carrier: str, body: bytes) -> bool:
        for offer in self.mine:
            if offer.carrier == carrier:
                self.mine.remove(offer)
                self.agree(offer.number, offer.port, body)
                return True
        return False

    def dropped(self, carrier: str) -> None:
        self.mine = [one for one in self.mine if one.carrier != carrier]

    # Requests of ours.

    def _send(self, request: Request, done: Callable[[Request, Response | None], None]) -> None:
        request.add_header("User-Agent", "Model")
        self.layer.send_request(request, self.net.phone_side, Client(done))

    def call(self, offer: bool, extra: tuple[tuple[str, str], ...]) -> None:
        request = Request("INVITE", Uri.parse("sip:900@127.0.0.1"), [
            ("Max-Forwards", "70"), ("From", f"<sip:{self.user}@127.0.0.1>;tag={self.tag}"),
            ("To", "<sip:900@127.0.0.1>"), ("Call-ID", f"model-{self.port}"), ("CSeq", "1 INVITE"),
            ("Contact", CONTACT.format(port=self.port)), *extra,
        ])  # fmt: skip
        self.initial = request
        self._invite(request, offer)

    def _invite(self, request: Request, offer: bool) -> None:
        if offer:
            number, port, text = self.describe()
            request.set_body(text, "application/sdp")
            self.mine.append(Offer(number, port, f"INVITE {request.cseq.number}"))
        else:
            self.count += 1
            self.asked_number = self.count
        self.inviting = True
        self._send(request, self._on_invite_response)

    def may_offer(self) -> bool:
        """Whether the RFCs allow an offer of ours now (RFC 3261 14.1, RFC 3311 5.1)."""
        return not (self.mine or self.inviting or self.invited or self.unacknowledged or self.ended) and bool(
            self.agreed
        )

    def reinvite(self, offer: bool) -> None:
        if self.dialog is not None and self.answered and not self.inviting and not self.ended:
            request = self.dialog.create_request("INVITE")
            request.set_header("Contact", CONTACT.format(port=self.port))
            self._invite(request, offer)

    def update(self, offer: bool) -> None:
        if self.dialog is None or self.ended:
            return
        request = self.dialog.create_request("UPDATE")
        request.set_header("Contact", CONTACT.format(port=self.port))
        if offer:
            number, port, text = self.describe()
            request.set_body(text, "application/sdp")
            self.mine.append(Offer(number, port, f"UPDATE {request.cseq.number}"))
        self._send(request, self._on_update_response)

    def bye(self) -> None:
        if self.dialog is not None and not self.ended and (self.answered or self.initial is not None):
            self.ended = True
            self._send(self.dialog.create_request("BYE"), lambda _request, _response: None)

    def cancel(self) -> None:
        for transaction in self.layer.transactions():
            if transaction.request.method == "INVITE" and hasattr(transaction, "cancel") and self.inviting:
                transaction.cancel()

    def _on_update_response(self, request: Request, response: Response | None) -> None:
        carrier = f"UPDATE {request.cseq.number}"
        if response is not None and response.status < 300 and response.body:
            self.answered_by(carrier, response.body)
        elif response is None or response.status >= 200:
            self.dropped(carrier)
            if response is None or response.status in (408, 481):
                # RFC 3261 12.2.1.2: nobody knows this dialog, or will. A copy of the request may be answered otherwise
                # once our 200 is there, and that answer is not heard.
                self.answer_call(486, False)
                self.bye()

    def _on_invite_response(self, request: Request, response: Response | None) -> None:
        carrier = f"INVITE {request.cseq.number}"
        if response is None or response.status >= 300:
            self.inviting = False
            self.dropped(carrier)
            if request is self.initial or (response is not None and response.status in (408, 481)):
                self.ended = True
            return
        if response.status == 100:
            return
        if self.dialog is None:
            self.dialog = Dialog.uac(request, response)
        if response.status < 200:
            self._provisional(request, response, carrier)
        elif request.cseq.number in self.acks:
            self._ack(self.acks[request.cseq.number])
        else:
            self._accepted(request, response, carrier)

    def _provisional(self, request: Request, response: Response, carrier: str) -> None:
        assert self.dialog is not None
        if not requires_100rel(response):
            if response.body and any(one.carrier == carrier for one in self.mine):
                self.preview = next(one.port for one in self.mine if one.carrier == carrier), response.body
            return
        rack = self.receiver.receive(response)
        if rack is None:
            return
        prack = self.dialog.create_request("PRACK")
        prack.add_header("RAck", str(rack))
        if response.body and not self.answered_by(carrier, response.body) and self.asked_number:
            number, port, text = self.describe()
            prack.set_body(text, "application/sdp")
            self.agree(number, port, response.body)
            self.asked_number = 0
        self._send(prack, lambda _request, _response: None)

    def _accepted(self, request: Request, response: Response, carrier: str) -> None:
        assert self.dialog is not None
        self.inviting = False
        self.answered = True
        ack = self.dialog.create_ack(request)
        if response.body and not self.answered_by(carrier, response.body) and self.asked_number:
            number, port, text = self.describe()
            ack.set_body(text, "application/sdp")
            self.agree(self.asked_number, port, response.body)
            del number
            self.asked_number = 0
        elif not response.body and any(one.carrier == carrier for one in self.mine):
            assert self.preview is not None, "a 2xx without the answer that is due in it"
            self.answered_by(carrier, self.preview[1])
        self.acks[request.cseq.number] = ack
        self._ack(ack)

    def _ack(self, ack: Request) -> None:
        again = ack.copy()
        self.layer.send_ack(again, self.net.phone_side)

    # Requests of the server (StackUser).

    def on_request(self, request: Request) -> None:
        transaction = self.layer.create_server_transaction(request)
        method = request.method
        if method == "INVITE" and self.dialog is None:
            self.dialog = Dialog.uas(request, self.tag, CONTACT.format(port=self.port))
            self.invited = transaction
            self.offered = request.body
            return
        if self.dialog is None or (self.ended and method != "BYE"):
            self._respond(transaction, 481)
            return
        status = self.dialog.receive_request(request)
        if status:
            self._respond(transaction, status)
        elif method == "BYE":
            self.ended = True
            self._respond(transaction, 200)
        elif method == "PRACK":
            assert self.reliable is not None
            self.reliable.receive_prack(request)
            self._respond(transaction, 200)
        elif method in ("INVITE", "UPDATE"):
            self._offered(transaction, request)
        else:
            self._respond(transaction, 200)

    def _offered(self, transaction: Any, request: Request) -> None:
        if request.body and (self.mine or self.inviting):
            self._respond(transaction, 491)
        elif request.body and (self.invited is not None and not self.early_done):
            self._respond(transaction, 500)
        elif request.method == "INVITE" and (self.inviting or self.unacknowledged):
            self._respond(transaction, 491 if self.inviting else 500)
        elif request.body:
            number, port, text = self.describe()
            self.agree(number, port, request.body)
            self.unacknowledged = self.unacknowledged or request.method == "INVITE"
            self._respond(transaction, 200, text)
        else:
            self._respond(transaction, 200)

    def _respond(self, transaction: Any, status: int, body: str = "") -> None:
        request = transaction.request
        response = make_response(request, status, "", self.tag if self.dialog is not None else "gone")
        if status < 300:
            response.add_header("Contact", CONTACT.format(port=self.port))
        if body:
            response.set_body(body, "application/sdp")
        transaction.respond(response)

    def answer_call(self, status: int, described: bool, reliable: bool = False) -> None:
        """Respond to the server's INVITE."""
        transaction = self.invited
        if transaction is None or self.ended:
            return
        if self.reliable is not None and self.reliable.pending:
            return
        text = ""
        if described and not self.early_done:
            number, port, text = self.describe()
            if self.early_port:
                port = self.early_port
                text = sdp(version=number).replace("31800", str(port))
            self.early_port = port
            if reliable or status >= 200:
                self.agree(number, port, self.offered)
                self.early_done = True
        if status >= 200:
            self.invited = None
            if status < 300:
                self.answered = self.unacknowledged = True
            else:
                self.ended = True
        if not reliable:
            self._respond(transaction, status, text)
            return

        def make() -> Response:
            response = make_response(transaction.request, status, "", self.tag)  # type: ignore[attr-defined]
            response.add_header("Contact", CONTACT.format(port=self.port))
            if text:
                response.set_body(text, "application/sdp")
            return response

        if self.reliable is None:
            self.reliable = ReliableResponder(transaction, lambda: None)  # type: ignore[arg-type]
        self.reliable.send(make)

    def on_ack(self, request: Request) -> None:
        self.unacknowledged = False

    def on_cancel(self, transaction: Any, request: Request) -> None:
        if transaction is self.invited:
            self.invited = None
            self.ended = True
            self._respond(transaction, 487)

    def on_ack_timeout(self, transaction: Any) -> None:
        self.ended = True

    def on_response_error(self, transaction: Any) -> None:
        raise AssertionError("the network takes everything")

    def on_stray_response(self, response: Response) -> None:
        """Late, or twice."""

    def on_malformed(self, error: Exception, data: bytes, flow: object) -> None:
        raise AssertionError(f"malformed: {error} {data!r}")


def port_of(phone: ModelPhone) -> int:
    return phone.port


class Client:
    """The user of one request of the phone's."""

    def __init__(self, done: Callable[[Request, Response | None], None]) -> None:
        self.done = done

    def on_response(self, transaction: Any, response: Response) -> None:
        self.done(transaction.request, response)

    def on_timeout(self, transaction: Any) -> None:
        self.done(transaction.request, None)

    on_transport_error = on_timeout


def port_in(body: bytes) -> int:
    return SessionDescription.parse(body).media[0].port
