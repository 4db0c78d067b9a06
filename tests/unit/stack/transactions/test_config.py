"""Every timer is what the configuration says."""

import pytest
from transaction_kit import Net, RecordingClient, RecordingFlow, new_request, request_text, response_to

from asterism.stack import make_response
from asterism.stack.transactions import TimerConfig, TransactionState


def first_repetitions(net, method, count=4):
    client = RecordingClient()
    start = net.now
    net.layer.send_request(new_request(method), net.flow, client)
    times = []
    while len(times) < count:
        before = len(net.flow.sent)
        when = net.timers.next_timer()
        net.advance(when - net.now)
        times += [round(net.now - start, 3)] * (len(net.flow.sent) - before)
    return times


def test_t1_is_the_first_interval():
    assert first_repetitions(Net(t1=0.1), "INVITE") == [0.1, 0.3, 0.7, 1.5]
    assert first_repetitions(Net(t1=0.1), "OPTIONS") == [0.1, 0.3, 0.7, 1.5]


def test_t2_bounds_the_interval():
    assert first_repetitions(Net(t1=0.1, t2=0.2), "OPTIONS") == [0.1, 0.3, 0.5, 0.7]
    assert TimerConfig(t1=0.1, t2=0.2).until_t2 == pytest.approx(0.1)


@pytest.mark.parametrize(("config", "expected"), [({"t1": 0.1}, 6.4), ({"t1": 0.1, "timer_b": 2.0}, 2.0)])
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_timer_b_is_64_t1_unless_set(config, expected, method):
    net = Net(**config)
    client = RecordingClient()
    net.layer.send_request(new_request(method), net.flow, client)
    net.advance(expected - 0.01)
    assert client.events == []
    net.advance(0.02)
    assert client.events == ["timeout"]


def test_timer_d_is_how_long_an_ack_is_repeated():
    net = Net(timer_d=3.0)
    transaction = net.layer.send_request(new_request("INVITE"), net.flow, RecordingClient())
    data = response_to(transaction.request, 486)
    net.receive(data)
    net.flow.sent.clear()
    net.advance(2.9)
    net.receive(data)
    assert [message.method for message in net.flow.take()] == ["ACK"]
    net.advance(1.2)
    net.receive(data)
    assert net.flow.sent == []
    assert net.user.kinds() == ["stray"]


def test_t4_is_how_long_a_response_is_absorbed():
    net = Net(t4=1.0)
    transaction = net.layer.send_request(new_request(), net.flow, RecordingClient())
    net.receive(response_to(transaction.request, 200))
    assert net.layer.finished_transactions == 1
    net.advance(2.1)
    assert net.layer.finished_transactions == 0


def test_timers_h_and_l_follow_timer_b():
    for status in (200, 486):
        net = Net(timer_b=2.0)
        net.receive(request_text("INVITE"))
        server = net.layer.create_server_transaction(net.user.requests[0])
        server.respond(make_response(server.request, status))
        net.advance(1.99)
        assert net.user.kinds() == ["request"]
        net.advance(0.02)
        assert net.user.kinds() == ["request", "ack_timeout"]


@pytest.mark.parametrize("timer_b", [0.2, 0.5])
def test_nothing_is_repeated_where_timer_b_is_no_longer_than_t1(timer_b):
    for method in ("INVITE", "OPTIONS"):
        net, client = Net(timer_b=timer_b), RecordingClient()
        net.layer.send_request(new_request(method), net.flow, client)
        net.advance(timer_b + 0.01)
        assert (client.events, len(net.flow.sent), len(net.timers)) == (["timeout"], 1, 0)
    for status in (200, 486):
        net = Net(timer_b=timer_b)
        net.receive(request_text("INVITE"))
        server = net.layer.create_server_transaction(net.user.requests[0])
        server.respond(make_response(server.request, status))
        net.advance(timer_b + 0.01)
        assert (net.user.kinds(), net.flow.statuses()) == (["request", "ack_timeout"], [status])


def test_the_first_minute_of_a_provisional_response_begins_anew_with_the_next():
    net = Net()
    net.receive(request_text("INVITE"))
    server = net.layer.create_server_transaction(net.user.requests[0])
    server.respond(make_response(server.request, 180))
    net.advance(40)
    server.respond(make_response(server.request, 183))
    net.advance(59)
    assert net.flow.statuses() == [180, 183]
    net.advance(2)
    assert net.flow.statuses() == [183]
    net.advance(58)
    assert net.flow.sent == []
    net.advance(2)
    assert net.flow.statuses() == [183]
    server.respond(make_response(server.request, 200))
    net.advance(0.6)
    assert net.flow.statuses() == [200, 200]


def test_timer_j_follows_timer_b():
    net = Net(timer_b=2.0)
    net.receive(request_text())
    server = net.layer.create_server_transaction(net.user.requests[0])
    server.respond(make_response(server.request, 200))
    net.advance(1.9)
    net.receive(request_text())
    assert net.flow.statuses() == [200, 200]
    net.advance(1.2)
    assert net.layer.finished_transactions == 0


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_every_change_of_a_client_is_told(transport):
    net = Net()
    net.flow = RecordingFlow(transport)
    seen = []
    net.layer.on_state = lambda transaction: seen.append(transaction.state)
    transaction = net.layer.send_request(new_request("INVITE"), net.flow, RecordingClient())
    net.receive(response_to(transaction.request, 180))
    net.receive(response_to(transaction.request, 486))
    last = TransactionState.COMPLETED if transport == "UDP" else TransactionState.TERMINATED
    assert seen == [TransactionState.PROCEEDING, last]


def test_our_own_request_coming_back_is_a_request_like_any_other():
    """A loop: the two halves of it do not take each other for themselves."""
    net = Net()
    client = RecordingClient()
    net.user.answer = lambda request: net.layer.create_server_transaction(request).respond(make_response(request, 404))
    net.layer.send_request(new_request(), net.flow, client)
    net.receive(net.flow.sent.pop())
    assert net.user.kinds() == ["request"]
    net.receive(net.flow.sent.pop())
    assert client.events == [404]
    net.advance(60)
    assert (net.layer.live_transactions, net.layer.finished_transactions) == (0, 0)


def test_an_answer_from_inside_send_comes_after_the_transaction_is_known():
    """A flow within one process may deliver at once."""

    class Echo(RecordingFlow):
        def send(self, data):
            super().send(data)
            if data.startswith(b"OPTIONS"):
                net.receive(response_to(self.take()[0], 200), self)

    net = Net()
    net.flow = Echo()
    client = RecordingClient()
    transaction = net.layer.send_request(new_request(), net.flow, client)
    assert (client.events, transaction.state) == ([200], TransactionState.COMPLETED)
    net.advance(60)
    assert (client.events, len(net.timers)) == ([200], 0)


def test_invites_answered_within_a_second_end_together_and_not_before_timer_m():
    net = Net()
    net.advance(0.3)
    transactions = []
    for _ in range(3):
        transaction = net.layer.send_request(new_request("INVITE"), net.flow, RecordingClient())
        net.receive(response_to(transaction.request, 200))
        transactions.append(transaction)
        net.advance(0.2)
    answered_last = net.now - 0.2
    net.advance(net.timers.next_timer() - net.now)
    assert {one.state for one in transactions} == {TransactionState.TERMINATED}
    assert answered_last + 32 <= net.now < answered_last + 33.5
