"""Call completion (RFC 6910): ``application/call-completion``, and the presence that suspends and resumes a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from xml.parsers import expat

from asterism.applications.pubsub.api import BodyGenerator
from asterism.applications.pubsub.bodies.xml import escape
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.applications.pubsub.base import Subscription
    from asterism.applications.pubsub.module import PubSubServer

TYPE = "application/call-completion"
PIDF = "application/pidf+xml"
QUEUED = "queued"
READY = "ready"
MAX_BODY = 16_384
"""Largest body that is read, in bytes."""
MAX_DEPTH = 32
"""Largest nesting depth of elements in a body."""
_URI = re.compile(r"<?([^\s<>\x00-\x20]+)(?:>.*)?")
_PIDF_BASIC = "urn:ietf:params:xml:ns:pidf basic"


class CompletionState(NamedTuple):
    """The state of a call completion request, as the caller is told it.

    Attributes:
        state: :data:`QUEUED`, or :data:`READY`: it is its turn to call.
        uri: what to call then; empty: what was called before.
        retention: whether a request whose call fails again keeps its place.
    """

    state: str
    uri: str = ""
    retention: bool = False


def completion_text(state: CompletionState) -> str:
    """The body."""
    retention = "cc-service-retention: true\r\n" if state.retention else ""
    uri = f"cc-URI: {state.uri}\r\n" if state.uri else ""
    return f"cc-state: {state.state}\r\n{retention}{uri}"


def read_completion(body: bytes) -> CompletionState:
    """Parse a body; unknown headers are ignored.

    Raises:
        ParseError: it is too long, no UTF-8, or has not one ``cc-state`` that is known.
    """
    if len(body) > MAX_BODY:
        raise ParseError(f"a body of more than {MAX_BODY} bytes", status=413)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise ParseError("the body is no UTF-8") from None
    states: list[str] = []
    uri, retention = "", False
    for line in text.splitlines():
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if name == "cc-state":
            states.append(value.lower())
        elif name == "cc-uri":
            found = _URI.fullmatch(value)
            uri = found[1] if found else ""
        elif name == "cc-service-retention":
            retention = value.lower() != "false"
    if len(states) != 1 or states[0] not in (QUEUED, READY):
        raise ParseError("the body has not one cc-state of queued or ready")
    return CompletionState(states[0], uri, retention)


def availability_text(entity: str, available: bool) -> str:
    """The presence (RFC 3863) that resumes a request (``available``), or suspends it."""
    basic = "open" if available else "closed"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="{escape(entity)}">\n'
        f' <tuple id="caller">\n  <status>\n   <basic>{basic}</basic>\n  </status>\n </tuple>\n</presence>\n'
    )


def read_availability(body: bytes) -> bool:
    """Whether the first ``basic`` status of a presence document is ``open``.

    Raises:
        ParseError: it is too long, no XML, has a document type or no such status.
    """
    if len(body) > MAX_BODY:
        raise ParseError(f"a body of more than {MAX_BODY} bytes", status=413)
    reader = _Basic()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the last two of encodings that it names
        raise ParseError(f"the body is no XML: {error}") from None
    word = reader.found.strip().lower()
    if word not in ("open", "closed"):
        raise ParseError("the body has no basic status")
    return word == "open"


class _Basic:
    """Finds the first basic status of a document."""

    def __init__(self) -> None:
        self.found = ""
        self._depth = 0
        self._inside = False
        self._done = False

    def doctype(self, *_: object) -> None:
        raise ParseError("the body has a document type")

    def start(self, name: str, _attributes: object) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ParseError("the body's elements are nested too deep")
        self._inside = name == _PIDF_BASIC and not self._done

    def end(self, _name: str) -> None:
        self._depth -= 1
        self._done = self._done or self._inside
        self._inside = False

    def text(self, data: str) -> None:
        if self._inside:
            self.found += data


class CallCompletionGenerator(BodyGenerator):
    """Writes the states of requests."""

    content_type: ClassVar[str] = TYPE
    states: ClassVar[type[Any]] = CompletionState

    def body(self, subscription: Subscription, state: CompletionState) -> str:
        """The text."""
        return completion_text(state)


class CallCompletionBodyModule(Module):
    """Registers the generator."""

    name = "pubsub_call_completion_body"
    part_of = ("pubsub_call_completion",)
    requires = ("pubsub",)
    description = "SIP bodies application/call-completion"

    def load(self, server: PubSubServer) -> None:
        """Write this type."""
        pubsub(server).register_body_generator(CallCompletionGenerator())
