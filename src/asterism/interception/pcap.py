"""Captures of SIP messages in pcap format, for Wireshark, tshark and sngrep.

Whatever the transport, each message is written as one UDP datagram between the two addresses: so a reader sees the text
of TLS and WebSocket messages too, and needs no reassembly.
"""

from __future__ import annotations

import ipaddress
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_MAGIC = 0xA1B2C3D4
_RAW_IP = 101
"""The link type whose packets begin with an IP header, version 4 or 6."""
_SNAPLEN = 65535
_MAX_PAYLOAD = 65535 - 20 - 8
_UDP = 17

Address = tuple[str, int]


class PcapFile:
    """A capture file being written. Raises ``OSError`` when it cannot be."""

    def __init__(self, path: Path, wall_clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = wall_clock
        self._file: BinaryIO = path.open("wb")
        self._file.write(struct.pack("!IHHiIII", _MAGIC, 2, 4, 0, 0, _SNAPLEN, _RAW_IP))
        self._file.flush()

    def write(self, source: Address, target: Address, payload: bytes) -> None:
        """Write one message; what is longer than a datagram can be is cut."""
        packet = datagram(source, target, payload[:_MAX_PAYLOAD])
        now = self._clock()
        seconds = int(now)
        self._file.write(struct.pack("!IIII", seconds, int((now - seconds) * 1e6), len(packet), len(packet)) + packet)
        # One message at a time, so that the file can be read while it grows.
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        self._file.close()


def datagram(source: Address, target: Address, payload: bytes) -> bytes:
    """An IP packet with a UDP datagram in it; of two families the IPv4 address is written as a mapped one."""
    addresses = [ipaddress.ip_address(host.partition("%")[0]) for host in (source[0], target[0])]
    length = 8 + len(payload)
    if all(address.version == 4 for address in addresses):
        packed = [address.packed for address in addresses]
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, 64, _UDP, 0, *packed)
        checksum = _checksum(header)
        header = header[:10] + struct.pack("!H", checksum) + header[12:]
    else:
        packed = [
            address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed
            for address in addresses
        ]
        header = struct.pack("!IHBB16s16s", 0x60000000, length, _UDP, 64, *packed)
    udp = struct.pack("!HHHH", source[1], target[1], length, 0)
    pseudo = b"".join(packed) + struct.pack("!II", length, _UDP)
    # 0 means "no checksum" in UDP, so that a sum of 0 is sent as its complement.
    checksum = _checksum(pseudo + udp + payload) or 0xFFFF
    return header + udp[:6] + struct.pack("!H", checksum) + payload


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
