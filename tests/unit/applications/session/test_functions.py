"""Names of responses, parts of URIs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from asterism.applications.session.driver import SessionDriver
from asterism.applications.session.functions import SessionFunctions, _uri_part, parse_status
from asterism.applications.session.uac import OutgoingSession
from asterism.pbx.vocabulary.flow import FunctionError


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("486", 486),
        ("BUSY_HERE", 486),
        ("PJSIP_SC_BUSY_HERE", 486),
        ("PJSIP_SC_INTERNAL_SERVER_ERROR", 500),
        ("PJSIP_SC_SERVER_TIMEOUT", 504),
        ("PJSIP_SC_CALL_TSX_DOES_NOT_EXIST", 481),
        ("PJSIP_SC_TSX_TIMEOUT", 408),
        ("PJSIP_SC_REQUEST_URI_TOO_LONG", 414),
        ("PJSIP_AC_AMBIGUOUS", 485),
        ("PJSIP_SC_SESSION_TIMER_TOO_SMALL", 422),
        ("USE_IDENTITY_HEADER", 428),
        ("UNSUPPORTED_CERTIFICATE", 437),
        ("pjsip_sc_not_found", 404),
        ("PJSIP_SC_PROXY_AUTHENTICATION_REQUIRED", 407),
        ("PJSIP_SC_NOT_ACCEPTABLE_ANYWHERE", 606),
        ("PJSIP_SC_OK", None),
        ("NONSENSE", None),
        ("302", None),
        ("", None),
    ],
)
def test_the_response_to_hang_up_with(text: str, status: int | None) -> None:
    assert parse_status(text) == status


@pytest.mark.parametrize(
    ("text", "part", "value"),
    [
        ("sip:u@h;user=phone", "user_param", "phone"),
        ("sip:u@h;lr;transport=tcp", "lr_param", "1"),
        ("sip:u@h;lr;transport=tcp", "transport_param", "tcp"),
        ("sip:u@h?Subject=x", "host", "h"),
        ('"Doe, John" <sip:1:pw@h:5070;ttl=3>;tag=x', "display", "Doe, John"),
        ('"Doe, John" <sip:1:pw@h:5070;ttl=3>;tag=x', "passwd", "pw"),
        ('"Doe, John" <sip:1:pw@h:5070;ttl=3>;tag=x', "ttl_param", "3"),
        ("<sip:h>", "port", "0"),
        ("sips:[::1]:5061", "port", "5061"),
    ],
)
def test_a_part_of_a_uri(text: str, part: str, value: str) -> None:
    assert _uri_part(text, part) == value


@pytest.mark.parametrize(("text", "part"), [("*", "user"), ("<sip:a@b", "user"), ("sip:a@b", "colour"), ("", "user")])
def test_what_is_no_uri_or_no_part_is_told(text: str, part: str) -> None:
    with pytest.raises(FunctionError):
        _uri_part(text, part)


class _Session(OutgoingSession):
    __slots__ = ("__dict__",)


@pytest.mark.parametrize("name", ["Via", "v", "from", "To", "Call-ID", "i", "CSeq", "Max-Forwards", "l"])
def test_headers_of_the_stack_are_not_added_again(name: str) -> None:
    session: Any = object.__new__(_Session)
    session.added_headers = []
    channel: Any = SimpleNamespace(driver=SessionDriver(session))
    functions = SessionFunctions(SimpleNamespace(), {})  # type: ignore[arg-type]
    with pytest.raises(FunctionError, match="written by the server"):
        functions.write_header(channel, f"add,{name}", "x")
    functions.write_header(channel, "add,X-Other", "x")
    assert session.added_headers == [("X-Other", "x")]
