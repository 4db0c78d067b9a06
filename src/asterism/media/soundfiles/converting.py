"""A file's audio as the frames of a stream, made one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from asterism.media.codecs.discovery import reason
from asterism.media.formats import LINEAR, OPUS, Format, sampled
from asterism.media.soundfiles.contents import Run, SoundError
from asterism.media.soundfiles.table import linear_of
from asterism.media.stream import Frame
from asterism.media.translate import path, silence, stream_translator

FRAME_MS = 20


@lru_cache(maxsize=256)
def played_format(source: Format, target: Format) -> Format:
    """The format in which a file of ``source`` is played to a stream of ``target``.

    A codec that is coded sample by sample is made of the file here, for all who hear it. Others are left to the stream,
    which gets linear audio: its encoder knows what the peer asked for, and what it has sent before. A file in the
    stream's own codec is passed as it is, without Opus, of which a peer may want less.

    Raises:
        SoundError: nothing can be done with the file.
    """
    if source is target and target.ptime == FRAME_MS and target is not OPUS:
        return target
    linear = linear_of(source)
    if linear is None:
        raise SoundError(f"holds {source.name}, which cannot be decoded here: {reason(source)}")
    if sampled(target) and path(source, target) is not None:
        return target
    return LINEAR.get(target.sample_rate, linear) if target.sample_rate < linear.sample_rate else linear


def frames_of(run: Run, source: Format, target: Format) -> Iterator[Frame]:
    """The frames of a run, 20 ms each, the last one filled up with silence.

    Args:
        run: payloads of ``source``.
        source: the file's format.
        target: what :func:`played_format` gives.
    """
    if source is target and not sampled(target):
        return (Frame(target, one) for one in run.payloads if one)
    if not run.skip:
        return _cut(_translated(run.payloads, source, target), target)
    way = path(source, target)
    linear = target if way is None or LINEAR.get(target.sample_rate) is target else way.formats[-2]
    pieces = _without(_translated(run.payloads, source, linear), run.skip, linear)
    return _cut(_translated(pieces, linear, target), target)


def _translated(payloads: Iterable[bytes], source: Format, target: Format) -> Iterator[bytes]:
    translate = None if source is target else stream_translator(source, target)
    return iter(payloads) if translate is None else map(translate, payloads)


def _without(pieces: Iterator[bytes], seconds: float, linear: Format) -> Iterator[bytes]:
    """Linear audio without its first seconds."""
    left = 2 * round(seconds * linear.sample_rate)
    for piece in pieces:
        if left < len(piece):
            yield piece[left:]
        left = max(0, left - len(piece))


def _cut(pieces: Iterable[bytes], fmt: Format) -> Iterator[Frame]:
    size = fmt.frame_bytes
    rest = b""
    for piece in pieces:
        data = rest + piece if rest else piece
        whole = len(data) - len(data) % size
        for at in range(0, whole, size):
            yield Frame(fmt, data[at : at + size])
        rest = data[whole:]
    if rest:
        yield Frame(fmt, rest.ljust(size, silence(fmt, 1) or b"\0"))
