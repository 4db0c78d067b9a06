"""MP3 and Ogg Vorbis, by PyAV: the extra ``formats``."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

from asterism.media.formats import LINEAR, SLIN16
from asterism.media.soundfiles.contents import Contents, Kind, Run, SoundError, Warn

_MAX_BROKEN = 100
"""Packets in a row that cannot be decoded, after which a file is over."""


def reason() -> str:
    """See :attr:`Kind.reason`."""
    try:
        found = importlib.util.find_spec("av")
    except ValueError:  # what stands for it has no spec
        found = None
    return "" if found else "needs PyAV: pip install 'asterism[formats]'"


def open_encoded(container: str, file: BinaryIO, warn: Warn) -> Contents:
    """Contents of a file of one container that FFmpeg knows; see :attr:`Kind.open`.

    The container is told, never guessed: some of those that FFmpeg knows are lists of other files and addresses.
    """
    try:
        import av  # heavy, and only such files need it
    except ImportError as error:
        raise SoundError(f"cannot be read here: {reason() or error}") from error
    with _told(av), av.open(file, format=container) as opened:
        if not opened.streams.audio:
            raise SoundError("has no sound in it")
        stream = opened.streams.audio[0]
        rate = stream.rate or 8000
        length = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
    used = next((one for one in sorted(LINEAR) if one >= min(rate, 48000)), 48000)
    return Contents(LINEAR[used], length, lambda start: Run(_decode(av, container, file, used, start, warn)))


@contextlib.contextmanager
def _told(av: Any) -> Iterator[None]:
    try:
        yield
    except (av.FFmpegError, IndexError) as error:
        raise SoundError(f"cannot be read: {error}") from error


def _decode(av: Any, container: str, file: BinaryIO, rate: int, start: float, warn: Warn) -> Iterator[bytes]:
    file.seek(0)
    broken = 0
    with _told(av), av.open(file, format=container) as opened:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
        stream = opened.streams.audio[0]
        if start:
            opened.seek(int(start * 1_000_000))
        for packet in opened.demux(stream):
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                broken += 1
                warn("is broken in places")
                if broken > _MAX_BROKEN:
                    return
                continue
            broken = 0
            for frame in frames:
                if frame.time is not None and frame.time + frame.samples / frame.sample_rate <= start:
                    continue  # a container is gone to by its pages
                for piece in resampler.resample(frame):
                    # The plane may be longer than what is in it: two bytes a sample count.
                    yield bytes(piece.planes[0])[: 2 * piece.samples]


KINDS = (Kind("mp3", ("mp3",), SLIN16, partial(open_encoded, "mp3"), reason),)
