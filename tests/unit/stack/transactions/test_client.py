import pytest
from transaction_kit import Net, RecordingClient, RecordingFlow, new_request, response_to

from asterism.stack import Request, parse_message
from asterism.stack.transactions import TransactionState


def send(net, method="OPTIONS"):
    client = RecordingClient()
    return net.layer.send_request(new_request(method), net.flow, client), client


def sent_times(net, seconds, step=0.125):
    start, times = net.now, []
    while net.now < start + seconds - 1e-9:
        before = len(net.flow.sent)
        net.advance(step)
        times += [round(net.now - start, 1)] * (len(net.flow.sent) - before)
    return times


# Non-INVITE, figure 6


def test_via_has_a_fresh_branch_and_our_address():
    net = Net()
    transaction, _ = send(net)
    other, _ = send(net)
    via = net.flow.take()[0].via
    assert (via.transport, via.host, via.port, via.branch) == ("UDP", "192.0.2.9", 5060, transaction.branch)
    assert via.wants_rport
    assert via.is_rfc3261
    assert transaction.branch != other.branch


@pytest.mark.parametrize(
    ("transport", "ask", "params"),
    [
        ("UDP", True, {"rport": None}),
        ("UDP", False, {}),
        ("TCP", True, {"rport": None, "alias": None}),
        ("TLS", False, {"alias": None}),
        ("WS", True, {"rport": None}),
        ("WSS", True, {"rport": None}),
    ],
)
def test_via_asks_for_rport_and_offers_an_alias(transport, ask, params):
    net = Net()
    net.layer.ask_rport = ask
    flow = RecordingFlow(transport)
    transaction = net.layer.send_request(new_request(), flow, RecordingClient())
    (request,) = flow.take()
    assert request.via.transport == transport
    assert request.via.params == {**params, "branch": transaction.branch}


def test_timer_e_doubles_up_to_t2_and_timer_f_times_out():
    net = Net()
    transaction, client = send(net)
    assert sent_times(net, 31.8)[:6] == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5]
    net.advance(0.3)
    assert client.events == ["timeout"]
    assert transaction.state is TransactionState.TERMINATED
    assert len(net.timers) == 0
    assert not net.flow.transactions


def test_proceeding_repeats_at_t2_and_still_times_out():
    net = Net()
    transaction, client = send(net)
    net.receive(response_to(transaction.request, 100))
    assert transaction.state is TransactionState.PROCEEDING
    assert sent_times(net, 9.9) == [0.5, 4.5, 8.5]
    net.advance(30)
    assert client.events == [100, "timeout"]


def test_final_response_completes_and_repetitions_are_absorbed_until_timer_k():
    net = Net()
    transaction, client = send(net)
    data = response_to(transaction.request, 200)
    net.receive(data)
    assert transaction.state is TransactionState.COMPLETED
    net.receive(data)
    assert client.events == [200]
    assert net.user.kinds() == []
    net.advance(6.1)
    assert net.layer.finished_transactions == 0
    net.receive(data)
    assert net.user.kinds() == ["stray"]


def test_reliable_flow_sends_once_and_has_no_timer_k():
    net = Net()
    net.flow = RecordingFlow("TCP")
    transaction, client = send(net)
    assert sent_times(net, 10) == []
    net.receive(response_to(transaction.request, 503))
    assert client.events == [503]
    assert transaction.state is TransactionState.TERMINATED
    assert (net.layer.live_transactions, net.layer.finished_transactions) == (0, 0)


def test_transport_error_comes_after_send_request_returned():
    net = Net()
    net.flow.failure = OSError("no route")
    transaction, client = send(net)
    assert client.events == []
    net.advance(0)
    assert client.events == ["transport_error"]
    assert transaction.state is TransactionState.TERMINATED


def test_a_flow_that_closes_fails_what_waits_on_it():
    net = Net()
    net.flow = RecordingFlow("TCP")
    _, client = send(net)
    net.flow.failed(None)
    net.advance(0)
    assert client.events == ["transport_error"]


def test_a_closed_flow_fails_at_once():
    net = Net()
    net.flow.closed = True
    _, client = send(net)
    net.advance(0)
    assert client.events == ["transport_error"]


def test_response_with_another_method_in_cseq_does_not_match():
    net = Net()
    transaction, client = send(net)
    net.receive(response_to(transaction.request, 200).replace(b"7 OPTIONS", b"7 REGISTER"))
    assert client.events == []
    assert net.user.kinds() == ["stray"]


def test_terminate_is_silent():
    net = Net()
    transaction, client = send(net)
    transaction.terminate()
    net.advance(60)
    assert client.events == []
    assert net.layer.live_transactions == 0
    assert not transaction.cancel()


# INVITE, figure 5


def test_timer_a_doubles_without_limit_and_timer_b_times_out():
    net = Net()
    transaction, client = send(net, "INVITE")
    assert transaction.state is TransactionState.CALLING
    assert sent_times(net, 31.8) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    net.advance(0.3)
    assert client.events == ["timeout"]


def test_provisional_stops_timers_a_and_b():
    net = Net()
    transaction, client = send(net, "INVITE")
    net.receive(response_to(transaction.request, 180))
    net.receive(response_to(transaction.request, 183))
    net.flow.sent.clear()
    net.advance(100)
    assert transaction.state is TransactionState.PROCEEDING
    assert client.events == [180, 183]
    assert net.flow.sent == []


