"""Unpredictable random identifiers."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from functools import partial
from typing import Any


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
    """Unpredictable random bytes, drawn from the system many at a time: a call needs a few here and a few there.

    Attributes:
        take: ``take(count)`` gives the next ``count`` bytes; none is given out twice.
    """

    __slots__ = ("take",)

    def __init__(self) -> None:
        # A reader's buffer hands them out without any code of ours.
        self.take: Callable[[int], bytes] = io.BufferedReader(_System(), _BLOCK).read

    def tokens(self, count: int) -> Callable[[], str]:
        """Gives another token at each call: ``count`` bytes, in hexadecimal."""
        return map(bytes.hex, iter(partial(self.take, count), b"")).__next__


class _System(io.RawIOBase):
    """The system's random bytes as a file without end."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = os.urandom(len(buffer))
        return len(buffer)
