"""Bytes to messages.

:func:`parse_message` splits the head once and looks no further than it must; what it refuses is
looked at again by :func:`_salvage`, so that the error can carry a request to answer.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final, NoReturn

from asterism.stack.errors import LimitError, ParseError
from asterism.stack.grammar import is_token, printable
from asterism.stack.headers.cseq import KNOWN_CSEQS, CSeq
from asterism.stack.headers.names import KNOWN, SINGLE, wire_name
from asterism.stack.limits import DEFAULT_LIMITS, Limits
from asterism.stack.message import Message, Request, Response
from asterism.stack.uri import KNOWN_URIS, Uri

_CONTROLS: Final = bytes(code for code in (*range(32), 127) if code != 9)
_fold = re.compile(r"\r\n[ \t]+").sub
_version = re.compile(r"SIP/([0-9]+)\.([0-9]+)", re.IGNORECASE).fullmatch
_controls = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_quoted_pairs = re.compile(r"\\[^\r\n]", re.DOTALL).sub
_response_start = re.compile(r"SIP/[0-9]+\.[0-9]+ ", re.IGNORECASE).match
_METHODS: Final = frozenset(
    [
        "INVITE",
        "ACK",
        "BYE",
        "CANCEL",
        "OPTIONS",
        "REGISTER",
        "SUBSCRIBE",
        "NOTIFY",
        "PUBLISH",
        "MESSAGE",
        "INFO",
        "PRACK",
        "UPDATE",
        "REFER",
    ]
)
_MAY_REPLACE = ("INVITE ", "ACK ", "CANCEL ", "SIP/")
"""Starts of messages that are not refused because of a Replaces (RFC 3891 3): the request, what may repeat its headers,
and responses."""
_MANDATORY: Final = ("Via", "From", "To", "Call-ID", "CSeq")


def parse_message(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Request | Response:
    """Parse one message: one datagram, or what the framer cut from a stream.

    Checked here: the start line, the form of every header line, that mandatory headers are there and
    single-instance ones come once, CSeq, Content-Length against the body. Other values are parsed
    when they are first used; :meth:`Message.validate` does it for all that routing needs.

    Bytes after the body that Content-Length announces are dropped (RFC 3261 18.3).

    Raises:
        ParseError: not a SIP message; ``error.request`` is the request to answer, if there is one.
        LimitError: it exceeds ``limits``.
    """
    try:
        if len(data) > limits.message:
            raise LimitError("message too large", 513)
        if data[:1] in b"\r\n":
            data = data.lstrip(b"\r\n")
        end = data.find(b"\r\n\r\n")
        if end < 0:
            # The last header line of a datagram may be its end: no body follows, and nothing is in doubt.
            end = len(data) - 2
            if end < limits.head and data[-2:] != b"\r\n":
                raise ParseError("no end of the headers")
        if end > limits.head:
            raise LimitError("head too large", 513)
        head = data[:end]
        text = head.decode("utf-8", "surrogateescape")
        start, *lines = text.split("\r\n")
        if len(head.translate(None, _CONTROLS)) + 2 * len(lines) != end:
            _check_controls(start, lines)
        known = KNOWN
        headers: list[tuple[str, str]] = []
        try:
            for line in lines:
                name, _, value = line.partition(":")
                headers.append((known[name], value.strip(" \t")))
        except KeyError:
            start, lines, headers = _split_unusual(text, limits)
        if len(lines) > limits.headers:
            raise LimitError("too many headers")
        if end > limits.header and lines and max(map(len, lines)) > limits.header:
            raise LimitError("header too long")
        fields = dict(headers)
        if len(fields) != len(headers):
            fields = dict(reversed(headers))
            _check_single(headers)
            if "" in [value for _, value in headers]:
                _check_lines(lines, fields)
        if not all(fields.values()):
            _check_lines(lines, fields)
        if "Replaces" in fields and not start.startswith(_MAY_REPLACE):
            raise ParseError("Replaces in another request than INVITE")
        message = _status_line(start, headers) if start[:8] == "SIP/2.0 " else _start(start, headers, limits)
        message._first = fields
        number = fields.get("CSeq")
        if number is None or not ("Via" in fields and "From" in fields and "To" in fields and "Call-ID" in fields):
            _missing(fields)
        cseq = message._parsed["CSeq"] = KNOWN_CSEQS.get(number) or CSeq.parse(number)
        if type(message) is Request and cseq.method != message.method:
            raise ParseError("CSeq names another method")
        body = data[end + 4 :]
        length = fields.get("Content-Length")
        if length is not None:
            if not (length.isascii() and length.isdigit() and len(length) <= 10):
                raise ParseError(f"bad Content-Length: {printable(length)!r}")
            announced = int(length)
            if announced > len(body):
                if end + 4 + announced > limits.message:
                    raise LimitError("message too large", 513)
                raise ParseError("body shorter than Content-Length")
            if announced < len(body):
                body = body[:announced]
        message.body = body
    except ParseError as error:
        if error.request is None:
            error.request = _salvage(data, limits)
        raise
    return message


def _split_unusual(text: str, limits: Limits) -> tuple[str, list[str], list[tuple[str, str]]]:
    """Start line, header lines and headers of a head with folded lines, or with names in an unusual spelling."""
    if "\r\n " in text or "\r\n\t" in text:
        text = _fold(" ", text)
    start, *lines = text.split("\r\n")
    headers = [(wire_name(name), value.strip(" \t")) for name, _, value in [line.partition(":") for line in lines]]
    if any(len(name) > limits.token for name, _ in headers):
        raise LimitError("header name too long")
    return start, lines, headers


def _start(line: str, headers: list[tuple[str, str]], limits: Limits) -> Request | Response:
    parts = line.split(" ")
    if len(parts) == 3 and parts[2] == "SIP/2.0" and parts[0] in _METHODS and 0 < len(parts[1]) <= limits.uri:
        return Request(parts[0], KNOWN_URIS.get(parts[1]) or Uri.parse(parts[1]), headers)
    if parts[0][:4].upper() == "SIP/":
        return _status_line(line, headers)
    if len(parts) != 3 or not parts[1]:
        raise ParseError(f"bad request line: {printable(line)!r}")
    method, target, version = parts
    if len(target) > limits.uri:
        raise LimitError("Request-URI too long", 414)
    if method not in _METHODS and (len(method) > limits.token or not is_token(method)):
        raise ParseError(f"bad method: {printable(method)!r}")
    if version != "SIP/2.0":
        _check_version(version)
    return Request(method, Uri.parse(target), headers)


def _status_line(line: str, headers: list[tuple[str, str]]) -> Response:
    version, _, rest = line.partition(" ")
    if version != "SIP/2.0":
        _check_version(version)
    code, _, reason = rest.partition(" ")
    if len(code) != 3 or not (code.isascii() and code.isdigit()) or not "100" <= code <= "699":
        raise ParseError(f"bad status code: {printable(code)!r}")
    return Response(int(code), reason, headers)


def _check_version(version: str) -> None:
    found = _version(version)
    if found is None:
        raise ParseError(f"not SIP: {printable(version)!r}")
    if found.group(1).lstrip("0") != "2" or found.group(2).strip("0"):
        raise ParseError(f"SIP version not supported: {printable(version)}", 505)


def _check_controls(start: str, lines: list[str]) -> None:
    """Control characters may stand in a quoted string after a backslash, and nowhere else."""
    for line in (start, *lines):
        if _controls.search(line):
            rest = _quoted_pairs("", line) if '"' in line else line
            if _controls.search(rest):
                raise ParseError("control character in the head")


def _check_single(headers: list[tuple[str, str]]) -> None:
    single = [name for name, _ in headers if name in SINGLE]
    if len(set(single)) != len(single):
        twice = next(name for name in single if single.count(name) > 1)
        raise ParseError(f"more than one {twice} header")


def _check_lines(lines: list[str], fields: dict[str, str]) -> None:
    """Some header has no value: that is allowed for most, but a line without a colon is not a header."""
    for line in lines:
        if ":" not in line:
            raise ParseError(f"no colon in header line: {printable(line)!r}")
    for name in _MANDATORY:
        if fields.get(name) == "":
            raise ParseError(f"empty {name} header")


def _missing(fields: dict[str, str]) -> NoReturn:
    raise ParseError(f"no {next((name for name in _MANDATORY if name not in fields), 'CSeq')} header")


def _salvage(data: bytes, limits: Limits) -> Request | None:
    """Recover enough of a refused request to answer it: its start line and the header lines that a response copies."""
    head = data[: limits.message].lstrip(b"\r\n").partition(b"\r\n\r\n")[0]
    text = _fold(" ", head.decode("utf-8", "surrogateescape"))
    start, *lines = text.split("\r\n")
    if _response_start(start):
        return None
    method, _, rest = start.partition(" ")
    if not is_token(method) or len(method) > limits.token:
        return None
    headers: list[tuple[str, str]] = []
    seen: set[str] = set()
    for line in lines[: limits.headers]:
        name, colon, value = line.partition(":")
        if not colon or len(line) > limits.header:
            continue
        try:
            name = wire_name(name)
        except ParseError:
            continue
        if name in SINGLE:
            if name in seen:
                continue
            seen.add(name)
        headers.append((name, _controls.sub("?", value).strip(" \t")))
    present = {name for name, value in headers if value}
    if not present.issuperset(_MANDATORY):
        return None
    target = _controls.sub("?", rest.rpartition(" ")[0].strip())
    uri = Uri.unparsed(target[: limits.uri])  # what is too long is not worth the work
    if len(target) <= limits.uri:
        with suppress(ParseError):
            uri = Uri.parse(target)
    return Request(method, uri, headers)


__all__ = ["Message", "parse_message"]
