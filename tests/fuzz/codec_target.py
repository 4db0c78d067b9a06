"""Payloads of every codec: whatever comes is decoded, or taken as lost, and what that makes is bounded."""

from __future__ import annotations

from functools import lru_cache

from asterism.media.conversion import Conversion
from asterism.media.durations import ticks_of
from asterism.media.formats import FORMATS, LINEAR, SLIN, ULAW, Format
from asterism.media.order import Sequencer
from asterism.media.stream import Frame
from asterism.media.translate import stream_translator, translator

_FORMATS = tuple(FORMATS.values())
_PIECE = 1500


def payloads(data: bytes) -> None:
    """Packets of one stream, whose codec the first octet chooses; the last two octets of each are its time."""
    fmt = _FORMATS[data[0] % len(_FORMATS)] if data else ULAW
    decode, whole = stream_translator(fmt, SLIN), translator(fmt, SLIN)
    conversion, order, clock = Conversion(fmt, ULAW), Sequencer(), 0
    for piece in data[1:].split(b"\n--\n")[:60]:
        payload = piece[:_PIECE]
        assert 0 <= ticks_of(fmt, payload) <= 48000 * 2
        clock += int.from_bytes(payload[-2:], "big")
        made = sum(map(len, conversion.take(payload, clock & 0xFFFFFFFF)))
        assert made <= 400_000
        for frame in order.put(Frame(fmt, payload, clock & 0xFFFFFFFF)):
            if decode is not None:
                assert len(decode(frame.payload)) <= 400_000
        if whole is not None:
            whole(payload)
    for encode in (stream_translator(SLIN, fmt), stream_translator(ULAW, fmt, data[:80].decode("latin-1"))):
        if encode is not None:
            encode(data[:4000])


@lru_cache(maxsize=1)
def seeds() -> list[bytes]:
    """A few real packets of each codec."""
    return [_stream(number, fmt) for number, fmt in enumerate(_FORMATS)]


def _stream(number: int, fmt: Format) -> bytes:
    linear = LINEAR.get(fmt.sample_rate, SLIN)
    encode = stream_translator(linear, fmt)
    pcm = bytes(range(256)) * (linear.frame_bytes // 256 + 1)
    made = [bytes(20)] * 3 if encode is None else [encode(pcm[: linear.frame_bytes]) for _ in range(4)]
    return bytes([number]) + b"\n--\n".join(one + b"\0\xa0" for one in made)
