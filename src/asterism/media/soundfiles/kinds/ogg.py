"""Ogg files (RFC 3533): Opus (RFC 7845), Speex, and Vorbis where the extra ``formats`` is installed."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from asterism.media.codecs.discovery import decodes, reason
from asterism.media.durations import opus_ticks
from asterism.media.formats import OPUS, SLIN, SLIN48, SPEEX, SPEEX16
from asterism.media.soundfiles.contents import Contents, Kind, Run, SoundError, Warn, length_of
from asterism.media.soundfiles.kinds.encoded import open_encoded

_HEAD = 27
_MAX_PAGE = _HEAD + 255 + 255 * 255
_MAX_PACKET = 64 * 1024
"""Octets of a packet; a longer one holds a picture, not sound."""
_BEGINS, _CONTINUED = 0x02, 0x01
_OPUS_CLOCK = 48000
_OPUS_LEAD = 0.08
"""Seconds before a place from which an Opus decoder has to run to be in step there (RFC 7845 4.6)."""
_NO_GRANULE = (1 << 64) - 1

_MIRRORED = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))


def checksum(page: bytes) -> int:
    """The checksum of a page (RFC 3533 6): the polynomial of zlib's, whose bits go the other way."""
    plain = page[:22] + bytes(4) + page[26:]
    mirrored = zlib.crc32(plain.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_MIRRORED), "big")


class _Page(NamedTuple):
    flags: int
    granule: int
    serial: int
    sizes: bytes
    body: bytes


def _pages(file: BinaryIO, warn: Warn) -> Iterator[_Page]:
    """The whole pages of a file; what is broken between them is passed over."""
    at = 0
    while True:
        file.seek(at)
        data = file.read(_MAX_PAGE)
        if not data:
            return
        page, size = _page(data)
        if page is not None:
            at += size
            yield page
            continue
        following = data.find(b"OggS", 1)
        if len(data) < _MAX_PAGE and following < 0:
            warn("is cut off in the middle of a page")
            return
        warn("is broken in places")
        at += following if following > 0 else len(data) - 3


def _page(data: bytes) -> tuple[_Page | None, int]:
    if data[:5] != b"OggS\0" or len(data) < _HEAD:
        return None, 0
    begin = _HEAD + data[26]
    sizes = data[_HEAD:begin]
    size = begin + sum(sizes)
    if len(data) < size or checksum(data[:size]) != int.from_bytes(data[22:26], "little"):
        return None, 0
    granule, serial = int.from_bytes(data[6:14], "little"), int.from_bytes(data[14:18], "little")
    return _Page(data[5], granule, serial, sizes, data[begin:size]), size


def _packets(file: BinaryIO, warn: Warn) -> Iterator[bytes]:
    """The packets of the first stream in a file that is one of sound, its headers first.

    A stream that follows it, as in a file made of several, goes on with its own headers.
    """
    serial: int | None = None
    part = b""
    overlong = False
    for page in _pages(file, warn):
        if page.flags & _BEGINS and (serial is None or page.body[:8] == b"OpusHead"):
            serial = page.serial
        if page.serial != serial:
            continue
        if not page.flags & _CONTINUED:
            part, overlong = b"", False
        at = 0
        for size in page.sizes:
            if not overlong:
                part += page.body[at : at + size]
                overlong = len(part) > _MAX_PACKET
            at += size
            if size < 255:
                if overlong:
                    part = b""
                yield part
                part, overlong = b"", False


def _last_granule(file: BinaryIO) -> int:
    """The position that the last page tells, in samples; 0 where there is none."""
    size = length_of(file)
    file.seek(max(0, size - 2 * _MAX_PAGE))
    data = file.read(2 * _MAX_PAGE)
    at = len(data)
    while (at := data.rfind(b"OggS", 0, at)) >= 0:
        page, _ = _page(data[at:])
        if page is not None and page.granule != _NO_GRANULE:
            return page.granule
    return 0


def _open(file: BinaryIO, warn: Warn) -> Contents:
    first = next(_packets(file, warn), b"")
    if first[:8] == b"OpusHead" and len(first) >= 19:
        return _opus(file, first, warn)
    if first[:8] == b"Speex   " and len(first) >= 80:
        return _speex(file, first, warn)
    if first[:7] == b"\x01vorbis":
        file.seek(0, os.SEEK_SET)
        return open_encoded("ogg", file, warn)
    raise SoundError("holds neither Opus nor Speex nor Vorbis" if first else "is no Ogg file")


def _opus(file: BinaryIO, head: bytes, warn: Warn) -> Contents:
    version, channels, family = head[8], head[9], head[18]
    if version > 15 or family or not 1 <= channels <= 2:
        raise SoundError(f"holds Opus of version {version} with {channels} channels, family {family}; 1 or 2 are read")
    lead = int.from_bytes(head[10:12], "little") / _OPUS_CLOCK
    seconds = max(0.0, _last_granule(file) / _OPUS_CLOCK - lead)

    def run(start: float) -> Run:
        start += lead
        begin = max(0.0, start - _OPUS_LEAD)
        if start <= lead:
            begin = 0.0
        before, packets = _skip(_packets(file, warn), begin)
        return Run(packets, start - before)

    return Contents(OPUS, seconds, run)


def _skip(packets: Iterator[bytes], seconds: float) -> tuple[float, Iterator[bytes]]:
    """The packets of sound from the last that begins at or before a place, and where it begins."""
    at = 0.0
    for packet in packets:
        length = _sound(packet)
        if not length:
            continue
        if at + length > seconds:
            return at, _sounding(packet, packets)
        at += length
    return at, iter(())


def _sounding(packet: bytes, packets: Iterator[bytes]) -> Iterator[bytes]:
    yield packet
    yield from filter(_sound, packets)


def _sound(packet: bytes) -> float:
    """Seconds of sound in a packet of Opus; 0 for headers, and what is none."""
    return 0.0 if packet[:4] == b"Opus" and packet[4:8] in (b"Head", b"Tags") else duration(packet)


def duration(packet: bytes) -> float:
    """Seconds of sound in a packet of Opus; 0 where it is none."""
    return opus_ticks(packet) / 48000


_SPEEX = {8000: SPEEX, 16000: SPEEX16}


def _speex(file: BinaryIO, head: bytes, warn: Warn) -> Contents:
    rate, frames, extra = (int.from_bytes(head[at : at + 4], "little") for at in (36, 64, 68))
    fmt = _SPEEX.get(rate)
    if fmt is None or frames > 1 or extra > 100:
        raise SoundError(f"holds Speex of {rate} Hz, {frames} frames in a packet; 8000 or 16000 Hz, and one, are read")

    def packets(start: float) -> Iterator[bytes]:
        skipped = 2 + extra + int(start * 50)
        for packet in _packets(file, warn):
            if skipped:
                skipped -= 1
            elif packet:
                yield packet

    return Contents(fmt, _last_granule(file) / rate, lambda start: Run(packets(start)))


def _opus_reason() -> str:
    return "" if decodes(OPUS) else f"is not decoded: {reason(OPUS)}"


KINDS = (
    Kind("ogg_opus", ("opus",), SLIN48, _open, _opus_reason),
    Kind("ogg_speex16", ("spx16",), SPEEX16, _open),
    Kind("ogg_speex", ("spx",), SPEEX, _open),
    # Vorbis, says the extension; what is in it may be Opus, which needs nothing more.
    Kind("ogg_vorbis", ("ogg",), SLIN, _open),
)
