"""Via (RFC 3261 20.42, RFC 3581)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from asterism.stack.errors import ParseError
from asterism.stack.grammar import TOKEN, format_params, parse_params, printable, split_commas
from asterism.stack.uri import HOST, format_host_port, parse_host

MAGIC_COOKIE: Final = "z9hG4bK"
"""Prefix of every branch of an RFC 3261 client."""

_via = re.compile(
    rf"\s*SIP\s*/\s*2\.0\s*/\s*({TOKEN})\s+({HOST})(?:\s*:\s*([0-9]{{1,5}}))?\s*(;.*)?", re.IGNORECASE | re.DOTALL
).fullmatch

# What nearly every client and server sends, in one look.
_usual = re.compile(
    r"SIP/2\.0/(UDP|TCP|TLS|WSS?) ([A-Za-z0-9_][A-Za-z0-9_.\-]*[A-Za-z0-9_])(?::([0-9]{1,4}))?"
    r"((?:;(?:branch|received|rport|alias)(?:=[A-Za-z0-9.\-_!%*+`'~]+)?)+)"
).fullmatch


class Via:
    """One immutable Via value.

    Attributes:
        transport: upper case.
        host: sent-by host, lower case, IPv6 without brackets.
        port: sent-by port, ``None`` if absent.
        params: lower-case names, raw values.
        branch: the ``branch`` parameter, ``None`` if there is none.
    """

    __slots__ = ("branch", "host", "params", "port", "transport")

    def __init__(
        self, transport: str, host: str, port: int | None = None, params: Mapping[str, str | None] | None = None
    ) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self.params: dict[str, str | None] = {} if params is None else dict(params)
        self.branch = self.params.get("branch")

    @staticmethod
    def parse(text: str) -> Via:
        """Parse one value.

        Raises:
            ParseError: not exactly one Via value.
        """
        found = _usual(text)
        if found is not None:
            transport, host, port, params = found.groups()
            values: dict[str, str | None] = {}
            for piece in params[1:].split(";"):
                name, equals, value = piece.partition("=")
                if name not in values:
                    values[name] = value if equals else None
            return Via(transport, host.lower(), None if port is None else int(port), values)
        found = _via(text)
        if found is None:
            raise ParseError(f"bad Via: {printable(text)!r}")
        transport, host, port, params = found.groups()
        number = None if port is None else int(port)
        if number is not None and number > 65535:
            raise ParseError(f"bad port in Via: {printable(text)!r}")
        return Via(
            transport.upper(),
            host.lower() if host[0] != "[" else parse_host(host),
            number,
            parse_params(params) if params else None,
        )

    @staticmethod
    def parse_list(text: str, limit: int = 256) -> list[Via]:
        """Parse the comma-separated values of one Via line.

        Raises:
            ParseError: one of them is bad, or there are more than ``limit``.
        """
        return [Via.parse(item) for item in split_commas(text, limit)]

    @property
    def received(self) -> str | None:
        """The ``received`` address without brackets, ``None`` if there is none."""
        value = self.params.get("received")
        return value.strip("[]") if value else None

    @property
    def rport(self) -> int | None:
        """The ``rport`` value; ``None`` if it is absent or has no value yet (see :attr:`wants_rport`)."""
        value = self.params.get("rport")
        return int(value) if value and value.isascii() and value.isdigit() and len(value) <= 5 else None

    @property
    def wants_rport(self) -> bool:
        """Whether there is an ``rport`` parameter, with or without a value (RFC 3581)."""
        return "rport" in self.params

    @property
    def sent_by(self) -> str:
        """``host[:port]``."""
        return format_host_port(self.host, self.port)

    @property
    def is_rfc3261(self) -> bool:
        """Whether the branch starts with the magic cookie and goes on after it."""
        branch = self.params.get("branch")
        return branch is not None and branch[:7].lower() == "z9hg4bk" and len(branch) > 7

    def with_params(self, **params: str | None) -> Via:
        """A copy with parameters set (``None`` sets one without value)."""
        return Via(self.transport, self.host, self.port, {**self.params, **params})

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {format_host_port(self.host, self.port)}{format_params(self.params)}"

    def __repr__(self) -> str:
        return f"Via({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Via):
            return NotImplemented
        return (self.transport, self.host, self.port, dict(self.params)) == (
            other.transport,
            other.host,
            other.port,
            dict(other.params),
        )

    def __hash__(self) -> int:
        return hash((self.transport, self.host, self.port))
