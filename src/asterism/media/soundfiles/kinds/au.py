"""AU files (Sun): a short header, then G.711 or linear samples."""

from __future__ import annotations

import struct
from typing import BinaryIO

from asterism.media import g711
from asterism.media.formats import ALAW, ULAW
from asterism.media.soundfiles.contents import Contents, Kind, SoundError, Warn, coded, length_of
from asterism.media.soundfiles.growing import Frames
from asterism.media.soundfiles.kinds.wav import linear
from asterism.media.translate import swap_bytes

_HEAD = struct.Struct(">4sIIIII")
_UNKNOWN = 0xFFFFFFFF
_ULAW, _LINEAR, _ALAW = 1, 3, 27


def _open(file: BinaryIO, warn: Warn) -> Contents:
    file.seek(0)
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size or head[:4] != b".snd":
        raise SoundError("is no AU file")
    _, begin, size, encoding, rate, channels = _HEAD.unpack(head)
    there = max(0, length_of(file) - begin)
    if size == _UNKNOWN:
        size = there
    elif size > there:
        warn(f"claims {size} bytes of sound and has {there}, which are played")
        size = there
    if encoding in (_ULAW, _ALAW) and rate == 8000 and channels == 1:
        return coded(file, ULAW if encoding == _ULAW else ALAW, warn, begin, size)
    if encoding == _LINEAR:
        return linear(file, begin, size, rate, channels, 2, swap_bytes)
    if encoding in (_ULAW, _ALAW):
        return linear(
            file, begin, size, rate, channels, 1, g711.ulaw_to_linear if encoding == _ULAW else g711.alaw_to_linear
        )
    raise SoundError(f"holds the encoding {encoding}, which is not read; {_ULAW}, {_LINEAR} and {_ALAW} are")


def _grow(channels: int) -> Frames:
    def head(size: int) -> bytes:
        return _HEAD.pack(b".snd", _HEAD.size, min(size, _UNKNOWN), _ULAW, 8000, channels)

    return Frames(ULAW, channels, head)


KINDS = (Kind("au", ("au",), ULAW, _open, grow=_grow),)
