"""Responses whose connection has closed: RFC 3261 18.2.2."""

import pytest
from transaction_kit import Net, RecordingFlow, request_text

from asterism.stack import make_response, parse_message
from asterism.stack.transactions import ReliableResponder, TransactionState
from asterism.stack.transactions.reconnecting import reconnect_address


class Connections:
    """Stands for the transport: notes what is connected to."""

    def __init__(self, net):
        self.asked = []
        self.flow = RecordingFlow("TCP", ("192.0.2.1", 5070))
        net.layer.response_flow = self

    def __call__(self, flow, host, port, server_name=""):
        self.asked.append((host, port, server_name))
        return self.flow


def closed(flow):
    flow.closed = True
    flow.failed(None)


def received(net, method, **changes):
    """A request over a TCP connection, with its transaction and what is connected to afterwards."""
    flow = RecordingFlow("TCP", ("192.0.2.1", 40000))
    text = {"transport": "TCP", "sent_by": "192.0.2.1:5070", "via_params": ""} | changes
    transactions = []
    net.user.answer = lambda request: transactions.append(net.layer.create_server_transaction(request))
    net.receive(request_text(method, **text), flow)
    return transactions[0], flow, Connections(net)


def respond(transaction, status):
    return transaction.respond(make_response(transaction.request, status))


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
@pytest.mark.parametrize("status", [200, 486])
def test_the_response_goes_over_a_new_connection_to_the_via(method, status):
    net = Net()
    transaction, flow, connections = received(net, method)
    closed(flow)
    net.advance(0.01)
    assert net.user.kinds() == ["request"]
    assert connections.asked == []
    assert respond(transaction, status)
    assert connections.asked == [("192.0.2.1", 5070, "")]
    assert connections.flow.statuses() == [status]
    assert flow.sent == []
    assert not flow.transactions


def test_an_answer_between_the_closing_and_its_notice_is_not_harmed_by_the_notice():
    net = Net()
    transaction, flow, _connections = received(net, "INVITE")
    closed(flow)
    respond(transaction, 486)
    net.advance(1)
    assert transaction.state is TransactionState.COMPLETED
    assert net.user.kinds() == ["request"]


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_failure_of_that_too_is_told_and_no_third_is_opened(method):
    net = Net()
    transaction, flow, connections = received(net, method)
    closed(flow)
    respond(transaction, 486)
    closed(connections.flow)
    net.advance(0.01)
    assert net.user.events[-1] == ("response_error", transaction)
    assert len(connections.asked) == 1
    assert net.layer.live_transactions == 0
    assert not connections.flow.transactions


def test_what_was_sent_over_the_new_connection_is_forgotten_in_time():
    net = Net()
    transaction, flow, _connections = received(net, "MESSAGE")
    closed(flow)
    respond(transaction, 200)
    assert transaction.state is TransactionState.COMPLETED
    net.advance(32.1)
    assert net.layer.live_transactions == 0
    assert net.user.kinds() == ["request"]
    assert len(net.timers) == 0


def test_a_2xx_is_repeated_over_one_new_connection_until_the_ack():
    net = Net()
    transaction, flow, connections = received(net, "INVITE")
    respond(transaction, 200)
    assert flow.statuses() == [200]
    closed(flow)
    net.advance(1.6)
    assert connections.flow.statuses() == [200, 200]
    assert len(connections.asked) == 1
    tag = transaction.to_tag
    net.receive(
        request_text("ACK", "z9hG4bKack", to=f"<sip:bob@192.0.2.9>;tag={tag}", transport="TCP"), connections.flow
    )
    net.advance(60)
    assert connections.flow.statuses() == []
    assert net.user.kinds() == ["request", "ack"]


def test_an_unreachable_client_of_a_2xx_is_connected_to_once_and_told_by_timer_l():
    net = Net()
    transaction, flow, connections = received(net, "INVITE")
    respond(transaction, 200)
    closed(flow)
    net.advance(0.6)
    closed(connections.flow)
    net.advance(40)
    assert len(connections.asked) == 1
    assert net.user.kinds() == ["request", "ack_timeout"]


def test_provisional_responses_reconnect_but_a_mere_100_does_not():
    net = Net()
    transaction, flow, connections = received(net, "INVITE")
    closed(flow)
    net.advance(1)
    assert connections.asked == []
    respond(transaction, 180)
    assert connections.flow.statuses() == [180]


