import pytest
from transaction_kit import Net, RecordingFlow, request_text

from asterism.stack import make_response, parse_message
from asterism.stack.transactions import InviteServerTransaction, TransactionState


def started(net, **kwargs):
    net.receive(request_text("INVITE", **kwargs))
    transaction = net.layer.create_server_transaction(net.user.requests[-1])
    assert isinstance(transaction, InviteServerTransaction)
    return transaction


def ack(net, branch="z9hG4bKone", tag="", **kwargs):
    net.receive(request_text("ACK", branch, to=f"<sip:bob@192.0.2.9>;tag={tag}", **kwargs))


def test_100_comes_by_itself_after_200_ms():
    net = Net()
    transaction = started(net)
    assert transaction.state is TransactionState.PROCEEDING
    net.advance(0.19)
    assert net.flow.sent == []
    net.advance(0.02)
    (trying,) = net.flow.take()
    assert (trying.status, trying.to.tag) == (100, None)


def test_no_100_when_the_user_was_faster():
    net = Net()
    transaction = started(net)
    transaction.respond(make_response(transaction.request, 180))
    net.advance(1)
    assert net.flow.statuses() == [180]


def test_retransmission_in_proceeding_repeats_the_last_provisional():
    net = Net()
    transaction = started(net)
    net.receive(request_text("INVITE"))
    assert net.flow.sent == []
    transaction.respond(make_response(transaction.request, 180))
    transaction.respond(make_response(transaction.request, 183))
    net.receive(request_text("INVITE"))
    assert net.flow.statuses() == [180, 183, 183]


def test_provisional_is_refreshed_every_minute():
    net = Net()
    transaction = started(net)
    transaction.respond(make_response(transaction.request, 180))
    net.advance(121)
    assert net.flow.statuses() == [180, 180, 180]


def test_completed_timer_g_repeats_and_timer_h_gives_up():
    net = Net()
    transaction = started(net)
    transaction.respond(make_response(transaction.request, 486))
    assert transaction.state is TransactionState.COMPLETED
    start, times = net.now, []
    while net.now < start + 31.9:
        before = len(net.flow.sent)
        net.advance(0.1)
        times += [round(net.now - start, 1)] * (len(net.flow.sent) - before)
    assert times[:6] == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5]
    net.advance(0.2)
    assert net.user.events[-1] == ("ack_timeout", transaction)
    assert transaction.state is TransactionState.TERMINATED
    net.flow.sent.clear()
    net.advance(10)
    assert net.flow.sent == []
    assert net.layer.live_transactions == 0


def test_completed_answers_a_retransmitted_invite():
    net = Net()
    transaction = started(net)
    transaction.respond(make_response(transaction.request, 486))
    net.receive(request_text("INVITE"))
    assert net.flow.statuses() == [486, 486]


def test_ack_to_non_2xx_is_absorbed_in_confirmed_until_timer_i():
    net = Net()
    transaction = started(net)
    transaction.respond(make_response(transaction.request, 486))
    net.flow.sent.clear()
    ack(net, tag=transaction.to_tag)
    assert transaction.state is TransactionState.CONFIRMED
    ack(net, tag=transaction.to_tag)
    net.receive(request_text("INVITE"))
    net.advance(4)
    assert net.flow.sent == []
    assert net.user.kinds() == ["request"]
    net.advance(2.1)
    assert net.layer.finished_transactions == 0
    assert len(net.timers) == 0


def test_reliable_flow_has_no_timer_g_and_no_timer_i():
    net = Net()
    net.flow = RecordingFlow("TCP")
    transaction = started(net, transport="TCP")
    transaction.respond(make_response(transaction.request, 486))
    net.advance(20)
    assert net.flow.statuses() == [486]
    ack(net, tag=transaction.to_tag, transport="TCP")
    assert transaction.state is TransactionState.TERMINATED
    assert (net.layer.live_transactions, net.layer.finished_transactions) == (0, 0)


def test_2xx_is_repeated_until_the_ack_which_goes_to_the_user():
    net = Net()
    transaction = started(net)
    transaction.respond(make_response(transaction.request, 200))
    assert transaction.state is TransactionState.ACCEPTED
    net.advance(3.6)
    assert net.flow.statuses() == [200, 200, 200, 200]
    net.advance(8)
    assert net.flow.statuses() == [200, 200]
    ack(net, "z9hG4bKother", transaction.to_tag)
    assert net.user.kinds() == ["request", "ack"]
    net.advance(12)
    assert net.flow.sent == []
    ack(net, "z9hG4bKother", transaction.to_tag)
    assert net.user.kinds() == ["request", "ack", "ack"]
    net.receive(request_text("INVITE"))
    assert len(net.user.requests) == 1
    net.advance(15)
    assert (net.layer.live_transactions, net.layer.finished_transactions) == (0, 0)


def test_2xx_is_repeated_over_reliable_flows_too():
    net = Net()
    net.flow = RecordingFlow("TLS")
    transaction = started(net, transport="TLS")
    transaction.respond(make_response(transaction.request, 200))
    net.advance(0.6)
    assert net.flow.statuses() == [200, 200]


