"""Bindings found by equivalent URIs, and by the URI that a phone gave."""

from __future__ import annotations

import pytest

from asterism.sip.bindings import UriIndex
from asterism.sip.objects.contact import Contact, contact_id
from asterism.stack.uri import Uri


def binding(uri: str, original: str = "", call_id: str = "") -> Contact:
    return Contact(contact_id("a", uri + call_id), uri=uri, original_uri=original, call_id=call_id)


@pytest.mark.parametrize(
    ("bound", "asked", "same"),
    [
        ("sip:a@h.test", "sip:a@H.TEST", True),
        ("sip:%61@h.test", "sip:a@h.test", True),
        ("sip:a@h.test;x=1", "sip:a@h.test", True),
        ("sip:a@h.test;transport=UDP", "sip:a@h.test;transport=udp", True),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]", True),
        ("sip:a@h.test;x=1", "sip:a@h.test;x=2", False),
        ("sip:a@h.test;transport=udp", "sip:a@h.test", False),
        ("sip:a@h.test", "sip:a@h.test:5060", False),
        ("sip:a@h.test", "sip:A@h.test", False),
        ("sip:a@h.test", "sips:a@h.test", False),
    ],
)
def test_equivalent_uris(bound: str, asked: str, same: bool) -> None:
    one = binding(bound)
    index = UriIndex([binding("sip:other@h.test"), one])
    assert index.equivalent(Uri.parse(asked)) is (one if same else None)
    index.remove(one)
    assert index.equivalent(Uri.parse(asked)) is None


def test_the_uri_that_the_phone_gave() -> None:
    private = Uri.parse("sip:bob@10.0.0.1:5060")
    one = binding("sip:bob@203.0.113.5:33000", str(private), "one")
    index = UriIndex([one, binding("sip:bob@10.0.0.1:5060")])
    assert index.registered_as(private, "another") is one
    two = binding("sip:bob@203.0.113.6:33000", str(private), "two")
    index.add(two)
    assert index.registered_as(private, "two") is two
    assert index.registered_as(private, "three") is None
    index.remove(two)
    assert index.registered_as(private, "three") is one


def test_what_others_stored_may_be_no_uri() -> None:
    odd = binding("no uri", "neither")
    index = UriIndex([odd])
    index.remove(odd)
    assert index.equivalent(Uri.parse("sip:a@h.test")) is None
