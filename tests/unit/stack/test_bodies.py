"""Multipart bodies."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.stack import ContentDisposition, LimitError, Limits, MediaType, ParseError, Request, Uri
from asterism.stack.bodies import BodyPart, build_multipart, parse_body, parse_multipart

SDP = BodyPart(MediaType("application", "sdp"), b"v=0\r\n")
TEXT = BodyPart(
    MediaType("text", "plain"), b"hello\r\n--b", [("Content-ID", "<a@b>"), ("Content-Disposition", "render")]
)


def message(body: bytes, content_type: str) -> Request:
    request = Request("INVITE", Uri.parse("sip:a@b"))
    request.set_body(body, content_type)
    return request


def test_simple_body_is_one_part() -> None:
    part = parse_body(message(b"v=0\r\n", "application/sdp"))
    assert part is not None
    assert part.find("APPLICATION/SDP") is part
    assert part.disposition == ContentDisposition("session")
    assert list(part.walk()) == [part]
    assert parse_body(Request("BYE", Uri.parse("sip:a@b"))) is None


@pytest.mark.parametrize("subtype", ["mixed", "related", "alternative"])
def test_round_trip(subtype: str) -> None:
    data, content_type = build_multipart([SDP, TEXT], "xyz", subtype, start="<a@b>")
    assert content_type.param("start") == "<a@b>"
    part = parse_body(message(data, str(content_type)))
    assert part is not None
    assert part.parts == [SDP, TEXT]
    assert part.find("application/sdp") == SDP
    assert part.by_content_id("a@b") == TEXT
    assert [one.disposition.type for one in part.walk()] == ["session", "render"]


def test_nested_and_alternatives() -> None:
    inner_type = MediaType("multipart", "alternative", {"boundary": "in"})
    html, plain = BodyPart(MediaType("text", "html"), b"<p>"), BodyPart(MediaType("text", "html"), b"<b>")
    data, content_type = build_multipart([SDP, BodyPart(inner_type, parts=[html, plain])], "out")
    parts = parse_multipart(content_type, data)
    assert parts[1].find("text/html") == plain
    whole = BodyPart(content_type, parts=parts)
    assert [one.content for one in whole.walk()] == [b"v=0\r\n", b"<p>", b"<b>"]
    with pytest.raises(LimitError):
        parse_multipart(content_type, data, Limits(nesting=1))
    with pytest.raises(LimitError):
        parse_multipart(content_type, data, Limits(parts=2))


def test_preamble_epilogue_and_default_type() -> None:
    parts = parse_multipart(
        MediaType.parse("multipart/mixed;boundary=b"), b"pre\r\n--b \r\n\r\none\r\n--b--\r\nepilogue --b"
    )
    assert parts == [BodyPart(MediaType("text", "plain"), b"one")]


def test_headers_of_a_part() -> None:
    (part,) = parse_multipart(
        MediaType.parse("multipart/related;boundary=b"),
        b"--b\r\nContent-Type: text/html;\r\n\tcharset=x\r\nContent-ID: <a@b>\r\n"
        b"content-disposition: icon;\r\n handling=optional\r\n\r\n\r\n--b--",
    )
    assert (part.content_type.name, part.content_type.param("charset")) == ("text/html", "x")
    assert part.content_id == "a@b"
    assert part.disposition.type == "icon"
    assert not part.disposition.required
    assert part.content == b""


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("multipart/mixed", b"--b\r\n\r\n--b--"),
        ("multipart/mixed;boundary=b", b"nothing"),
        ("multipart/mixed;boundary=b", b"--bx\r\n\r\n"),
        ("multipart/mixed;boundary=b", b"--b\r\nno colon\r\n\r\nx\r\n--b--"),
        ("multipart/mixed;boundary=b", b"--b\r\nContent-Type: x\r\n\r\n"),
    ],
)
def test_refused(content_type: str, data: bytes) -> None:
    with pytest.raises(ParseError):
        parse_multipart(MediaType.parse(content_type), data)


def test_misuse() -> None:
    with pytest.raises(ValueError, match="occurs in a part"):
        build_multipart([TEXT], "b")
    for boundary in ("", "x" * 71, "a\r\n", "a "):
        with pytest.raises(ValueError, match="boundary"):
            build_multipart([SDP], boundary)
    body = message(b"x", "text/plain")
    body.remove_header("Content-Type")
    with pytest.raises(ParseError):
        parse_body(body)


@given(st.lists(st.binary(max_size=20), max_size=4))
def test_any_content_round_trips(contents: list[bytes]) -> None:
    parts = [BodyPart(MediaType("application", "octet-stream"), content) for content in contents]
    data, content_type = build_multipart(parts, "a-boundary-of-more-than-twenty-bytes")
    assert parse_multipart(content_type, data) == parts


@given(st.binary(max_size=60) | st.text("-b\r\n:C", max_size=60).map(str.encode))
def test_any_bytes_parse_or_are_a_parse_error(data: bytes) -> None:
    with contextlib.suppress(ParseError):
        parse_multipart(MediaType("multipart", "mixed", {"boundary": "b"}), data)
