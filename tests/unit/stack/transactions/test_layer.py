import pytest
from transaction_kit import Net, RecordingClient, RecordingFlow, new_request, request_text, response_to

from asterism.stack import make_response, parse_message
from asterism.stack.errors import ParseError
from asterism.stack.transactions import TransactionState, too_many_hops


def answer_with(net, status):
    """Make the user answer every request through a transaction."""

    def answer(request):
        net.layer.create_server_transaction(request).respond(make_response(request, status))

    net.user.answer = answer


# Source marking and response routing, 18.2, RFC 3581


def test_received_and_rport_are_noted_and_copied_into_the_response():
    net = Net()
    flow = RecordingFlow(remote=("203.0.113.7", 40001))
    net.receive(request_text(), flow)
    request = net.user.requests[0]
    assert (request.via.received, request.via.rport) == ("203.0.113.7", 40001)
    net.layer.respond_stateless(request, make_response(request, 200))
    assert flow.take()[0].via.rport == 40001
    assert request.flow is flow
    assert request.received_at == net.now


@pytest.mark.parametrize("via_params", ["", ";foo=bar", ";received=9.9.9.9;rport=1", ";rport=", ";ttl=1;rport;x=y"])
def test_marking_replaces_what_the_sender_claims(via_params):
    net = Net()
    net.receive(request_text(via_params=via_params), RecordingFlow(remote=("203.0.113.7", 40001)))
    via = net.user.requests[0].via
    assert via.received == "203.0.113.7"
    assert via.rport == (40001 if "rport" in via_params else None)
    assert via.branch == "z9hG4bKone"


def test_received_is_left_out_when_sent_by_is_right():
    net = Net()
    net.receive(request_text(via_params=""))
    assert net.user.requests[0].via.received is None


def test_without_rport_the_response_goes_to_the_port_of_sent_by():
    net = Net()
    flow, other, asked = RecordingFlow(remote=("203.0.113.7", 40001)), RecordingFlow(), []

    def response_flow(source, host, port):
        asked.append((source, host, port))
        return other

    net.layer.response_flow = response_flow
    net.receive(request_text(via_params="", sent_by="client.example:5070"), flow)
    request = net.user.requests[0]
    net.layer.respond_stateless(request, make_response(request, 401))
    assert asked == [(flow, "203.0.113.7", 5070)]
    assert other.statuses() == [401]
    net.receive(request_text(branch="z9hG4bKtwo", via_params="", sent_by="client.example", call_id="2"), flow)
    transaction = net.layer.create_server_transaction(net.user.requests[1])
    transaction.respond(make_response(transaction.request, 200))
    assert asked[-1] == (flow, "203.0.113.7", 5060)
    # The finished transaction remembers where its answer goes.
    net.receive(request_text(branch="z9hG4bKtwo", via_params="", sent_by="client.example", call_id="2"), flow)
    assert other.statuses() == [200, 200]
    assert flow.sent == []


SECOND_VIA = ", SIP/2.0/UDP next.example;branch=z9hG4bKnext"


@pytest.mark.parametrize(("via_params", "more"), [("", ""), (";ttl=1", ""), ("", SECOND_VIA)])
def test_forced_rport_sends_the_response_to_the_source(via_params, more):
    net = Net()
    net.layer.force_rport = True
    net.layer.response_flow = lambda *args: pytest.fail("no other address is wanted")
    net.receive(
        request_text(branch=f"z9hG4bKone{more}", via_params=via_params), RecordingFlow(remote=("192.0.2.1", 40001))
    )
    request = net.user.requests[0]
    assert (request.via.rport, request.via.received, request.branch) == (40001, "192.0.2.1", "z9hG4bKone")
    net.layer.respond_stateless(request, make_response(request, 200))
    assert request.flow.take()[0].via.rport == 40001  # type: ignore[attr-defined]


@pytest.mark.parametrize(("via_params", "more"), [("", ""), (";ttl=1", ""), ("", SECOND_VIA)])
def test_forced_rport_can_be_taken_back(via_params, more):
    net = Net()
    net.layer.force_rport = True
    other = RecordingFlow()
    net.layer.response_flow = lambda *args: other
    flow = RecordingFlow(remote=("203.0.113.7", 40001))
    net.receive(request_text(branch=f"z9hG4bKone{more}", via_params=via_params), flow)
    request = net.user.requests[0]
    net.layer.restore_via(request)
    assert (request.via.rport, request.via.received, request.sent_via) == (None, "203.0.113.7", "")
    assert len(request.vias) == (2 if more else 1)
    net.layer.respond_stateless(request, make_response(request, 200))
    assert other.statuses() == [200]


