"""Messages and their parser."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterism.stack import (
    LimitError,
    Limits,
    ParseError,
    Request,
    Response,
    SipError,
    Uri,
    Via,
    make_response,
    parse_message,
    reason_phrase,
)
from asterism.stack.bodies import parse_body
from asterism.stack.limits import DEFAULT_LIMITS
from asterism.stack.sdp import SessionDescription

INVITE = b"""INVITE sip:bob@biloxi.example.com SIP/2.0
Via: SIP/2.0/UDP pc33.atlanta.example.com:5066;branch=z9hG4bK776;rport, SIP/2.0/TCP second.example.com
Via: SIP/2.0/UDP third.example.com;branch=z9hG4bK1
Max-Forwards: 70
Record-Route: <sip:p1.example.com;lr>,<sip:p2.example.com;lr>
To: Bob <sip:bob@biloxi.example.com>
From: "A. \\"B\\" C" <sip:alice@atlanta.example.com>;tag=1928301774
Call-ID: a84b4c76e66710@pc33.atlanta.example.com
CSeq: 314159 INVITE
m: <sip:alice@pc33.atlanta.example.com>;expires=60, "x, y" <sip:b@c>
X-Unknown: kept,  as it is
Supported: replaces, 100rel
c: application/sdp; charset="utf-8"
l: 4

