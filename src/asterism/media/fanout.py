"""One sender of video that is shown to several: what a session receives goes out on any number of others.

Nothing is decoded. Each recipient has an RTP stream of its own (RFC 3550 5.1): its SSRC, its payload types, and
sequence numbers and timestamps that go on without a break when another source is shown. What recipients report comes
back here: requests for a whole picture are combined, lost packets are asked for under the source's numbers, and
estimates of bandwidth are kept for whoever sums them up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from asterism.media import feedback, feedback_terms
from asterism.media.relay import Relay

if TYPE_CHECKING:
    import asyncio

    from asterism.media.formats import Format
    from asterism.media.rtp import RtpSession
    from asterism.media.stream import AudioStream


class Branch(Relay):
    """The way from a source to one of its recipients.

    Attributes:
        bandwidth: the recipient's last estimate in bits per second; ``None``: none since it was taken.
        told: whether it was told that the recipient does not take what the source sends.
    """

    __slots__ = ("_before", "_fan", "bandwidth", "told")

    def __init__(self, fan: FanOut, target: RtpSession) -> None:
        super().__init__(fan.source, target)
        self._fan = fan
        self._before = 0
        self.bandwidth: int | None = None
        self.told = False

    def align(self, sequence: int, timestamp: int, now: float) -> None:
        """See :class:`~asterism.media.relay.Relay`."""
        super().align(sequence, timestamp, now)
        self._before = self.source.received.expected

    def passed(self, sequence: int) -> bool:
        """Whether the source's packet of that number is one that this branch has shown, or would have."""
        received = self.source.received
        return self.aligned and received.highest - sequence & 0xFFFF <= received.expected - self._before

    def pass_feedback(self, packets: Sequence[feedback.Feedback]) -> None:
        """Take what the recipient reports; of references to single pictures nothing is passed on."""
        missing: list[bytes] = []
        source = self.source
        for one in packets:
            if one.kind == feedback.REMB:
                self.bandwidth = feedback.bandwidth_of(one)
            elif one.kind == feedback.NACK:
                details = one.details[: 4 * feedback.MOST_LOST]
                entries = [details[at : at + 4] for at in range(0, len(details) - 3, 4)]
                known = [each for each in entries if self.passed(self.source_sequence(int.from_bytes(each[:2], "big")))]
                if known:
                    again = one._replace(details=b"".join(known))
                    missing.append(feedback.build(again, source.ssrc, source.remote_ssrc, self.source_sequence))
            elif one.kind == feedback.FIR:
                self._fan.ask_key_frame(full=True)
            elif one.kind in (feedback.PLI, feedback.SLI):
                self._fan.ask_key_frame()
        if missing and source.remote_ssrc >= 0 and feedback_terms.takes(source.feedback, feedback.NACK):
            source.rtcp.send_feedback(b"".join(missing))

    def ask_key_frame(self) -> None:
        """Ask the source for a whole picture, with whatever others ask for."""
        self._fan.ask_key_frame()

    def end(self) -> None:
        """Show the source to this recipient no longer; the others go on."""
        source = self.source
        super().end()
        self._fan.drop(self)
        if self._fan.branches:
            source.relay = self._fan


