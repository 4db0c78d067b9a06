"""Finds the codecs of this package, and says of each format whether it can be converted here."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules

from asterism.media import codecs
from asterism.media.codecs.codec import Codec, Step, loaded
from asterism.media.formats import LINEAR, Format


@lru_cache(maxsize=1)
def all_codecs() -> tuple[Codec, ...]:
    """Every codec there is a file of, whether or not its library is there, by the names of their files."""
    names = sorted(module.name for module in iter_modules(codecs.__path__))
    found = (getattr(import_module(f"{codecs.__name__}.{name}"), "CODEC", None) for name in names)
    return tuple(one for one in found if isinstance(one, Codec))


@lru_cache(maxsize=1)
def codec_steps() -> tuple[Step, ...]:
    """The steps of all codecs that are there."""
    return tuple(step for codec in all_codecs() for step in loaded(codec).steps)


@lru_cache(maxsize=64)
def decodes(fmt: Format) -> bool:
    """Whether audio in a format can be heard here."""
    return fmt in LINEAR.values() or any(step.source is fmt for step in codec_steps())


@lru_cache(maxsize=64)
def encodes(fmt: Format) -> bool:
    """Whether audio can be made in a format here."""
    return fmt in LINEAR.values() or any(step.target is fmt for step in codec_steps())


def converts(fmt: Format) -> bool:
    """Whether a format can be both decoded and encoded here."""
    return decodes(fmt) and encodes(fmt)


@lru_cache(maxsize=64)
def reason(fmt: Format) -> str:
    """Why a format of audio cannot be converted here, or not wholly, and what to install; empty when it can."""
    for codec in all_codecs():
        if fmt in codec.formats:
            return loaded(codec).reason
    return "" if converts(fmt) else "no codec"


def passed_only(fmt: Format) -> bool:
    """Whether a format of audio can be passed on, and not converted."""
    return fmt.media == "audio" and not converts(fmt)


def shortcomings(formats: Iterable[Format]) -> dict[Format, str]:
    """Those of the formats of audio that cannot be converted here, or not wholly, and why."""
    found = {fmt: reason(fmt) for fmt in formats if fmt.media == "audio"}
    return {fmt: why for fmt, why in found.items() if why}
