"""Dial strings of the technology ``SIP``, without the technology.

::

    peer                 peer:port              peer/extension         peer/extension/host
    extension@peer       extension@peer:port    user@host//host
    user[:secret[:md5secret[:authname[:transport]]]]@host[:port]

A suffix ``![touser[@todomain]][![fromuser][@fromdomain]]`` says what To and From are to name.

An ``@`` divides first, so that a secret may have a ``/``. What came from outside
(:mod:`asterism.pbx.dialplan.language.foreign`) divides nothing, whatever is in it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from asterism.pbx.dialplan.language.foreign import shadow

TRANSPORTS = frozenset(("udp", "tcp", "tls", "ws", "wss"))
_WHO = 5
"""Parts of what stands before the ``@``."""


SECRET = re.compile(
    r"""((?<!\w)SIP/[^\s/:@&,!"|()]{0,128}:)  # whom to call
    (?!\s|\d{1,5}[,&!"\s)])                  # neither a sentence nor the port of a peer
    (?:(?:(?!&\w{1,32}/)[^,\n]){1,512}|[^\n]{1,512}?)(?=@)""",
    re.IGNORECASE | re.VERBOSE,
)
"""A secret, and what follows it up to the host, of a dial string in some other text: what the log leaves out.

The first group stays. Where a secret has a comma, what stands behind the last one is cut off at the first ``@``.
"""


class DialString(NamedTuple):
    """What a dial string says; what it does not say is empty, the port 0."""

    where: str
    """Name of a peer, or a host."""
    port: int = 0
    user: str = ""
    """Whom to call there: a user, or an extension."""
    secret: str = ""
    md5secret: str = ""
    """MD5 of user, realm and secret, in their place."""
    authname: str = ""
    """User name of the credentials, where it is not ``user``."""
    transport: str = ""
    """In lower case."""
    remote: str = ""
    """Host, and port perhaps, that the request goes to, whatever its URI says."""
    to_user: str = ""
    to_domain: str = ""
    from_user: str = ""
    from_domain: str = ""


def parse(text: str) -> DialString:
    """Read a dial string.

    Raises:
        ValueError: It names nobody, or a part of it cannot be what it stands for.
    """
    text, *suffix = _split(text, "!", 2)
    who, _, where = _last(text, "@")
    where, *rest = _split(where, "/", 2)
    extension, remote = (*rest, "", "")[:2]
    user, secret, md5secret, authname, transport = (*_split(who, ":", _WHO - 1), *("",) * _WHO)[:_WHO]
    name, port = _host_port(where)
    if not name:
        raise ValueError("it names neither a peer nor a host")
    found = DialString(
        name,
        port,
        _plain("user", extension or user),
        _plain("secret", secret),
        _plain("md5secret", md5secret),
        _plain("authname", authname),
        transport.lower(),
        _plain("host", remote),
    )
    if found.transport and found.transport not in TRANSPORTS:
        raise ValueError(f"'{transport}' is no transport")
    if not suffix:
        return found
    to_user, to_domain, from_user, from_domain = "", "", "", ""
    to_user, _, to_domain = _first(suffix[0], "@")
    if len(suffix) > 1:
        from_user, _, from_domain = _first(suffix[1], "@")
    return found._replace(
        to_user=_plain("user of To", to_user),
        to_domain=_plain("domain of To", to_domain),
        from_user=_plain("user of From", from_user),
        from_domain=_plain("domain of From", from_domain),
    )


def _split(text: str, separator: str, most: int) -> list[str]:
    """The parts between separators that did not come from outside; each keeps what did."""
    parts: list[str] = []
    told, start = shadow(text), 0
    while len(parts) < most:
        end = told.find(separator, start)
        if end < 0:
            break
        parts.append(text[start:end])
        start = end + 1
    parts.append(text[start:])
    return parts


def _first(text: str, separator: str) -> tuple[str, str, str]:
    at = shadow(text).find(separator)
    return (text, "", "") if at < 0 else (text[:at], separator, text[at + 1 :])


def _last(text: str, separator: str) -> tuple[str, str, str]:
    at = shadow(text).rfind(separator)
    return ("", "", text) if at < 0 else (text[:at], separator, text[at + 1 :])


def _host_port(text: str) -> tuple[str, int]:
    """The name and the port behind it; the colons of an IPv6 address without brackets are none of a port."""
    told = shadow(text)
    at = told.rfind(":")
    if at < 0 or (told.count(":") > 1 and not told.startswith("[")) or told.endswith("]"):
        return _plain("host", text), 0
    port = str(text[at + 1 :])
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536 and len(port) < 6):
        raise ValueError(f"'{_shown(port)}' is no port")
    return _plain("host", text[:at]), int(port)


def _plain(what: str, text: str) -> str:
    """The text as such; it goes into headers, which control characters would break."""
    found = str(text)
    if not found.isprintable():
        raise ValueError(f"the {what} has a character that cannot be printed")
    return found


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:40])
