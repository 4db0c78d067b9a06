"""The protocol of the console: frames of one kind byte, four length bytes and a payload.

Client to server: ``RUN`` (JSON: command, columns, color, wait; with the last, ``DONE`` comes only when no
stop of the server is going on), ``COMPLETE`` (the line so far), ``FOLLOW`` (JSON:
verbose level of the log lines wanted, color). Server to client: ``HELLO`` (JSON: version, host name, pid),
``OUTPUT`` (text of a command), ``DONE`` (0, or 1 when the command failed), ``WORDS`` (JSON list of
completions), ``LOG`` (a line), ``GOODBYE`` ("restart" or "stop": why the connection ends).

This file imports nothing but the standard library's smallest parts: ``asterism -rx`` starts in
milliseconds because of it.
"""

from __future__ import annotations

SOCKET_NAME = "asterism.ctl"

RUN = b"R"
COMPLETE = b"C"
FOLLOW = b"F"
HELLO = b"H"
OUTPUT = b"O"
DONE = b"D"
WORDS = b"W"
LOG = b"L"
GOODBYE = b"G"

MAX_FRAME = 16 * 1024 * 1024
"""Bytes of the largest frame either end accepts."""


class ProtocolError(Exception):
    """The other end sent something that is not a frame."""


def encode(kind: bytes, payload: bytes = b"") -> bytes:
    """One frame."""
    return kind + len(payload).to_bytes(4, "big") + payload


class Decoder:
    """Turns the bytes of a connection into frames, whatever pieces they come in."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Take received bytes; return the complete ``(kind, payload)`` frames.

        Raises:
            ProtocolError: A frame announces more than :data:`MAX_FRAME` bytes.
        """
        self._buffer += data
        frames = []
        while len(self._buffer) >= 5:
            length = int.from_bytes(self._buffer[1:5], "big")
            if length > MAX_FRAME:
                raise ProtocolError(f"a frame of {length} bytes")
            if len(self._buffer) < 5 + length:
                break
            frames.append((bytes(self._buffer[:1]), bytes(self._buffer[5 : 5 + length])))
            del self._buffer[: 5 + length]
        return frames
