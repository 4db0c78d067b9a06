"""The manager protocol's bytes: ``Key: Value`` lines, a blank line ends a message. No sockets here."""

from __future__ import annotations

import re
from collections.abc import Iterable

BANNER = "Asterisk Call Manager/11.0.0\r\n"
MAX_LINE = 8192
MAX_FIELDS = 512
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Everything that any client could take for the end of a line, and all other controls but the tab."""


class OversizedError(Exception):
    """A client sent a line or a message longer than the limits."""


class Fields:
    """The fields of one message: keys in any case, repeated keys kept in order; ``pairs`` has them as sent."""

    __slots__ = ("_pairs", "pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = tuple(pairs)
        self._pairs = [(key.lower(), value) for key, value in self.pairs]

    def get(self, key: str, default: str = "") -> str:
        """The last value of ``key``."""
        key = key.lower()
        for name, value in reversed(self._pairs):
            if name == key:
                return value
        return default

    def get_all(self, key: str) -> list[str]:
        """Every value of ``key``, in order."""
        key = key.lower()
        return [value for name, value in self._pairs if name == key]

    def has(self, key: str) -> bool:
        """Whether ``key`` was sent at all."""
        key = key.lower()
        return any(name == key for name, _ in self._pairs)


class MessageReader:
    """Cuts a byte stream into messages; a line without a colon is passed over, as Asterisk does."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._pairs: list[tuple[str, str]] = []
        self._lines = 0

    def feed(self, data: bytes) -> list[Fields]:
        """Take received bytes; return the complete messages.

        Raises:
            OversizedError: A line or a message is longer than the limits.
        """
        self._buffer += data
        messages = []
        while (end := self._buffer.find(b"\n")) >= 0:
            line = self._buffer[:end].rstrip(b"\r").decode("utf-8", "replace")
            del self._buffer[: end + 1]
            if line.strip():
                self._lines += 1
                if len(line) > MAX_LINE or self._lines > MAX_FIELDS:
                    raise OversizedError
                key, colon, value = line.partition(":")
                if colon:
                    self._pairs.append((key.strip(), value.strip()))
            elif self._lines:
                messages.append(Fields(self._pairs))
                self._pairs, self._lines = [], 0
        if len(self._buffer) > MAX_LINE:
            raise OversizedError
        return messages


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
