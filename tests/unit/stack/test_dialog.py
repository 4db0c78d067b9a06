import pytest
from transaction_kit import RecordingFlow, new_request, request_text, response_to

from asterism.stack import Uri, parse_message
from asterism.stack.dialog import (
    TARGET_REFRESH,
    Dialog,
    DialogSet,
    DialogState,
    received_request_id,
    received_response_id,
)
from asterism.stack.errors import ParseError

ROUTES = "Record-Route: <sip:near.example;lr>, <sip:mid.example;lr>\r\nRecord-Route: <sip:far.example;lr>\r\n"


def received(method="INVITE", **kwargs):
    return parse_message(request_text(method, **kwargs).encode())


def answered(request, status=200, tag="peer", contact="<sip:bob@198.51.100.2:5070>", routes=()):
    extra = [("Contact", contact)] if contact else []
    extra += [("Record-Route", route) for route in routes]
    return parse_message(response_to(request, status, tag, extra))


def uas(**kwargs):
    return Dialog.uas(received(**kwargs), "local", "<sip:me@192.0.2.9>")


def invite():
    request = new_request("INVITE")
    request.prepend_header("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx")
    return request


def test_uas_side():
    dialog = uas(extra=ROUTES)
    assert dialog.id == ("call-1", "local", "f1")
    assert (dialog.call_id, dialog.local_tag, dialog.remote_tag) == dialog.id
    assert [str(route.uri) for route in dialog.route_set] == [
        "sip:near.example;lr",
        "sip:mid.example;lr",
        "sip:far.example;lr",
    ]
    assert str(dialog.remote_target) == "sip:alice@192.0.2.1:5060"
    assert (dialog.local_seq, dialog.remote_seq) == (None, 1)
    assert dialog.state is DialogState.EARLY
    dialog.confirm()
    assert dialog.state is DialogState.CONFIRMED


def test_uac_side_reverses_the_route():
    request = invite()
    dialog = Dialog.uac(request, answered(request, routes=("<sip:far.example;lr>", "<sip:near.example;lr>")))
    assert dialog.id == ("out-1", "mine", "peer")
    assert [route.uri.host for route in dialog.route_set] == ["near.example", "far.example"]
    assert (dialog.local_seq, dialog.remote_seq) == (7, None)
    assert dialog.state is DialogState.CONFIRMED
    assert dialog.next_hop.host == "near.example"


def test_request_without_routes_goes_to_the_target():
    request = invite()
    dialog = Dialog.uac(request, answered(request))
    bye = dialog.create_request("BYE")
    assert str(bye.uri) == "sip:bob@198.51.100.2:5070"
    assert not bye.has("Route")
    assert (bye.cseq.number, bye.cseq.method) == (8, "BYE")
    assert (bye.from_.tag, bye.to.tag, bye.call_id, bye.max_forwards) == ("mine", "peer", "out-1", 70)
    assert not bye.has("Contact")
    assert dialog.create_request("INVITE").get("Contact") == "<sip:alice@192.0.2.9>"
    assert dialog.next_hop == bye.uri


def test_loose_routing():
    dialog = uas(extra=ROUTES)
    request = dialog.create_request("BYE")
    assert str(request.uri) == "sip:alice@192.0.2.1:5060"
    assert [route.uri.host for route in request.routes] == ["near.example", "mid.example", "far.example"]


def test_strict_routing():
    dialog = uas(extra="Record-Route: <sip:old.example;x=1;method=INVITE>\r\nRecord-Route: <sip:far.example;lr>\r\n")
    request = dialog.create_request("BYE")
    assert (request.uri.host, dict(request.uri.params)) == ("old.example", {"x": "1"})
    assert [route.uri.host for route in request.routes] == ["far.example", "192.0.2.1"]


def test_first_sequence_number_of_a_uas_is_in_range_and_counts_up():
    dialog = uas()
    first = dialog.create_request("BYE").cseq.number
    assert 0 < first < 2**31
    assert dialog.create_request("BYE").cseq.number == first + 1


def test_order_of_received_requests():
    dialog = uas()
    assert dialog.receive_request(received("BYE", cseq=5)) == 0
    assert dialog.receive_request(received("BYE", cseq=5)) == 500
    assert dialog.receive_request(received("BYE", cseq=4)) == 500
    assert dialog.receive_request(received("ACK", cseq=1)) == 0
    assert dialog.receive_request(received("CANCEL", cseq=1)) == 0
    assert dialog.remote_seq == 5


def test_ack_to_2xx_has_the_number_and_credentials_of_the_invite():
    request = invite()
    request.add_header("Proxy-Authorization", 'Digest username="a"')
    dialog = Dialog.uac(request, answered(request, routes=("<sip:near.example;lr>",)))
    dialog.create_request("UPDATE")
    ack = dialog.create_ack(request)
    assert (ack.method, ack.cseq.number, ack.cseq.method) == ("ACK", 7, "ACK")
    assert ack.get("Proxy-Authorization") == 'Digest username="a"'
    assert ack.routes[0].uri.host == "near.example"