def test_accepted_absorbs_the_invite_and_takes_more_2xx_only():
    net = Net()
    transaction = started(net)
    transaction.respond(make_response(transaction.request, 200))
    net.receive(request_text("INVITE"))
    assert net.flow.statuses() == [200]
    assert transaction.respond(make_response(transaction.request, 200))
    assert not transaction.respond(make_response(transaction.request, 486))
    assert net.flow.statuses() == [200]


@pytest.mark.parametrize(
    "to", ["<sip:bob@192.0.2.9>", "sip:bob@192.0.2.9", '"a>;tag=b" <sip:bob@192.0.2.9;tag=c>', "Bob <sip:bob@x>;x=y"]
)
def test_the_ack_is_known_by_its_tag_however_to_is_written(to):
    net = Net()
    net.receive(request_text("INVITE", to=to))
    request = net.user.requests[0]
    transaction = net.layer.create_server_transaction(request)
    transaction.respond(make_response(request, 200))
    net.receive(request_text("ACK", "z9hG4bKother", to=f"{to};tag=another"))
    assert transaction.state is TransactionState.ACCEPTED
    net.receive(request_text("ACK", "z9hG4bKack", to=f"{to};tag={transaction.to_tag}"))
    assert transaction.state is TransactionState.TERMINATED


def test_timer_l_without_ack_tells_the_user():
    net = Net()
    transaction = started(net)
    transaction.respond(make_response(transaction.request, 200))
    net.advance(31.9)
    assert net.user.kinds() == ["request"]
    net.advance(0.2)
    assert net.user.events[-1] == ("ack_timeout", transaction)
    net.flow.sent.clear()
    net.advance(10)
    assert net.flow.sent == []
    assert net.layer.live_transactions == 0


def test_ack_with_the_invites_branch_in_accepted_goes_to_the_user():
    net = Net()
    transaction = started(net)
    transaction.respond(make_response(transaction.request, 200))
    ack(net, tag=transaction.to_tag)
    assert net.user.kinds() == ["request", "ack"]
    net.flow.sent.clear()
    net.advance(5)
    assert net.flow.sent == []


def test_transport_error_in_proceeding_ends_it_but_not_in_accepted():
    net = Net()
    transaction = started(net)
    net.flow.failed(OSError("gone"))
    net.advance(0)
    assert net.user.events[-1] == ("response_error", transaction)
    other = started(net, branch="z9hG4bKtwo", call_id="call-2")
    other.respond(make_response(other.request, 200))
    net.flow.failed(OSError("gone"))
    net.advance(0)
    assert other.state is TransactionState.ACCEPTED


def test_rfc2543_invite_and_its_ack_match_without_a_branch():
    net = Net()
    transaction = started(net, branch="")
    net.receive(request_text("INVITE", ""))
    assert len(net.user.requests) == 1
    transaction.respond(make_response(transaction.request, 603))
    ack(net, "", transaction.to_tag)
    assert transaction.state is TransactionState.CONFIRMED
    assert net.user.kinds() == ["request"]
    net.receive(request_text("INVITE", "", cseq=2))
    assert len(net.user.requests) == 2


def test_response_carries_the_tag_of_the_transaction_once():
    net = Net()
    transaction = started(net)
    transaction.respond(make_response(transaction.request, 180))
    transaction.respond(make_response(transaction.request, 200, "", "dialogtag"))
    assert [parse_message(data).to.tag for data in net.flow.sent] == [transaction.to_tag, "dialogtag"]
    ack(net, "z9hG4bKack", "dialogtag")
    net.flow.sent.clear()
    net.advance(5)
    assert net.flow.sent == []


def test_a_refusal_said_once_is_repeated_only_when_asked_for():
    net = Net()
    transaction = started(net)
    transaction.respond(make_response(transaction.request, 401))
    transaction.say_once()
    net.advance(10)
    assert net.flow.statuses() == [401]
    net.receive(request_text("INVITE"))
    assert net.flow.statuses() == [401]
    net.advance(30)
    assert transaction.state is TransactionState.TERMINATED
    assert net.layer.live_transactions == 0


@pytest.mark.parametrize("caller", ["f2", "", '";tag'])
def test_an_ack_with_another_from_tag_acknowledges_nothing(caller):
    net = Net()
    transaction = started(net)
    transaction.respond(make_response(transaction.request, 200, to_tag="t"))
    ack(net, "z9hG4bKtwo", "t", from_tag=caller)
    assert net.user.events == [("request", "INVITE")]
    net.flow.take()
    net.advance(1)
    assert set(net.flow.statuses()) == {200}
    net.advance(40)
    assert net.user.events[1:] == [("ack_timeout", transaction)]


def test_an_ack_that_the_user_does_not_take_is_as_good_as_lost():
    net = Net()
    transaction = started(net)
    transaction.respond(make_response(transaction.request, 200, to_tag="t"))
    taken = [False, None]
    net.user.on_ack = lambda request: taken.pop(0)
    ack(net, "z9hG4bKtwo", "t")
    assert transaction.state is TransactionState.ACCEPTED
    ack(net, "z9hG4bKtwo", "t")
    assert transaction.state is TransactionState.TERMINATED