@pytest.mark.parametrize("provisional", [False, True])
def test_non_2xx_is_acknowledged_and_repetitions_get_the_ack_again(provisional):
    net = Net()
    transaction, client = send(net, "INVITE")
    if provisional:
        net.receive(response_to(transaction.request, 180))
    net.flow.sent.clear()
    data = response_to(transaction.request, 486, "peer")
    net.receive(data)
    assert transaction.state is TransactionState.COMPLETED
    net.receive(data)
    first, again = net.flow.sent
    assert first == again
    ack = parse_message(first)
    assert isinstance(ack, Request)
    assert (ack.method, str(ack.uri), ack.to.tag) == ("ACK", str(transaction.request.uri), "peer")
    assert ack.get("Via") == transaction.request.get("Via")
    assert (ack.cseq.number, ack.cseq.method) == (7, "ACK")
    assert client.events[-1] == 486
    assert client.events.count(486) == 1
    net.advance(33.5)
    net.receive(data)
    assert net.user.kinds() == ["stray"]


def test_only_final_refusals_get_the_ack_again():
    net = Net()
    transaction = net.layer.send_request(new_request("INVITE"), net.flow, RecordingClient())
    net.receive(response_to(transaction.request, 486))
    net.flow.sent.clear()
    for status in (180, 200):
        net.receive(response_to(transaction.request, status))
    assert net.flow.sent == []
    net.receive(response_to(transaction.request, 486))
    assert [message.method for message in net.flow.take()] == ["ACK"]


def test_ack_to_non_2xx_has_the_routes():
    net = Net()
    request = new_request("INVITE")
    request.add_header("Route", "<sip:proxy.example;lr>")
    request.add_header("Route", "<sip:next.example;lr>")
    transaction = net.layer.send_request(request, net.flow, RecordingClient())
    net.flow.sent.clear()
    net.receive(response_to(transaction.request, 404))
    assert net.flow.take()[0].get_all("Route") == ["<sip:proxy.example;lr>", "<sip:next.example;lr>"]


def test_non_2xx_on_a_reliable_flow_ends_at_once():
    net = Net()
    net.flow = RecordingFlow("TCP")
    transaction, _ = send(net, "INVITE")
    net.receive(response_to(transaction.request, 486))
    assert transaction.state is TransactionState.TERMINATED
    assert [message.method for message in net.flow.take()] == ["INVITE", "ACK"]


def test_accepted_passes_every_2xx_and_nothing_else_until_timer_m():
    net = Net()
    transaction, client = send(net, "INVITE")
    net.receive(response_to(transaction.request, 200, "a"))
    assert transaction.state is TransactionState.ACCEPTED
    net.receive(response_to(transaction.request, 200, "a"))
    net.receive(response_to(transaction.request, 200, "b"))
    net.receive(response_to(transaction.request, 486, "c"))
    net.receive(response_to(transaction.request, 180, "c"))
    assert client.events == [200, 200, 200]
    net.flow.failed(OSError("gone"))
    net.advance(31.9)
    assert transaction.state is TransactionState.ACCEPTED
    net.advance(0.2)
    assert transaction.state is TransactionState.TERMINATED
    assert client.events == [200, 200, 200]
    assert len(net.timers) == 0


def test_transport_error_in_calling_and_proceeding():
    net = Net()
    _, calling = send(net, "INVITE")
    transaction, proceeding = send(net, "INVITE")
    net.receive(response_to(transaction.request, 180))
    net.flow.failed(OSError("gone"))
    net.advance(0)
    assert calling.events == ["transport_error"]
    assert proceeding.events == [180, "transport_error"]


# CANCEL, section 9.1


def test_cancel_waits_for_a_provisional():
    net = Net()
    transaction, client = send(net, "INVITE")
    net.flow.sent.clear()
    assert transaction.cancel((("Reason", "SIP;cause=200"),))
    assert not transaction.cancel()
    assert net.flow.sent == []
    net.receive(response_to(transaction.request, 100, ""))
    (cancel,) = net.flow.take()
    assert (cancel.method, cancel.get("Via")) == ("CANCEL", transaction.request.get("Via"))
    assert (cancel.cseq.number, cancel.get("Reason"), cancel.to.tag) == (7, "SIP;cause=200", None)
    net.receive(response_to(cancel, 200))
    net.receive(response_to(transaction.request, 487))
    assert client.events == [100, 487]
    assert net.flow.take()[0].method == "ACK"


def test_cancel_in_proceeding_is_sent_at_once_and_the_invite_dies_without_an_answer():
    net = Net()
    transaction, client = send(net, "INVITE")
    net.receive(response_to(transaction.request, 180))
    net.flow.sent.clear()
    assert transaction.cancel()
    assert net.flow.take()[0].method == "CANCEL"
    net.advance(31)
    assert client.events == [180]
    net.advance(2)
    assert client.events == [180, "timeout"]
    assert net.layer.live_transactions == 0


def test_cancel_is_too_late_after_a_final_response():
    net = Net()
    transaction, _ = send(net, "INVITE")
    net.receive(response_to(transaction.request, 200))
    net.flow.sent.clear()
    assert not transaction.cancel()
    assert net.flow.sent == []


def test_limit_fails_new_requests_as_transport_errors():
    net = Net(max_transactions=1)
    send(net)
    net.flow.sent.clear()
    _, client = send(net)
    assert client.events == []
    net.advance(0)
    assert client.events == ["transport_error"]
    assert net.flow.sent == []


def test_ack_has_no_transaction():
    net = Net()
    with pytest.raises(ValueError, match="send_ack"):
        net.layer.send_request(new_request("ACK"), net.flow, RecordingClient())
    net.layer.send_ack(new_request("ACK"), net.flow)
    assert net.flow.take()[0].via.is_rfc3261
    assert net.layer.live_transactions == 0