def test_target_refresh():
    dialog = uas()
    dialog.update_target(received(extra="").__class__("INVITE", Uri.parse("sip:x@y"), [("Contact", "<sip:new@host>")]))
    assert dialog.remote_target.host == "host"
    dialog.update_target(received("BYE").__class__("BYE", Uri.parse("sip:x@y"), []))
    assert dialog.remote_target.host == "host"


@pytest.mark.parametrize("method", sorted(TARGET_REFRESH))
def test_each_target_refresh_request_carries_our_contact_and_its_2xx_brings_the_peers(method):
    dialog = uas()
    dialog.confirm()
    request = dialog.create_request(method)
    assert request.get("Contact") == "<sip:me@192.0.2.9>"
    request.prepend_header("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx")
    dialog.receive_response(answered(request, contact="<sip:moved@host>"))
    assert dialog.remote_target.user == "moved"


def test_target_refresh_requests_are_these():
    assert set(TARGET_REFRESH) == {"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"}


@pytest.mark.parametrize(
    ("scheme", "transport", "secure"),
    [("sips", "TLS", True), ("sips", "UDP", False), ("sip", "TLS", False)],
)
def test_a_dialog_is_secure_if_its_request_was_to_sips_over_a_secure_flow(scheme, transport, secure):
    request = received(uri=f"{scheme}:bob@192.0.2.9")
    request.flow = RecordingFlow(transport)
    assert Dialog.uas(request, "local", f"<{scheme}:me@192.0.2.9>").secure is secure
    request = new_request("INVITE", f"{scheme}:bob@192.0.2.1")
    request.prepend_header("Via", f"SIP/2.0/{transport} 192.0.2.9;branch=z9hG4bKx")
    response = answered(request)
    response.flow = RecordingFlow(transport)
    assert Dialog.uac(request, response).secure is secure


def test_2xx_confirms_and_replaces_the_early_route_set():
    request = invite()
    dialog = Dialog.uac(request, answered(request, 180, contact="", routes=("<sip:early.example;lr>",)))
    assert dialog.state is DialogState.EARLY
    assert dialog.remote_target == request.uri
    dialog.receive_response(answered(request, 200, routes=("<sip:final.example;lr>",)))
    assert dialog.state is DialogState.CONFIRMED
    assert dialog.next_hop.host == "final.example"
    assert dialog.remote_target.host == "198.51.100.2"


@pytest.mark.parametrize(("status", "ended"), [(481, True), (408, True), (500, False), (403, False)])
def test_refusals_that_end_a_dialog(status, ended):
    request = invite()
    dialog = Dialog.uac(request, answered(request))
    dialog.receive_response(answered(request, status))
    assert (dialog.state is DialogState.TERMINATED) is ended


def test_forked_invite_makes_a_dialog_for_each_tag():
    request = invite()
    forks = DialogSet(request)
    assert forks.receive_response(answered(request, 100, "")) is None
    assert forks.receive_response(answered(request, 180, "")) is None
    one = forks.receive_response(answered(request, 180, "one", "<sip:one@a>"))
    two = forks.receive_response(answered(request, 183, "two", "<sip:two@b>"))
    assert forks.receive_response(answered(request, 180, "one", "<sip:one@a>")) is one
    assert forks.receive_response(answered(request, 200, "two", "<sip:two@b>")) is two
    three = forks.receive_response(answered(request, 200, "three", "<sip:three@c>"))
    assert [one.state, two.state, three.state] == [DialogState.EARLY, DialogState.CONFIRMED, DialogState.CONFIRMED]
    assert list(forks.dialogs) == ["one", "two", "three"]


def test_refusal_ends_early_dialogs():
    request = invite()
    forks = DialogSet(request)
    early = forks.receive_response(answered(request, 180))
    assert forks.receive_response(answered(request, 486)) is None
    assert early.state is DialogState.TERMINATED


def test_a_late_refusal_does_not_end_a_confirmed_dialog():
    request = invite()
    forks = DialogSet(request)
    early = forks.receive_response(answered(request, 180, tag="one"))
    confirmed = forks.receive_response(answered(request, 200, tag="two"))
    forks.receive_response(answered(request, 487, tag="one"))
    assert (early.state, confirmed.state) == (DialogState.TERMINATED, DialogState.CONFIRMED)


def test_contact_is_needed_once():
    for contact in ("", "Contact: <sip:a@b>\r\nContact: <sip:c@d>\r\n"):
        text = request_text("INVITE").replace("Contact: <sip:alice@192.0.2.1:5060>\r\n", contact)
        with pytest.raises(ParseError):
            Dialog.uas(parse_message(text.encode()), "tag", "<sip:me@x>")  # type: ignore[arg-type]


