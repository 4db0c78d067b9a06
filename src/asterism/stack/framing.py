"""Cutting a byte stream into messages (RFC 3261 18.3) and keep-alives (RFC 5626 3.5.1)."""

from __future__ import annotations

import re
from enum import Enum

from asterism.stack.errors import LimitError, ParseError
from asterism.stack.limits import DEFAULT_LIMITS, Limits

# No look-ahead and nothing lazy: a head of white space must not cost more than its length.
_length = re.compile(rb"\r\n(?:Content-Length|l)[ \t]*:(?:\r\n[ \t]|[ \t])*([^\r\n]*)", re.IGNORECASE).findall


class KeepAlive(Enum):
    """What RFC 5626 puts between messages."""

    PING = b"\r\n\r\n"
    """Answer it with a :attr:`PONG`."""
    PONG = b"\r\n"
    """The answer to our ping."""


class StreamFramer:
    """Cuts one connection's bytes into messages.

    A framer that has raised is spent: where the next message starts is unknown, so the connection
    is to be closed.
    """

    __slots__ = ("_buffer", "_half", "_limits", "_need", "_scanned")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._buffer = bytearray()
        self._limits = limits
        self._half = False
        self._need = 0
        self._scanned = 0

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message (for idle and slow-sender limits)."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes | KeepAlive]:
        """Take what was read; return the messages and keep-alives that are now complete, in order.

        Raises:
            ParseError: no usable Content-Length, or a stray line break. If messages before the bad
                bytes are complete, they are returned first and the next call raises.
            LimitError: a message or its head is too large, or there are too many keep-alives in one read.
        """
        buffer = self._buffer
        if not buffer and data and data[0] not in b"\r\n":
            # One whole message in one read, as it mostly is: nothing need be copied.
            end = data.find(b"\r\n\r\n")
            if end > 0 and end + 4 + self._body_length(data[: end + 2]) == len(data):
                self._half = False
                return [data]
        buffer += data
        found: list[bytes | KeepAlive] = []
        try:
            while buffer:
                item = self._next(buffer)
                if item is None:
                    break
                found.append(item)
                if (
                    isinstance(item, KeepAlive)
                    and len(found) > self._limits.keepalives
                    and all(isinstance(one, KeepAlive) for one in found)
                ):
                    raise LimitError("too many keep-alives")
        except ParseError:
            if not any(isinstance(item, bytes) for item in found):
                raise
            # The messages before the bad one are good: hand them over, and raise at the next call.
        return found

    def _next(self, buffer: bytearray) -> bytes | KeepAlive | None:
        if not self._need:
            first = buffer[0]
            if first == 13 or first == 10:
                return self._keepalive(buffer)
            end = buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
            if end < 0:
                self._scanned = len(buffer)
                if self._scanned > self._limits.head:
                    raise LimitError("head too large", 513)
                return None
            self._half = False
            self._need = end + 4 + self._body_length(bytes(buffer[: end + 2]))
            self._scanned = 0
        need = self._need
        if len(buffer) < need:
            return None
        message = bytes(buffer[:need])
        del buffer[:need]
        self._need = 0
        return message

    def _keepalive(self, buffer: bytearray) -> KeepAlive | None:
        if len(buffer) < 2 and buffer[0] == 13:
            return None
        if buffer[:2] != b"\r\n":
            raise ParseError("stray line break between messages")
        if buffer[2:4] == b"\r\n":
            del buffer[:4]
            self._half = False
            return KeepAlive.PING
        # A lone line break is a pong; if the next read brings another, the two were a ping cut in half.
        half = self._half
        if len(buffer) == 3 and buffer[2] == 13:
            return None
        del buffer[:2]
        self._half = not half
        return KeepAlive.PING if half else KeepAlive.PONG

    def _body_length(self, head: bytes) -> int:
        if len(head) > self._limits.head:
            raise LimitError("head too large", 513)
        lengths = _length(head)
        if len(lengths) != 1:
            raise ParseError("no Content-Length on a stream" if not lengths else "more than one Content-Length")
        text = lengths[0].rstrip(b" \t")
        if not text.isdigit() or len(text) > 10:
            raise ParseError("bad Content-Length on a stream")
        length = int(text)
        if len(head) + 2 + length > self._limits.message:
            raise LimitError("message too large", 513)
        return length
