"""Ogg files (RFC 3533): Opus (RFC 7845), Speex, and Vorbis where the extra ``formats`` is installed."""

from __future__ import annotations

import os
import secrets
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from asterism.media.codecs.discovery import decodes, encodes, reason
from asterism.media.codecs.native import Pieces
from asterism.media.durations import opus_ticks
from asterism.media.formats import LINEAR, OPUS, SLIN, SLIN48, SPEEX, SPEEX16, Format
from asterism.media.soundfiles.contents import Contents, Kind, Run, SoundError, Warn, length_of
from asterism.media.soundfiles.kinds.encoded import open_encoded
from asterism.media.translate import stream_translator

_HEAD = 27
_PAGE = struct.Struct("<4sBBQIIIB")
_MAX_PAGE = _HEAD + 255 + 255 * 255
_MAX_PACKET = 64 * 1024
"""Octets of a packet; a longer one holds a picture, not sound."""
_ENDS, _BEGINS, _CONTINUED = 0x04, 0x02, 0x01
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


def page(flags: int, granule: int, serial: int, number: int, packets: Sequence[bytes] = ()) -> bytes:
    """A page with whole packets, whose octets fit in it (RFC 3533 6)."""
    sizes = b"".join([b"\xff" * (len(one) // 255) + bytes([len(one) % 255]) for one in packets])
    head = _PAGE.pack(b"OggS", 0, flags, granule, serial, number, 0, len(sizes))
    made = head + sizes + b"".join(packets)
    return made[:22] + checksum(made).to_bytes(4, "little") + made[26:]


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


_VENDOR = b"Asterism"
_OPUS_AHEAD = 312
"""Samples at 48 kHz that libopus is behind at its beginning: they are not to be heard (RFC 7845 4.2)."""
_OPUS_HEAD = struct.Struct("<8sBBHIhB")
_SPEEX_HEAD = struct.Struct("<8s20s13i")

_ALIKE: Mapping[Format, tuple[slice, ...]] = MappingProxyType(
    {
        OPUS: (slice(0, 10),),
        **dict.fromkeys((SPEEX, SPEEX16), (slice(0, 8), slice(36, 40), slice(48, 52), slice(64, 68))),
    }
)
"""What the first headers of two files have in common of which one goes on as the other: the codec, version or rate,
channels, and frames in a packet."""
_PARAMETERS: Mapping[Format, str] = MappingProxyType({OPUS: "maxaveragebitrate=32000"})
"""How audio is encoded: half of the octets that Opus takes by itself, and good for speech."""


def _comments() -> bytes:
    return struct.pack("<I", len(_VENDOR)) + _VENDOR + bytes(4)


def _opus_headers() -> tuple[bytes, bytes]:
    head = _OPUS_HEAD.pack(b"OpusHead", 1, 1, _OPUS_AHEAD, _OPUS_CLOCK, 0, 0)
    return head, b"OpusTags" + _comments()


def _speex_headers(rate: int) -> tuple[bytes, bytes]:
    """The header of one frame a packet, in the order of Speex's manual (chapter 7)."""
    mode = int(rate > 8000)
    numbers = 1, _SPEEX_HEAD.size, rate, mode, 4, 1, -1, rate // 50, 0, 1, 0, 0, 0
    return _SPEEX_HEAD.pack(b"Speex   ", b"1.2".ljust(20, b"\0"), *numbers), _comments()


class _Place(NamedTuple):
    """A page in a file."""

    begin: int
    end: int
    flags: int
    granule: int
    serial: int
    number: int
    full: bool
    """Whether anything is in it."""


def _places(file: BinaryIO) -> Iterator[_Place]:
    """The pages of a file up to the first that is not whole; only their heads are read."""
    size, at = length_of(file), 0
    while True:
        file.seek(at)
        data = file.read(_HEAD + 255)
        if data[:5] != b"OggS\0" or len(data) < _HEAD + (data[26] if len(data) > 26 else 0):
            return
        _, _, flags, granule, serial, number, _, count = _PAGE.unpack_from(data)
        end = at + _HEAD + count + sum(data[_HEAD : _HEAD + count])
        if end > size:
            return
        yield _Place(at, end, flags, granule, serial, number, count > 0)
        at = end


class Packets:
    """An Ogg file that grows by packets of 20 ms of one channel; see :class:`~..growing.Growth`."""

    def __init__(self, fmt: Format, headers: Sequence[bytes], clock: int, ahead: int, channels: int) -> None:
        """Prepare to write.

        Args:
            fmt: the codec.
            headers: the packets that a file begins with.
            clock: units of its positions in a second.
            ahead: units at the beginning that are not to be heard.
            channels: of what is to be written.

        Raises:
            SoundError: the codec cannot be encoded here, or there is more than one channel.
        """
        if not encodes(fmt):
            raise SoundError(f"{fmt.name} cannot be encoded here: {reason(fmt)}")
        if channels > 1:
            raise SoundError(f"{fmt.name} is written with one channel only")
        self._format, self.rate = fmt, fmt.sample_rate
        self._clock, self._step, self._ahead = clock, clock // 50, ahead
        self._serial = secrets.randbits(32)
        self._heads = [
            page(_BEGINS if not number else 0, 0, self._serial, number, [packet])
            for number, packet in enumerate(headers)
        ]
        self._first = headers[0]
        self._number = len(self._heads)
        self._granule = 0
        self._size = 0
        self._before = 0, 0
        """The size and the position before the last piece."""
        self._begin()

    def _begin(self) -> None:
        self._translate = stream_translator(LINEAR[self.rate], self._format, _PARAMETERS.get(self._format, ""))
        self._pieces = Pieces(LINEAR[self.rate].frame_bytes)
        self._kept = 0

    def head(self, size: int) -> bytes:
        """Nothing: that a file begins with two pages is no matter of its size."""
        return b""

    def resume(self, file: BinaryIO) -> int:
        """Go on in the stream that is there, whose last page is told not to be the last any more."""
        file.seek(0)
        told: list[str] = []
        first = next(_packets(file, told.append), b"")
        if any(first[one] != self._first[one] for one in _ALIKE[self._format]):
            raise SoundError("what is there is no such file, so nothing can be added")
        if self._format is OPUS:
            self._ahead = int.from_bytes(first[10:12], "little")
        places = list(_places(file))[-2:]
        last = places[-1]
        if last.flags & _ENDS and not last.full and len(places) > 1:
            last = places[0]
        self._heads = []
        if last.flags & _ENDS:
            file.seek(last.begin)
            data = bytearray(file.read(last.end - last.begin))
            data[5] &= ~_ENDS
            data[22:26] = checksum(bytes(data)).to_bytes(4, "little")
            self._heads = [bytes(data)]
        self._serial, self._number = last.serial, last.number + 1
        self._granule = 0 if last.granule == _NO_GRANULE else last.granule
        self._size = last.begin if self._heads else last.end
        self._before = self._size, self._granule
        return self._size

    def encode(self, pcm: bytes) -> bytes:
        """The pages of what has become full."""
        assert self._translate is not None
        self._kept = (self._kept + len(pcm)) % self._pieces.size
        packets = [packet for piece in self._pieces.cut(pcm) if (packet := self._translate(piece))]
        made, self._heads = self._heads, []
        self._before = self._size, self._granule
        while packets:
            count = segments = 0
            while count < len(packets) and segments + len(packets[count]) // 255 + 1 <= 255:
                segments += len(packets[count]) // 255 + 1
                count += 1
            self._granule += count * self._step
            made.append(self._page(0, packets[:count]))
            packets = packets[count:]
        data = b"".join(made)
        self._size += len(data)
        return data

    def _page(self, flags: int, packets: Sequence[bytes]) -> bytes:
        self._number += 1
        return page(flags, self._granule, self._serial, self._number - 1, packets)

    def finish(self) -> bytes:
        """What was kept, and an empty page that says that it is the last."""
        rest = self.encode(bytes(self._pieces.size - self._kept)) if self._kept else self.encode(b"")
        last = self._page(_ENDS, ())
        self._size += len(last)
        return rest + last

    def whole(self, size: int) -> int:
        """Of a piece that is not there wholly nothing counts."""
        if size < self._size:
            self._size, self._granule = self._before
        return self._size

    def seconds(self, size: int) -> float:
        """By the position of the last page."""
        return max(0, self._granule - self._ahead) / self._clock

    def cut(self, file: BinaryIO, size: int, seconds: float) -> int:
        """To the page that ends where it is to end, or just after."""
        self._begin()
        wanted = max(0, self._granule - round(seconds * self._clock))
        end = size
        for place in _places(file):
            end, self._number = place.end, place.number + 1
            if place.granule >= wanted and not place.flags & _BEGINS and (place.granule or not wanted):
                self._granule = place.granule
                break
        self._size = min(end, size)
        return self._size


def _grow_opus(channels: int) -> Packets:
    return Packets(OPUS, _opus_headers(), _OPUS_CLOCK, _OPUS_AHEAD, channels)


def _grow_speex(fmt: Format, channels: int) -> Packets:
    return Packets(fmt, _speex_headers(fmt.sample_rate), fmt.sample_rate, 0, channels)


KINDS = (
    Kind("ogg_opus", ("opus",), SLIN48, _open, _opus_reason, _grow_opus),
    Kind("ogg_speex16", ("spx16",), SPEEX16, _open, grow=partial(_grow_speex, SPEEX16)),
    Kind("ogg_speex", ("spx",), SPEEX, _open, grow=partial(_grow_speex, SPEEX)),
    # Vorbis, says the extension; what is in it may be Opus, which needs nothing more, and is what is written.
    Kind("ogg_vorbis", ("ogg",), SLIN, _open, grow=_grow_opus),
)