def test_cancel_is_answered_where_its_invite_is():
    net = Net()
    net.layer.force_rport = True
    flow, other = RecordingFlow(remote=("203.0.113.7", 40001)), RecordingFlow()
    net.layer.response_flow = lambda *args: other
    net.receive(request_text("INVITE", via_params=""), flow)
    net.layer.restore_via(net.user.requests[0])
    net.layer.create_server_transaction(net.user.requests[0])
    net.receive(request_text("CANCEL", via_params=""), flow)
    assert (other.statuses(), flow.sent) == ([200], [])
    net.receive(request_text("INVITE", "z9hG4bKtwo", via_params="", call_id="2"), flow)
    net.layer.create_server_transaction(net.user.requests[1])
    net.receive(request_text("CANCEL", "z9hG4bKtwo", via_params="", call_id="2"), flow)
    assert (flow.statuses(), other.sent) == ([200], [])


def test_rport_that_was_asked_for_stays():
    net = Net()
    net.layer.force_rport = True
    net.receive(request_text())
    request = net.user.requests[0]
    net.layer.restore_via(request)
    assert request.via.rport == 5060


def test_accepting_an_invite_whose_to_nobody_can_read():
    net = Net()
    net.receive(request_text("INVITE", to="bad<"))
    request = net.user.requests[0]
    net.layer.create_server_transaction(request).respond(make_response(request, 200))
    net.advance(200)
    assert net.layer.live_transactions == 0


def test_unreadable_ack_to_an_accepted_invite_is_told():
    net = Net()
    answer_with(net, 200)
    net.receive(request_text("INVITE"))
    net.receive(request_text("ACK", to="bad<"))
    assert net.user.kinds() == ["request", "malformed"]


def test_over_a_connection_the_response_goes_back_whatever_the_via_says():
    net = Net()
    flow = RecordingFlow("TCP", ("192.0.2.1", 40000))
    net.layer.response_flow = lambda *_: pytest.fail("another flow was asked for")
    for number in (1, 2):
        text = request_text("MESSAGE", f"z9hG4bK{number}", call_id=str(number), via_params="", transport="TCP")
        net.receive(text, flow)
    for request in net.user.requests:
        net.layer.create_server_transaction(request).respond(make_response(request, 200))
    assert flow.statuses() == [200, 200]


def test_maddr_does_not_aim_our_responses():
    net = Net()
    net.layer.response_flow = lambda *args: pytest.fail("no other address is wanted")
    net.receive(request_text(via_params=";rport;maddr=198.51.100.1"))
    request = net.user.requests[0]
    net.layer.respond_stateless(request, make_response(request, 200))
    assert net.flow.statuses() == [200]


def test_the_two_ways_to_the_key_agree():
    """A Via that is worked on as text and its unusual spelling belong to one transaction."""
    net = Net()
    net.receive(request_text("INVITE"))
    net.layer.create_server_transaction(net.user.requests[0])
    net.receive(request_text("INVITE").replace("SIP/2.0/UDP 192", "SIP / 2.0 / UDP  192"))
    assert len(net.user.requests) == 1


def test_other_sent_by_is_another_transaction():
    net = Net()
    answer_with(net, 200)
    net.receive(request_text(call_id="1"))
    net.receive(request_text(call_id="2", sent_by="192.0.2.1:5062"))
    assert len(net.user.requests) == 2


# Stateless answers, 8.2.7


def test_stateless_answers_have_the_same_tag_for_every_copy_and_leave_no_state():
    net = Net()
    net.user.answer = lambda request: net.layer.respond_stateless(request, make_response(request, 401))
    net.receive(request_text("INVITE"))
    net.receive(request_text("INVITE"))
    net.receive(request_text("INVITE", "z9hG4bKtwo"))
    first, second, third = (message.to.tag for message in net.flow.take())
    assert first == second != third
    assert (net.layer.live_transactions, net.layer.finished_transactions, len(net.timers)) == (0, 0, 0)
    # Its ACK has nothing to end and is not the user's.
    net.receive(request_text("ACK", to=f"<sip:bob@192.0.2.9>;tag={first}"))
    assert "ack" not in net.user.kinds()


def test_tag_in_the_display_name_or_uri_is_not_a_to_tag():
    net = Net()
    net.user.answer = lambda request: net.layer.respond_stateless(request, make_response(request, 404))
    net.receive(request_text(to='"x;tag=1" <sip:bob@192.0.2.9;tag=2>'))
    net.receive(request_text(branch="z9hG4bKtwo", to="<sip:bob@192.0.2.9> ; TAG = 3"))
    tags = [message.to.tag for message in net.flow.take()]
    assert tags[0].startswith("as")
    assert tags[1] == "3"


