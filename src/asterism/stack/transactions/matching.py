"""What a message is matched by (RFC 3261 17.1.3, 17.2.3, 8.2.2.2), and where its answer goes (18.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.stack.headers.via import Via

if TYPE_CHECKING:
    from asterism.stack.message import Request

DEFAULT_PORT = 5060


def server_key(request: Request, via: Via, method: str) -> str:
    """The key of the server transaction that ``request`` belongs to, as far as it is a ``method``.

    ACK belongs to the INVITE, and CANCEL is looked up with the method of what it cancels. A branch without the
    magic cookie comes from an RFC 2543 client and identifies nothing by itself.
    """
    branch = via.params.get("branch")
    if branch is not None and via.is_rfc3261:
        return f"{branch} {via.host}:{via.port} {method}"
    return (
        f"2543 {request.uri} {request.from_.tag} {request.call_id} {request.cseq.number} {method} "
        f"{via.host}:{via.port} {branch}"
    )


def merged_key(request: Request) -> str:
    """What a request and its copy that came by another way have in common; ``""`` inside a dialog.

    The raw header values are compared: proxies copy them unchanged.
    """
    to = request.get("To")
    if to is None or ";tag" in to or ";TAG" in to:
        return ""
    return f"{request.get('Call-ID')} {request.get('CSeq')} {request.get('From')}"


def ack_key(call_id: str | None, number: int, local_tag: str | None) -> str:
    """What the ACK to a 2xx is matched to it by: it has a branch of its own."""
    return f"{call_id} {number} {local_tag}"


def note_source(request: Request, via: Via, host: str, port: int) -> Via:
    """Add ``received`` (18.2.1) and the value of ``rport`` (RFC 3581) to the top Via; the Via as it then is."""
    params = via.params
    if "rport" in params:
        raw = request.get("Via") or ""
        if params["rport"] is None and "received" not in params and "," not in raw and raw.count(";rport") == 1:
            # The usual case, as text: nothing else in the line changes.
            shown = f"[{host}]" if ":" in host else host
            raw = raw.replace(";rport", f";rport={port};received={shown}", 1)
            noted = Via(via.transport, via.host, via.port, {**params, "rport": str(port), "received": shown})
            request.replace_top_via(noted, raw)
            return noted
        noted = via.with_params(rport=str(port), received=host)
    elif via.host != host or "received" in params:
        noted = via.with_params(received=host)
    else:
        return via
    request.replace_top_via(noted)
    return noted


def response_address(via: Via, source: tuple[str, int]) -> tuple[str, int]:
    """Where the response to a request goes whose top Via is ``via`` and which came from ``source`` by datagram.

    RFC 3261 18.2.2 and RFC 3581 section 4. ``maddr`` is ignored on purpose: multicast SIP is gone, and honouring it would let
    anybody aim our responses at a third party.
    """
    if "rport" in via.params:
        return source
    return source[0], via.port or DEFAULT_PORT


def too_many_hops(request: Request) -> bool:
    """Whether a request that would be passed on must be answered 483 instead (16.3): Max-Forwards is 0."""
    return request.max_forwards == 0
