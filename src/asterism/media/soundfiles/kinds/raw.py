"""Files without a header: nothing but a codec's frames."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import MappingProxyType
from typing import BinaryIO

from asterism.media.formats import (
    ALAW,
    G722,
    G723,
    G726,
    G729,
    GSM,
    ILBC,
    LINEAR,
    ULAW,
    Format,
)
from asterism.media.soundfiles.contents import Contents, Kind, Run, Warn, coded, length_of
from asterism.media.soundfiles.growing import Frames

_G723_SIZES = (24, 20, 4, 1)
"""Octets of a frame of G.723.1 by the last two bits of its first octet (RFC 3551 4.5.3)."""

_MORE = MappingProxyType({8000: ("slin", "raw"), 16000: ("slin16",)})
"""Further extensions of linear files by their rate."""


def _raw(name: str, fmt: Format, *more: str) -> Kind:
    return Kind(name, (name, *more), fmt, partial(_open, fmt), grow=partial(Frames, fmt))


def _open(fmt: Format, file: BinaryIO, warn: Warn) -> Contents:
    return coded(file, fmt, warn)


def _open_g723(file: BinaryIO, warn: Warn) -> Contents:
    def frames(start: float) -> Iterator[bytes]:
        skipped = int(start * 1000) // G723.ptime
        at = 0
        while True:
            file.seek(at)
            data = file.read(24)
            if not data:
                return
            size = _G723_SIZES[data[0] & 3]
            if len(data) < size:
                warn("ends in the middle of a frame")
                return
            at += size
            if skipped:
                skipped -= 1
            else:
                yield data[:size]

    return Contents(G723, length_of(file) / 24 * G723.ptime / 1000, lambda start: Run(frames(start)))


KINDS = (
    _raw("g722", G722),
    _raw("alaw", ALAW, "al", "alw"),
    _raw("pcm", ULAW, "ulaw", "ul", "mu", "ulw"),
    _raw("g726-32", G726),
    _raw("g729", G729),
    Kind("iLBC", ("ilbc",), ILBC, partial(_open, ILBC), grow=partial(Frames, ILBC)),
    Kind("g723sf", ("g723", "g723sf"), G723, _open_g723),
    *(
        _raw(fmt.name.replace("slin", "sln"), fmt, *_MORE.get(rate, ()))
        for rate, fmt in sorted(LINEAR.items(), reverse=True)
    ),
    _raw("gsm", GSM),
)