def test_stray_ack_goes_to_the_user_for_the_dialog_to_judge():
    net = Net()
    net.receive(request_text("ACK", to="<sip:bob@192.0.2.9>;tag=unknown"))
    assert net.user.kinds() == ["ack"]
    assert net.flow.sent == []


# CANCEL, 9.2


def test_cancel_is_answered_and_told():
    net = Net()
    net.receive(request_text("INVITE"))
    invite = net.layer.create_server_transaction(net.user.requests[0])
    net.receive(request_text("CANCEL"))
    assert net.user.events[-1] == ("cancel", invite)
    (answer,) = net.flow.take()
    assert (answer.status, answer.cseq.method, answer.to.tag) == (200, "CANCEL", invite.to_tag)
    invite.respond(make_response(invite.request, 487))
    net.receive(request_text("CANCEL"))
    assert net.flow.statuses() == [487, 200]
    assert net.user.kinds().count("cancel") == 1


def test_cancel_of_nothing_is_481():
    net = Net()
    net.receive(request_text("CANCEL"))
    assert net.flow.statuses() == [481]
    assert net.user.kinds() == []
    assert net.layer.live_transactions == 0


def test_cancel_after_the_final_response_is_200_and_changes_nothing():
    net = Net()
    net.receive(request_text("INVITE"))
    invite = net.layer.create_server_transaction(net.user.requests[0])
    invite.respond(make_response(invite.request, 486))
    net.receive(request_text("ACK", to=f"<sip:bob@192.0.2.9>;tag={invite.to_tag}"))
    net.flow.sent.clear()
    net.receive(request_text("CANCEL"))
    assert net.flow.statuses() == [200]
    assert net.user.kinds() == ["request"]


def test_cancel_between_the_final_response_and_its_ack_is_200_and_not_told():
    net = Net()
    net.receive(request_text("INVITE"))
    invite = net.layer.create_server_transaction(net.user.requests[0])
    invite.respond(make_response(invite.request, 486))
    net.flow.sent.clear()
    net.receive(request_text("CANCEL"))
    (answer,) = net.flow.take()
    assert (answer.status, answer.cseq.method, answer.to.tag) == (200, "CANCEL", invite.to_tag)
    assert net.user.kinds() == ["request"]


# RFC 2543 clients, 17.2.3


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, []),
        ({"from_tag": "f2"}, ["request"]),
        ({"call_id": "call-2"}, ["request"]),
        ({"cseq": 2}, ["request"]),
        # The same call by another way: merged.
        ({"uri": "sip:carol@192.0.2.9"}, [482]),
        ({"sent_by": "192.0.2.1:5062"}, [482]),
        ({"sent_by": "192.0.2.3:5060"}, [482]),
        ({"branch": "2"}, [482]),
        ({"via_params": ";rport;branch=1"}, [482]),
    ],
)
def test_what_an_rfc2543_request_is_matched_by(changes, outcome):
    net = Net()
    net.receive(request_text("INVITE", ""))
    net.layer.create_server_transaction(net.user.requests[0])
    net.user.events.clear()
    net.receive(request_text("INVITE", **{"branch": "", **changes}))
    assert net.user.kinds() + net.flow.statuses() == outcome


def test_cancel_with_an_rfc2543_via():
    net = Net()
    net.receive(request_text("INVITE", ""))
    invite = net.layer.create_server_transaction(net.user.requests[0])
    net.receive(request_text("CANCEL", ""))
    assert net.user.events[-1] == ("cancel", invite)


# Merged requests, 8.2.2.2


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "MESSAGE"])
def test_a_request_is_merged_while_its_twin_is_ongoing(method):
    net = Net()
    net.receive(request_text(method))
    first = net.layer.create_server_transaction(net.user.requests[0])
    net.receive(request_text(method, branch="z9hG4bKway2"))
    assert net.flow.statuses() == [482]
    first.respond(make_response(first.request, 486))
    # A hunting proxy's next branch, or the same again from a client.
    net.receive(request_text(method, branch="z9hG4bKway3"))
    assert len(net.user.requests) == 2
    assert net.flow.statuses() == [486]
    # The second is ongoing now, and what is left of the first does not end that.
    net.layer.create_server_transaction(net.user.requests[1])
    net.advance(40 if method == "INVITE" else 30)
    net.receive(request_text(method, branch="z9hG4bKway4"))
    assert net.flow.statuses()[-1] == 482


