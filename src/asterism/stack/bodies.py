"""Multipart bodies (RFC 5621, RFC 2046 5.1): mixed, related and alternative."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from asterism.stack.errors import LimitError, ParseError
from asterism.stack.grammar import check_value, format_params, printable, quote
from asterism.stack.headers.media_type import ContentDisposition, MediaType
from asterism.stack.limits import DEFAULT_LIMITS, Limits
from asterism.stack.message import Message

_TEXT = MediaType("text", "plain")


@dataclass
class BodyPart:
    """One part of a body, or the one part of a simple body.

    Attributes:
        content_type: what it is.
        content: the bytes; empty if it is itself a multipart.
        headers: the part's other headers, in order.
        parts: the parts of a multipart inside.
    """

    content_type: MediaType
    content: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    parts: list[BodyPart] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """A header of this part, ``None`` if there is none."""
        name = name.lower()
        return next((value for other, value in self.headers if other.lower() == name), None)

    @property
    def disposition(self) -> ContentDisposition:
        """The Content-Disposition of the part; without one ``session`` for SDP, else ``render`` (RFC 3261 20.11)."""
        value = self.header("Content-Disposition")
        if value is None:
            return ContentDisposition("session" if self.content_type.name == "application/sdp" else "render")
        return ContentDisposition.parse(value)

    @property
    def content_id(self) -> str | None:
        """Content-ID without its angle brackets (what a ``cid:`` URI names)."""
        value = self.header("Content-ID")
        return None if value is None else value.strip().removeprefix("<").removesuffix(">")

    def walk(self) -> Iterator[BodyPart]:
        """This part if it is simple, else the simple parts inside, in order."""
        if self.content_type.type != "multipart":
            yield self
        for part in self.parts:
            yield from part.walk()

    def find(self, content_type: str) -> BodyPart | None:
        """The part of that ``type/subtype``; of alternatives the last, which the sender prefers (RFC 2046 5.1.4)."""
        if self.content_type.type != "multipart":
            return self if self.content_type.name == content_type.lower() else None
        parts = reversed(self.parts) if self.content_type.subtype == "alternative" else self.parts
        return next((found for part in parts if (found := part.find(content_type)) is not None), None)

    def by_content_id(self, content_id: str) -> BodyPart | None:
        """The simple part with that Content-ID."""
        return next((part for part in self.walk() if part.content_id == content_id), None)


def parse_body(message: Message, limits: Limits = DEFAULT_LIMITS) -> BodyPart | None:
    """A message's body as a part, ``None`` if it has none.

    Raises:
        ParseError: a malformed multipart or Content-Type; LimitError: too many parts or too deep.
    """
    if not message.body:
        return None
    content_type = message.content_type
    if content_type is None:
        raise ParseError("a body without Content-Type")
    headers = [line for line in message.headers if line[0].startswith("Content-") and line[0] not in _OUTER]
    return _parse(content_type, message.body, headers, limits, 0, [0])


_OUTER = frozenset({"Content-Type", "Content-Length"})


def parse_multipart(content_type: MediaType, data: bytes, limits: Limits = DEFAULT_LIMITS) -> list[BodyPart]:
    """The parts of a multipart body.

    Raises:
        ParseError: no boundary parameter, or the boundary is not in the data; LimitError: too many parts or too deep.
    """
    return _parse(content_type, data, [], limits, 0, [0]).parts


def _parse(
    content_type: MediaType, data: bytes, headers: list[tuple[str, str]], limits: Limits, depth: int, count: list[int]
) -> BodyPart:
    if content_type.type != "multipart":
        return BodyPart(content_type, data, headers)
    if depth >= limits.nesting:
        raise LimitError("multipart bodies nested too deeply")
    boundary = content_type.param("boundary")
    if not boundary or len(boundary) > 70:
        raise ParseError("a multipart body without a usable boundary")
    part = BodyPart(content_type, b"", headers)
    for chunk in _split(data, boundary.encode("utf-8", "surrogateescape"), limits, count):
        part.parts.append(_parse_part(chunk, limits, depth + 1, count))
    return part


def _split(data: bytes, boundary: bytes, limits: Limits, count: list[int]) -> Iterator[bytes]:
    delimiter = b"\r\n--" + boundary
    pieces = (b"\r\n" + data).split(delimiter, limits.parts + 2)
    if len(pieces) < 2:
        raise ParseError("the boundary is not in the multipart body")
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return
        # White space may follow the boundary on its line; anything else was not a delimiter.
        line, newline, rest = piece.partition(b"\r\n")
        if line.strip(b" \t") or not newline:
            raise ParseError("a malformed boundary line in a multipart body")
        count[0] += 1
        if count[0] > limits.parts:
            raise LimitError("too many parts in a body")
        yield rest


def _parse_part(data: bytes, limits: Limits, depth: int, count: list[int]) -> BodyPart:
    if data.startswith(b"\r\n"):
        head, body = b"", data[2:]
    else:
        head, blank, body = data.partition(b"\r\n\r\n")
        if not blank and not head.endswith(b"\r\n"):
            # A part of headers only ends without an empty line when the delimiter's line break is its own.
            body = b""
    headers: list[tuple[str, str]] = []
    content_type = _TEXT
    text = head.decode("utf-8", "surrogateescape").replace("\r\n ", " ").replace("\r\n\t", " ")
    lines = [line for line in text.split("\r\n") if line]
    if len(lines) > limits.headers:
        raise LimitError("too many headers in a body part")
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise ParseError(f"bad header in a body part: {printable(line)!r}")
        name, value = name.strip(), value.strip(" \t")
        if name.lower() == "content-type":
            content_type = MediaType.parse(value)
        else:
            headers.append((name, value))
    return _parse(content_type, body, headers, limits, depth, count)


def build_multipart(
    parts: Sequence[BodyPart], boundary: str, subtype: str = "mixed", **params: str
) -> tuple[bytes, MediaType]:
    """Write a multipart body.

    Args:
        parts: what it holds; multiparts among them need their own ``boundary`` parameter.
        boundary: text that occurs in none of the parts (1 to 70 characters); the caller draws it.
        subtype: ``mixed``, ``related`` or ``alternative``.
        params: more parameters of the Content-Type (``start``, ``type``); quoted here.

    Returns:
        The body and its Content-Type.

    Raises:
        ValueError: an unusable boundary, or it occurs in a part, or a line break in a header.
    """
    if not 1 <= len(boundary) <= 70 or not boundary.isascii() or not boundary.isprintable() or boundary.endswith(" "):
        raise ValueError("a boundary is 1 to 70 printable ASCII characters")
    delimiter = b"--" + boundary.encode("ascii")
    out = bytearray()
    for part in parts:
        content, content_type = part.content, part.content_type
        if content_type.type == "multipart":
            inner = content_type.param("boundary")
            if not inner:
                raise ValueError("a multipart part needs a boundary parameter")
            content, _ = build_multipart(part.parts, inner, content_type.subtype)
        if b"\r\n" + delimiter in b"\r\n" + content:
            raise ValueError("the boundary occurs in a part")
        out += delimiter + b"\r\n"
        for name, value in [("Content-Type", str(content_type)), *part.headers]:
            out += f"{check_value(name)}: {check_value(value)}\r\n".encode("utf-8", "surrogateescape")
        out += b"\r\n" + content + b"\r\n"
    out += delimiter + b"--\r\n"
    all_params: dict[str, str | None] = {"boundary": quote(boundary)}
    all_params.update({name: quote(value) for name, value in params.items()})
    check_value(format_params(all_params))
    return bytes(out), MediaType("multipart", subtype, all_params)
