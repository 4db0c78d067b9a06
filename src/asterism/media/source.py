"""Which source a session takes packets from: learned narrowly, then locked ("strict RTP").

Without this anybody who finds the port can listen ("RTP bleed") or speak ("RTP inject"). The address that signalling
told is taken at once and always wins; another one (a phone behind NAT) must first send ``probation``
packets in sequence, and stays on trial for :data:`TRIAL` seconds.
"""

from __future__ import annotations

from enum import Enum

Address = tuple[str, int]

TRIAL = 5.0
"""Seconds during which the address told by signalling still displaces a learned one."""


class StrictMode(Enum):
    """``strictrtp`` of rtp.conf."""

    NO = "no"
    YES = "yes"
    SEQUENCE = "seqno"
    """As ``YES``, but the source may move on while its sequence numbers go on."""


class SourceFilter:
    """Decides for each packet of a session that is not connected to its peer yet."""

    __slots__ = (
        "_candidate", "_count", "_expected", "_trial_ends", "learns_anew", "mode", "probation", "signalled",
        "source", "symmetric", "target",
    )  # fmt: skip

    def __init__(self, mode: StrictMode, probation: int, symmetric: bool = False) -> None:
        self.mode = mode
        self.probation = max(1, probation)
        self.symmetric = symmetric
        """Send to where packets come from, rather than where signalling said (``rtp_symmetric``)."""
        self.signalled: Address | None = None
        """Where signalling said the peer receives."""
        self.source: Address | None = None
        """The only source that is accepted, once learned."""
        self.target: Address | None = None
        """Where to send."""
        self.learns_anew = False
        """Whether another peer is learned than before, and tests were told so."""
        self._candidate: Address | None = None
        self._count = 0
        self._expected = -1
        self._trial_ends = 0.0

    def set_signalled(self, address: Address | None, now: float) -> None:
        """Start to learn anew for a new address from signalling."""
        self.signalled = self.target = address
        self.source = self._candidate = None
        self._count = 0
        self._trial_ends = now + TRIAL

    def settled(self, now: float) -> bool:
        """Whether the socket may be connected: one peer to send to and receive from, for good."""
        return (
            self.mode is StrictMode.YES
            and self.source is not None
            and self.source == self.target
            and (self.source == self.signalled or now >= self._trial_ends)
        )

    def check(self, address: Address, sequence: int) -> bool:
        """Whether a packet from ``address`` is taken; learns from it."""
        if self.signalled is None:
            return False
        if self.mode is StrictMode.NO:
            self.source = address
            if self.symmetric:
                self.target = address
            return True
        if address == self.source:
            self._expected = sequence + 1 & 0xFFFF
            return True
        if address == self.signalled:
            self._accept(address, sequence)
            return True
        if self.source is not None and not self._may_move(sequence):
            return False
        if address == self._candidate and sequence == self._expected:
            self._count += 1
        else:
            self._candidate, self._count = address, 1
        if self.source is None or self._candidate != self.source:
            self._expected = sequence + 1 & 0xFFFF
        if self._count < self.probation:
            return False
        self._accept(address, sequence)
        return True

    def _may_move(self, sequence: int) -> bool:
        """With ``seqno``: another source may take over where the accepted one stopped."""
        return self.mode is StrictMode.SEQUENCE and (sequence - self._expected & 0xFFFF) < 100

    def _accept(self, address: Address, sequence: int) -> None:
        self.source = address
        self._expected = sequence + 1 & 0xFFFF
        if self.symmetric or address == self.signalled:
            self.target = address
