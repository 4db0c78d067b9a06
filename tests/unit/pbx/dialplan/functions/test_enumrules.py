"""From numbers to domains, and from records to URIs."""

from __future__ import annotations

import pytest

from asterism.pbx.dialplan.functions import enumrules
from asterism.pbx.dialplan.functions.nameservers import NaptrRecord
from asterism.pbx.vocabulary.flow import FunctionError


@pytest.mark.parametrize(
    ("number", "options", "zone", "found"),
    [
        ("+442079460148", "", "", "8.4.1.0.6.4.9.7.0.2.4.4.e164.arpa"),
        ("44 20-7946", "", "e164.test.", "6.4.9.7.0.2.4.4.e164.test"),
        ("+4930123", "i", "", "3.2.1.0.3.i.9.4.e164.arpa"),
        ("+15551", "i", "", "1.5.5.5.i.1.e164.arpa"),
        ("+420123", "i", "", "3.2.1.i.0.2.4.e164.arpa"),
        ("1234*256", "s", "freenum.org", "4.3.2.1.256.freenum.org"),
        ("service", "d", "example.test", "service.example.test"),
    ],
)
def test_the_domain_of_a_number(number: str, options: str, zone: str, found: str) -> None:
    assert enumrules.domain(number, zone or enumrules.ZONE, options) == found


@pytest.mark.parametrize(
    ("number", "options"), [("", ""), ("abc", ""), ("1" * 64, ""), ("123", "s"), ("a*2", "s"), ("", "d"), ("١", "")]
)
def test_what_is_no_number(number: str, options: str) -> None:
    with pytest.raises(FunctionError):
        enumrules.domain(number, "e164.arpa", options)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("!^.*$!sip:info@example.com!", "sip:info@example.com"),
        (r"!^\+44(.*)$!sip:\1@uk.example!", "sip:2079@uk.example"),
        ("/^.*$/sip:a@b/i", "sip:a@b"),
        (r"!^(\+)(4)(4)(.*)!sip:\4\3@x!", "sip:20794@x"),
        (r"!^.*$!sip:a\!b@c!", "sip:a!b@c"),
        (r"!^.*$!sip:\9@c!", "sip:@c"),
        ("!^\\+49!sip:a@b!", None),
        ("!^(!sip:a@b!", None),
        ("!^.*$!sip:a@b", None),
        ("!^.*$!sip:a@b!x", None),
        ("", None),
        ("!!", None),
    ],
)
def test_what_an_expression_makes(expression: str, found: str | None) -> None:
    assert enumrules.rewritten(expression, "+442079") == found


@pytest.mark.parametrize(
    ("service", "method", "fits"),
    [
        ("E2U+sip", "sip", True), ("e2u+SIP", "Sip", True), ("sip+E2U", "sip", True),
        ("E2U+voice:tel+sip", "sip", True),
        ("E2U+voice:tel", "voice", True), ("E2U+voice:tel", "voice:tel", True), ("E2U+pres", "sip", False),
        ("E2U+sips", "sip", False), ("sip", "sip", False), ("E2U+h323", "ALL", True), ("SIP+D2U", "all", False),
    ],
)  # fmt: skip
def test_which_services_are_of_a_type(service: str, method: str, fits: bool) -> None:
    assert enumrules.fits(service, method) is fits


def test_records_become_uris_in_their_order() -> None:
    records = [
        NaptrRecord(10, 10, "u", "E2U+sip", "!^.*$!sip:1@a!", "."),
        NaptrRecord(10, 20, "U", "E2U+tel", "!^(.*)$!tel:\\1!", "."),
        NaptrRecord(10, 30, "", "E2U+sip", "", "other.test."),
        NaptrRecord(20, 10, "u", "E2U+sip", "!^.*$!sip:2@b!", "."),
    ]
    assert enumrules.uris(records, "sip", "+1") == ["sip:1@a", "sip:2@b"]
    assert enumrules.uris(records, "ALL", "+1") == ["sip:1@a", "tel:+1", "sip:2@b"]
