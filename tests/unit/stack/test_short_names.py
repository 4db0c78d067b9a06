"""Messages with short header names read as those with long ones."""

from __future__ import annotations

from asterism.stack.headers.names import COMPACT
from asterism.stack.parser import parse_message
from asterism.stack.short_names import shorten

LONG = (
    b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:To: @b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:a@h>\r\nX-From: me\r\n"
    b"Content-Type: text/plain\r\n"
    b"Content-Length: 13\r\n\r\nTo: you\r\nVia: "
)
SHORT = (
    b"INVITE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bKx\r\nMax-Forwards: 70\r\nf: <sip:a@b>;tag=1\r\n"
    b"t: <sip:To: @b>\r\ni: x\r\nCSeq: 1 INVITE\r\nm: <sip:a@h>\r\nX-From: me\r\nc: text/plain\r\n"
    b"l: 13\r\n\r\nTo: you\r\nVia: "
)


def test_names_with_a_short_form_get_it_and_nothing_else_changes() -> None:
    assert shorten(LONG) == SHORT


def test_what_is_shortened_says_the_same() -> None:
    for name in COMPACT.values():
        data = LONG.replace(b"X-From: me", f"{name}: value".encode()) if name == "Subject" else LONG
        assert parse_message(shorten(data)).headers == parse_message(data).headers


def test_what_is_no_message_stays() -> None:
    assert shorten(b"\r\n\r\n") == b"\r\n\r\n"
    assert shorten(b"") == b""
