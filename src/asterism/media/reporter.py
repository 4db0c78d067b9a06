"""RTCP of one session: reports sent every interval, reports taken in.

The socket is bound with the session, but nothing reads it before the first interval has passed: calls shorter
than that pay nothing for RTCP.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from asterism.media import feedback, feedback_terms, rtcp
from asterism.media.feedback_limits import FeedbackLimits
from asterism.media.source import Address
from asterism.media.statistics import RtcpStatistics

if TYPE_CHECKING:
    from asterism.media.core import RtpContext
    from asterism.media.rtp import RtpSession
    from asterism.media.sockets import ControlSocket

_LIMIT = 1500
_LAST_PORT = 65535
_FIGURES_SECONDS = 1.0


class RtcpReporter:
    """The RTCP half of an :class:`~asterism.media.rtp.RtpSession`."""

    __slots__ = (
        "_full_requests", "_last_expected", "_last_lost", "_last_received", "_last_sr", "_last_sr_at", "_limits",
        "_loop", "_readiness", "_reading", "_remote", "_session", "_socket", "_statistics", "_tx_reported",
        "reported_at",
    )  # fmt: skip

    def __init__(self, session: RtpSession, sock: ControlSocket, context: RtpContext) -> None:
        self._session = session
        self._socket = sock
        self._readiness = context.readiness
        self._loop = context.loop
        self._reading = False
        self._remote: Address | None = None
        self._last_sr = 0
        self._last_sr_at = 0.0
        self._last_expected = 0
        self._last_received = 0
        self._last_lost = 0
        self._tx_reported = 0
        self._full_requests = 0
        self._limits: FeedbackLimits | None = None
        self.reported_at = 0.0
        """When the last report with figures was sent, by the loop's clock."""
        self._statistics: RtcpStatistics | None = None

    @property
    def statistics(self) -> RtcpStatistics:
        """Statistics of the reports, created when first used: most calls end before the first report."""
        if self._statistics is None:
            self._statistics = RtcpStatistics()
        return self._statistics

    def set_remote(self, address: Address | None) -> None:
        """Where reports go (``a=rtcp``); ``None``: the port after the peer's RTP port."""
        self._remote = address

    def tick(self) -> None:
        """Read what waits and send one report; called every ``rtcpinterval``."""
        self.listen()
        self.send_report()

    def listen(self) -> None:
        """Read reports from now on: feedback cannot wait for the first interval."""
        if not self._reading:
            self._reading = True
            self.on_readable(self._loop.time())
            self._readiness.add(self._socket.fileno(), self)

    def send_report(self, bye: bool = False) -> None:
        """Send an SR if anything was sent since the last, else an RR; nothing before any traffic."""
        session = self._session
        target = self._target()
        if target is None:
            return
        if not session.tx_packets and not session.received.packets:
            return
        report = self._report(final=bye)
        try:
            self._socket.sendto(rtcp.build(report, self._name(), bye), target)
        except OSError:
            return
        self._sent(report)

    def _sent(self, report: rtcp.Report) -> None:
        session = self._session
        self.reported_at = self._loop.time()
        self.statistics.sent += 1
        if session.on_rtcp is not None:
            session.on_rtcp(session, True, report)

    def _name(self) -> bytes:
        """The CNAME (RFC 7022 4.2), made when it is needed first."""
        name = self._session.cname
        if not name:
            name += secrets.token_hex(8).encode()
        return bytes(name)

    def _target(self) -> Address | None:
        if self._remote is not None:
            return self._remote
        peer = self._session.remote
        # Without a next port the peer takes no reports.
        return None if peer is None or peer[1] >= _LAST_PORT else (peer[0], peer[1] + 1)

    def send_feedback(self, packets: bytes) -> None:
        """Send feedback to the peer, behind the report without which it may not go (RFC 4585 3.1).

        With feedback agreed on, that report tells figures where the last one that did is a second old (RFC 4585 3.4):
        of video they are needed sooner than once in ``rtcpinterval``.
        """
        target = self._target()
        if target is None:
            return
        session = self._session
        full = None
        if session.feedback and self._loop.time() - self.reported_at >= _FIGURES_SECONDS:
            full = self._report(final=False)
        try:
            self._socket.sendto(rtcp.build(full or rtcp.Report(rtcp.RR, session.ssrc), self._name()) + packets, target)
        except OSError:
            return
        if full is not None:
            self._sent(full)

    def ask_key_frame(self, full: bool = False) -> None:
        """Ask the peer for a whole picture.

        Args:
            full: by FIR rather than by PLI, if it takes either.
        """
        session, terms = self._session, self._session.feedback
        if session.remote_ssrc < 0:
            pass  # what begins, begins with a whole picture
        elif feedback_terms.takes(terms, feedback.FIR) and (full or not feedback_terms.takes(terms, feedback.PLI)):
            self._full_requests += 1
            self.send_feedback(feedback.full_intra_request(session.ssrc, session.remote_ssrc, self._full_requests))
        else:
            self.send_feedback(feedback.key_frame_request(session.ssrc, session.remote_ssrc))
        self.ask_otherwise()

    def ask_otherwise(self) -> None:
        """Ask for a whole picture by other means, where the peer has not said that it takes RTCP for that."""
        session = self._session
        if session.on_key_frame is not None and not feedback_terms.has(session.feedback, *feedback_terms.KEY_FRAMES):
            session.on_key_frame()

    def _pass_feedback(self, data: bytes) -> None:
        """Send again what is kept of lost packets; pass other feedback about relayed packets on to their source."""
        session = self._session
        packets = [one for one in feedback.parse(data) if one.source == session.ssrc]
        if not packets:
            return
        now = self._loop.time()
        if self._limits is None:
            self._limits = FeedbackLimits(now)
        packets = self._limits.allowed(packets, session.tx_packets, now)
        if session.resend is not None:
            packets = [left for one in packets if (left := _sent_again(one, session.resend)) is not None]
        if packets and session.relayed_by is not None:
            session.relayed_by.pass_feedback(packets)

    def _report(self, final: bool) -> rtcp.Report:
        """The next report; the ``final`` one is not counted, because the figures have been taken by then."""
        session = self._session
        now = self._loop.time()
        blocks: tuple[rtcp.ReportBlock, ...] = ()
        received = session.received
        if received.packets:
            expected = received.expected
            expected_since = expected - self._last_expected
            lost_since = max(0, expected_since - (received.packets - self._last_received))
            self._last_expected, self._last_received = expected, received.packets
            fraction = min(255, lost_since * 256 // expected_since) if expected_since > 0 else 0
            blocks = (
                rtcp.ReportBlock(
                    received.ssrc,
                    fraction,
                    received.lost,
                    received.extended_highest,
                    int(received.jitter),
                    self._last_sr,
                    int((now - self._last_sr_at) * 65536) if self._last_sr else 0,
                ),
            )
            if not final:
                self.statistics.local_jitter.add(received.jitter / session.format.clock_rate)
                self.statistics.local_loss.add(lost_since)
        if session.tx_packets == self._tx_reported:
            return rtcp.Report(rtcp.RR, session.ssrc, blocks=blocks)
        self._tx_reported = session.tx_packets
        return rtcp.Report(
            rtcp.SR, session.ssrc, rtcp.ntp_time(time.time()), session.tx_timestamp(now), session.tx_packets,
            session.tx_bytes, blocks,
        )  # fmt: skip

    def on_readable(self, now: float) -> None:
        """Take the reports that wait."""
        session = self._session
        for _ in range(16):
            try:
                data, address = self._socket.recvfrom(_LIMIT)
            except OSError:
                return
            peer = session.remote
            if peer is None or address[0] != peer[0]:
                session.rx_dropped += 1
                continue
            self.receive(data, now)
            if session.closed:
                return
            if session.symmetric:
                self._remote = address[:2]

    def receive(self, data: bytes, now: float) -> None:
        """Take one RTCP datagram of the accepted peer in; malformed ones are counted and dropped."""
        reports = rtcp.parse(data)
        session = self._session
        if reports is None:
            session.rx_dropped += 1
            return
        if session.format.media == "video":
            self._pass_feedback(data)
        for report in reports:
            self.statistics.received += 1
            if report.packet_type == rtcp.SR:
                self._last_sr, self._last_sr_at = report.ntp >> 16 & 0xFFFFFFFF, now
            for block in report.blocks:
                if block.ssrc == session.ssrc:
                    self._take(block, session)
            if session.on_rtcp is not None:
                session.on_rtcp(session, False, report)

    def _take(self, block: rtcp.ReportBlock, session: RtpSession) -> None:
        statistics = self.statistics
        statistics.remote_jitter.add(block.jitter / session.format.clock_rate)
        statistics.remote_loss.add(max(0, block.cumulative_lost - self._last_lost))
        self._last_lost = statistics.remote_lost = max(0, block.cumulative_lost)
        if block.last_sr:
            arrival = rtcp.ntp_time(time.time()) >> 16 & 0xFFFFFFFF
            trip = (arrival - block.last_sr - block.delay_since_sr) & 0xFFFFFFFF
            if trip < 0x80000000:
                statistics.rtt.add(trip / 65536)

    def close(self) -> None:
        """Say BYE if reports were exchanged; the socket is the session's to close, now."""
        if self._reading:
            self._readiness.forget(self._socket.fileno())
            self.send_report(bye=True)
        # The session holds this for its statistics: they must not hold each other, or only the collector frees them.
        del self._session


def _sent_again(one: feedback.Feedback, resend: Callable[[Sequence[int]], list[int]]) -> feedback.Feedback | None:
    """Have lost packets sent again; what is left of the report of them, ``None``: nothing."""
    if one.kind != feedback.NACK:
        return one
    missing = resend(feedback.lost(one))
    return one._replace(details=feedback.lost_details(missing)) if missing else None
