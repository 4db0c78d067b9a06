"""Packets of the length that the peer asked for (``a=ptime``, RFC 4566 6), cut from audio of another."""

from __future__ import annotations

from asterism.media.formats import Format


class Packetizer:
    """Collects encoded audio of one stream and cuts it into packets of ``ptime`` milliseconds.

    A codec's packets are as long as its :attr:`~asterism.media.formats.Format.unit` and its longest packet allow;
    audio of a codec that cannot be cut is passed as it comes.
    """

    __slots__ = ("_format", "_left", "_size", "marker", "ptime")

    def __init__(self, ptime: int) -> None:
        self.ptime = ptime
        self._format: Format | None = None
        self._left = b""
        self._size = 0
        self.marker = 0
        """The marker bit, 0x80, of the next packet: the first after a pause (RFC 3551 4.1)."""

    def cut(self, fmt: Format, payload: bytes) -> list[bytes]:
        """The packets that are complete with ``payload``."""
        if fmt is not self._format:
            self._format, self._left = fmt, b""
            self._size = packet_bytes(fmt, self.ptime)
        size = self._size
        if not size:
            return [payload]
        data = self._left + payload
        whole = len(data) - len(data) % size
        self._left = data[whole:]
        return [data[start : start + size] for start in range(0, whole, size)]

    def begin(self) -> None:
        """Begin anew after a pause; what does not fill a packet is dropped."""
        self._left = b""
        self.marker = 0x80


def packet_bytes(fmt: Format, ptime: int) -> int:
    """The octets of a packet of ``ptime`` milliseconds, or of the nearest length the codec has; 0: it is not cut."""
    if not fmt.unit or not fmt.frame_bytes:
        return 0
    units = max(1, min(ptime, fmt.max_ptime) // fmt.unit)
    return units * fmt.unit * fmt.frame_bytes // fmt.ptime