v=0
""".replace(b"\n", b"\r\n")[:-1]
INVITE = INVITE.replace(b"v=0\r", b"v=0\n")


def line(text: str, at: bytes = b"Max-Forwards: 70\r\n", into: bytes = INVITE) -> bytes:
    """The INVITE with one line more."""
    return into.replace(at, at + text.encode() + b"\r\n")


def test_values() -> None:
    message = parse_message(INVITE)
    assert isinstance(message, Request)
    assert (message.method, message.uri.user) == ("INVITE", "bob")
    assert message.via.branch == "z9hG4bK776"
    assert message.via.wants_rport
    assert message.via.rport is None
    assert [via.host for via in message.vias] == ["pc33.atlanta.example.com", "second.example.com", "third.example.com"]
    assert (message.from_.display, message.from_.tag) == ('A. "B" C', "1928301774")
    assert (message.to.display, message.to.tag) == ("Bob", None)
    assert message.call_id == "a84b4c76e66710@pc33.atlanta.example.com"
    assert (message.cseq.number, message.cseq.method) == (314159, "INVITE")
    assert [contact.display for contact in message.contacts] == ["", "x, y"]
    assert message.contacts[0].param("expires") == "60"
    assert not message.contact_star
    assert [route.uri.param("lr") for route in message.record_routes] == ["", ""]
    assert message.routes == []
    assert (message.max_forwards, message.expires) == (70, None)
    assert message.get("x-unknown") == "kept,  as it is"
    assert message.get("content-type") == message.get("c") == message.get("Content-Type")
    assert message.content_type is not None
    assert message.content_type.param("charset") == "utf-8"
    assert message.has_option("Supported", "100REL")
    assert message.get_list("supported") == ["replaces", "100rel"]
    assert message.body == b"v=0\n"
    assert (message.flow, message.received_at) == (None, None)


def test_order_and_names_are_kept() -> None:
    message = parse_message(line("x-ODD-case: 1"))
    again = parse_message(message.to_bytes())
    assert ("x-ODD-case", "1") in again.headers
    assert [name for name, _ in message.headers if name != "Content-Length"] == [
        name for name, _ in again.headers if name != "Content-Length"
    ]
    assert message.get_all("X-Odd-Case") == ["1"]


def test_bytes_that_are_not_utf8_survive() -> None:
    data = INVITE.replace(b"Bob", b'"B\xff\xc3\xb6b"')
    message = parse_message(data)
    assert b'"B\xff\xc3\xb6b"' in message.to_bytes()
    assert message.to.display == "B\udcffö" + "b"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (INVITE.replace(b"CSeq: 314159 INVITE\r\n", b""), 400),
        (INVITE.replace(b"CSeq: 314159", b"CSeq: 2147483648"), 400),
        (INVITE.replace(b"CSeq: 314159 INVITE", b"CSeq: 314159 BYE"), 400),
        (line("CSeq: 1 INVITE"), 400),
        (line("t: <sip:mallory@x>"), 400),
        (line("Content-Length: 4"), 400),
        (line("no colon"), 400),
        (line("Via"), 400),
        (line("Bad Name: x"), 400),
        (line("X: a\rb"), 400),
        (line("X: a\nb"), 400),
        (line("X: a\0b"), 400),
        (line("X: \x1b[31m"), 400),
        (line('X: "a\x07"'), 400),
        (line("Replaces: c;to-tag=1;from-tag=2").replace(b"INVITE", b"OPTIONS"), 400),  # RFC 3891 3
        (INVITE.replace(b"l: 4", b"l: 5"), 400),
        (INVITE.replace(b"l: 4", b"l: +4"), 400),
        (INVITE.replace(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia"), 505),
        (INVITE.replace(b"SIP/2.0\r\nVia", b"HTTP/1.1\r\nVia"), 400),
        (INVITE.replace(b"To: Bob <sip:bob@biloxi.example.com>", b"To:"), 400),
        (INVITE[:200], 400),
        (b"", 400),
        (b"\r\n\r\n", 400),
    ],
)
def test_refused(data: bytes, status: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse_message(data)
    assert caught.value.status == status
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("method", [b"INVITE", b"ACK", b"CANCEL"])
def test_a_replaces_where_it_may_stand(method: bytes) -> None:
    """In an INVITE, and in what may repeat its headers."""
    data = line("Replaces: c;to-tag=1;from-tag=2").replace(b"INVITE", method)
    assert parse_message(data).has("Replaces")


@pytest.mark.parametrize(
    "data",
    [
        INVITE.replace(b"UDP pc33", b"UDP;pc33"),
        INVITE.replace(b"1928301774", b""),
        INVITE.replace(b'"A.', b"A."),
        INVITE.replace(b": 70", b": 256"),
        INVITE.replace(b": 70", b": x"),
        INVITE.replace(b"m: <", b"m: *, <"),
        line("m: *"),
        line("Expires: 4294967296"),
        line("Route: <sip:a"),
        INVITE.replace(b"application/sdp", b"application"),
        INVITE.replace(b"Bob <", b"<sip:x@y>, <"),
        INVITE.replace(b"Bob <sip:bob@biloxi.example.com>", b"Bob <sip:bob@>"),
    ],
)
def test_validate_refuses_and_can_be_answered(data: bytes) -> None:
    message = parse_message(data)
    with pytest.raises(ParseError) as caught:
        message.validate()
    assert caught.value.request is message
    assert make_response(message, 400, to_tag="x").to_bytes().startswith(b"SIP/2.0 400 Bad Request\r\nVia: ")


def test_what_is_salvaged_can_be_answered_without_control_characters() -> None:
    with pytest.raises(ParseError) as caught:
        parse_message(INVITE.replace(b"Bob", b"B\0b").replace(b"bob@biloxi.example.com S", b"<x> S"))
    request = caught.value.request
    assert request is not None
    answer = make_response(request, 400, to_tag="x").to_bytes()
    assert b"\0" not in answer
    parsed = parse_message(answer)
    assert parsed.get_all("Via") == parse_message(INVITE).get_all("Via")
    assert parsed.call_id == parse_message(INVITE).call_id


@pytest.mark.parametrize("length", [1_000, 20_000])
def test_a_uri_that_is_too_long_is_not_taken_apart(length: int) -> None:
    """It costs more than all else of the message, and its refusal does not repeat it."""
    uri = b"sip:" + b"%41" * length + b"@h"
    with pytest.raises(LimitError) as caught:
        parse_message(INVITE.replace(b"sip:bob@biloxi.example.com S", uri + b" S"))
    request = caught.value.request
    assert request is not None
    assert not request.uri.is_sip
    assert len(str(request.uri)) <= DEFAULT_LIMITS.uri


def test_responses_and_garbage_are_not_answered() -> None:
    garbage = (b"\x16\x03\x01\x02", b"GET / HTTP/1.1\r\n\r\n")
    for data in (b"SIP/2.0 99 x\r\n\r\n", b"SIP/2.0 200 OK\r\nX: y\r\n\r\n", *garbage):
        with pytest.raises(ParseError) as caught:
            parse_message(data)
        assert caught.value.request is None


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        (Limits(message=300), 513),
        (Limits(head=300), 513),
        (Limits(headers=10), 400),
        (Limits(header=60), 400),
        (Limits(token=5), 400),
        (Limits(uri=20), 414),
    ],
)
def test_limits(limits: Limits, status: int) -> None:
    with pytest.raises(LimitError) as caught:
        parse_message(INVITE, limits)
    assert caught.value.status == status


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb", "a\0b"])
def test_no_header_value_breaks_a_line(value: str) -> None:
    message = Request("INVITE", Uri.parse("sip:a@b"))
    for method in (message.add_header, message.set_header, message.prepend_header):
        with pytest.raises(ValueError, match="line break"):
            method("X", value)
    with pytest.raises(ValueError, match="line break"):
        make_response(message, 200, value)
    with pytest.raises(ValueError, match="header name"):
        message.add_header("X: y", "z")
    assert message.headers == []


def test_changing_headers_changes_the_values() -> None:
    message = parse_message(INVITE)
    assert "tag" not in message.to.params
    message.set_header("t", "<sip:x@y>;tag=1")
    assert message.to.tag == "1"
    assert message.max_forwards == 70
    message.set_header("Max-Forwards", "69")
    assert message.max_forwards == 69
    message.remove_header("contact")
    assert message.contacts == []
    message.add_header("m", "*")
    assert message.contact_star
    assert message.contacts == []
    message.remove_header("Supported")
    assert not message.has("Supported")
    assert not message.has_option("Supported", "100rel")
    message.add_lines([("Supported", "timer, 100REL")])
    assert message.has("k")
    assert message.has_option("k", "100rel")
    assert not message.has_option("Supported", "100")
    message.prepend_header("Route", "<sip:r;lr>")
    assert message.headers[0][0] == "Route"
    assert len(message.routes) == 1
    message.set_body("hellö", "text/plain")
    assert message.to_bytes().endswith("Content-Length: 6\r\n\r\nhellö".encode())
    message.set_body(b"")
    assert not message.has("Content-Type")


def test_lines_of_unknown_names_belong_together_whatever_their_case() -> None:
    message = Response(200, "OK", [("X-Tokens", "one"), ("x-tokens", "Two, three")])
    assert message.get_all("X-Tokens") == ["one", "Two, three"]
    assert message.has("X-TOKENS")
    assert not message.has("X-Token")
    assert [message.has_option("X-tokens", option) for option in ("one", "two", "thr")] == [True, True, False]


def test_via_handling() -> None:
    message = parse_message(INVITE)
    message.mark_source("192.0.2.7", 4444)
    assert (message.via.received, message.via.rport) == ("192.0.2.7", 4444)
    assert [via.host for via in parse_message(message.to_bytes()).vias] == [via.host for via in message.vias]
    assert message.get_all("Via")[0].count("received=192.0.2.7") == 1
    assert message.pop_via().branch == "z9hG4bK776"
    message.mark_source("second.example.com", 1)
    assert message.via == Via("TCP", "second.example.com")
    message.mark_source("192.0.2.8", 1)
    assert message.via.params == {"received": "192.0.2.8"}
    message.pop_via()
    message.pop_via()
    with pytest.raises(ParseError):
        message.pop_via()


def test_response_copies_what_it_must() -> None:
    request = parse_message(line("Timestamp: 54"))
    assert isinstance(request, Request)
    ok = make_response(request, 200, to_tag="abc")
    assert [name for name, _ in ok.headers] == ["Via", "Via", "Record-Route", "To", "From", "Call-ID", "CSeq"]
    assert ok.to.tag == "abc"
    assert ok.reason == "OK"
    tagged = parse_message(INVITE.replace(b"ple.com>\r\nF", b"ple.com>;tag=z\r\nF"))
    assert isinstance(tagged, Request)
    assert make_response(tagged, 200, "x", "abc").to.tag == "z"
    trying = make_response(request, 100, to_tag="abc")
    assert trying.to.tag is None
    assert trying.get("Timestamp") == "54"
    assert not make_response(request, 404).has("Record-Route")
    assert (reason_phrase(486), reason_phrase(499)) == ("Busy Here", "Request Failure")


@pytest.mark.parametrize("tag", ["", "a b", "a\r\nX: y", "ä", "½", 'a"'])
def test_response_takes_tokens_alone_as_tag(tag: str) -> None:
    request = parse_message(INVITE)
    assert isinstance(request, Request)
    if tag:
        with pytest.raises(ValueError, match="not a tag"):
            make_response(request, 200, to_tag=tag)
    else:
        assert make_response(request, 200, to_tag=tag).to.tag is None


def test_copies_are_independent() -> None:
    request = parse_message(INVITE)
    copy = request.copy()
    copy.set_header("To", "<sip:n@m>")
    assert request.to.uri.user == "bob"
    response = Response(200, "OK", [("Via", "x")])
    response.copy().add_header("X", "y")
    assert not response.has("X")


PIECES = [b"\r\n", b"\r\n ", b'"', b"<", b">", b",", b";", b"\\", b":"]


def read_everything(data: bytes) -> None:
    message = parse_message(data)
    message.validate()
    _ = message.vias
    parse_message(message.to_bytes())
    if isinstance(message, Request):
        make_response(message, 200, to_tag="x").to_bytes()
    body = parse_body(message)
    if body is not None and body.find("application/sdp") is not None:
        SessionDescription.parse(message.body)


@given(st.binary(max_size=300))
def test_any_bytes_parse_or_are_a_stack_error(data: bytes) -> None:
    with contextlib.suppress(SipError):
        read_everything(data)


@settings(max_examples=400)
@given(st.data())
def test_any_mutation_parses_or_is_a_stack_error(data: st.DataObject) -> None:
    message = bytearray(INVITE)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(message) - 1))
        cut = data.draw(st.integers(0, 8))
        new = data.draw(st.binary(max_size=4) | st.sampled_from(PIECES))
        message[at : at + cut] = new
    try:
        read_everything(bytes(message))
    except SipError as error:
        request = getattr(error, "request", None)
        if request is not None:
            answer = make_response(request, 400, to_tag="x").to_bytes()
            assert answer.count(b"\r\n\r\n") == 1


names = st.from_regex(r"X-[A-Za-z0-9-]{1,10}", fullmatch=True)
values = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30).map(lambda text: f"a{text}b")


@given(st.lists(st.tuples(names, values), max_size=5), st.binary(max_size=50))
def test_round_trip(headers: list[tuple[str, str]], body: bytes) -> None:
    request = parse_message(INVITE)
    for name, value in headers:
        request.add_header(name, value)
    request.set_body(body, "application/octet-stream")
    again = parse_message(request.to_bytes())
    assert again.body == body
    assert [one for one in again.headers if one[0] != "Content-Length"] == [
        one for one in request.headers if one[0] != "Content-Length"
    ]


def test_white_space_costs_no_more_than_its_length() -> None:
    message = parse_message(line("X: a" + " " * 8000 + "b\r\n " + " " * 8000 + "\r\n\tc"))
    value = message.get("X")
    assert value is not None
    assert value.split() == ["a", "b", "c"]


def test_the_last_header_line_of_a_datagram_may_be_its_end():
    whole = (
        b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:b>;tag=1\r\nTo: <sip:a>\r\n"
        b"Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
    )
    message = parse_message(whole)
    assert (message.call_id, message.body) == ("1", b"")
    assert str(message.cseq) == "1 OPTIONS"
    with pytest.raises(ParseError):
        parse_message(whole[:-1])
    with pytest.raises(ParseError):
        parse_message(whole + b"Content-Length: 3\r\n")


@pytest.mark.parametrize(("name", "read"), [("Contact", "contacts"), ("Route", "routes"), ("Via", "vias")])
def test_the_values_of_a_header_are_limited_in_all_its_lines(name, read):
    value = "SIP/2.0/UDP a" if name == "Via" else "<sip:a>"
    message = Request("REGISTER", Uri.parse("sip:a"), [(name, ",".join([value] * 200))])
    assert len(getattr(message, read)) == 200
    message = Request("REGISTER", Uri.parse("sip:a"), [(name, ",".join([value] * 200))] * 2)
    with pytest.raises(LimitError):
        getattr(message, read)
