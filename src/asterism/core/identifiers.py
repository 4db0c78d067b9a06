"""Identifiers that nobody can guess."""

from __future__ import annotations

import os
from collections.abc import Callable


def random_uuid(random: Callable[[int], bytes] = os.urandom) -> str:
    """A random UUID (RFC 9562, version 4) as text, of bytes that ``random`` gives.

    What ``str(uuid.uuid4())`` gives, without the object: several are made for every call.
    """
    digits = random(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"


_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The digit that carries the variant: its upper bits are 10."""

_BLOCK = 1024


class RandomBytes:
    """Bytes that nobody can guess, drawn from the system many at a time: a call needs a few here and a few there."""

    __slots__ = ("_at", "_block")

    def __init__(self) -> None:
        self._block = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes; none is given out twice."""
        end = self._at + count
        if end > len(self._block):
            self._block = os.urandom(max(_BLOCK, count))
            end = count
        self._at = end
        return self._block[end - count : end]
