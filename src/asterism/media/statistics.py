"""Statistics of one RTP session and of its RTCP reports: the source of ``CHANNEL(rtcp,...)``."""

from __future__ import annotations

import math


class Series:
    """Running minimum, maximum, mean and standard deviation of one measure (Welford)."""

    __slots__ = ("_m2", "count", "last", "maximum", "mean", "minimum")

    def __init__(self) -> None:
        self.count = 0
        self.last = 0.0
        self.minimum = 0.0
        self.maximum = 0.0
        self.mean = 0.0
        self._m2 = 0.0

    def add(self, value: float) -> None:
        """Take one more value in."""
        self.last = value
        self.minimum = value if not self.count else min(self.minimum, value)
        self.maximum = max(self.maximum, value) if self.count else value
        self.count += 1
        delta = value - self.mean
        self.mean += delta / self.count
        self._m2 += delta * (value - self.mean)

    @property
    def deviation(self) -> float:
        """Standard deviation of what was taken in; 0 before the second value."""
        return math.sqrt(self._m2 / (self.count - 1)) if self.count > 1 else 0.0


class RtcpStatistics:
    """Quality as both ends report it, in seconds and packets."""

    __slots__ = ("local_jitter", "local_loss", "received", "remote_jitter", "remote_loss", "remote_lost", "rtt", "sent")

    def __init__(self) -> None:
        self.sent = 0
        """Reports sent."""
        self.received = 0
        """Reports received."""
        self.rtt = Series()
        """Round-trip times."""
        self.local_jitter = Series()
        """Jitter of what we receive, at each report."""
        self.local_loss = Series()
        """Packets we missed since the report before, at each report."""
        self.remote_jitter = Series()
        """Jitter that the peer reports of what it receives."""
        self.remote_loss = Series()
        """Packets that the peer missed since its report before."""
        self.remote_lost = 0
        """Packets that the peer missed so far."""


class Quality:
    """One moment's figures of a session, ready to be shown."""

    __slots__ = (
        "local_ssrc", "remote_ssrc", "rtt", "rx_bytes", "rx_count", "rx_jitter", "rx_lost", "tx_bytes", "tx_count",
        "tx_jitter", "tx_lost",
    )  # fmt: skip

    def __init__(self) -> None:
        self.local_ssrc = 0
        self.remote_ssrc = 0
        self.rx_count = 0
        self.rx_bytes = 0
        self.rx_lost = 0
        self.rx_jitter = 0.0
        """Seconds."""
        self.tx_count = 0
        self.tx_bytes = 0
        self.tx_lost = 0
        """As the peer reported."""
        self.tx_jitter = 0.0
        """Seconds, as the peer reported."""
        self.rtt = 0.0
        """Seconds; 0 while unknown."""
