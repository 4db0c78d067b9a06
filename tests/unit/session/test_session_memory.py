"""What is remembered of peers' texts is bounded in bytes: long ones are understood and forgotten."""

from __future__ import annotations

from asterism.applications.session import descriptions, identity
from asterism.applications.session.sdp_handlers import reading
from asterism.stack.message import Request
from asterism.stack.sdp import SessionDescription

HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 96\r\n"


def described(attributes: str) -> SessionDescription:
    request = Request("INVITE", "sip:x")  # type: ignore[arg-type]
    request.headers.append(("Content-Type", "application/sdp"))
    request.body = (HEAD + attributes).encode()
    found = descriptions.description_of(request)
    assert found is not None
    return found


def test_long_names_are_not_kept() -> None:
    before = identity._name_addr.cache_info().currsize, identity._sip_uri.cache_info().currsize
    long = "9" * 60_000
    assert identity.name_addr(long, identity.sip_uri(long, "h")) == f'"{long}" <sip:{long}@h>'
    assert (identity._name_addr.cache_info().currsize, identity._sip_uri.cache_info().currsize) == before


def test_large_descriptions_are_not_kept() -> None:
    before = reading.read_lines.cache_info().currsize, descriptions._has_unmapped.cache_info().currsize
    long = "x" * 60_000
    description = described(f"a=rtpmap:96 {long}/8000\r\na=fmtp:96 {long}\r\n")
    section = reading.read_section(description, description.media[0])
    assert len(str(section)) < 1000
    assert (reading.read_lines.cache_info().currsize, descriptions._has_unmapped.cache_info().currsize) == before
    small = described("a=rtpmap:96 G722/8000\r\na=x-unique-of-this-test\r\n")
    reading.read_section(small, small.media[0])
    assert reading.read_lines.cache_info().currsize == min(before[0] + 1, 512)