def test_a_late_branch_of_an_accepted_call_is_merged():
    net = Net()
    net.receive(request_text("INVITE"))
    first = net.layer.create_server_transaction(net.user.requests[0])
    first.respond(make_response(first.request, 200))
    net.receive(request_text("INVITE", branch="z9hG4bKway2"))
    assert net.flow.statuses() == [200, 482]
    net.advance(70)
    net.receive(request_text("INVITE", branch="z9hG4bKway3"))
    assert len(net.user.requests) == 2


def test_the_same_request_again_after_a_held_answer_is_handled():
    net = Net()
    net.receive(request_text("REGISTER"))
    held = net.layer.hold(net.user.requests[0])
    net.receive(request_text("REGISTER", branch="z9hG4bKtwin"))
    assert net.flow.statuses() == [482]
    net.layer.answer_held(held, b"SIP/2.0 200 OK\r\n\r\n")
    net.receive(request_text("REGISTER", branch="z9hG4bKagain"))
    assert len(net.user.requests) == 2


def test_same_cseq_inside_a_dialog_or_with_another_from_tag_is_not_merged():
    net = Net()
    answer_with(net, 200)
    net.receive(request_text())
    net.receive(request_text(branch="z9hG4bK2", to="<sip:bob@192.0.2.9>;tag=x"))
    net.receive(request_text(branch="z9hG4bK3", from_tag="other"))
    net.receive(request_text(branch="z9hG4bK4", cseq=2))
    assert net.flow.statuses() == [200, 200, 200, 200]


# Malformed input


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("CSeq: 1 OPTIONS", "CSeq: 1 BYE", 400),
        ("Content-Length: 0", "Content-Length: x", 400),
        ("SIP/2.0\r\n", "SIP/7.0\r\n", 505),
    ],
)
def test_malformed_requests_are_answered(old, new, status):
    net = Net()
    net.receive(request_text().replace(old, new, 1))
    assert net.flow.statuses() == [status]
    assert net.user.kinds() == ["malformed"]
    assert net.layer.counters["malformed"] == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 40,
        b"hello world\r\n\r\n",
        b"SIP/2.0 999 no\r\n\r\n",
        b"\xff" * 300,
        request_text().replace("Via", "Vea").encode(),
        request_text().replace("Via: SIP/2.0/UDP", "Via: nonsense").encode(),
        request_text("ACK", cseq_method="INVITE").encode(),
    ],
)
def test_garbage_is_told_and_not_answered(data):
    net = Net()
    net.receive(data)
    assert net.flow.sent == []
    assert net.user.kinds() == ["malformed"]
    assert net.layer.live_transactions == 0


def test_what_the_user_finds_malformed_is_answered_400():
    net = Net()

    def parse_contact(request):
        _ = request.contacts

    net.user.answer = parse_contact
    text = request_text().replace("Contact: <sip:alice@192.0.2.1:5060>", "Contact: <<<")
    net.receive(text)
    assert net.flow.statuses() == [400]

    def parse_contact_late(request):
        net.layer.create_server_transaction(request)
        _ = request.contacts

    net.user.answer = parse_contact_late
    net.receive(text)
    assert net.flow.statuses() == [400]
    assert net.layer.live_transactions == 0


def test_an_exception_of_the_user_comes_out_but_the_transaction_is_armed():
    net = Net()

    def fail(request):
        net.layer.create_server_transaction(request)
        raise RuntimeError("bug")

    net.user.answer = fail
    with pytest.raises(RuntimeError):
        net.receive(request_text())
    net.advance(40)
    assert net.layer.live_transactions == 0


def test_malformed_and_stray_responses():
    net = Net()
    client = RecordingClient()
    transaction = net.layer.send_request(new_request(), net.flow, client)
    data = response_to(transaction.request, 200)
    net.receive(data.replace(b"SIP/2.0/UDP", b"nonsense"))
    assert net.user.kinds() == ["malformed"]
    net.receive(data.replace(b"branch=z9hG4bK", b"branch=z9hG4bKx"))
    assert net.user.kinds() == ["malformed", "stray"]
    assert client.events == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b";rport;", b";rport=5060;received=192.0.2.9;", [200]),
        (b";rport;", b";received=[2001:db8::1];rport=5060;", [200]),
        (b";rport;", b";x=y;RPORT=5060;", [200]),
        (b";rport;branch=", b" ; rport ;Branch = ", [200]),
        (b"SIP/2.0/UDP", b"sip / 2.0 / udp", [200]),
        (b"\r\nFrom", b", SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKother\r\nFrom", [200]),
        (b"Via:", b"Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKother\r\nVia:", ["stray"]),
        (b" OPTIONS\r", b"  OPTIONS \r", [200]),
        (b" OPTIONS\r", b"000000000 OPTIONS\r", ["malformed"]),
        (b" OPTIONS\r", b"\r", ["malformed"]),
        (b";branch=", b";branch=;x=", ["stray"]),
        (b";branch=", b";x=", ["stray"]),
    ],
)
def test_a_response_is_matched_however_it_is_written(old, new, told):
    net = Net()
    client = RecordingClient()
    transaction = net.layer.send_request(new_request(), net.flow, client)
    data = response_to(transaction.request, 200)
    assert data.count(old) == 1
    net.receive(data.replace(old, new))
    assert client.events + net.user.kinds() == told


