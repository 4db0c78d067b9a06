"""Where sounds are, by name and language, and those that were played last."""

from __future__ import annotations

import logging
import os
import stat
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

from asterism.config.asterisk_conf import SHARE
from asterism.media.formats import G723, G729, GSM, ILBC, SPEEX, SPEEX16, ULAW, Format
from asterism.media.soundfiles.contents import Kind, SoundError
from asterism.media.soundfiles.sound import Sound
from asterism.media.soundfiles.table import by_extension, decodes
from asterism.media.translate import path as translation_path

SHIPPED = Path(__file__).parents[1] / "sounds"
"""The sounds that come with the server."""
ENGLISH = "en"
_CACHE_BYTES = 16 * 1024 * 1024
_MAX_NAME = 255
_POOR = frozenset({GSM, G723, G729, ILBC, SPEEX, SPEEX16})
"""Codecs that have lost much of what was said."""


class Sounds:
    """The sounds of one server: those in ``<data>/sounds``, then the system's, then those that are shipped."""

    def __init__(
        self, roots: Sequence[Path] = (), log: logging.Logger | None = None, system: Path | None = SHARE
    ) -> None:
        """Prepare to look for sounds.

        Args:
            roots: folders that absolute names may point into; the first holds ``sounds``.
            log: told what is wrong in files that are played all the same.
            system: the folder with the ``sounds`` that packages of the system have installed.
        """
        self._log = log
        self._roots = [root.absolute() for root in roots]
        self._search = [str(root / "sounds") for root in self._roots[:1]]
        self._system = ""
        if system is not None:
            self._system = str(system / "sounds")
            self._roots.append(system)
            if self._system not in self._search:
                self._search.append(self._system)
        self._search.append(str(SHIPPED))
        self._cache: OrderedDict[tuple[Path, int, int, Format], Sound] = OrderedDict()
        self._cached = 0

    def find(self, name: str, language: str = ENGLISH, formats: Sequence[Format] = ()) -> Path | None:
        """The file of the sound ``name``, without extension as in a dialplan, or ``None``.

        Each folder is asked for the language, for what the language is a variant of (``en_GB``: ``en``), and for a
        sound without language; at last all are asked for English. Of several files the one is taken that is cheapest
        to play in the first of ``formats``. A name cannot leave the folders; an absolute one has to lie in one of the
        data, the spool and the system's folder.
        """
        if _wrong(name):
            return None
        spare = None
        for base in self._bases(name, language or ENGLISH):
            found, usable = _choose(base, formats)
            if usable:
                return found
            spare = spare or found
        return spare

    def _bases(self, name: str, language: str) -> Iterator[str]:
        if ".." in language or "/" in language or "\0" in language:
            language = ENGLISH
        if name.startswith("/"):
            # resolved, so that a link cannot lead out either
            base = Path(name)
            try:
                real = base.parent.resolve() / base.name
                inside = any(real.is_relative_to(root.resolve()) for root in self._roots)
            except (OSError, RuntimeError):  # too long for the file system, or a loop of links
                return
            if inside:
                yield name
            return
        languages = _variants(language)
        for root in self._search:
            if os.path.isdir(root):
                for one in languages:
                    yield from self._in(root, one, name)
                yield f"{root}/{name}"
        if ENGLISH not in languages:
            for root in self._search:
                yield from self._in(root, ENGLISH, name)

    def _in(self, root: str, language: str, name: str) -> Iterator[str]:
        folder = f"{root}/{language}"
        if os.path.isdir(folder):
            yield f"{folder}/{name}"
        elif root == self._system:
            # The packages are named for who speaks, en_US_f_Allison; links to them are made by others.
            try:
                spoken = sorted(one for one in os.listdir(root) if one.startswith(f"{language}_"))
            except OSError:
                return
            for one in spoken:
                yield f"{root}/{one}/{name}"

    def load(self, name: str, language: str = ENGLISH, format: Format = ULAW) -> Sound:  # noqa: A002
        """The sound ``name`` for a stream of ``format``, from memory when it was played before and has not changed.

        A format that nothing can be turned into, or whose frames are not 20 ms long, gives linear samples.

        Raises:
            SoundError: there is no such sound, or its file cannot be read.
        """
        path = self.find(name, language, (format,))
        if path is None:
            raise SoundError(_missing(name, language))
        return self.open(path, format)

    def open(self, path: Path, format: Format = ULAW) -> Sound:  # noqa: A002
        """The sound of a file; see :meth:`load`.

        Raises:
            SoundError: the file cannot be read.
        """
        try:
            status = path.stat()
        except (OSError, ValueError) as error:
            raise SoundError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
        key = (path, status.st_mtime_ns, status.st_size, format)
        sound = self._cache.get(key)
        if sound is not None:
            self._cache.move_to_end(key)
            return sound
        sound = Sound(path, format, self._warn)
        if sound.shared:
            self._cache[key] = sound
            self._cached += sound.size
            while self._cached > _CACHE_BYTES:
                _, old = self._cache.popitem(last=False)
                self._cached -= old.size
        return sound

    def _warn(self, text: str) -> None:
        if self._log is not None:
            self._log.warning("%s", text)


