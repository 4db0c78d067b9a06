"""What a sound file holds, as every kind of file tells it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from asterism.core.errors import AsterismError
from asterism.media.formats import Format, sampled

if TYPE_CHECKING:
    from asterism.media.soundfiles.growing import Growth

Warn = Callable[[str], None]
"""Called with what is wrong in a file that is played all the same."""


class SoundError(AsterismError):
    """A sound file does not exist or cannot be read."""


class Run(NamedTuple):
    """A file's audio from one place on."""

    payloads: Iterator[bytes]
    """Whole frames, in order: several of a codec that is coded sample by sample, one packet of any other."""
    skip: float = 0.0
    """Seconds of it that are decoded, and not heard: a decoder needs them to get into step."""


class Contents(NamedTuple):
    """What a file holds."""

    format: Format
    seconds: float
    """Playing time; 0 when the file does not tell."""
    run: Callable[[float], Run]
    """Its audio from a second on. Several may run at once.

    A run raises :class:`SoundError`, ``OSError``, ``EOFError`` or ``ValueError`` where the file cannot be read on.
    """


class Kind(NamedTuple):
    """One kind of sound file."""

    name: str
    """Asterisk's name of it: ``ogg_opus``."""
    extensions: tuple[str, ...]
    """Of file names, without the dot; the case of letters matters."""
    format: Format
    """What a file of this kind most likely holds: the file that is cheapest to play is chosen by it."""
    open: Callable[[BinaryIO, Warn], Contents]
    """Reads the head of a file that can be seeked in.

    Raises:
        SoundError, OSError, EOFError, ValueError: it is no such file, or it holds what cannot be read.
    """
    reason: Callable[[], str] = str
    """Why such files cannot be read here, and what to install; empty when they can."""
    grow: Callable[[int], Growth] | None = None
    """Begins to write one of so many channels; ``None``: such files are only read.

    Raises:
        SoundError: it cannot be written here, or not with so many channels.
    """


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading. What is no regular file is refused: a FIFO would never answer, a device never end.

    Raises:
        SoundError: it is something else, or it cannot be opened.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise SoundError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise SoundError(f"{path}: is not a regular file")
    return os.fdopen(fd, "rb")


def length_of(file: BinaryIO) -> int:
    """Octets of a file."""
    return file.seek(0, os.SEEK_END)


def fixed_run(file: BinaryIO, begin: int, size: int, step: int, offset: int) -> Iterator[bytes]:
    """Pieces of ``step`` octets, the last one of what is left.

    Args:
        file: where from. Others may read it meanwhile.
        begin: where the audio begins.
        size: octets of audio.
        step: octets of a piece.
        offset: where to begin in the audio.
    """
    while offset < size:
        file.seek(begin + offset)
        piece = file.read(min(step, size - offset))
        if not piece:
            return
        offset += len(piece)
        yield piece


def coded(file: BinaryIO, fmt: Format, warn: Warn, begin: int = 0, size: int | None = None) -> Contents:
    """Contents of a part of a file that is nothing but frames of a codec, all of the same size."""
    size = length_of(file) - begin if size is None else size
    frame = fmt.frame_bytes
    whole = sampled(fmt)
    if not whole and size % frame:
        warn("ends in the middle of a frame")
        size -= size % frame
    step = 5 * frame if whole else frame

    def run(start: float) -> Run:
        return Run(fixed_run(file, begin, size, step, int(start * 1000) // fmt.ptime * frame))

    return Contents(fmt, size / frame * fmt.ptime / 1000, run)