class FanOut(Relay):
    """A source and its recipients. It stands as the source's relay, and itself as the target, to whom nothing is sent.

    Attributes:
        branches: one for each recipient, in the order in which they came.
    """

    __slots__ = ("_asked", "_full", "_interval", "_loop", "_timer", "_unfit", "branches")

    def __init__(
        self,
        source: RtpSession,
        loop: asyncio.AbstractEventLoop,
        interval: float = 0.0,
        unfit: Callable[[AudioStream, Format], None] | None = None,
    ) -> None:
        """Begin without recipients.

        Args:
            source: whose packets are passed on.
            loop: its clock and timers.
            interval: seconds after a request for a whole picture in which all others become one, at their end.
            unfit: told once of each recipient that does not take the format that the source sends.
        """
        super().__init__(source, source)
        self.branches: tuple[Branch, ...] = ()
        self._loop = loop
        self._interval = interval
        self._unfit = unfit
        self._asked = -interval - 1.0
        self._timer: asyncio.TimerHandle | None = None
        self._full = False

    def show(self, targets: Sequence[RtpSession]) -> bool:
        """Have exactly these be shown the source, which those among them that were go on being; whether any is new."""
        source = self.source
        wanted = [target for target in targets if not target.closed] if not source.closed else []
        for branch in self.branches:
            if branch.target not in wanted:
                branch.end()
        shown = {branch.target for branch in self.branches if branch.target.relayed_by is branch}
        fresh = [target for target in wanted if target not in shown]
        if not fresh:
            return False
        if source.relay is not self:
            source.relay_to(None, source._pair)  # a pair that it goes through stays its way
            source.sink = None
            source.relay = self
        for target in fresh:
            if target.relayed_by is not None:
                target.relayed_by.end()
            branch = Branch(self, target)
            target.relayed_by = branch
            self.branches = (*self.branches, branch)
        source.relay = self
        return True

    def drop(self, branch: Branch) -> None:
        """Forget a branch that has ended."""
        self.branches = tuple([one for one in self.branches if one is not branch])

    def pass_on(
        self, fmt: Format, second: int, sequence: int, timestamp: int, payload: bytes, now: float, late: bool
    ) -> None:
        """Send a packet of the source to everybody who takes its format."""
        marker = second & 0x80
        for branch in self.branches:
            payload_type = branch.target.sent.payload_types.get(fmt)
            if payload_type is None:
                if not branch.told:
                    branch.told = True
                    if self._unfit is not None:
                        self._unfit(branch.target, fmt)
            elif not late or branch.passed(sequence):
                branch.forward(marker | payload_type, sequence, timestamp, payload, now, late)

    def align(self, sequence: int, timestamp: int, now: float) -> None:
        """The source counts anew: with everybody its packets follow those before."""
        for branch in self.branches:
            branch.align(sequence, timestamp, now)

    def leave(self) -> None:
        """Each packet is looked at: there is no quick way to end."""

    def by_frames(self) -> None:
        """A tap changes what comes: pictures are not frames of audio, and nobody is shown them."""
        self.end()

    def end(self) -> None:
        """Show the source to nobody."""
        for branch in self.branches:
            branch.end()
        if self.source.relay is self:
            self.source.relay = None

    def close(self) -> None:
        """End, and ask for nothing any more."""
        self.end()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- what is asked of the source ----------------------------------------------------------------------------

    def ask_key_frame(self, full: bool = False) -> None:
        """Ask the source for a whole picture, at once or when the interval since the last request is over.

        Args:
            full: by FIR, because a recipient asked so; else by PLI.
        """
        self._full = self._full or full
        if self._timer is not None:
            return
        left = self._asked + self._interval - self._loop.time()
        if left <= 0:
            self._ask()
        else:
            self._timer = self._loop.call_later(left, self._ask)

    def _ask(self) -> None:
        source, full = self.source, self._full
        self._timer, self._full = None, False
        if source.closed or source.remote_ssrc < 0 or not self.branches:
            return  # what begins, begins with a whole picture
        self._asked = self._loop.time()
        source.rtcp.ask_key_frame(full)

    def take_bandwidths(self) -> list[int]:
        """What recipients have estimated since this was asked last, in bits per second."""
        found = [branch.bandwidth for branch in self.branches if branch.bandwidth is not None]
        for branch in self.branches:
            branch.bandwidth = None
        return found

    def tell_bandwidth(self, bandwidth: int) -> None:
        """Tell the source how many bits per second its recipients take."""
        source = self.source
        if not source.closed and source.remote_ssrc >= 0:
            source.rtcp.send_feedback(feedback.bandwidth_estimate(source.ssrc, source.remote_ssrc, bandwidth))
