"""Sound files that are read while they play: a long one takes no more memory at once than a short one."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

from asterism.media.files import EXTENSIONS, Sound, SoundError, convert, read
from asterism.media.formats import GSM, SLIN, SLIN16, Format
from asterism.media.stream import Frame
from asterism.media.translate import silence

_FRAMES = 50
"""Frames that are read at a time: one second."""


def read_frames(path: Path, format: Format) -> Iterator[Frame]:  # noqa: A002
    """The frames of a file in ``format``, 20 ms each, the last filled up with silence; linear where there is no way.

    Raises:
        SoundError: while it is iterated over: it cannot be read, or it is not what is supported.
    """
    source = EXTENSIONS.get(path.suffix[1:].lower())
    if source is None or source is GSM:
        yield from convert(read(path), format).frames()
        return
    try:
        pieces = _wav(path) if path.suffix[1:].lower() in ("wav", "wav16") else _raw(path, source)
        for piece in pieces:
            yield from convert(piece, format).frames()
    except (OSError, EOFError, wave.Error) as error:
        raise SoundError(f"{path}: {error}") from error


def _raw(path: Path, source: Format) -> Iterator[Sound]:
    size = source.frame_bytes
    with path.open("rb") as file:
        while data := file.read(size * _FRAMES):
            yield Sound(source, data + silence(source, -len(data) % size))


def _wav(path: Path) -> Iterator[Sound]:
    with wave.open(str(path), "rb") as file:
        rate, channels = file.getframerate(), file.getnchannels()
        if rate not in (8000, 16000) or file.getsampwidth() != 2 or channels != 1:
            yield read(path)
            return
        source = SLIN if rate == 8000 else SLIN16
        while data := file.readframes(rate // 50 * _FRAMES):
            yield Sound(source, data + bytes(-len(data) % source.frame_bytes))
