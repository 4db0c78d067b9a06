"""RTCP as operators see it: RTCPSent and RTCPReceived, ``rtcp set debug`` and ``rtcp set stats``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.events import EventType
from asterism.core.module import Module
from asterism.media.rtcp import RR, SR, Report
from asterism.pbx.vocabulary.events import FieldList, channel_fields

if TYPE_CHECKING:
    from asterism.media.rtp import RtpSession
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

_TYPES = {SR: "200(SR)", RR: "201(RR)"}


def _address(address: tuple[str, int] | None) -> str:
    # RTCP goes to the port after RTP's.
    return "" if address is None else f"{address[0]}:{address[1] + 1}"


def experience(rtp: RtpSession) -> float:
    """Quality of a stream's audio, 0 to 100: twenty times the opinion score of the simplified E-model.

    Delay (with twice the jitter and 10 ms for the codec) and loss take from the rating 93.2 of perfect audio
    (ITU-T G.107, the usual approximation).
    """
    quality = rtp.quality
    delay = quality.rtt * 1000 / 2 + quality.rx_jitter * 1000 * 2 + 10
    rating = 93.2 - (delay / 40 if delay < 160 else (delay - 120) / 10)
    expected = quality.rx_count + quality.rx_lost
    rating -= 2.5 * (100 * quality.rx_lost / expected if expected else 0)
    rating = min(100.0, max(0.0, rating))
    score = 1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating)
    return 20 * min(5.0, max(0.0, score))


def _common(rtp: RtpSession, report: Report) -> FieldList:
    fields: FieldList = [
        ("MES", f"{experience(rtp):.1f}"),
        ("SSRC", f"0x{report.ssrc:08x}"),
        ("PT", _TYPES.get(report.packet_type, str(report.packet_type))),
        ("ReportCount", len(report.blocks)),
    ]
    if report.packet_type == SR:
        fields += [
            ("SentNTP", f"{report.unix_time:.6f}"),
            ("SentRTP", report.rtp_timestamp),
            ("SentPackets", report.packets),
            ("SentOctets", report.octets),
        ]
    for index, block in enumerate(report.blocks):
        name = f"Report{index}"
        fields += [
            (name + "SourceSSRC", f"0x{block.ssrc:08x}"),
            (name + "FractionLost", block.fraction_lost),
            (name + "CumulativeLost", block.cumulative_lost),
            (name + "HighestSequence", block.highest_sequence & 0xFFFF),
            (name + "SequenceNumberCycles", block.highest_sequence >> 16),
            (name + "IAJitter", block.jitter),
            (name + "LSR", block.last_sr),
            (name + "DLSR", f"{block.delay_since_sr / 65536:.4f}"),
        ]
    return fields


def _sent(channel: Channel, rtp: RtpSession, report: Report) -> FieldList:
    ends: FieldList = [("To", _address(rtp.remote)), ("From", _address(rtp.local))]
    return [*channel_fields(channel), *ends, *_common(rtp, report)]


def _received(channel: Channel, rtp: RtpSession, report: Report) -> FieldList:
    ends: FieldList = [
        ("To", _address(rtp.local)),
        ("From", _address(rtp.remote)),
        ("RTT", f"{rtp.rtcp.statistics.rtt.last:.4f}"),
    ]
    return [*channel_fields(channel), *ends, *_common(rtp, report)]


def _documentation(synopsis: str, *more: Argument) -> Documentation:
    return Documentation(
        synopsis,
        arguments=(
            Argument("To", "Where the packet went."),
            Argument("From", "Where it came from."),
            *more,
            Argument("MES", "Estimated quality of what is heard here, 0 to 100."),
            Argument("SSRC", "The sender's source."),
            Argument("PT", "Kind of report.", values=(("200(SR)", "sender"), ("201(RR)", "receiver"))),
            Argument("ReportCount", "How many report blocks follow."),
            Argument("SentNTP", "The sender's time; sender reports only, as the next three."),
            Argument("SentRTP", "The same as RTP timestamp."),
            Argument("SentPackets", "Packets sent so far."),
            Argument("SentOctets", "Octets sent so far."),
            Argument("Report<X>SourceSSRC", "Of whom block X tells; its further fields likewise."),
        ),
    )


RTCP_SENT = EventType("RTCPSent", "reporting", _sent, _documentation("An RTCP report was sent."))
RTCP_RECEIVED = EventType(
    "RTCPReceived",
    "reporting",
    _received,
    _documentation("An RTCP report was received.", Argument("RTT", "Round trip time, in seconds.")),
)


def publish(channel: Channel | None, rtp: RtpSession, sent: bool, report: Report) -> None:
    """Tell of a report of a channel's stream (what the stream's ``on_rtcp`` is given)."""
    if channel is not None and report.packet_type in _TYPES:
        channel.pbx.bus.publish(RTCP_SENT if sent else RTCP_RECEIVED, channel, rtp, report)


class RtcpModule(Module):
    """Brings the RTCP events, and shows reports on the console when asked to."""

    name: ClassVar[str] = "rtcp"
    part_of: ClassVar[tuple[str, ...]] = ("res_rtp",)
    description: ClassVar[str] = "RTCP events and their log"

    def load(self, server: HostServer) -> None:
        """Register events and commands."""
        self._server = server
        self._shown = {"debug": False, "stats": False}
        server.register_events(RTCP_SENT, RTCP_RECEIVED)
        server.register_marked(self)
        self._listening = False

    def _switch(self, what: str, call: CommandCall, title: str) -> str:
        match call.args:
            case ["on"]:
                self._shown[what] = True
            case ["off"]:
                self._shown[what] = False
            case _:
                raise UsageError
        if not self._listening:
            self._listening = True
            self._server.subscribe(RTCP_SENT, self._show)
            self._server.subscribe(RTCP_RECEIVED, self._show)
        return f"{title} {'Enabled' if self._shown[what] else 'Disabled'}\n"

    def _show(self, event_type: EventType, args: tuple[Channel, RtpSession, Report]) -> None:
        channel, rtp, report = args
        log, sent = self._server.log, event_type is RTCP_SENT
        if self._shown["debug"]:
            text = ", ".join(f"{name}: {value}" for name, value in _common(rtp, report))
            way = f"Sent RTCP to {_address(rtp.remote)}" if sent else f"Got RTCP from {_address(rtp.remote)}"
            log.verbose(0, "%s on %s: %s", way, channel.name, text)
        if self._shown["stats"]:
            found = rtp.quality
            log.verbose(
                0, "RTCP of %s: %d packets sent, %d received, %d lost, jitter %.4f, rtt %.4f",
                channel.name, rtp.tx_packets, rtp.rx_packets, rtp.rx_lost, found.rx_jitter, found.rtt,
            )  # fmt: skip

    @command(
        "rtcp set debug",
        Documentation("Log every RTCP report, or stop that.", "rtcp set debug {on|off}"),
        ("on", "off"),
    )
    def set_debug(self, call: CommandCall) -> str:
        """``on|off``."""
        return self._switch("debug", call, "RTCP Packet Debugging")

    @command(
        "rtcp set stats",
        Documentation("Log the figures of each stream with its reports, or stop that.", "rtcp set stats {on|off}"),
        ("on", "off"),
    )
    def set_stats(self, call: CommandCall) -> str:
        """``on|off``."""
        return self._switch("stats", call, "RTCP Stats")