def _variants(language: str) -> list[str]:
    """A language, and what it is a variant of: ``en_US_f_Allison``, ``en_US_f``, ``en_US``, ``en``."""
    found = [language]
    while (cut := language.rfind("_")) > 0:
        language = language[:cut]
        found.append(language)
    return found[:8]


def _wrong(name: str) -> str:
    """What is wrong with a name, or ``""``."""
    if not name:
        return "is empty"
    if "\0" in name or len(name) > _MAX_NAME:
        return f"is longer than {_MAX_NAME} characters" if "\0" not in name else "has a NUL in it"
    if ".." in name.split("/"):
        return "has '..' in it, which would lead out of the folders of sounds"
    return ""


def _missing(name: str, language: str) -> str:
    wrong = _wrong(name)
    if wrong:
        return f"the name of the sound '{name[:_MAX_NAME]}' {wrong}"
    where = "below the data and spool folders" if name.startswith("/") else f"for language '{language}'"
    return f"there is no sound '{name}' {where}"


def choose_file(base: Path, formats: Sequence[Format]) -> Path | None:
    """Of the files ``base`` with an extension that is known, the one that is cheapest to play in ``formats[0]``.

    One that nothing here can read is taken where there is no other.
    """
    return _choose(str(base), formats)[0]


def _choose(base: str, formats: Sequence[Format]) -> tuple[Path | None, bool]:
    """The file, and whether it can be played."""
    target = formats[0] if formats else None
    found: list[tuple[bool, tuple[int, int, int], str]] = []
    for extension, kind in by_extension().items():
        name = f"{base}.{extension}"
        try:
            mode = os.stat(name).st_mode
        except (OSError, ValueError):
            continue
        if not stat.S_ISDIR(mode):
            usable = stat.S_ISREG(mode) and not kind.reason() and (kind.format is target or decodes(kind.format))
            found.append((not usable, _cost(kind, target), name))
    if not found:
        return None, False
    best = min(found)
    alike = [one for one in found if one[:2] == best[:2]]
    if len(alike) > 1 and target is not None:
        by_name = by_extension()
        best = min(alike, key=lambda one: _measured(by_name[one[2].rpartition(".")[2]].format, target))
    return Path(best[2]), not best[0]


def _cost(kind: Kind, target: Format | None) -> tuple[int, int, int]:
    """What a file is worth for a stream: what is lost of its band, whether its codec has lost much, steps to it."""
    fmt = kind.format
    if fmt is target:
        return 0, 0, 0
    poor = fmt in _POOR
    if target is None:
        return 0, int(poor), 0
    way = translation_path(fmt, target)
    return max(0, target.sample_rate - fmt.sample_rate), int(poor), len(way.steps) if way is not None else 9


def _measured(source: Format, target: Format) -> float:
    way = translation_path(source, target)
    return way.cost if way is not None else 0.0
