"""RTCP packets: sender and receiver reports with a CNAME, written and read (RFC 3550 6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

SR = 200
RR = 201
SDES = 202
BYE = 203

NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970."""

_HEADER = struct.Struct("!BBHI")
_HEAD = struct.Struct("!BBH")
_SENDER = struct.Struct("!IIIII")
_BLOCK = struct.Struct("!IIIIII")
_MAX_PACKETS = 16


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """Report block: reception statistics of one source."""

    ssrc: int
    fraction_lost: int
    """256ths of the packets since the report before."""
    cumulative_lost: int
    highest_sequence: int
    """Extended: cycles in the upper 16 bits."""
    jitter: int
    """Timestamp units."""
    last_sr: int
    """Middle 32 bits of the NTP time of the last sender report; 0 before the first."""
    delay_since_sr: int
    """65536ths of a second."""


@dataclass(frozen=True, slots=True)
class Report:
    """One SR or RR."""

    packet_type: int
    ssrc: int
    ntp: int = 0
    """64-bit NTP time; SR only."""
    rtp_timestamp: int = 0
    packets: int = 0
    octets: int = 0
    blocks: tuple[ReportBlock, ...] = ()

    @property
    def unix_time(self) -> float:
        """The NTP time in seconds since 1970."""
        return (self.ntp >> 32) - NTP_EPOCH + (self.ntp & 0xFFFFFFFF) / 2**32


def ntp_time(unix_time: float) -> int:
    """Seconds since 1970 as a 64-bit NTP timestamp."""
    return int((unix_time + NTP_EPOCH) * 2**32) & 0xFFFFFFFFFFFFFFFF


def build(report: Report, cname: bytes, bye: bool = False) -> bytes:
    """A compound packet: the report, an SDES with ``cname``, and a BYE if asked."""
    body = b""
    if report.packet_type == SR:
        body = _SENDER.pack(
            report.ntp >> 32, report.ntp & 0xFFFFFFFF, report.rtp_timestamp, report.packets & 0xFFFFFFFF,
            report.octets & 0xFFFFFFFF,
        )  # fmt: skip
    for block in report.blocks:
        body += _BLOCK.pack(
            block.ssrc,
            block.fraction_lost << 24 | (max(-0x800000, min(0x7FFFFF, block.cumulative_lost)) & 0xFFFFFF),
            block.highest_sequence & 0xFFFFFFFF,
            block.jitter & 0xFFFFFFFF,
            block.last_sr,
            block.delay_since_sr & 0xFFFFFFFF,
        )
    packet = _HEADER.pack(0x80 | len(report.blocks), report.packet_type, 1 + len(body) // 4, report.ssrc) + body
    item = b"\x01" + bytes((len(cname),)) + cname
    item += bytes(4 - len(item) % 4)
    packet += _HEADER.pack(0x81, SDES, 1 + len(item) // 4, report.ssrc) + item
    if bye:
        packet += _HEADER.pack(0x81, BYE, 1, report.ssrc)
    return packet


def parse(data: bytes) -> list[Report] | None:
    """The reports of a compound packet; ``None`` if it is not well-formed RTCP.

    Other packet types are passed over. At most sixteen packets of one datagram are looked at.
    """
    reports: list[Report] = []
    offset = 0
    for _ in range(_MAX_PACKETS):
        if offset + 4 > len(data):
            return None
        first, packet_type, words = _HEAD.unpack_from(data, offset)
        end = offset + 4 * (words + 1)
        if first >> 6 != 2 or end > len(data) or not 192 <= packet_type <= 223:
            return None
        if packet_type in (SR, RR):
            report = _parse_report(data[offset + 4 : end], packet_type, first & 0x1F)
            if report is None:
                return None
            reports.append(report)
        offset = end
        if offset >= len(data):
            break
    return reports


def _parse_report(body: bytes, packet_type: int, count: int) -> Report | None:
    offset = 24 if packet_type == SR else 4
    if len(body) < offset + 24 * count:
        return None
    blocks = []
    for index in range(count):
        source, lost, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, offset + 24 * index)
        cumulative = lost & 0xFFFFFF
        if cumulative & 0x800000:
            cumulative -= 0x1000000
        blocks.append(ReportBlock(source, lost >> 24, cumulative, highest, jitter, last_sr, delay))
    ssrc = int.from_bytes(body[:4], "big")
    if packet_type == RR:
        return Report(RR, ssrc, blocks=tuple(blocks))
    high, low, timestamp, packets, octets = _SENDER.unpack_from(body, 4)
    return Report(SR, ssrc, high << 32 | low, timestamp, packets, octets, tuple(blocks))
