"""How much a peer may send: the bounds of the parser, in one configurable object."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds that the parser, the framer and the body parsers enforce.

    Sizes of heads and bodies are bytes; sizes of single elements are characters.
    """

    message: int = 65_536
    """Whole message, head and body; more is answered 513."""
    head: int = 32_768
    """Start line and headers together; more is answered 513."""
    headers: int = 256
    """Number of header lines; more is answered 400."""
    header: int = 8_192
    """One header line, unfolded; more is answered 400."""
    token: int = 256
    """A method or a header name; more is answered 400."""
    uri: int = 2_048
    """The Request-URI; more is answered 414."""
    values: int = 256
    """Values of one header (contacts, routes) in all its lines; more is a 400."""
    parts: int = 64
    """Parts of one multipart body."""
    nesting: int = 4
    """Depth of multipart bodies inside multipart bodies."""
    keepalives: int = 64
    """Keep-alive CRLFs that may stand between two messages of a stream."""


DEFAULT_LIMITS = Limits()