# Limits


def test_overload_is_503_with_retry_after_and_costs_no_state():
    net = Net(max_transactions=2)
    for number in range(4):
        net.receive(request_text("INVITE", f"z9hG4bK{number}", call_id=str(number)))
        if number < 2:
            net.layer.create_server_transaction(net.user.requests[-1])
    refused = net.flow.take()
    assert [(message.status, message.get("Retry-After")) for message in refused] == [(503, "5"), (503, "5")]
    assert len(net.user.requests) == 2
    assert net.layer.live_transactions == 2


def test_finished_transactions_are_bounded():
    net = Net(max_finished=50)
    answer_with(net, 200)
    for number in range(500):
        net.receive(request_text(branch=f"z9hG4bK{number}", call_id=str(number)))
        net.advance(0.05)
    assert net.layer.finished_transactions <= 50
    net.advance(40)
    assert net.layer.finished_transactions == 0
    assert len(net.layer._servers.merged) == 0


def test_finished_transactions_hold_no_objects():
    net = Net()
    answer_with(net, 200)
    net.receive(request_text())
    assert [type(entry) for entry in net.layer._servers.entries.values()] == [bytes]
    assert net.layer.transactions() == []


def test_live_transactions_are_listed_and_found():
    net = Net()
    net.receive(request_text("INVITE"))
    server = net.layer.create_server_transaction(net.user.requests[0])
    client = net.layer.send_request(new_request(), net.flow, RecordingClient())
    assert net.layer.transactions() == [server, client]
    assert net.layer.find_server_transaction(net.user.requests[0]) is server
    server.respond(make_response(server.request, 486))
    assert server.state is TransactionState.COMPLETED


def test_parked_request_is_answered_later():
    net = Net()
    net.receive(request_text(via_params=";rport;x=%41"))
    net.receive(request_text(branch="z9hG4bKtwo", call_id="2"))
    first = net.user.requests[0]
    transaction = net.layer.create_server_transaction(first)
    net.receive(request_text(via_params=";rport;x=%41"))
    assert len(net.user.requests) == 2
    transaction.respond(make_response(first, 200))
    assert net.flow.take()[0].to.tag == net.layer.to_tag(first)


def test_max_forwards_helper():
    for value, expected in (("0", True), ("1", False), ("70", False)):
        request = parse_message(request_text().replace("Max-Forwards: 70", f"Max-Forwards: {value}").encode())
        assert too_many_hops(request) is expected  # type: ignore[arg-type]
    request = parse_message(request_text().replace("Max-Forwards: 70", "Max-Forwards: many").encode())
    with pytest.raises(ParseError):
        too_many_hops(request)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("Via: SIP/2.0/UDP 192.0.2.1:5060", "Via: SIP/2.0/UDP 192.0.2.1;;,;,,", 400),
        ("Via: SIP/2.0/UDP", "Via: SIP/2.0/UDP/x/", 400),
        ("SIP/2.0", "SIP/7.0", 505),
    ],
)
def test_what_has_an_unreadable_via_is_answered_to_its_sender(old, new, status):
    net = Net()
    net.receive(request_text().replace(old, new))
    net.receive(request_text().replace(old, new))
    first, again = net.flow.sent
    assert first.startswith(f"SIP/2.0 {status} ".encode())
    assert b"bob@192.0.2.9>;tag=as" in first
    assert first == again
    net.flow.sent.clear()
    net.receive(request_text("ACK").replace(old, new))
    assert net.flow.sent == []
    assert set(net.user.kinds()) == {"malformed"}


def test_our_own_cancel_tells_nobody():
    net = Net()
    client = RecordingClient()
    transaction = net.layer.send_request(new_request("INVITE"), net.flow, client)
    net.receive(response_to(transaction.request, 180))
    transaction.cancel()
    net.flow.failed(OSError("gone"))
    net.advance(100)
    assert client.events == [180, "transport_error"]
    assert net.layer.live_transactions == 0
