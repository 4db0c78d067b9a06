"""RFC 5118: messages with IPv6 addresses."""

import pytest

from asterism.stack import ParseError, Request, parse_message
from asterism.stack.sdp import SessionDescription

TEMPLATE = """{method} {uri} SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP {via};branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
Contact: "Caller" <sip:caller@{contact}>
CSeq: 98176 {method}
Content-Length: 0

"""


def build(
    method: str = "REGISTER",
    uri: str = "sip:[2001:db8::10]",
    via: str = "[2001:db8::9:1]",
    contact: str = "[2001:db8::1]",
) -> Request:
    text = TEMPLATE.format(method=method, uri=uri, via=via, contact=contact)
    message = parse_message(text.replace("\n", "\r\n").encode())
    message.validate()
    assert isinstance(message, Request)
    return message


def test_4_1_reference_in_brackets() -> None:
    message = build()
    assert message.uri.host == "2001:db8::10"
    assert message.uri.port is None
    assert message.via.host == "2001:db8::9:1"
    assert message.contacts[0].uri.host == "2001:db8::1"
    assert b"sip:[2001:db8::10]" in message.to_bytes()


def test_4_2_reference_without_brackets_is_refused() -> None:
    with pytest.raises(ParseError) as caught:
        build(uri="sip:2001:db8::10")
    assert caught.value.status == 400
    assert caught.value.request is not None


def test_4_3_port_inside_the_brackets_is_part_of_the_address() -> None:
    uri = build(uri="sip:[2001:db8::10:5070]").uri
    assert (uri.host, uri.port) == ("2001:db8::10:5070", None)


def test_4_4_port_outside_the_brackets() -> None:
    uri = build(uri="sip:[2001:db8::10]:5070").uri
    assert (uri.host, uri.port) == ("2001:db8::10", 5070)


@pytest.mark.parametrize("received", ["[2001:db8::9:255]", "2001:db8::9:255"])
def test_4_5_received_with_and_without_brackets(received: str) -> None:
    via = build(via=f"[2001:db8::9:1];received={received}").via
    assert via.received == "2001:db8::9:255"
    assert via.branch == "z9hG4bKas3-111"


SDP = """v=0
o=assistant 971731711378798081 0 IN IP6 2001:db8::20
s=Live video feed for today's meeting
c=IN IP6 2001:db8::20
t=3338481189 3370017201
m=audio 6000 RTP/AVP 2
a=rtpmap:2 G726-32/8000
m=video 6024 RTP/AVP 107
c=IN IP4 192.0.2.1
a=rtpmap:107 H263-1998/90000
"""


def test_4_6_and_4_7_addresses_in_sdp() -> None:
    session = SessionDescription.parse(SDP.replace("\n", "\r\n").encode())
    assert [str(session.connection_of(media)) for media in session.media] == ["IN IP6 2001:db8::20", "IN IP4 192.0.2.1"]
    assert str(session) == SDP.replace("\n", "\r\n")


def test_4_8_both_families_in_one_message() -> None:
    text = TEMPLATE.format(
        method="BYE", uri="sip:user@host.example.net", via="192.0.2.1:16823", contact="[2001:db8::1]"
    )
    text = text.replace("Max-Forwards", "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3\nMax-Forwards", 1)
    message = parse_message(text.replace("\n", "\r\n").encode())
    assert [via.sent_by for via in message.vias] == ["192.0.2.1:16823", "[2001:db8::9:1]"]


def test_4_9_mapped_addresses() -> None:
    assert build(contact="[::ffff:192.0.2.10]:19823").contacts[0].uri.host == "::ffff:192.0.2.10"
    session = SessionDescription.parse(b"v=0\r\ns=-\r\nc=IN IP6 ::ffff:192.0.2.10\r\nt=0 0\r\n")
    assert session.connection is not None
    assert session.connection.address == "::ffff:192.0.2.10"


def test_4_10_the_extra_colon_of_the_old_grammar_is_understood() -> None:
    assert build(uri="sip:user@[2001:db8:::192.0.2.1]").uri.host == "2001:db8::192.0.2.1"


@pytest.mark.parametrize("host", ["[2001:db8::10", "[::1]]", "[12345::1]", "[]", "[1:2:3:4:5:6:7:8:9]", "[::1%eth0]"])
def test_bad_references_are_refused(host: str) -> None:
    with pytest.raises(ParseError):
        build(uri=f"sip:{host}")
