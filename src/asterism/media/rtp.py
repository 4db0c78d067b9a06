"""One leg's RTP: a connected UDP socket, received, relayed or written packet by packet (RFC 3550).

Theory of operation. The socket is read once per readiness event, into one buffer that the sessions of a server share.
A packet that needs nothing but a new header is relayed right there: payload type, sequence number, timestamp and SSRC
are rewritten in place and the buffer is sent from the other session's socket, without an object for the packet (see
:mod:`asterism.media.relay`). Everything else (the first packets, digits, extensions, RTCP on the same port) takes the
slower way (:mod:`asterism.media.incoming`). Once the peer is learned the socket is connected to it, which is the
cheapest way to send and makes the kernel drop every other source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from asterism.media import feedback_terms, sockets
from asterism.media.fanout import FanOut
from asterism.media.formats import ULAW, Format
from asterism.media.inactivity import InactivityWatch
from asterism.media.incoming import RtpIncoming
from asterism.media.keepalive import KeepAlive
from asterism.media.memory import MemoryStream
from asterism.media.packetizer import Packetizer
from asterism.media.payload_types import PayloadTypes
from asterism.media.receiver import RtpReceiver
from asterism.media.relay import Relay
from asterism.media.reporter import RtcpReporter
from asterism.media.rtcp import Report
from asterism.media.send_state import discard
from asterism.media.source import Address, SourceFilter
from asterism.media.statistics import Quality
from asterism.media.stream import AudioStream
from asterism.media.taps import Direction
from asterism.media.translate import byte_table

if TYPE_CHECKING:
    from asterism.media.core import RtpContext
    from asterism.media.feedback_terms import Terms
    from asterism.media.sockets import ControlSocket, DatagramSocket

RtcpHook = Callable[["RtpSession", bool, Report], None]


class RtpSession(RtpIncoming):
    """An :class:`~asterism.media.stream.AudioStream` over RTP. Made by ``Media.open_rtp``."""

    __slots__ = (
        "_inactivity", "_keep_alive", "_on_release", "_reporter", "_rtcp_socket", "cname", "feedback", "local",
        "on_key_frame", "on_rtcp", "resend",
    )  # fmt: skip

    def __init__(
        self,
        context: RtpContext,
        pair: tuple[DatagramSocket, ControlSocket],
        local: Address,
        source_filter: SourceFilter,
        on_release: Callable[[RtpSession], None],
    ) -> None:
        super().__init__(context, pair[0], source_filter)
        self._on_release = on_release
        self._rtcp_socket = pair[1]
        self._reporter: RtcpReporter | None = None
        self.local = local
        self.cname = bytearray()
        """CNAME of this end in reports; streams to be synchronised (audio, video) share it (RFC 3550 6.5.1)."""
        self.on_rtcp: RtcpHook | None = None
        """Told of each report: ``(session, sent, report)``."""
        self.feedback: Terms = ()
        """What the peer and this end may report to each other at once; empty: nothing was agreed on."""
        self.on_key_frame: Callable[[], None] | None = None
        """Asks the peer for a whole picture by other means than RTCP."""
        self.resend: Callable[[Sequence[int]], list[int]] | None = None
        """Sends packets with these numbers again, as far as they are kept; returns the numbers of the others."""
        self._buffer = context.buffer
        self._views = context.views
        self._recv_into = self._socket.recv_into
        self.sink = None
        self.on_digit = None
        self.on_digit_begin = None
        self.on_source = None
        self.away = False
        self.relay_digits = True
        self.follow_peer = True
        self._received_formats = {0: ULAW}
        self._received_events = {}
        self._learning = True
        self._digits = None
        self._event = None
        self.received = RtpReceiver(self)
        self.rx_dropped = 0
        self.relay = None
        self.joined_to = None
        self._pair = None
        self._inactivity: InactivityWatch | None = None
        self._keep_alive: KeepAlive | None = None

    # -- what was negotiated ------------------------------------------------------------------------------

    @property
    def symmetric(self) -> bool:
        """Whether packets go to where they come from (``rtp_symmetric``)."""
        return self._filter.symmetric

    def set_remote(self, host: str, port: int, symmetric: bool | None = None, rtcp: Address | None = None) -> None:
        """Take the peer's address from SDP; an address that did not change keeps what was learned.

        Args:
            host: An IP address. ``0.0.0.0``, ``::`` or port 0 mean that nothing can be sent.
            port: The peer's RTP port.
            symmetric: Send to where its packets come from, once learned; ``None`` leaves it as it is.
            rtcp: Its RTCP address when that is not the next port (``a=rtcp``).

        Raises:
            ValueError: ``host`` is not an address of this session's family, or the port is out of range.
        """
        if self.closed:
            return
        if sockets.family_of(host) != self._socket.family:
            raise ValueError(f"not an address of this session's family: {host!r}")
        if not 0 <= port <= 65535 or (rtcp is not None and not 0 <= rtcp[1] <= 65535):
            raise ValueError(f"not a port: {port if rtcp is None else rtcp[1]}")
        if symmetric is not None and symmetric != self._filter.symmetric:
            self._filter.symmetric = symmetric
            self._filter.signalled = None
        if rtcp is not None or self._reporter is not None:
            self.rtcp.set_remote(rtcp)
        address = (host, port) if port and host not in ("0.0.0.0", "::") else None
        if address == self._filter.signalled and address is not None:
            return
        if self._connected:
            sockets.disconnect(self._socket)
            self._connected = False
        self._learning = True
        self.received.keeping = None
        if self.relay is not None:
            self.relay.leave()
        if self._filter.source is not None and address is not None and self._context.test_events.wanted:
            self._context.test_events.send("STRICT_RTP_LEARN", (("Source", f"{host}:{port}"),))
            self._filter.learns_anew = True
        self._filter.set_signalled(address, self._loop.time())
        if address is not None and self._context.log.verbosity >= 4:
            self.tell_source(f"learning after remote address set to: {host}:{port}")
        self._choose_send()

    def set_formats(
        self, send: PayloadTypes, receive: PayloadTypes | None = None, ptime: int = 0,
        parameters: Iterable[tuple[Format, str]] = (),
    ) -> None:  # fmt: skip
        """Take what the payload types mean, in each direction as its receiver has announced (RFC 3264 5.1, 6.1).

        Args:
            send: What the peer understands, the preferred format first.
            receive: What we announced, where it differs. What only ``send`` names is understood too.
            ptime: The length in milliseconds of the packets that are sent; 0 for the length that comes.
            parameters: What the peer has said of its formats (``a=fmtp``), for what is encoded.

        Raises:
            ValueError: ``send`` has no format.
        """
        if not send.formats:
            raise ValueError("a session needs at least one format")
        payload_types: dict[Format, int] = {}
        for number, fmt in send.formats:
            payload_types.setdefault(fmt, number)
        self.sent.payload_types = payload_types
        self.sent.parameters = dict(parameters)
        self._conversions.clear()
        self._formats = tuple(payload_types)
        self._events = dict(send.events)
        self._received_formats = dict(send.formats)
        self._received_events = {}
        for rate, number in send.events:
            self._received_events[number] = rate
        if receive is not None:
            for number, fmt in receive.formats:
                self._received_formats[number] = fmt
                self._received_events.pop(number, None)
            for rate, number in receive.events:
                self._received_events[number] = rate
        self.format = self._formats[0]
        self.received.clock = float(self.format.clock_rate)
        self._packetizer = Packetizer(ptime) if ptime and ptime != self.format.ptime else None
        self.received.keeping = None
        if self.relay is not None or self.relayed_by is not None:
            self._leave_relays()

    def set_away(self, away: bool) -> None:
        """The peer sends elsewhere (direct media), or here again."""
        self.away = away
        self.received.interrupted = True
        self._leave_relays()

    @property
    def repacketizes(self) -> bool:
        """Whether the peer is sent packets of another length than those that come."""
        return self._packetizer is not None

    def set_timeout(self, seconds: float, expired: Callable[[], None] | None) -> None:
        """Call ``expired`` once when no packet has come for ``seconds`` (``rtp_timeout``); 0 ends the watch."""
        if self._inactivity is not None:
            self._inactivity.close()
            self._inactivity = None
        if seconds > 0 and expired is not None and not self.closed:
            self._inactivity = InactivityWatch(self.received, self._loop, seconds, expired)

    def set_keep_alive(self, seconds: float) -> None:
        """Send comfort noise when nothing was sent for ``seconds`` (``rtp_keepalive``), on hold too; 0 ends that."""
        if self._keep_alive is not None:
            self._keep_alive.close()
        self._keep_alive = KeepAlive(self, self._loop, seconds) if seconds > 0 and not self.closed else None

    @property
    def last_sent(self) -> float:
        """When the last packet of audio was sent, by the loop's clock; at first when the session was made."""
        return self._last_sent()

    def send_aside(self, payload_type: int, payload: bytes) -> None:
        """Send a packet that is no part of the audio, even on hold; without a peer nothing."""
        if self._filter.target is None:
            return
        # What is relayed next must follow its sequence number.
        self.sender_changed()
        held, self._hold = self._hold, False
        self._choose_send()
        self.send_packet(payload_type, self.tx_timestamp(self._loop.time()), payload)
        self._hold = held
        self._choose_send()

    # -- figures ------------------------------------------------------------------------------------------

    @property
    def quality(self) -> Quality:
        """The session's figures at this moment."""
        quality, statistics = Quality(), self.rtcp.statistics
        quality.local_ssrc, quality.remote_ssrc = self.ssrc, max(0, self.remote_ssrc)
        quality.rx_count, quality.rx_bytes, quality.rx_lost = self.rx_packets, self.rx_bytes, max(0, self.rx_lost)
        quality.tx_count, quality.tx_bytes, quality.tx_lost = self.tx_packets, self.tx_bytes, statistics.remote_lost
        quality.rx_jitter = self.received.jitter / self.format.clock_rate
        quality.tx_jitter, quality.rtt = statistics.remote_jitter.last, statistics.rtt.last
        return quality

    @property
    def rtcp(self) -> RtcpReporter:
        """The session's RTCP, with the statistics of all reports; most calls end before it is needed."""
        reporter = self._reporter
        if reporter is None:
            reporter = self._reporter = RtcpReporter(self, self._rtcp_socket, self._context)
            if self.closed:
                reporter.close()
        return reporter

    def receive_rtcp(self, data: bytes) -> None:
        """Take RTCP that came on the RTP port (RFC 5761)."""
        self.rtcp.receive(data, self._loop.time())

    # -- relayed ------------------------------------------------------------------------------------------

    def relay_to(self, other: AudioStream | None, pair: MemoryStream | None = None) -> bool:
        """Relay what arrives to ``other``, or (``None``) end that; see ``AudioStream.relay_to``.

        ``pair`` is the end of a pair that was followed to find it. What is relayed to itself is an echo.
        """
        self.joined_to = other if isinstance(other, RtpSession) else None
        if self._pair is not pair:
            if self._pair is not None:
                self._pair.released_by(self)
            self._pair = pair
        if isinstance(other, MemoryStream) and not self.closed:
            return other.relayed_from(self)
        self.received.keeping = None
        if self.relay is not None:
            self.relay.end()
        if not isinstance(other, RtpSession) or other.closed or self.closed or (other is self and pair is not None):
            return False
        if self.changes_in or other.changes_out:
            return False
        if other._packetizer is not None:  # its packets are of another length than those that come
            return False
        if other.sent.payload_types.keys().isdisjoint(self._formats) and not any(
            byte_table(one, other.format) for one in self._formats
        ):
            return False
        if other.relayed_by is not None:
            other.relayed_by.end()
        self.relay = other.relayed_by = Relay(self, other)
        other.sent.marker = True
        if self.feedback and feedback_terms.has(self.feedback, *feedback_terms.KEY_FRAMES):
            self.rtcp.ask_key_frame()  # what it has sent before was seen by nobody
        return True

    def fan_out(self, interval: float = 0.0, unfit: Callable[[AudioStream, Format], None] | None = None) -> FanOut:
        """A way from here to any number of others; see :class:`~asterism.media.fanout.FanOut`."""
        return FanOut(self, self._loop, interval, unfit)

    def ask_key_frame_of_source(self) -> None:
        """Ask whoever is shown to the peer for a whole picture."""
        if self.relayed_by is not None:
            self.relayed_by.ask_key_frame()

    def _last_sent(self) -> float:
        relay = self.relayed_by
        written = self.sent.last_write
        # What the source has sent before the relay passes anything on did not go out here.
        return written if relay is None or not relay.aligned else max(written, relay.source.received.last_rx)

    def taps_changed(self, direction: Direction) -> None:
        """See ``TappedStream``."""
        super().taps_changed(direction)
        self.received.keeping = None
        if direction is Direction.IN and self.relay is not None:
            if self.changes_in:
                self.relay.by_frames()
            else:
                self.relay.leave()

    def sender_changed(self) -> None:
        """A digit begins or ends to be sent, or silence: relayed audio gives way to it."""
        if self.relayed_by is not None:
            self.relayed_by.realign()

    # -- the end ------------------------------------------------------------------------------------------

    def set_debug(self, on: bool) -> None:
        """Log each packet (``rtp set debug``)."""
        self.sent.debug = on
        self._leave_relays()

    def close(self) -> None:
        """Stop relaying, close both sockets and free their ports."""
        if self.closed:
            return
        if self._event is not None:
            self._event.end()
        self.closed = True
        self.joined_to = self._event = None
        if self.relay is not None:
            self.relay.end()
        if self._pair is not None:
            self._pair.released_by(self)
        if self.relayed_by is not None:
            self.relayed_by.end()
        if self._sender is not None:
            self._sender.close()
        if self._inactivity is not None:
            self.set_timeout(0, None)
        if self._keep_alive is not None:
            self.set_keep_alive(0)
        self.sent.send = discard
        self.sink = self.on_digit = self.on_digit_begin = self.on_key_frame = self.resend = None
        self.end_taps()
        try:
            if self._reporter is not None:
                self._reporter.close()
        except Exception:
            self._context.log.exception("no last RTCP report for %s:%d", *self.local)
        finally:
            # Whatever becomes of the last report, the ports are given back.
            self.on_rtcp = None
            self._context.readiness.forget(self._socket.fileno())
            self.received.close()
            self._socket.close()
            self._rtcp_socket.close()
            self._on_release(self)
