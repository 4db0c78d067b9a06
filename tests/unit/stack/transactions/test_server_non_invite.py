import pytest
from transaction_kit import Net, RecordingFlow, request_text

from asterism.stack import make_response, parse_message
from asterism.stack.transactions import NonInviteServerTransaction, TransactionState


def started(net, **kwargs):
    net.receive(request_text(**kwargs))
    return net.layer.create_server_transaction(net.user.requests[-1])


def test_final_response_goes_to_completed_and_answers_retransmissions_until_timer_j():
    net = Net()
    transaction = started(net)
    assert isinstance(transaction, NonInviteServerTransaction)
    assert transaction.state is TransactionState.TRYING
    assert transaction.respond(make_response(transaction.request, 200))
    assert transaction.state is TransactionState.COMPLETED
    first = net.flow.sent[0]
    assert parse_message(first).to.tag == transaction.to_tag
    net.advance(31)
    net.receive(request_text())
    assert net.flow.sent == [first, first]
    assert len(net.user.requests) == 1
    net.advance(2.5)
    assert net.layer.finished_transactions == 0
    net.receive(request_text())
    assert len(net.user.requests) == 2


def test_retransmission_in_trying_is_absorbed():
    net = Net()
    started(net)
    net.receive(request_text())
    assert net.flow.sent == []
    assert len(net.user.requests) == 1


def test_a_request_on_hold_absorbs_retransmissions_and_keeps_its_answer():
    net = Net()
    net.receive(request_text())
    request = net.user.requests[0]
    held = net.layer.hold(request)
    assert net.layer.live_transactions == 1
    net.receive(request_text())
    assert net.flow.sent == []
    with pytest.raises(ValueError, match="without a server transaction"):
        net.layer.hold(request)
    net.layer.answer_held(held, b"the answer")
    assert (net.layer.live_transactions, net.layer.finished_transactions) == (0, 1)
    net.advance(31)
    net.receive(request_text())
    assert net.flow.sent == [b"the answer", b"the answer"]
    assert len(net.user.requests) == 1
    net.advance(2.5)
    assert net.layer.finished_transactions == 0
    net.receive(request_text())
    assert len(net.user.requests) == 2


def test_a_copy_of_a_request_on_hold_by_another_way_is_merged_until_that_is_answered():
    net = Net()
    net.receive(request_text())
    held = net.layer.hold(net.user.requests[0])
    net.receive(request_text(branch="z9hG4bKother"))
    assert net.flow.statuses() == [482]
    net.layer.answer_held(held, b"the answer")
    assert net.flow.sent == [b"the answer"]
    net.receive(request_text(branch="z9hG4bKthird"))
    assert net.flow.sent == [b"the answer"]
    assert len(net.user.requests) == 2


def test_timer_j_is_zero_on_a_reliable_flow():
    net = Net()
    net.flow = RecordingFlow("TCP")
    transaction = started(net, transport="TCP")
    transaction.respond(make_response(transaction.request, 200))
    assert transaction.state is TransactionState.TERMINATED
    assert (net.layer.live_transactions, net.layer.finished_transactions) == (0, 0)


def test_trying_to_proceeding_by_100_and_retransmission_repeats_it():
    net = Net()
    net.flow = RecordingFlow("TCP")
    transaction = started(net, transport="TCP")
    assert transaction.respond(make_response(transaction.request, 100))
    assert transaction.state is TransactionState.PROCEEDING
    net.receive(request_text(transport="TCP"))
    assert net.flow.statuses() == [100, 100]
    assert transaction.respond(make_response(transaction.request, 404))
    assert net.flow.statuses() == [404]


def test_rfc4320_no_early_100_on_udp_and_no_other_provisional():
    net = Net()
    transaction = started(net)
    assert not transaction.respond(make_response(transaction.request, 100))
    assert not transaction.respond(make_response(transaction.request, 180))
    assert not transaction.respond(make_response(transaction.request, 408))
    assert net.flow.sent == []
    assert transaction.state is TransactionState.TRYING


def test_rfc4320_over_a_connection_a_100_may_come_early_but_nothing_else():
    net = Net()
    net.flow = RecordingFlow("TCP")
    transaction = started(net, transport="TCP")
    assert not transaction.respond(make_response(transaction.request, 180))
    assert not transaction.respond(make_response(transaction.request, 199))
    assert transaction.respond(make_response(transaction.request, 100))
    assert not transaction.respond(make_response(transaction.request, 100))
    assert net.flow.statuses() == [100]


def test_rfc4320_100_when_timer_e_reaches_t2():
    net = Net()
    transaction = started(net)
    net.advance(3.49)
    assert net.flow.sent == []
    net.advance(0.02)
    assert net.flow.statuses() == [100]
    assert transaction.state is TransactionState.PROCEEDING
    transaction.respond(make_response(transaction.request, 200))
    assert net.flow.statuses() == [200]
    net.advance(60)
    assert net.flow.sent == []
    assert len(net.timers) == 0


def test_late_answer_is_not_sent():
    net = Net()
    transaction = started(net)
    net.advance(33)
    assert transaction.state is TransactionState.TERMINATED
    net.flow.sent.clear()
    assert not transaction.respond(make_response(transaction.request, 200))
    assert net.flow.sent == []
    assert net.layer.live_transactions == 0


def test_second_final_response_is_refused():
    net = Net()
    transaction = started(net)
    transaction.respond(make_response(transaction.request, 200))
    assert not transaction.respond(make_response(transaction.request, 500))
    assert net.flow.statuses() == [200]


def test_transport_error_is_told_to_the_user():
    net = Net()
    transaction = started(net)
    net.flow.failed(OSError("gone"))
    assert "response_error" not in net.user.kinds()
    net.advance(0)
    assert net.user.events[-1] == ("response_error", transaction)
    assert transaction.state is TransactionState.TERMINATED
    assert not net.flow.transactions


def test_answer_inside_on_request_needs_no_timer():
    net = Net()
    net.user.answer = lambda request: net.layer.create_server_transaction(request).respond(make_response(request, 200))
    net.receive(request_text())
    assert net.flow.statuses() == [200]
    assert len(net.timers) == 1  # the expiry wheel


def test_a_second_transaction_for_the_same_request_is_a_mistake():
    net = Net()
    transaction = started(net)
    with pytest.raises(ValueError, match="already"):
        net.layer.create_server_transaction(transaction.request)


def test_state_hook_sees_every_change():
    net = Net()
    seen = []
    net.layer.on_state = lambda transaction: seen.append(transaction.state)
    transaction = started(net)
    net.advance(4)
    transaction.respond(make_response(transaction.request, 200))
    assert seen == [TransactionState.PROCEEDING, TransactionState.COMPLETED]
