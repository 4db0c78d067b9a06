"""A virtual network for one transaction layer: a clock to turn, flows that record, users that remember."""

from __future__ import annotations

from asterism.stack import Request, Response, Uri, parse_message
from asterism.stack.flow import Flow
from asterism.stack.timers import TimerQueue
from asterism.stack.transactions import TimerConfig, TransactionLayer


class RecordingFlow(Flow):
    def __init__(self, transport="UDP", remote=("192.0.2.1", 5060), local=("192.0.2.9", 5060)):
        super().__init__(transport, local, remote, reliable=transport != "UDP", secure=transport == "TLS")
        self.sent: list[bytes] = []
        self.failure: Exception | None = None

    def send(self, data):
        if self.failure is not None:
            self.failed(self.failure)
            return
        self.sent.append(data)

    def take(self):
        """The messages sent since the last call, parsed."""
        messages = [parse_message(data) for data in self.sent]
        self.sent.clear()
        return messages

    def statuses(self):
        return [message.status for message in self.take()]


class RecordingUser:
    """A transaction user that notes what it is told; ``answer`` may be set to act on requests."""

    def __init__(self):
        self.events: list[tuple] = []
        self.requests: list[Request] = []
        self.answer = None

    def on_request(self, request):
        self.requests.append(request)
        self.events.append(("request", request.method))
        if self.answer is not None:
            self.answer(request)

    def on_ack(self, request):
        self.events.append(("ack", request))

    def on_cancel(self, transaction, request):
        self.events.append(("cancel", transaction))

    def on_ack_timeout(self, transaction):
        self.events.append(("ack_timeout", transaction))

    def on_response_error(self, transaction):
        self.events.append(("response_error", transaction))

    def on_stray_response(self, response):
        self.events.append(("stray", response))

    def on_malformed(self, error, data, flow):
        self.events.append(("malformed", error))

    def kinds(self):
        return [event[0] for event in self.events]


class RecordingClient:
    def __init__(self):
        self.events: list = []

    def on_response(self, transaction, response):
        self.events.append(response.status)

    def on_timeout(self, transaction):
        self.events.append("timeout")

    def on_transport_error(self, transaction):
        self.events.append("transport_error")


class Net:
    def __init__(self, **config):
        self.now = 1000.0
        self.timers = TimerQueue(lambda: self.now)
        self.user = RecordingUser()
        self.layer = TransactionLayer(TimerConfig(**config), self.timers, self.user)
        self.flow = RecordingFlow()

    def advance(self, seconds):
        """Let time pass, firing every timer at its moment."""
        end = self.now + seconds
        while (when := self.timers.next_timer()) is not None and when <= end:
            self.now = max(self.now, when)
            self.timers.handle_timers(self.now)
        self.now = end

    def receive(self, data, flow=None):
        self.layer.receive(data if isinstance(data, bytes) else data.encode(), flow or self.flow, self.now)


def request_text(
    method="OPTIONS",
    branch="z9hG4bKone",
    *,
    cseq=1,
    cseq_method="",
    from_tag="f1",
    to="<sip:bob@192.0.2.9>",
    call_id="call-1",
    via_params=";rport",
    sent_by="192.0.2.1:5060",
    transport="UDP",
    uri="sip:bob@192.0.2.9",
    extra="",
):
    branch_param = f";branch={branch}" if branch else ""
    return (
        f"{method} {uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport} {sent_by}{via_params}{branch_param}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:alice@192.0.2.1>;tag={from_tag}\r\nTo: {to}\r\n"
        f"Call-ID: {call_id}\r\nCSeq: {cseq} {cseq_method or method}\r\n"
        f"Contact: <sip:alice@192.0.2.1:5060>\r\n{extra}Content-Length: 0\r\n\r\n"
    )


def new_request(method="OPTIONS", uri="sip:bob@192.0.2.1"):
    request = Request(method, Uri.parse(uri))
    request.add_header("Max-Forwards", "70")
    request.add_header("From", "<sip:alice@192.0.2.9>;tag=mine")
    request.add_header("To", "<sip:bob@192.0.2.1>")
    request.add_header("Call-ID", "out-1")
    request.add_header("CSeq", f"7 {method}")
    request.add_header("Contact", "<sip:alice@192.0.2.9>")
    return request


def response_to(request, status, to_tag="peer", extra=()):
    """The bytes of a peer's response to a request of ours."""
    response = Response(status, "Because")
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        value = request.get(name)
        if name == "To" and to_tag:
            value += f";tag={to_tag}"
        response.add_header(name, value)
    for name, value in extra:
        response.add_header(name, value)
    return response.to_bytes()
