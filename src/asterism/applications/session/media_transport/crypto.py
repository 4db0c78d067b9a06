"""``a=crypto``: keys of SRTP in session descriptions (RFC 4568, RFC 7714 14.2)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from asterism.media.transports.parameters import SrtpKey
from asterism.media.transports.srtp import SUITES

DEFAULT_SUITES = tuple(suite.name for suite in SUITES.values() if suite.by_default)
"""Those that are accepted where nothing is configured; the first is offered."""
MOST_LINES = 16
"""Lines of one section that are looked at."""
LONGEST = 512
"""Characters of a line that is looked at."""

_line = re.compile(r"([0-9]{1,9})\s+([A-Za-z0-9_]{1,64})\s+(\S+)((?:\s+\S+)*)\s*").fullmatch
_lifetime = re.compile(r"(?:2\^([0-9]{1,2})|([0-9]{1,15}))").fullmatch
_MOST_PACKETS = 48
"""Binary logarithm of the packets that any key is good for (RFC 3711 9.2)."""


class CryptoLine(NamedTuple):
    """One ``a=crypto``: a key that its writer sends with."""

    tag: int
    suite: str
    key: bytes
    """Master key, then master salt."""

    @property
    def srtp_key(self) -> SrtpKey:
        """The key for a transport."""
        return SrtpKey(self.suite, self.key)

    def __str__(self) -> str:
        return f"{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"


def parse(value: str) -> CryptoLine | None:
    """Read the value of a line; ``None`` for one that cannot be used.

    A lifetime is taken, and nothing is made of it: the key of a call lives shorter. Of session parameters only hints on
    the replay window may be there, and those that need not be understood (a leading ``-``, RFC 4568 6.3.7). Several
    keys and key identifiers (MKI) are not.
    """
    found = _line(value.strip()) if len(value) <= LONGEST else None
    if found is None:
        return None
    tag, suite, keys, parameters = found.groups()
    known = SUITES.get(suite.upper())
    if known is None or any(not _ignorable(one) for one in parameters.split()):
        return None
    method, colon, rest = keys.partition(":")
    text, *more = rest.split("|")
    if method.lower() != "inline" or not colon or len(more) > 1 or not all(_lives(one) for one in more):
        return None
    key = _decode(text)
    return CryptoLine(int(tag), suite.upper(), key) if len(key) == known.size else None


def read(values: Iterable[str]) -> tuple[CryptoLine, ...]:
    """The lines of a section that can be used, in their order; of two with one tag the first."""
    found: dict[int, CryptoLine] = {}
    for _, value in zip(range(MOST_LINES), values, strict=False):
        line = parse(value)
        if line is not None:
            found.setdefault(line.tag, line)
    return tuple(found.values())


def chosen(lines: Iterable[CryptoLine], suites: Collection[str]) -> CryptoLine | None:
    """The first line with one of ``suites``: the peer's order is that of its preference (RFC 4568 5.1.1)."""
    return next((line for line in lines if line.suite in suites), None)


def _ignorable(parameter: str) -> bool:
    return parameter.startswith("-") or parameter.upper().startswith("WSH=")


def _lives(lifetime: str) -> bool:
    """Whether a part of the key parameters is a lifetime that a key may have."""
    found = _lifetime(lifetime)
    if found is None:
        return False
    power, packets = found.groups()
    return int(power) <= _MOST_PACKETS if power else 0 < int(packets) <= 2**_MOST_PACKETS


def _decode(text: str) -> bytes:
    """The octets of base64, with or without padding; none of what is no base64."""
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
