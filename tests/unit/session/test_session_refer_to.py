"""What a REFER asks for: its grammar, and what is refused."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.applications.session.refer_to import MOST_HEADERS, MOST_TEXT, headers_with, read
from asterism.stack.errors import ParseError
from asterism.stack.message import Request
from asterism.stack.uri import Uri


def refer(*headers: tuple[str, str]) -> Request:
    request = Request("REFER", Uri.parse("sip:pbx@127.0.0.1"))
    request.headers.extend(headers)
    return request


@pytest.mark.parametrize(
    ("value", "user"),
    [
        ("<sip:6003@127.0.0.1:5060>", "6003"), ("sip:6003@127.0.0.1", "6003"), ("sip:6003@127.0.0.1;x=y", "6003"),
        ('"A, B" <sip:6003@h>', "6003"), ("<sips:6003@h;method=INVITE>", "6003"), ("<sip:127.0.0.1>", ""),
        ("<sip:60%2003@h?Subject=x%0d%0aEvil:%20y>", "60 03"),
    ],
)  # fmt: skip
def test_one_sip_uri(value: str, user: str) -> None:
    wanted = read(refer(("Refer-To", value)))
    assert wanted.uri.user == user
    assert (wanted.replaces, wanted.referred_by, wanted.subscribed, wanted.voicemail) == (None, "", True, False)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 400),
        ((("Refer-To", ""),), 400),
        ((("Refer-To", "<tel:+123>"),), 400),
        ((("Refer-To", "<mailto:a@b>"),), 400),
        ((("Refer-To", "<sip:a@b>, <sip:c@d>"),), 400),
        ((("Refer-To", "<sip:a@b>"), ("Refer-To", "<sip:a@b>")), 400),
        ((("Refer-To", f"<sip:{'6' * 64_000}@b>"),), 400),
        ((("Refer-To", "<sip:a@b;method=BYE>"),), 501),
        ((("Refer-To", "<sip:a@b?Replaces=nosuch>"),), 400),
        ((("Refer-To", "<sip:a@b?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2&Replaces=y>"),), 400),
        ((("Refer-To", "<sip:a@b>"), ("Referred-By", "<sip:a@b>"), ("Referred-By", "<sip:a@b>")), 400),
        ((("Refer-To", "<sip:a@b>"), ("Referred-By", "<sip:")), 400),
        ((("Refer-To", "<sip:a@b>"), ("Refer-Sub", "perhaps")), 400),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_out_is_refused(headers: tuple[tuple[str, str], ...], status: int) -> None:
    with pytest.raises(ParseError) as refused:
        read(refer(*headers))
    assert refused.value.status == status


_TAG = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='";,=<>?&\\%'), min_size=1)


@given(_TAG, _TAG, _TAG, st.booleans())
def test_a_dialog_that_was_escaped_is_the_one_that_is_read(call_id: str, to: str, from_: str, early: bool) -> None:
    try:
        text = f"{call_id};to-tag={to};from-tag={from_}{';early-only' if early else ''}"
        wanted = read(refer(("Refer-To", f"<sip:6003@h?Replaces={quote(text, safe='')}>")))
    except ParseError:
        return
    found = wanted.replaces
    assert found is not None
    assert (found.call_id, found.to_tag, found.from_tag, found.early_only) == (call_id, to, from_, early)


def test_who_wants_not_to_be_told_and_who_sends_to_its_voicemail() -> None:
    to = ("Refer-To", "<sip:a@b>")
    assert not read(refer(to, ("Refer-Sub", "FALSE"))).subscribed
    assert read(refer(to, ("Refer-Sub", "true"))).subscribed
    assert read(refer(to, ("X-Digium-Call-Feature", "feature_send_to_vm"))).voicemail
    assert read(refer(to, ("Diversion", '<sip:a@b>;reason="send_to_vm"'))).voicemail
    assert not read(refer(to, ("Diversion", "<sip:a@b>;reason=no-answer"))).voicemail
    assert not read(refer(to, ("Diversion", "<sip"))).voicemail


def test_headers_that_the_dialplan_may_read_are_chosen_and_bounded() -> None:
    request = refer(("X-One", "1"), ("x-two", "2"), ("X-One", "again"), ("Subject", "s"))
    assert headers_with(request, "X-") == {"X-One": "1", "x-two": "2"}
    assert set(headers_with(request, "*")) == {"X-One", "x-two", "Subject"}
    many = refer(*((f"X-{number}", "v") for number in range(500)))
    assert len(headers_with(many, "*")) == MOST_HEADERS
    large = headers_with(refer(*((f"X-{number}", "v" * 1000) for number in range(50))), "*")
    assert sum(len(name) + len(value) for name, value in large.items()) <= MOST_TEXT
