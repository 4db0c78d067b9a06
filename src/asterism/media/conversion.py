"""One stream of frames as payloads of another format: in order, with something in the place of what was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.media.codecs.discovery import reason
from asterism.media.durations import ticks_of
from asterism.media.formats import Format
from asterism.media.order import lost_frames, ticks_ahead
from asterism.media.translate import path, stream_translator

if TYPE_CHECKING:
    from asterism.media.codecs.codec import Translator

_MOST = 0.1
"""Seconds of lost audio that are made up; a longer gap is a pause."""


class Conversion:
    """Converts the packets of one source, which tell by their timestamps when one is missing or comes too late."""

    __slots__ = ("_expected", "_translate", "source")

    def __init__(self, source: Format, target: Format, parameters: str = "") -> None:
        """Begin a stream; ``parameters`` is what the recipient has said of the target format (``a=fmtp``)."""
        self.source = source
        self._translate: Translator | None = stream_translator(source, target, parameters)
        self._expected: int | None = None

    def __bool__(self) -> bool:
        """Whether there is a way from one to the other."""
        return self._translate is not None

    def begin(self) -> None:
        """Take the next packet as the first after a pause."""
        self._expected = None

    def take(self, payload: bytes, timestamp: int | None) -> list[bytes]:
        """The packets that are to be sent for one that has come, those for lost ones before it included."""
        translate, fmt = self._translate, self.source
        if translate is None:
            return []
        made: list[bytes] = []
        if timestamp is None:
            self._expected = None
        else:
            ticks = ticks_of(fmt, payload)
            if self._expected is not None:
                ahead = ticks_ahead(timestamp, self._expected)
                if -_MOST * fmt.clock_rate <= ahead < 0:
                    return []  # it comes twice, or something was put in its place
                if 0 < ahead <= _MOST * fmt.clock_rate:
                    made = [translate(lost) for _, lost, _ in lost_frames(fmt, ahead, payload)]
            self._expected = timestamp + ticks & 0xFFFFFFFF
        made.append(translate(payload))
        return [one for one in made if one]


def why_none(source: Format, target: Format) -> str:
    """Why nothing is converted from one format to another: ``no codec for g729 (install ...)``; empty if it is."""
    if path(source, target) is not None:
        return ""
    for fmt in (source, target):
        why = reason(fmt)
        if why:
            return f"no codec for {fmt.name}" if why == "no codec" else f"no codec for {fmt.name} ({why})"
    return f"no way from {source.name} to {target.name}"
