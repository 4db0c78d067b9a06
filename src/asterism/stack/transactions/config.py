"""The timers of RFC 3261 section 17 (table 4), all settable, and the limits of the transaction layer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TimerConfig:
    """Durations in seconds."""

    t1: float = 0.5
    """Round-trip time estimate: the first retransmission interval (17.1.1.1)."""
    t2: float = 4.0
    """Longest retransmission interval of non-INVITE requests and INVITE responses."""
    t4: float = 5.0
    """How long the network keeps a message: Timers I and K."""
    timer_b: float = 0.0
    """How long a transaction tries before it gives up (Timers B, F, H, J, L, M); 0 means 64 * T1."""
    timer_d: float = 32.0
    """How long a client absorbs retransmitted final responses to an INVITE over an unreliable transport."""
    trying: float = 0.2
    """An INVITE unanswered for this long is answered 100 by the stack (17.2.1)."""
    refresh_provisional: float = 60.0
    """How often the last provisional response to a pending INVITE is repeated (13.3.1.1)."""
    max_transactions: int = 200_000
    """Live transactions of both sides. Beyond it new requests get 503; ours fail as transport errors."""
    max_finished: int = 1_000_000
    """Finished transactions remembered for retransmissions; beyond it the oldest expiry goes first."""

    max_finished_bytes: int = 67_108_864
    """Bytes that those of one side may take, a quarter of them for answers of more than 4 KiB; beyond it likewise."""

    @property
    def timeout(self) -> float:
        """Timer B and all that equal it, 64 * T1 unless set."""
        return self.timer_b or 64 * self.t1

    @property
    def until_t2(self) -> float:
        """When Timer E of a client reaches T2, and a server must have sent 100 (RFC 4320 section 4.1)."""
        interval, total = self.t1, 0.0
        while interval < self.t2:
            total += interval
            interval *= 2
        return total
