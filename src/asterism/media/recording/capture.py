"""The tap of a recording: keeps what passes one direction of a stream until the recording takes it.

It costs no call for a packet: :attr:`Capture.keep` is a list's own method, which relayed packets are given to as well
(:mod:`asterism.media.receiver`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.media.taps import Tap

if TYPE_CHECKING:
    from asterism.media.formats import Format
    from asterism.media.stream import Frame

Heard = tuple[float, "Format", "int | None", "bytes | bytearray"]
"""One packet: when it passed, its format, its source's timestamp (as ``Frame.timestamp``), and its payload."""

KEPT = 1024
"""Packets kept between two turns of the recording; of a flood the oldest are dropped."""


class Capture(Tap):
    """Keeps what passes one direction, in the order in which it passed."""

    def __init__(self, clock: Callable[[], float], on_end: Callable[[], None] | None = None) -> None:
        """Prepare to keep.

        Args:
            clock: the loop's clock.
            on_end: called when the channel is over, or the tap has failed.
        """
        self._kept: deque[Heard] = deque(maxlen=KEPT)
        self._clock = clock
        self._on_end = on_end
        self._append = self._kept.append
        self.keep = self._append

    def take(self, frame: Frame) -> None:
        """Keep one frame."""
        self._append((self._clock(), frame.format, frame.timestamp, frame.payload))

    def collect(self) -> list[Heard]:
        """Take out what was kept since the last call."""
        kept = list(self._kept)
        self._kept.clear()
        return kept

    def ended(self) -> None:
        """The channel is over."""
        if self._on_end is not None:
            self._on_end()

    failed = ended