def test_rfc2543_peer_without_tag():
    text = request_text("INVITE").replace(";tag=f1", "")
    dialog = Dialog.uas(parse_message(text.encode()), "local", "<sip:me@x>")  # type: ignore[arg-type]
    assert dialog.id == ("call-1", "local", "")
    assert dialog.create_request("BYE").to.tag is None


def test_ids_of_received_messages():
    assert received_request_id(received(to="<sip:b@x>;tag=t")) == ("call-1", "t", "f1")
    request = invite()
    assert received_response_id(answered(request)) == ("out-1", "mine", "peer")


def test_rfc2543_client_without_contact_is_reached_at_its_from_address():
    text = request_text("INVITE", "").replace("Contact: <sip:alice@192.0.2.1:5060>\r\n", "")
    dialog = Dialog.uas(parse_message(text.encode()), "local", "<sip:me@x>")  # type: ignore[arg-type]
    assert str(dialog.create_request("BYE").uri) == "sip:alice@192.0.2.1"


def test_update_in_an_early_dialog_refreshes_both_targets():
    request = invite()
    ours = Dialog.uac(request, answered(request, 183))
    update = ours.create_request("UPDATE")
    assert (update.cseq.number, update.get("Contact")) == (8, "<sip:alice@192.0.2.9>")
    theirs = uas()
    refresh = received("UPDATE", cseq=2).copy()
    refresh.set_header("Contact", "<sip:moved@192.0.2.77>")
    assert theirs.receive_request(refresh) == 0
    theirs.update_target(refresh)
    assert theirs.create_request("BYE").uri.host == "192.0.2.77"
    moved = parse_message(response_to(with_via(update), 200, "", [("Contact", "<sip:bob@203.0.113.9>")]))
    ours.receive_response(moved)  # type: ignore[arg-type]
    assert ours.remote_target.host == "203.0.113.9"
    assert (ours.state, theirs.state) == (DialogState.EARLY, DialogState.EARLY)


def with_via(request):
    request.prepend_header("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx")
    return request


@pytest.mark.parametrize("method", ["BYE", "INFO", "MESSAGE", "PRACK"])
def test_other_requests_refresh_nothing_and_carry_no_contact(method):
    request = invite()
    dialog = Dialog.uac(request, answered(request))
    sent = with_via(dialog.create_request(method))
    assert not sent.has("Contact")
    dialog.receive_response(parse_message(response_to(sent, 200, "", [("Contact", "<sip:other@203.0.113.9>")])))  # type: ignore[arg-type]
    assert dialog.remote_target.host == "198.51.100.2"


@pytest.mark.parametrize("method", ["SUBSCRIBE", "REFER"])
def test_subscriptions_share_the_dialog_of_a_call(method):
    """One dialog, several usages (RFC 5057): one sequence of numbers, one target."""
    dialog = uas()
    numbers = [dialog.create_request(each).cseq.number for each in ("INVITE", method, "NOTIFY", "BYE")]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert dialog.create_request(method).get("Contact") == "<sip:me@192.0.2.9>"
    assert [dialog.receive_request(received(each, cseq=n)) for each, n in ((method, 5), ("INFO", 6), ("BYE", 6))] == [
        0,
        0,
        500,
    ]


def subscription():
    request = new_request("SUBSCRIBE")
    return DialogSet(with_via(request))


def notify(tag, cseq=1, **kwargs):
    text = request_text(
        "NOTIFY", cseq=cseq, from_tag=tag, to="<sip:alice@192.0.2.9>;tag=mine", call_id="out-1", **kwargs
    )
    return parse_message(text.encode())


def test_notify_makes_the_dialog_of_a_subscription_before_its_2xx():
    forks = subscription()
    first = forks.receive_notify(notify("one", extra="Record-Route: <sip:near.example;lr>, <sip:far.example;lr>\r\n"))
    assert first.id == ("out-1", "mine", "one")
    assert [route.uri.host for route in first.route_set] == ["near.example", "far.example"]
    assert (first.local_seq, first.remote_seq, first.initiator, first.state) == (7, 1, True, DialogState.CONFIRMED)
    assert first.create_request("SUBSCRIBE").cseq.number == 8
    assert forks.receive_response(answered(forks.request, 200, "one")) is first
    # A fork answers too, and the first again.
    second = forks.receive_notify(notify("two"))
    assert second is not first
    assert forks.receive_notify(notify("one", cseq=2)) is first
    assert [first.receive_request(notify("one", cseq=n)) for n in (2, 2)] == [0, 500]


def test_notify_for_somebody_else_makes_no_dialog():
    forks = subscription()
    stray = notify("one").copy()
    stray.set_header("Call-ID", "other")
    assert forks.receive_notify(stray) is None
    stray = notify("one").copy()
    stray.set_header("To", "<sip:alice@192.0.2.9>;tag=other")
    assert forks.receive_notify(stray) is None
    assert forks.dialogs == {}
