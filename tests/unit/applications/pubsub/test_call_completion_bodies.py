"""Bodies of call completion (RFC 6910): written, read, and what is no such body."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.applications.pubsub.bodies.call_completion import (
    MAX_BODY,
    CompletionState,
    availability_text,
    completion_text,
    read_availability,
    read_completion,
)
from asterism.stack.errors import ParseError


def test_what_is_written():
    assert completion_text(CompletionState("queued")) == "cc-state: queued\r\n"
    assert completion_text(CompletionState("ready", "sip:200@h;m=BS", True)) == (
        "cc-state: ready\r\ncc-service-retention: true\r\ncc-URI: sip:200@h;m=BS\r\n"
    )


@given(
    st.sampled_from(("queued", "ready")),
    st.sampled_from(("", "sip:a@b", "sips:200@[::1]:5061;m=BS")),
    st.booleans(),
)
def test_what_is_written_is_read(state, uri, retention):
    found = CompletionState(state, uri, retention)
    assert read_completion(completion_text(found).encode()) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"CC-State :READY\nX-Other: 1\n", CompletionState("ready")),
        (b"cc-service-retention\r\ncc-state:queued", CompletionState("queued", "", True)),
        (b"cc-state: ready\r\ncc-URI: <sip:a@b>;x=1\r\n", CompletionState("ready", "sip:a@b")),
        (b"cc-state: ready\r\ncc-URI: <<sip:a@b>\r\n", CompletionState("ready")),
        (b"cc-state: ready\r\ncc-URI: sip:a b\r\n", CompletionState("ready")),
    ],
)
def test_other_spellings(body, found):
    assert read_completion(body) == found


@pytest.mark.parametrize(
    "body",
    [b"", b"cc-state", b"cc-state: busy", b"cc-state: ready\r\ncc-state: ready", b"cc-URI: sip:a@b", b"cc-state: \xff"],
)
def test_what_is_no_state_is_refused(body):
    with pytest.raises(ParseError) as found:
        read_completion(body)
    assert found.value.status == 400


def test_availability():
    for available in (True, False):
        assert read_availability(availability_text('sip:a"<&>@b', available).encode()) is available


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"closed",
        b"<presence/>",
        b'<presence xmlns="urn:ietf:params:xml:ns:pidf"><basic>maybe</basic></presence>',
        b"<presence><tuple><status><basic>open</basic></status></tuple></presence>",
        b'<!DOCTYPE p [<!ENTITY a "open">]><p xmlns="urn:ietf:params:xml:ns:pidf"><basic>&a;</basic></p>',
        b'<!DOCTYPE p SYSTEM "file:///etc/passwd"><p xmlns="urn:ietf:params:xml:ns:pidf"><basic>open</basic></p>',
        b'<p xmlns="urn:ietf:params:xml:ns:pidf">' + b"<x>" * 40 + b"<basic>open</basic>" + b"</x>" * 40 + b"</p>",
        b'<p xmlns="urn:ietf:params:xml:ns:pidf"><basic>open</basic>',
        b'<?xml version="1.0" encoding="UT-8"?><p/>',
        b'<?xml version="1.0" encoding="utf-7"?><p/>',
    ],
    ids=[
        "empty",
        "no XML",
        "no status",
        "another word",
        "no namespace",
        "entity",
        "system",
        "deep",
        "not closed",
        "unknown encoding",
        "encoding",
    ],
)
def test_what_is_no_presence_is_refused(body):
    with pytest.raises(ParseError) as found:
        read_availability(body)
    assert found.value.status == 400


def test_the_first_status_counts_and_long_bodies_do_not():
    two = availability_text("sip:a@b", True).replace(
        " </tuple>", " </tuple><tuple><status><basic>closed</basic></status></tuple>"
    )
    assert read_availability(two.encode()) is True
    for reader in (read_availability, read_completion):
        with pytest.raises(ParseError) as found:
            reader(b"x" * (MAX_BODY + 1))
        assert found.value.status == 413
