"""Whatever arrives, in whatever order: nothing is raised, and in the end nothing is left."""

from hypothesis import given, settings
from hypothesis import strategies as st
from transaction_kit import Net, RecordingClient, new_request, request_text, response_to

from asterism.stack import make_response

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "PRACK", "FOO")


@st.composite
def damaged(draw):
    data = bytearray(
        request_text(
            draw(st.sampled_from(METHODS)),
            draw(st.sampled_from(("z9hG4bKa", "z9hG4bKb", "", "z9hG4bK", "old"))),
            via_params=draw(st.sampled_from((";rport", "", ";received=1.2.3.4", ";maddr=9.9.9.9;rport=7"))),
            to=draw(st.sampled_from(("<sip:b@x>", "<sip:b@x>;tag=t", "bad<", '"a,b" <sip:b@x>'))),
            cseq=draw(st.integers(0, 3)),
        ).encode()
    )
    for _ in range(draw(st.integers(0, 3))):
        position = draw(st.integers(0, len(data) - 1))
        data[position : position + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(damaged(), st.sampled_from((0, 100, 180, 200, 404, 487)), st.floats(0, 10), st.integers(0, 5)),
        max_size=8,
    )
)
def test_requests(steps):
    net = Net()
    for data, status, pause, sender in steps:
        net.user.requests.clear()
        net.receive(data)
        for request in net.user.requests:
            if sender == 0:
                net.layer.respond_stateless(request, make_response(request, status or 503))
            elif status:
                net.layer.create_server_transaction(request).respond(make_response(request, status))
            else:
                net.layer.create_server_transaction(request)
        if sender == 1:
            net.flow.failed(OSError("gone"))
        net.advance(pause)
    for transaction in net.layer.transactions():
        transaction.respond(make_response(transaction.request, 487))
    net.advance(200)
    assert (net.layer.live_transactions, net.layer.finished_transactions, len(net.timers)) == (0, 0, 0)
    assert not net.layer._awaiting_ack
    assert not net.layer._servers.merged
    assert not net.flow.transactions


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(("INVITE", "OPTIONS")),
    st.lists(
        st.tuples(
            st.sampled_from((100, 180, 200, 302, 401, 487, 503)), st.sampled_from(("", "a", "b")), st.floats(0, 10)
        ),
        max_size=8,
    ),
    st.integers(0, 8),
)
def test_responses(method, steps, cancel_at):
    net = Net()
    client = RecordingClient()
    transaction = net.layer.send_request(new_request(method), net.flow, client)
    for number, (status, tag, pause) in enumerate(steps):
        if number == cancel_at:
            transaction.cancel()
        net.receive(response_to(transaction.request, status, tag))
        net.advance(pause)
    if transaction.state.value == "Proceeding":
        transaction.cancel()
    net.advance(200)
    finals = [event for event in client.events if event == "timeout" or (isinstance(event, int) and event >= 200)]
    if method == "OPTIONS" or (finals and finals[0] != 200):
        assert len(finals) == 1
    else:
        assert all(event == 200 for event in finals)
        assert finals
    assert (net.layer.live_transactions, net.layer.finished_transactions, len(net.timers)) == (0, 0, 0)
    assert not net.flow.transactions
