"""Sound files: found by name and language, read once, cut into frames of the format that a stream sends."""

from __future__ import annotations

import sys
import wave
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from asterism.core.errors import AsterismError
from asterism.media.formats import ALAW, GSM, SLIN, SLIN16, ULAW, Format
from asterism.media.stream import Frame
from asterism.media.translate import silence, swap_bytes, translator

_PACKAGE = Path(__file__).parent / "sounds"
_MAX_BYTES = 64 * 1024 * 1024
"""The longest file that is read."""
_CACHE_BYTES = 16 * 1024 * 1024

EXTENSIONS = MappingProxyType(
    {
        "ulaw": ULAW, "ul": ULAW, "mu": ULAW, "ulw": ULAW, "pcm": ULAW, "alaw": ALAW, "al": ALAW, "alw": ALAW,
        "sln": SLIN, "slin": SLIN, "raw": SLIN, "sln16": SLIN16, "slin16": SLIN16, "wav": SLIN, "wav16": SLIN16,
        "gsm": GSM,
    }
)  # fmt: skip
"""File name extensions, by the format that the file most likely holds."""


def _is_file(path: Path) -> bool:
    """Whether the file exists; a name that the file system does not accept does not."""
    try:
        return path.is_file()
    except OSError:
        return False


class SoundError(AsterismError):
    """A sound file does not exist or cannot be read."""


class Sound(NamedTuple):
    """A whole sound in one format."""

    format: Format
    data: bytes

    def frames(self) -> Iterator[Frame]:
        """20 ms frames; the last is filled up with silence."""
        size = self.format.frame_bytes
        octet = silence(self.format, 1) or b"\0"
        for start in range(0, len(self.data), size):
            yield Frame(self.format, self.data[start : start + size].ljust(size, octet))

    @property
    def seconds(self) -> float:
        """Playing time."""
        return len(self.data) * self.format.ptime / self.format.frame_bytes / 1000


class Sounds:
    """The sounds of one server: ``<data>/sounds/<language>/``, ``<data>/sounds/``, then those that are shipped."""

    def __init__(self, roots: Sequence[Path] = ()) -> None:
        """``roots`` are the folders that absolute names may point into; the first holds ``sounds``."""
        self._roots = [root.absolute() for root in roots]
        self._search = [root / "sounds" for root in self._roots[:1]] + [_PACKAGE]
        self._cache: OrderedDict[tuple[Path, int, Format], Sound] = OrderedDict()
        self._cached = 0

    def find(self, name: str, language: str = "en", formats: Sequence[Format] = ()) -> Path | None:
        """The file of the sound ``name``, without extension as in a dialplan, or ``None``.

        Of several files the one that needs the least conversion to the first of ``formats`` is taken. A name cannot
        leave the sound folders; an absolute one has to lie in the data or spool folder.
        """
        if not name or "\0" in name or len(name) > 255:
            return None
        found = (choose_file(base, formats) for base in self._bases(name, language or "en"))
        return next(filter(None, found), None)

    def _bases(self, name: str, language: str) -> Iterator[Path]:
        parts = Path(name).parts
        if ".." in parts or ".." in language or "/" in language:
            return
        if name.startswith("/"):
            # resolved, so that a link cannot lead out either
            base = Path(name)
            try:
                real = base.parent.resolve() / base.name
                inside = any(real.is_relative_to(root.resolve()) for root in self._roots)
            except (OSError, RuntimeError):  # too long for the file system, or a loop of links
                return
            if inside:
                yield base
            return
        languages = dict.fromkeys((language, language.split("_")[0]))
        for root in self._search:
            for one in languages:
                yield root / one / name
            yield root / name
        yield _PACKAGE / "en" / name

    def load(self, name: str, language: str = "en", format: Format = ULAW) -> Sound:  # noqa: A002
        """The sound ``name`` in ``format``, from memory when it was played before and the file has not changed.

        A format that nothing can be turned into gives linear samples.

        Raises:
            SoundError: there is no such sound, or its file cannot be read.
        """
        path = self.find(name, language, (format,))
        if path is None:
            where = "below the data and spool folders" if name.startswith("/") else f"for language '{language}'"
            raise SoundError(f"there is no sound '{name}' {where}")
        try:
            status = path.stat()
        except OSError as error:
            raise SoundError(f"{path}: {error.strerror}") from error
        if status.st_size > _MAX_BYTES:
            raise SoundError(f"{path}: longer than {_MAX_BYTES} bytes")
        key = (path, status.st_mtime_ns, format)
        sound = self._cache.get(key)
        if sound is None:
            sound = convert(read(path), format)
            self._keep(key, sound)
        else:
            self._cache.move_to_end(key)
        return sound

    def _keep(self, key: tuple[Path, int, Format], sound: Sound) -> None:
        if len(sound.data) > _CACHE_BYTES // 4:
            return
        self._cache[key] = sound
        self._cached += len(sound.data)
        while self._cached > _CACHE_BYTES:
            _, old = self._cache.popitem(last=False)
            self._cached -= len(old.data)


