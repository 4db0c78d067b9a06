"""The table of the kinds of sound files."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from asterism.media.codecs.discovery import reason
from asterism.media.formats import LINEAR, Format
from asterism.media.soundfiles import kinds as _package
from asterism.media.soundfiles.contents import Contents, Kind, SoundError, Warn
from asterism.media.translate import path as translation_path


@lru_cache(maxsize=1)
def kinds() -> tuple[Kind, ...]:
    """Every kind, those of one file of :mod:`~asterism.media.soundfiles.kinds` together."""
    found: list[Kind] = []
    for each in sorted(pkgutil.iter_modules(_package.__path__), key=lambda one: one.name):
        found.extend(importlib.import_module(f"{_package.__name__}.{each.name}").KINDS)
    return tuple(found)


@lru_cache(maxsize=1)
def by_extension() -> Mapping[str, Kind]:
    """The kinds by the extensions of file names, without the dot."""
    return MappingProxyType({extension: kind for kind in kinds() for extension in kind.extensions})


def kind_of(path: Path) -> Kind:
    """The kind that a file's name tells.

    Raises:
        SoundError: none that is known.
    """
    kind = by_extension().get(path.suffix[1:])
    if kind is None:
        raise SoundError(f"{path}: unknown kind of sound file; known: {', '.join(sorted(by_extension()))}")
    return kind


def unreadable(kind: Kind) -> str:
    """Why files of a kind can only be played to who takes their format as it is, and what to install; or ``""``."""
    return kind.reason() or ("" if decodes(kind.format) else f"is not decoded: {reason(kind.format)}")


@lru_cache(maxsize=64)
def decodes(fmt: Format) -> bool:
    """Whether a format can be turned into another one."""
    return linear_of(fmt) is not None


@lru_cache(maxsize=64)
def linear_of(fmt: Format) -> Format | None:
    """The linear format that a format is decoded to without losing any of it; ``None`` without a decoder."""
    best = LINEAR.get(fmt.sample_rate)
    return best if best is not None and translation_path(fmt, best) is not None else None


def open_contents(path: Path, file: BinaryIO, warn: Warn) -> Contents:
    """The contents of an open file whose kind its name tells.

    Raises:
        SoundError: it is no such file, or it holds what cannot be read here.
    """
    kind = kind_of(path)
    try:
        return kind.open(file, warn)
    except SoundError as error:
        raise SoundError(f"{path}: {error}") from error
    except (OSError, EOFError, ValueError) as error:
        raise SoundError(f"{path}: cannot be read: {error}") from error
