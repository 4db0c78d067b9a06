"""Cutting a byte stream into messages (RFC 3261 18.3) and keep-alives (RFC 5626 3.5.1)."""

from __future__ import annotations

import re
from enum import Enum

from asterism.stack.errors import LimitError, ParseError
from asterism.stack.limits import DEFAULT_LIMITS, Limits

# No look-ahead and nothing lazy: a head of white space must not cost more than its length.
_length = re.compile(rb"\r\n(?:Content-Length|l)[ \t]*:(?:\r\n[ \t]|[ \t])*([^\r\n]*)", re.IGNORECASE).findall


class KeepAlive(Enum):
    """Keep-alives of RFC 5626, sent between messages."""

    PING = b"\r\n\r\n"
    """Answer it with a :attr:`PONG`."""
    PONG = b"\r\n"
    """The answer to our ping."""


_MOST_OWED = 4
"""Pings of ours in a row without an answer after which the peer is taken to answer none."""


_MOST_SKIPPED = 1_048_576
"""Bytes of a body that is too large that are skipped; one that is larger still ends the connection."""


class StreamFramer:
    """Cuts one connection's bytes into messages.

    Of a message that is too large only the head is handed over, so that it can be answered (513), and its body is
    skipped as it comes: nothing of it is kept, and the connection is of use for what follows.

    A framer that has raised is spent: where the next message starts is unknown, so the connection
    is to be closed.
    """

    __slots__ = ("_buffer", "_half", "_limits", "_need", "_owed", "_scanned", "_skip", "_spent")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._buffer = bytearray()
        self._limits = limits
        self._half = False
        self._need = 0
        self._owed = 0
        self._scanned = 0
        self._skip = 0
        self._spent = False

    def pinged(self, late: bool) -> None:
        """A ping was sent: one line break will answer it, and those for two pings are no ping of the peer's.

        Args:
            late: no answer to the pings before is expected any more.
        """
        if self._owed >= 0:
            self._owed = 1 if late else self._owed + 1
            if self._owed > _MOST_OWED:
                self._owed = -1

    @property
    def spent(self) -> bool:
        """Whether nothing that comes can be read any more: what :meth:`feed` returned was the last."""
        return self._spent

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message, or of one too large those to come (for idle and slow-sender limits)."""
        return len(self._buffer) + self._skip

    def feed(self, data: bytes) -> list[bytes | KeepAlive]:
        """Take what was read; return the messages and keep-alives that are now complete, in order.

        Raises:
            ParseError: no usable Content-Length, or a stray line break. If messages before the bad
                bytes are complete, they are returned first and the next call raises.
            LimitError: too many keep-alives in one read, or the framer is :attr:`spent`.
        """
        buffer = self._buffer
        limits = self._limits
        if self._spent:
            raise LimitError("message too large", 513)
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        if not buffer and data and data[0] not in b"\r\n":
            # One whole message in one read, as it mostly is: nothing need be copied.
            end = data.find(b"\r\n\r\n", 0, limits.head)
            if end > 0 and len(data) <= limits.message and end + 4 + self._body_length(data[: end + 2]) == len(data):
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
                    and len(found) > limits.keepalives
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
                    self._spent = True
                    head = bytes(buffer[: self._limits.head + 1])
                    buffer.clear()
                    return head
                return None
            self._half = False
            length = self._body_length(bytes(buffer[: end + 2]))
            self._scanned = 0
            if end > self._limits.head or end + 4 + length > self._limits.message:
                head = bytes(buffer[: end + 4])
                if length > _MOST_SKIPPED:
                    self._spent = True
                    buffer.clear()
                    return head
                self._skip = max(0, length - (len(buffer) - end - 4))
                del buffer[: end + 4 + length]
                return head
            self._need = end + 4 + length
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
        owed = self._owed
        if owed < 2 and buffer[2:4] == b"\r\n":
            del buffer[:4]
            self._half = False
            return KeepAlive.PING
        if owed < 2 and len(buffer) == 3 and buffer[2] == 13:
            return None
        del buffer[:2]
        if owed > 0:
            # RFC 5626 4.4.1: the peer answers each ping of ours with one line break.
            self._owed = owed - 1
            self._half = False
            return KeepAlive.PONG
        # A lone line break is a pong; if the next read brings another, the two were a ping cut in half.
        self._owed = 0
        half = self._half
        self._half = not half
        return KeepAlive.PING if half else KeepAlive.PONG

    @staticmethod
    def _body_length(head: bytes) -> int:
        lengths = _length(head)
        if len(lengths) != 1:
            raise ParseError("no Content-Length on a stream" if not lengths else "more than one Content-Length")
        text = lengths[0].rstrip(b" \t")
        if not text.isdigit() or len(text) > 10:
            raise ParseError("bad Content-Length on a stream")
        return int(text)
