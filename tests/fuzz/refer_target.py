"""REFER: what it asks for, from the headers that say so (RFC 3515, RFC 3892, RFC 4488)."""

from __future__ import annotations

from contextlib import suppress

from asterism.applications.session.refer_to import LONGEST, MOST_HEADERS, MOST_TEXT, headers_with, read
from asterism.stack.errors import ParseError
from asterism.stack.parser import parse_message

_HEAD = (
    b"REFER sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
    b"Call-ID: x\r\nCSeq: 1 REFER\r\nContact: <sip:a@h>\r\n"
)

SEEDS = (
    b"Refer-To: <sip:6003@127.0.0.1>",
    b"r: sip:6003@127.0.0.1;user=phone\r\nb: <sip:a@b>",
    b"Refer-To: \"A, B\" <sips:6003@h;method=INVITE>\r\nReferred-By: <sip:a@b>;cid=\"1@x\"\r\nRefer-Sub: false",
    b"Refer-To: <sip:6003@h?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces&Subject=x%0d%0ay>",
    b"Refer-To: <sip:6003@h?Replaces=a&replaces=b>",
    b"Refer-To: <tel:+123>, <sip:a@b>",
    b"Refer-To: <sip:%00%0d%0a@h>",
    b"Refer-To: <sip:" + b"6" * 65_000 + b"@h>",
    b"Refer-To: <sip:a@b>\r\nRefer-To: <sip:a@b>",
    b"Refer-To: <sip:a@b>\r\nX-Digium-Call-Feature: feature_send_to_vm\r\nDiversion: <sip:a@b>;reason=\"send_to_vm\"",
    b"Refer-To: <sip:a@b>" + b"\r\nX-A: b" * 300,
)  # fmt: skip


def refer(data: bytes) -> None:
    """It is refused, or what was read is bounded and free of control characters."""
    with suppress(ParseError):
        message = parse_message(_HEAD + data + b"\r\n\r\n")
        request = message
        for prefix in ("*", "X-", "r"):
            found = headers_with(request, prefix)  # type: ignore[arg-type]
            assert len(found) <= MOST_HEADERS
            assert sum(len(name) + len(value) for name, value in found.items()) <= MOST_TEXT
        wanted = read(request)  # type: ignore[arg-type]
        assert wanted.uri.is_sip
        assert len(str(wanted.uri)) <= 3 * LONGEST + 100
        for text in (str(wanted.uri), wanted.referred_by):
            assert not {"\r", "\n", "\0"} & set(text)
        if wanted.replaces is not None:
            assert wanted.replaces.call_id
            assert not {"\r", "\n"} & set(str(wanted.replaces))
