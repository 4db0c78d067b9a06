"""``register =>``: a registration of this server at another one, written in one line."""

# Overriding methods are documented, and their arguments named, by the base class.
# ruff: noqa: D102

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from asterism.data.kinds import Lines, Strings
from asterism.hostport import format_host_port, split_host_port
from asterism.stack.errors import ParseError
from asterism.stack.uri import parse_host

GRAMMAR = "[peer?][transport://]user[@domain[:port]][:secret[:authuser]]@host[:port][/extension][~expiry]"
TRANSPORTS = ("udp", "tcp", "tls")
MAX_LINE = 2048
"""Characters of a line that is read."""
MAX_EXPIRY = 2**32 - 1

_peer = re.compile(r"([^?:@/]+)\?(.*)", re.DOTALL).fullmatch
_transport = re.compile(r"([A-Za-z]+)://(.*)", re.DOTALL).fullmatch
_blank = re.compile(r"[\x00-\x20\x7f]").search


@dataclass(frozen=True, slots=True)
class RegisterLine:
    """One line, taken apart."""

    user: str
    """Whom to register: the user of From and To."""
    host: str
    """Where: a name, an address (IPv6 without brackets), or the name of a peer whose address is meant."""
    port: int = 0
    """Port of the host; 0 where none is given."""
    domain: str = ""
    """Domain of From and To; ``""`` for the host."""
    domain_port: int = 0
    """Port of the domain; 0 where none is given."""
    secret: str = ""
    auth_user: str = ""
    """User of the credentials; ``""`` for ``user``."""
    extension: str = ""
    """User of Contact: the extension that calls come in for; ``""`` for ``s``."""
    expiry: int = 0
    """Seconds asked for; 0 where none are given."""
    transport: str = ""
    """``udp``, ``tcp`` or ``tls``; ``""`` where none is given."""
    peer: str = ""
    """Name of the peer whose proxy, transport and credentials are used; ``""`` for none."""

    @classmethod
    def parse(cls, text: str) -> RegisterLine:
        """Take a line apart. Raises ``ValueError`` with what is wrong.

        The host begins after the last ``@``, so that a secret may have one. What is before a ``?`` is a peer only if
        it has none of ``: @ /``: elsewhere a ``?`` is part of a secret.
        """
        rest = text.strip()
        if len(rest) > MAX_LINE:
            raise ValueError(f"it has more than {MAX_LINE} characters")
        if "\0" in rest:
            raise ValueError("it has a NUL character")
        peer = transport = ""
        if found := _peer(rest):
            peer, rest = found[1].strip(), found[2]
        elif rest.startswith("?"):
            raise ValueError("there is no peer before the '?'")
        if found := _transport(rest):
            transport, rest = found[1].lower(), found[2]
            if transport not in TRANSPORTS:
                raise ValueError(f"'{transport}' is no transport that registers; there are {', '.join(TRANSPORTS)}")
        before, at, after = rest.rpartition("@")
        if not at:
            raise ValueError("there is no '@' and host")
        line = _with_host(_with_user(cls("", ""), before), after)
        return replace(line, peer=peer, transport=transport)

    def __str__(self) -> str:
        """The line, its secret included."""
        parts = [f"{self.peer}?" if self.peer else "", f"{self.transport}://" if self.transport else "", self.user]
        if self.domain:
            parts.append(f"@{format_host_port(self.domain, self.domain_port or None)}")
        if self.domain_port:
            parts.append(f":{self.secret}:{self.auth_user}")
        elif self.secret or self.auth_user:
            parts.append(f":{self.secret}")
            if self.auth_user:
                parts.append(f":{self.auth_user}")
        parts.append(f"@{format_host_port(self.host, self.port or None)}")
        if self.extension:
            parts.append(f"/{self.extension}")
        if self.expiry:
            parts.append(f"~{self.expiry}")
        return "".join(parts)


def _with_user(line: RegisterLine, text: str) -> RegisterLine:
    """``user``, ``user:secret``, ``user:secret:authuser``, ``user@domain:port:secret:authuser``."""
    address, bracket, rest = text.partition("]") if "@[" in text.partition(":")[0] else ("", "", text)
    words = rest.split(":")
    words[0] = address + bracket + words[0]
    if len(words) > 4:
        raise ValueError("there are more than three ':' before the host; a secret cannot have any")
    user, _, domain = words[0].partition("@")
    port = 0
    if len(words) == 4:
        if not domain:
            raise ValueError("three ':' before the host are user@domain:port:secret:authuser, and there is no domain")
        port = _port(words.pop(1), "of the domain")
    words += ["", ""]
    user = user.strip()
    if not user:
        raise ValueError("there is no user")
    return replace(
        line,
        user=user,
        domain=_host(domain, "domain") if domain else "",
        domain_port=port,
        secret=words[1],
        auth_user=words[2].strip(),
    )


def _with_host(line: RegisterLine, text: str) -> RegisterLine:
    """``host[:port][/extension][~expiry]``."""
    rest, tilde, expiry_text = text.partition("~")
    rest, _, extension = rest.partition("/")
    host, port = host_and_port(rest)
    expiry = 0
    if tilde:
        expiry = _number(expiry_text.strip())
        if not 0 < expiry <= MAX_EXPIRY:
            raise ValueError(f"'{expiry_text}' is no number of seconds")
    extension = extension.strip()
    if _blank(extension):
        raise ValueError(f"'{extension}' is no extension: it has a blank or a control character")
    return replace(line, host=host, port=port, extension=extension, expiry=expiry)


def host_and_port(text: str) -> tuple[str, int]:
    """``host``, ``host:port``, ``[IPv6]:port``; 0 where no port is given. Raises ``ValueError``."""
    text = text.strip()
    if text.startswith("["):
        host, port = split_host_port(text)
        return _host(f"[{host}]", "host"), _port(str(port), "of the host") if port is not None else 0
    host, colon, port_text = text.partition(":")
    if not host:
        raise ValueError("there is no host")
    return _host(host, "host"), _port(port_text, "of the host") if colon else 0


def _host(text: str, what: str) -> str:
    text = text.strip()
    try:
        parse_host(text)
    except ParseError:
        raise ValueError(f"'{text}' is no {what}: neither a name nor an address") from None
    # Kept as written: a peer's name knows capitals.
    return text.strip("[]")


def _port(text: str, whose: str) -> int:
    number = _number(text.strip())
    if not 0 < number <= 65535:
        raise ValueError(f"'{text}' is no port {whose}")
    return number


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 else -1


def masked(text: str, mask: str) -> str:
    """The line with ``mask`` for its secret; all of a line that cannot be read is ``mask``."""
    try:
        line = RegisterLine.parse(text)
    except ValueError:
        return mask
    return str(replace(line, secret=mask)) if line.secret else text


class RegisterLinesKind(Lines):
    """Lines of ``register``, as they are written; each adds one."""

    def __init__(self) -> None:
        super().__init__(GRAMMAR)

    def parse(self, text: str, current: Strings) -> Strings:
        return (*current, self.check(text))  # an empty line is a wrong one

    def check(self, name: str) -> str:
        RegisterLine.parse(name)
        return name
