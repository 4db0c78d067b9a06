"""A jitter buffer: packets in whatever order and time they come, frames out in order and at an even pace.

It has no clock: the time comes in with each packet and each call, in seconds. The fixed kind delays by its whole size.
The adaptive one delays by what the packets of late needed and a margin, and follows them.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

from asterism.media.stream import Frame

_KEPT = 256
"""The most frames that are kept, whatever their lengths."""
_WATCHED = 500
"""Number of packets over which the shortest transit time is determined: ten seconds."""
_FORGETS = 0.002
"""Share of its surplus delay that the adaptive kind gives up with each frame that is in time."""


@dataclass(frozen=True, slots=True)
class JitterSettings:
    """Settings of ``JITTERBUFFER``; all in milliseconds."""

    adaptive: bool = False
    max_size: int = 200
    """The longest delay; the delay of the fixed kind."""
    resync: int = 1000
    """A jump of the timestamps by more than this begins anew."""
    extra: int = 40
    """Extra delay of the adaptive kind beyond the measured need."""


class JitterBuffer:
    """The frames of one stream that wait for their time."""

    __slots__ = ("_base", "_delay", "_last", "_least", "_packets", "_waiting", "dropped", "late", "settings")

    def __init__(self, settings: JitterSettings) -> None:
        self.settings = settings
        self._waiting: list[tuple[float, Frame]] = []
        self._least = math.inf
        self._packets = 0
        self._base: float | None = None
        """Arrival time of a packet with timestamp 0 at the shortest transit time."""
        self._delay = (settings.extra if settings.adaptive else settings.max_size) / 1000
        self._last: float | None = None
        """The media time of the last frame given out."""
        self.late = 0
        """Frames that came after their time."""
        self.dropped = 0
        """Frames too many, or that came twice."""

    @property
    def delay(self) -> float:
        """Delay in seconds of a packet with the shortest transit time."""
        return self._delay

    def put(self, at: float, frame: Frame, now: float) -> None:
        """Take in a packet's frame.

        Args:
            at: Its media time in seconds: the timestamp by the clock rate, counted on where it wraps.
            frame: What it holds.
            now: When it came.
        """
        settings = self.settings
        transit = now - at
        if self._base is None or abs(transit - self._base) > settings.resync / 1000:
            self._base = self._least = transit
            self._last, self._packets = None, 0
            self._waiting.clear()
        base = self._base = min(self._base, transit)
        self._least = min(self._least, transit)
        self._packets += 1
        if self._packets == _WATCHED:
            # The sender's clock may be slower than ours: what is the quickest way changes by and by.
            base = self._base = self._least
            self._least, self._packets = math.inf, 0
        if settings.adaptive:
            needed = transit - base + settings.extra / 1000
            if needed > self._delay:
                self._delay = min(needed, settings.max_size / 1000)
            else:
                self._delay -= (self._delay - needed) * _FORGETS
        if self._last is not None and at <= self._last:
            self.late += 1
        elif len(self._waiting) >= _KEPT or any(one[0] == at for one in self._waiting):
            self.dropped += 1
        else:
            heapq.heappush(self._waiting, (at, frame))

    def due(self) -> float | None:
        """When the next frame is to be taken out; ``None`` while there is none."""
        if not self._waiting or self._base is None:
            return None
        return self._waiting[0][0] + self._base + self._delay

    def get(self, now: float) -> Frame | None:
        """The next frame whose time has come."""
        due = self.due()
        if due is None or due > now + 0.0005:
            return None
        self._last, frame = heapq.heappop(self._waiting)
        return frame
