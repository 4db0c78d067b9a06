"""The short forms of header names (RFC 3261 7.3.3), for peers or links that need small messages."""

from __future__ import annotations

import re
from typing import Final

from asterism.stack.headers.names import COMPACT

_SHORT: Final = {name.encode(): short.encode() for short, name in COMPACT.items()}
_long_name = re.compile(rb"\r\n(" + b"|".join(map(re.escape, sorted(_SHORT))) + rb"): ")


def shorten(data: bytes) -> bytes:
    """A message with the short names of those of its headers that have one; its body stays as it is."""
    head, end, body = data.partition(b"\r\n\r\n")
    return _long_name.sub(_replacement, head) + end + body


def _replacement(found: re.Match[bytes]) -> bytes:
    return b"\r\n" + _SHORT[found[1]] + b": "
