"""The dress of messages: headers that all have, their order; done twice it is the same."""

from __future__ import annotations

from asterism.sip.objects.habits import Style
from asterism.sip.style import dress_request, dress_response
from asterism.stack.message import Request, Response
from asterism.stack.uri import Uri

STYLE = Style("Asterisk PBX", "INVITE, ACK", "replaces, timer")


def test_a_response_has_server_allow_and_supported_before_the_rest() -> None:
    response = Response(
        489, "", [
            ("Via", "SIP/2.0/UDP h"), ("From", "<sip:a@h>"), ("To", "<sip:b@h>;tag=t"), ("Call-ID", "c"),
            ("CSeq", "1 SUBSCRIBE"), ("Allow-Events", "dialog"), ("Contact", "<sip:h>"), ("Expires", "60"),
            ("Server", "Asterism"), ("X-Other", "kept"),
        ],
    )  # fmt: skip
    dress_response(response, STYLE)
    once = list(response.headers)
    assert once[5:] == [
        ("Server", "Asterisk PBX"), ("Allow", "INVITE, ACK"), ("Supported", "replaces, timer"), ("Expires", "60"),
        ("Contact", "<sip:h>"), ("X-Other", "kept"),
    ]  # fmt: skip
    dress_response(response, STYLE)
    assert response.headers == once


def test_several_values_of_a_header_keep_their_order() -> None:
    response = Response(200, "", [("Via", "1"), ("Via", "2"), ("Contact", "<sip:a@h>"), ("Contact", "<sip:b@h>")])
    dress_response(response, STYLE)
    assert response.get_all("Via") == ["1", "2"]
    assert response.get_all("Contact") == ["<sip:a@h>", "<sip:b@h>"]


def test_only_requests_that_ask_what_we_can_do_say_so() -> None:
    for method, told in (("INVITE", True), ("OPTIONS", True), ("BYE", False), ("NOTIFY", False)):
        request = Request(
            method, Uri.parse("sip:h"), [("User-Agent", "Asterism"), ("From", "<sip:a@h>"), ("Allow", "X")]
        )
        assert request.get("User-Agent") == "Asterism"  # what was read before is not remembered
        dress_request(request, STYLE)
        assert request.get("User-Agent") == "Asterisk PBX"
        assert request.get("Allow") == ("INVITE, ACK" if told else None), method


def test_without_an_agent_there_is_none() -> None:
    response = Response(200, "", [("Server", "Asterism")])
    dress_response(response, Style("", "INVITE", "timer"))
    assert response.get("Server") is None
