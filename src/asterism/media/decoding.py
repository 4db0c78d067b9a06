"""The frames of one stream as linear audio, whatever format comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.media.formats import LINEAR, SLIN, Format
from asterism.media.translate import stream_translator

if TYPE_CHECKING:
    from asterism.media.codecs.codec import Translator
    from asterism.media.stream import Frame


class Decoding:
    """Decodes one stream; a decoder that remembers what came before is used for it alone."""

    __slots__ = ("_source", "_translate", "linear")

    def __init__(self) -> None:
        self._source: Format | None = None
        self._translate: Translator | None = None
        self.linear = SLIN
        """The format of what :meth:`take` gave last: linear audio at the rate of what came."""

    def take(self, frame: Frame) -> bytes | None:
        """The samples of the next frame; ``None`` where its format cannot be decoded."""
        fmt = frame.format
        if fmt is not self._source:
            self._source = fmt
            self.linear = LINEAR.get(fmt.sample_rate, SLIN)
            self._translate = stream_translator(fmt, self.linear)
        return None if self._translate is None else self._translate(frame.payload)
