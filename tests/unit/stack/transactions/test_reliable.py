from transaction_kit import Net, RecordingClient, new_request, request_text, response_to

from asterism.stack import make_response, parse_message
from asterism.stack.headers.cseq import RAck
from asterism.stack.transactions import ReliableReceiver, ReliableResponder, requires_100rel, supports_100rel
from asterism.stack.transactions.reliable import Acknowledged


def started(net):
    net.receive(request_text("INVITE", extra="Supported: timer, 100rel\r\n"))
    return net.layer.create_server_transaction(net.user.requests[0])


def prack(rack):
    return parse_message(request_text("PRACK", "z9hG4bKprack", cseq=2, extra=f"RAck: {rack}\r\n").encode())


def making(transaction, status, body=b""):
    """What makes a response when its turn has come."""

    def make():
        response = make_response(transaction.request, status)
        if body:
            response.set_body(body, "application/sdp")
        return response

    return make


def test_options_are_recognised():
    net = Net()
    request = started(net).request
    assert supports_100rel(request)
    assert not requires_100rel(request)


def test_repeats_until_prack_then_sends_the_next():
    net = Net()
    transaction = started(net)
    timeouts = []
    reliable = ReliableResponder(transaction, lambda: timeouts.append(1), first=77)
    assert reliable.send(making(transaction, 183))
    assert reliable.send(making(transaction, 180))
    net.advance(1.6)
    sent = net.flow.take()
    assert [(m.status, m.get("RSeq"), m.get("Require")) for m in sent] == [(183, "77", "100rel")] * 3
    assert reliable.pending
    assert reliable.receive_prack(prack("76 1 INVITE")) is Acknowledged.NOTHING
    assert reliable.receive_prack(prack("78 1 INVITE")) is Acknowledged.NOTHING
    assert reliable.receive_prack(prack("77 9 INVITE")) is Acknowledged.NOTHING
    assert reliable.receive_prack(prack("77 1 INVITE")) is Acknowledged.NEW
    assert net.flow.take() == []
    reliable.send_next()
    assert [(m.status, m.get("RSeq")) for m in net.flow.take()] == [(180, "78")]
    assert reliable.receive_prack(prack("78 1 INVITE")) is Acknowledged.NEW
    assert reliable.receive_prack(prack("78 1 INVITE")) is Acknowledged.BEFORE
    assert reliable.receive_prack(prack("77 1 INVITE")) is Acknowledged.BEFORE
    assert not reliable.pending
    net.advance(40)
    assert net.flow.sent == []
    assert timeouts == []


def test_gives_up_after_64_t1():
    net = Net()
    transaction = started(net)
    timeouts = []
    reliable = ReliableResponder(transaction, lambda: timeouts.append(net.now))
    start = net.now
    reliable.send(making(transaction, 180))
    times = []
    while net.now < start + 50:
        before = len(net.flow.sent)
        net.advance(0.125)
        times += [net.now - start] * (len(net.flow.sent) - before)
    # Doubling without an end (section 3), unlike Timer G.
    assert times == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert timeouts == [start + 32]
    assert not reliable.pending


def test_final_response_stops_the_repetition():
    net = Net()
    transaction = started(net)
    reliable = ReliableResponder(transaction, lambda: None)
    reliable.send(making(transaction, 180))
    transaction.respond(make_response(transaction.request, 486))
    net.advance(0.6)
    assert not reliable.pending
    assert not reliable.send(making(transaction, 180))


def test_require_is_not_said_twice_and_the_queue_is_bounded_and_dropped():
    net = Net()
    transaction = started(net)
    reliable = ReliableResponder(transaction, lambda: None)
    first = make_response(transaction.request, 183)
    first.add_header("Require", "100rel")
    assert reliable.send(lambda: first)
    (sent,) = net.flow.take()
    assert sent.get_all("Require") == ["100rel"]
    taken = [reliable.send(making(transaction, 180)) for _ in range(20)]
    assert taken == [True] * 16 + [False] * 4
    reliable.close()
    assert reliable.send(making(transaction, 180))
    (sent,) = net.flow.take()
    assert sent.get("RSeq") == "2"
    assert reliable.receive_prack(prack("2 1 INVITE")) is Acknowledged.NEW
    reliable.send_next()
    assert net.flow.sent == []


def test_a_prack_that_crosses_the_final_response_is_known():
    net = Net()
    transaction = started(net)
    reliable = ReliableResponder(transaction, lambda: None)
    reliable.send(making(transaction, 180))
    transaction.respond(make_response(transaction.request, 200))
    reliable.close()
    assert reliable.receive_prack(prack("1 1 INVITE")) is Acknowledged.NEW
    assert reliable.receive_prack(prack("1 1 INVITE")) is Acknowledged.BEFORE


def test_only_what_carries_a_description_holds_the_answer_back():
    net = Net()
    transaction = started(net)
    reliable = ReliableResponder(transaction, lambda: None)
    reliable.send(making(transaction, 180))
    assert not reliable.holds_answer
    reliable.send(making(transaction, 183, b"v=0"), described=True)
    assert reliable.holds_answer
    reliable.receive_prack(prack("1 1 INVITE"))
    reliable.send_next()
    assert reliable.holds_answer
    reliable.receive_prack(prack("2 1 INVITE"))
    assert not reliable.holds_answer


def test_what_has_nothing_to_say_when_its_turn_comes_is_left_out():
    net = Net()
    transaction = started(net)
    reliable = ReliableResponder(transaction, lambda: None)
    reliable.send(making(transaction, 180))
    reliable.send(lambda: None)
    reliable.send(making(transaction, 182))
    net.flow.take()
    reliable.receive_prack(prack("1 1 INVITE"))
    reliable.send_next()
    assert [(m.status, m.get("RSeq")) for m in net.flow.take()] == [(182, "2")]


def test_receiver_takes_them_in_order_and_once():
    net = Net()
    transaction = net.layer.send_request(new_request("INVITE"), net.flow, RecordingClient())

    def provisional(rseq, status=180, require="100rel"):
        extra = [("RSeq", rseq), ("Require", require)] if require else [("RSeq", rseq)]
        return parse_message(response_to(transaction.request, status, extra=extra))

    receiver = ReliableReceiver()
    assert receiver.receive(provisional("5", require="")) is None
    assert receiver.receive(provisional("x")) is None
    assert receiver.receive(provisional("0")) is None
    assert receiver.receive(provisional("4294967296")) is None
    assert receiver.receive(provisional("5")) == RAck(5, 7, "INVITE")
    assert receiver.receive(provisional("5")) is None
    assert receiver.receive(provisional("7")) is None
    assert receiver.receive(provisional("6")) == RAck(6, 7, "INVITE")
    assert receiver.receive(provisional("7", status=200)) is None
