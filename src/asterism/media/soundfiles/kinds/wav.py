"""WAV files (RIFF): linear audio of 8 to 48 kHz and more, G.711, and GSM as Microsoft packs it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from asterism.media import g711
from asterism.media.formats import ALAW, GSM, LINEAR, SLIN, SLIN16, ULAW
from asterism.media.resample import Resampler
from asterism.media.soundfiles.contents import Contents, Kind, Run, SoundError, Warn, coded, fixed_run, length_of
from asterism.media.soundfiles.growing import Frames

_PCM, _FLOAT, _ALAW, _ULAW, _GSM, _EXTENSIBLE = 1, 3, 6, 7, 0x31, 0xFFFE
_NAMES = {2: "Microsoft ADPCM", 0x11: "IMA ADPCM", 0x55: "MP3", 0x59: "Rockwell ADPCM", 0xFF: "AAC"}
RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000, 192000)
"""Sample rates that are read."""
_MAX_CHUNKS = 1000
_MAX_CHANNELS = 8

Decoder = Callable[[bytes], bytes]
"""From samples as they are in a file, all channels, to linear ones of one channel."""


def _open(file: BinaryIO, warn: Warn) -> Contents:
    head = _at(file, 0, 12)
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        raise SoundError("is no WAV file")
    described, begin, size = _chunks(file)
    there = length_of(file) - begin
    if size > there:
        warn(f"claims {size} bytes of sound and has {there}, which are played")
        size = there
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", described)
    if tag == _EXTENSIBLE and len(described) >= 26:
        (tag,) = struct.unpack_from("<H", described, 24)
    if tag == _GSM and rate == 8000 and channels == 1:
        return _gsm(file, begin, size, warn)
    if channels == 1 and rate == 8000 and tag in (_ALAW, _ULAW):
        return coded(file, ALAW if tag == _ALAW else ULAW, warn, begin, size)
    return linear(file, begin, size, rate, channels, *_decoder(tag, bits))


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)


def _chunks(file: BinaryIO) -> tuple[bytes, int, int]:
    """The format chunk, and begin and size of the data chunk."""
    described = b""
    at = 12
    for _ in range(_MAX_CHUNKS):
        head = _at(file, at, 8)
        if len(head) < 8:
            break
        name, size = head[:4], int.from_bytes(head[4:], "little")
        at += 8
        if name == b"data":
            if len(described) < 16:
                break
            return described, at, size
        if name == b"fmt ":
            described = file.read(min(size, 64))
        at += size + (size & 1)
    raise SoundError("is a WAV file without sound in it")


def _decoder(tag: int, bits: int) -> tuple[int, Decoder | None]:
    """Octets of a sample, and how it is decoded; ``None``: 16 bits are as they are."""
    if tag == _PCM and bits in (8, 16, 24, 32):
        return bits // 8, {8: _of_8, 16: None, 24: _of_24, 32: _of_32}[bits]
    if tag == _FLOAT and bits == 32:
        return 4, _of_float
    if tag in (_ALAW, _ULAW):
        return 1, g711.alaw_to_linear if tag == _ALAW else g711.ulaw_to_linear
    what = f"samples of {bits} bits" if tag in (_PCM, _FLOAT) else _NAMES.get(tag, f"the codec 0x{tag:x}")
    raise SoundError(f"holds {what}, which is not read; 16 bits and linear is")


def _of_8(data: bytes) -> bytes:
    return ((np.frombuffer(data, np.uint8).astype("<i2") - 128) << 8).astype("<i2").tobytes()


def _of_24(data: bytes) -> bytes:
    octets: npt.NDArray[np.uint8] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    high: bytes = octets[:, 1:].tobytes()
    return high


def _of_32(data: bytes) -> bytes:
    return (np.frombuffer(data, "<i4") >> 16).astype("<i2").tobytes()


def _of_float(data: bytes) -> bytes:
    samples: npt.NDArray[np.float32] = np.nan_to_num(np.frombuffer(data, "<f4"), posinf=1, neginf=-1)
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def linear(
    file: BinaryIO, begin: int, size: int, rate: int, channels: int, width: int, decode: Decoder | None
) -> Contents:
    """Contents of a part of a file that is samples of one to eight channels, mixed to one.

    Args:
        file: where from.
        begin: where the samples begin.
        size: their octets.
        rate: samples a second of each channel.
        channels: how many.
        width: octets of a sample.
        decode: how samples become linear ones; ``None``: they are.

    Raises:
        SoundError: there are too many channels, or the rate is an uncommon one.
    """
    if rate not in RATES or not 1 <= channels <= _MAX_CHANNELS:
        raise SoundError(
            f"has {rate} Hz and {channels} channels; {', '.join(map(str, RATES))} Hz and 1 to {_MAX_CHANNELS} are read"
        )
    block = width * channels
    size -= size % block
    used = next(one for one in sorted(LINEAR) if one >= rate)

    def run(start: float) -> Run:
        pieces = fixed_run(file, begin, size, rate // 10 * block, int(start * rate) * block)
        return Run(_mono(pieces, block, channels, decode, None if used == rate else Resampler(rate, used)))

    return Contents(LINEAR[used], size / block / rate, run)


def _mono(
    pieces: Iterator[bytes], block: int, channels: int, decode: Decoder | None, resample: Decoder | None
) -> Iterator[bytes]:
    for piece in pieces:
        data = piece[: len(piece) - len(piece) % block]
        if decode is not None:
            data = decode(data)
        if channels > 1:
            data = np.frombuffer(data, "<i2").reshape(-1, channels).mean(axis=1).astype("<i2").tobytes()
        yield data if resample is None else resample(data)


_WAV49 = 65
"""Octets of two GSM frames, 40 ms, as Microsoft packs them."""


def _gsm(file: BinaryIO, begin: int, size: int, warn: Warn) -> Contents:
    if size % _WAV49:
        warn("ends in the middle of a frame")
        size -= size % _WAV49

    def run(start: float) -> Run:
        return Run(_frames(fixed_run(file, begin, size, _WAV49, int(start / 0.04) * _WAV49)))

    return Contents(GSM, size // _WAV49 * 0.04, run)


# Bits of the parameters of a GSM frame in the order in which they are written: the eight of the spectrum, then for each
# of four subframes lag, gain, grid position, block amplitude and thirteen pulses (ETSI EN 300 961, table 1.1).
_PARAMETERS = (6, 6, 5, 5, 4, 4, 3, 3, *(7, 2, 2, 6, *(3,) * 13) * 4)
_SIGNATURE = 0xD
"""The first four bits of a frame in RTP and in ``.gsm`` files (RFC 3551 4.5.8.1)."""


def _frames(blocks: Iterator[bytes]) -> Iterator[bytes]:
    for block in blocks:
        yield from unpack_block(block)


def unpack_block(block: bytes) -> tuple[bytes, bytes]:
    """The two frames of one block of 65 octets: the same parameters, whose bits are counted from the low end."""
    bits = int.from_bytes(block, "little")
    found = []
    for _ in range(2):
        frame = _SIGNATURE
        for width in _PARAMETERS:
            frame = frame << width | bits & (1 << width) - 1
            bits >>= width
        found.append(frame.to_bytes(33, "big"))
    return found[0], found[1]


def pack_block(frames: bytes) -> bytes:
    """The block of 65 octets of two frames; the other way of :func:`unpack_block`."""
    bits = at = 0
    for begin in (0, 33):
        frame = int.from_bytes(frames[begin : begin + 33], "big")
        below = 33 * 8 - 4
        for width in _PARAMETERS:
            below -= width
            bits |= (frame >> below & (1 << width) - 1) << at
            at += width
    return bits.to_bytes(_WAV49, "little")


def _pack(frames: bytes) -> bytes:
    return b"".join([pack_block(frames[at : at + 66]) for at in range(0, len(frames), 66)])


_LINEAR_HEAD = struct.Struct("<4sI4s4sIHHIIHH4sI")
"""RIFF, its size, WAVE, the format chunk, and the begin of the data chunk."""
_GSM_HEAD = struct.Struct("<4sI4s4sIHHIIHHHH4sII4sI")
"""The same with two numbers more about the format, and the chunk that tells the number of samples."""
_MAX_SIZE = 0xFFFFFFFF


def _riff(head: struct.Struct, size: int, *fields: int | bytes) -> bytes:
    return head.pack(b"RIFF", min(size + head.size - 8, _MAX_SIZE), b"WAVE", b"fmt ", *fields, min(size, _MAX_SIZE))


def _grow_linear(rate: int, channels: int) -> Frames:
    block = 2 * channels

    def head(size: int) -> bytes:
        return _riff(_LINEAR_HEAD, size, 16, _PCM, channels, rate, rate * block, block, 16, b"data")

    return Frames(LINEAR[rate], channels, head)


def _grow_gsm(channels: int) -> Frames:
    def head(size: int) -> bytes:
        samples = min(size // _WAV49 * 320, _MAX_SIZE)
        return _riff(_GSM_HEAD, size, 20, _GSM, 1, 8000, 1625, _WAV49, 0, 2, 320, b"fact", 4, samples, b"data")

    return Frames(GSM, channels, head, (_WAV49, 320), _pack)


KINDS = (
    Kind("wav16", ("wav16",), SLIN16, _open, grow=partial(_grow_linear, 16000)),
    Kind("wav", ("wav",), SLIN, _open, grow=partial(_grow_linear, 8000)),
    Kind("wav49", ("WAV", "wav49"), GSM, _open, grow=_grow_gsm),
)
