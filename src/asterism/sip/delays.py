"""Seconds that a server asks for (``Retry-After``, ``Min-Expires``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.stack.message import Response

MAX_SECONDS = 2**31 - 1


def seconds_of(response: Response, name: str) -> int:
    """The leading number of a header, 0 without one."""
    digits = (response.get(name) or "").partition("(")[0].partition(";")[0].strip()
    return min(int(digits), MAX_SECONDS) if digits.isascii() and digits.isdigit() and len(digits) < 11 else 0