def choose_file(base: Path, formats: Sequence[Format]) -> Path | None:
    """Of the files ``base`` with an extension that is known, the one that needs the least conversion to ``formats``."""
    found = [path for ext in (*EXTENSIONS, "WAV") if _is_file(path := base.with_name(f"{base.name}.{ext}"))]
    return min(found, key=lambda path: _cost(EXTENSIONS[path.suffix[1:].lower()], formats), default=None)


def _cost(fmt: Format, formats: Sequence[Format]) -> int:
    if fmt in formats:
        return 0
    if fmt is GSM:
        return 9
    wide = any(one.sample_rate > 8000 for one in formats[:1])
    return 1 + (2 if (fmt.sample_rate > 8000) != wide else 0) + (fmt is SLIN)


def convert(sound: Sound, format: Format) -> Sound:  # noqa: A002
    """``sound`` in ``format``; linear samples where there is no way to it."""
    translate = translator(sound.format, format)
    if translate is None:
        format = SLIN16 if sound.format.sample_rate > 8000 else SLIN  # noqa: A001
        translate = translator(sound.format, format)
    return sound if translate is None else Sound(format, translate(sound.data))


def read(path: Path) -> Sound:
    """Read a sound file by its extension: WAV (8 or 16 kHz, 16 bit), raw G.711 or linear, GSM.

    Raises:
        SoundError: it cannot be read, or its contents are not what is supported.
    """
    extension = path.suffix[1:].lower()
    fmt = EXTENSIONS.get(extension)
    if fmt is None:
        raise SoundError(f"{path}: unknown kind of sound file")
    try:
        if extension in ("wav", "wav16"):
            return _read_wav(path)
        data = path.read_bytes()
    except (OSError, EOFError, wave.Error) as error:
        raise SoundError(f"{path}: {error}") from error
    return _decode_gsm(path) if fmt is GSM else Sound(fmt, data)


def _read_wav(path: Path) -> Sound:
    with wave.open(str(path), "rb") as file:
        rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
        if rate not in (8000, 16000) or width != 2 or not 1 <= channels <= 2:
            raise SoundError(f"{path}: {rate} Hz, {8 * width} bit, {channels} channels; 8 or 16 kHz, 16 bit needed")
        data = file.readframes(file.getnframes())
    if channels == 2:
        samples = array("h", data[: len(data) & ~3])
        if sys.byteorder == "big":
            samples.byteswap()
        data = array("h", [(a + b) >> 1 for a, b in zip(samples[0::2], samples[1::2], strict=True)]).tobytes()
        if sys.byteorder == "big":
            data = swap_bytes(data)
    return Sound(SLIN if rate == 8000 else SLIN16, data)


def _decode_gsm(path: Path) -> Sound:
    try:
        import av  # heavy, and only GSM files need it
    except ImportError as error:
        raise SoundError(f"{path}: reading GSM files needs the package 'av'") from error
    try:
        with av.open(str(path), format="gsm") as container:
            # The plane may be longer than what is in it: two bytes a sample count.
            pieces = [bytes(frame.planes[0])[: 2 * frame.samples] for frame in container.decode(audio=0)]
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        raise SoundError(f"{path}: {error}") from error
    if not pieces:
        raise SoundError(f"{path}: holds no GSM frames")
    return Sound(SLIN, b"".join(pieces))
