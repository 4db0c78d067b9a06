"""Keys that match a message to its transaction (RFC 3261 17.1.3, 17.2.3, 8.2.2.2); where a response goes (18.2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.stack.headers.address import has_tag

if TYPE_CHECKING:
    from asterism.stack.headers.via import Via
    from asterism.stack.message import Message, Request, Response

DEFAULT_PORT = 5060

AckKey = tuple[str, int, str | None]
"""Key that matches an ACK, whose branch is new, to its 2xx: Call-ID, CSeq number, our tag."""

_usual_via = re.compile(
    r"(SIP/2\.0/[A-Z]+ ([a-z0-9.\-]*[a-z0-9])(?::([1-9][0-9]{0,4}))?)(;rport)?"
    r";branch=(z9hG4bK[A-Za-z0-9\-_.!%*+`'~]+)(;rport)?(;alias)?"
).fullmatch

_own_via = re.compile(
    r"SIP/2\.0/[A-Z]+ [A-Za-z0-9.\-\[\]:]+(?:;(?:rport|received)(?:=[A-Za-z0-9.\-\[\]:]+)?)*"
    r";branch=(z9hG4bK[0-9A-Za-z]+)(?:;[a-z]+(?:=[A-Za-z0-9.\-\[\]:]+)?)*"
).fullmatch
"""Our Via as it comes back in a response."""

_usual_to = re.compile(r"[^\"]*>;tag=([A-Za-z0-9\-_.!%*+`'~]+)").fullmatch

_usual_cseq = re.compile(r"[0-9]{1,9} ([A-Z]+)").fullmatch

_own_request = re.compile(
    rb"([A-Z]+) [^\r\n]+ SIP/2\.0\r\nVia: SIP/2\.0/UDP [^\r\n]*?;branch=(z9hG4bK[0-9A-Za-z]+)[;\r]"
).match
"""The beginning of a request of ours: its Via was put on top."""


_PARSED = {"Via": ("via", "vias"), "To": ("To",)}
"""Names of the cached parsed values that a replaced header line invalidates, by header."""


def request_key(data: bytes) -> str:
    """The key of the client transaction that the beginning of a request of ours belongs to, ``""`` if it is none."""
    found = _own_request(data)
    return "" if found is None else f"{found[2].decode()} {found[1].decode()}"


def response_key(response: Response) -> str:
    """The key of the client transaction that a response belongs to.

    Raises:
        ParseError: its Via or its CSeq is malformed.
    """
    first = response._first
    if first is None:
        first = response._index()
    via, cseq = _own_via(first.get("Via", "")), _usual_cseq(first.get("CSeq", ""))
    if via is None or cseq is None:
        return f"{response.via.branch} {response.cseq.method}"
    return f"{via[1]} {cseq[1]}"


def _replace_first(message: Message, name: str, value: str) -> None:
    """Replace the first header line of a canonical name by text that needs no checking, keeping the index."""
    headers = message.headers
    if headers[0][0] == name:
        headers[0] = (name, value)
    else:
        for position, line in enumerate(headers):
            if line[0] == name:
                headers[position] = (name, value)
                break
    if message._first is not None:
        message._first[name] = value
    parsed = message._parsed
    if parsed:
        for key in _PARSED[name]:
            if key in parsed:
                del parsed[key]


def mark_source(request: Request, host: str, port: int, method: str, force: bool = False) -> tuple[str, bool]:
    """Note the source of a request in its top Via, and find its key: all that every request needs of its Via.

    Args:
        request: as it came.
        host: where it really came from.
        port: likewise.
        method: that of the transaction (see :func:`server_key`).
        force: have the response go to the source even if ``rport`` was not asked for; ``request.sent_via`` then is
            the line as it was sent.

    Returns:
        The key, and whether the response goes back to the source (see :func:`response_address`).

    Raises:
        ParseError: the Via is malformed.
    """
    first = request._first
    if first is None:
        first = request._index()
    raw = first.get("Via") or ""
    found = _usual_via(raw)
    if found is not None:
        # The usual line is worked on as text; request.via is parsed later, if anybody asks for it.
        start, sent_host, sent_port, before, branch, after, alias = found.groups()
        asked = bool(before or after)
        marked = raw
        if asked or force:
            marked = f"{start};rport={port};received={host};branch={branch}{alias or ''}"
            if not asked:
                request.sent_via = raw
        elif sent_host != host:
            marked = f"{raw};received={host}"
        parsed = request._parsed
        if marked is not raw:
            first["Via"] = marked
            for position, line in enumerate(request.headers):
                if line[0] == "Via":
                    request.headers[position] = ("Via", marked)
                    break
            parsed.pop("via", None)
            parsed.pop("vias", None)
        parsed["branch"] = branch
        return f"{branch} {sent_host}:{sent_port} {method}", asked or force or int(sent_port or DEFAULT_PORT) == port
    via = request.via
    key = server_key(request, via, method)
    if force and "rport" not in via.params:
        request.sent_via = raw
    request.mark_source(host, port, force)
    return key, response_address(request.via, (host, port))[1] == port


def restore_via(request: Request, host: str) -> None:
    """Undo a forced ``rport``: the Via as it was sent, with ``received`` if it names another host than ``host``."""
    raw, request.sent_via = request.sent_via, ""
    if raw:
        _replace_first(request, "Via", raw)
        request.mark_source(host, 0)


def server_key(request: Request, via: Via, method: str) -> str:
    """The key of the server transaction that ``request`` belongs to, as far as it is a ``method``.

    ACK belongs to the INVITE, and CANCEL is looked up with the method of what it cancels. A branch without the
    magic cookie comes from an RFC 2543 client and identifies nothing by itself.
    """
    branch = via.params.get("branch")
    if branch is not None and via.is_rfc3261:
        return f"{branch} {via.host}:{via.port} {method}"
    return (
        f"2543 {request.uri} {request.from_.tag} {request.call_id} {request.cseq.number} "
        f"{via.host}:{via.port} {branch} {method}"
    )


def tagged_bytes(response: Response, tag_of: Callable[[str], str], key: str) -> bytes:
    """The bytes of a response; where it must have a To-tag (8.2.6.2) and has none, it gets that of ``key``."""
    if response.status != 100:
        for name, value in response.headers:
            if name == "To":
                # Usually it has one, as can be seen at once.
                if value.rfind(";tag=") <= value.rfind(">") and not has_tag(value):
                    _replace_first(response, "To", f"{value};tag={tag_of(key)}")
                break
    return response.to_bytes()


def own_tag(response: Response) -> str | None:
    """Our tag in a response of ours, ``None`` if there is none. Raises ParseError."""
    for name, value in response.headers:
        if name == "To":
            found = _usual_to(value)
            if found is not None:
                return found[1]
            break
    return response.to.tag


def merged_key(request: Request) -> str:
    """The key shared by a request and its copies that came by other paths (8.2.2.2); ``""`` inside a dialog.

    The raw header values are compared: proxies copy them unchanged.
    """
    first = request._first
    if first is None:
        first = request._index()
    to = first.get("To")
    if to is None or (to[-1:] != ">" and has_tag(to)):
        return ""
    return f"{first.get('Call-ID')} {first.get('CSeq')} {first.get('From')}"


def response_address(via: Via, source: tuple[str, int]) -> tuple[str, int]:
    """Where the response to a request goes whose top Via is ``via`` and which came from ``source`` by datagram.

    RFC 3261 18.2.2 and RFC 3581 section 4. ``maddr`` is ignored on purpose: multicast SIP is gone, and honouring it
    would let anybody aim our responses at a third party.
    """
    if "rport" in via.params:
        return source
    return source[0], via.port or DEFAULT_PORT


def too_many_hops(request: Request) -> bool:
    """Whether a request that would be passed on must be answered 483 instead (16.3): Max-Forwards is 0."""
    return request.max_forwards == 0
