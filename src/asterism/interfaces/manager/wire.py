"""The manager protocol's bytes: ``Key: Value`` lines, a blank line ends a message. No sockets here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

BANNER = "Asterisk Call Manager/11.0.0\r\n"
MAX_LINE = 8192
MAX_FIELDS = 512
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Everything that any client could take for the end of a line, and all other controls but the tab."""


class OversizedError(Exception):
    """A client sent a line or a message longer than the limits."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Size limits for a client: bytes of a line, lines of a message, bytes altogether (0 without limit)."""

    line: int
    lines: int
    total: int = 0


BEFORE_LOGIN = Limits(1024, 32, 8192)
"""Limits before login: enough for a few attempts."""
LOGGED_IN = Limits(MAX_LINE, MAX_FIELDS)


class Fields:
    """The fields of one message: keys in any case, repeated keys kept in order; ``pairs`` has them as sent."""

    __slots__ = ("_first", "pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = tuple(pairs)
        self._first: dict[str, str] = {}
        for key, value in self.pairs:
            self._first.setdefault(key.lower(), value)

    def get(self, key: str, default: str = "") -> str:
        """The first value of ``key``: what follows the text of a user in a message cannot replace what was before."""
        return self._first.get(key.lower(), default)

    def get_all(self, key: str) -> list[str]:
        """Every value of ``key``, in order."""
        key = key.lower()
        return [value for name, value in self.pairs if name.lower() == key]

    def has(self, key: str) -> bool:
        """Whether ``key`` was sent at all."""
        return key.lower() in self._first


class MessageReader:
    """Cuts a byte stream into messages; a line without a colon is passed over, as Asterisk does.

    Messages are parsed on demand: :meth:`next` looks at no more than one. ``limits`` may be
    changed between messages.
    """

    def __init__(self, limits: Limits = LOGGED_IN) -> None:
        self.limits = limits
        self._buffer = bytearray()
        self._pairs: list[tuple[str, str]] = []
        self._lines = 0
        self._taken = 0

    @property
    def buffered(self) -> int:
        """How many bytes have not been looked at, or are the beginning of a line."""
        return len(self._buffer)

    def receive(self, data: bytes) -> None:
        """Take received bytes."""
        self._buffer += data

    def next(self) -> Fields | None:
        """The next message, ``None`` when it has not come yet.

        Raises:
            OversizedError: A line, a message or all together is longer than the limits.
        """
        limits, buffer = self.limits, self._buffer
        while (end := buffer.find(b"\n")) >= 0:
            self._taken += end + 1
            if end > limits.line + 1 or (limits.total and self._taken > limits.total):
                raise OversizedError
            line = buffer[:end].rstrip(b"\r").decode("utf-8", "replace")
            del buffer[: end + 1]
            if line.strip():
                self._lines += 1
                if len(line) > limits.line or self._lines > limits.lines:
                    raise OversizedError
                key, colon, value = line.partition(":")
                if colon:
                    self._pairs.append((key.strip(), value.strip()))
            elif self._lines:
                fields = Fields(self._pairs)
                self._pairs, self._lines = [], 0
                return fields
        if len(buffer) > limits.line + buffer.endswith(b"\r"):
            raise OversizedError
        return None

    def feed(self, data: bytes) -> list[Fields]:
        """Take received bytes; return the complete messages. Raises as :meth:`next` does."""
        self.receive(data)
        return list(iter(self.next, None))


def clean(value: object) -> str:
    """A name or a value as it may stand on one line: control characters become blanks."""
    if value is None:
        return ""
    text = value if type(value) is str else str(value)
    return _CONTROLS.sub(" ", text) if not text.isprintable() else text


def encode_fields(pairs: Iterable[tuple[str, object]]) -> str:
    """The lines of some fields of a message."""
    pairs = list(pairs)
    if not pairs:
        return ""
    text = "\n".join([f"{key}: {value}" for key, value in pairs])
    # One test for all values: nearly every message is printable as it is.
    if (
        None in [value for _, value in pairs]
        or not text.replace("\n", "").isprintable()
        or text.count("\n") >= len(pairs)
    ):
        text = "\n".join([f"{clean(key)}: {clean(value)}" for key, value in pairs])
    return text.replace("\n", "\r\n") + "\r\n"


def encode(pairs: Iterable[tuple[str, object]]) -> str:
    """One message, ready to be sent."""
    return encode_fields(pairs) + "\r\n"
