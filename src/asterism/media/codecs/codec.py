"""What a codec consists of: the formats it is for, and the steps from and to linear audio that it brings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from asterism.media.codecs.library import MissingLibraryError
from asterism.media.formats import Format

Translator = Callable[[bytes], bytes]
"""Turns one payload into another.

Of one stream, payload by payload: a decoder is given ``b""`` for a packet that was lost, and gives audio in its place,
at once or with the next packet. An encoder may keep what does not fill a packet, and then gives ``b""``.
A payload that makes no sense is treated as lost. None raises anything, whatever it is given.
"""


class Step(NamedTuple):
    """One step from a format to another."""

    source: Format
    target: Format
    whole: Translator | None
    """Turns a whole sound, or one payload by itself; ``None``: the sounds cannot be told apart into packets again."""
    stream: Callable[[], Translator] | None = None
    """Creates a stateful translator for one stream, where payloads cannot be translated one by one without a seam."""
    tuned: Callable[[str], Translator] | None = None
    """As ``stream``, by the format parameters (``a=fmtp``) of the one who receives the stream."""


class Loaded(NamedTuple):
    """What there is of a codec on this machine."""

    steps: tuple[Step, ...]
    reason: str = ""
    """Why it is not there, or not wholly, and what to install; empty when it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Codec:
    """One codec. A file of this package has one as its ``CODEC``."""

    formats: tuple[Format, ...]
    """What it decodes and encodes."""
    load: Callable[[], Loaded]
    """Finds the library; called once. A ``MissingLibraryError`` that it raises says why there are no steps."""


def whole_by(stream: Callable[[], Translator], fill: int = 1) -> Translator:
    """A translator of whole sounds by that of a stream; zeros fill up to a multiple of ``fill`` octets."""

    def whole(data: bytes) -> bytes:
        return stream()(data + bytes(-len(data) % fill)) if data else b""

    return whole


@lru_cache(maxsize=64)
def loaded(codec: Codec) -> Loaded:
    """What there is of ``codec``, found out once."""
    try:
        return codec.load()
    except MissingLibraryError as error:
        return Loaded((), str(error))