def test_a_reliable_provisional_response_is_repeated_over_the_new_connection():
    net = Net()
    transaction, flow, connections = received(net, "INVITE", extra="Supported: 100rel\r\n")
    responder = ReliableResponder(transaction, lambda: None)
    responder.send(lambda: make_response(transaction.request, 183))
    closed(flow)
    net.advance(0.6)
    assert connections.flow.statuses() == [183]
    responder.close()


def test_a_client_that_reconnects_and_repeats_its_request_is_answered_there():
    net = Net()
    transaction, flow, connections = received(net, "INVITE")
    respond(transaction, 180)
    closed(flow)
    again = RecordingFlow("TCP", ("192.0.2.1", 40001))
    text = request_text("INVITE", transport="TCP", sent_by="192.0.2.1:5070", via_params="")
    # The branch alone is no proof: it is another host's.
    stranger = RecordingFlow("TCP", ("198.51.100.7", 40001))
    net.receive(text, stranger)
    assert stranger.sent == []
    net.receive(text, again)
    assert again.statuses() == [180]
    respond(transaction, 486)
    assert again.statuses() == [486]
    assert connections.asked == []


@pytest.mark.parametrize(
    "changes",
    [
        {"sent_by": "df7jal23ls0d.invalid"},
        {"sent_by": "10.0.0.5:5070"},
        {"transport": "UDP"},
        {"extra": "Contact: <sip:alice@192.0.2.1;ob>\r\n"},
        {"extra": 'Contact: <sip:alice@192.0.2.1>;reg-id=1;+sip.instance="<urn:uuid:1>"\r\n'},
    ],
)
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_clients_that_only_their_own_connection_leads_to_are_given_up_at_once(method, changes):
    net = Net()
    flow = RecordingFlow("TCP", ("8.8.8.8", 40000))
    connections = Connections(net)
    transactions = []
    net.user.answer = lambda request: transactions.append(net.layer.create_server_transaction(request))
    net.receive(request_text(method, **{"transport": "TCP", "sent_by": "8.8.8.8:5070"} | changes), flow)
    closed(flow)
    net.advance(0.01)
    assert net.user.kinds() == ["request", "response_error"]
    assert connections.asked == []
    assert net.layer.live_transactions == 0


def test_what_is_answered_without_a_transaction_opens_no_connection():
    net = Net()
    flow = RecordingFlow("TCP", ("192.0.2.1", 40000))
    connections = Connections(net)
    requests = []
    net.user.answer = requests.append
    net.receive(request_text("OPTIONS", transport="TCP"), flow)
    closed(flow)
    net.layer.respond_stateless(requests[0], make_response(requests[0], 401))
    assert connections.asked == []


@pytest.mark.parametrize(
    ("transport", "sent_by", "source", "expected"),
    [
        ("TCP", "192.0.2.1:5070", "192.0.2.1", ("192.0.2.1", 5070, "")),
        ("TCP", "192.0.2.1", "192.0.2.1", ("192.0.2.1", 5060, "")),
        ("TLS", "192.0.2.1", "192.0.2.1", ("192.0.2.1", 5061, "")),
        # The address is the one that the connection proved, whatever the Via says.
        ("TCP", "198.51.100.9:5070", "192.0.2.1", ("192.0.2.1", 5070, "")),
        ("TLS", "Proxy.example.org:5071", "192.0.2.1", ("192.0.2.1", 5071, "proxy.example.org")),
        ("TCP", "[2001:db8::1]:5070", "2001:db8::1", ("2001:db8::1", 5070, "")),
        # A neighbour on the same side of the NAT.
        ("TCP", "10.0.0.5:5070", "10.0.0.5", ("10.0.0.5", 5070, "")),
        ("WSS", "192.0.2.1", "192.0.2.1", None),
        ("TCP", "192.168.1.2:5060", "9.9.9.9", None),
    ],
)
def test_where_to(transport, sent_by, source, expected):
    net = Net()
    flow = RecordingFlow(transport, (source, 40000))
    net.receive(request_text("INVITE", transport=transport, sent_by=sent_by), flow)
    assert reconnect_address(net.user.requests[0]) == expected


def test_a_contact_that_cannot_be_read_leads_nowhere():
    flow = RecordingFlow("TCP", ("192.0.2.1", 40000))
    request = parse_message(
        request_text("INVITE", transport="TCP").replace("<sip:alice@192.0.2.1:5060>", "<sip:alice").encode()
    )
    request.flow = flow
    assert reconnect_address(request) is None  # type: ignore[arg-type]
