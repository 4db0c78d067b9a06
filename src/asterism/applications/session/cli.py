"""Console commands that show SIP channels, in Asterisk's layout."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from asterism.applications.session.media_transport.leg import legs_of
from asterism.core.commands import command
from asterism.core.documentation import Documentation
from asterism.core.like import like_pattern
from asterism.media.rtp import RtpSession
from asterism.media.stream import AUDIO
from asterism.pbx.vocabulary.controls import STATE_NAMES, ChannelState

if TYPE_CHECKING:
    from asterism.applications.session.registry import Sessions
    from asterism.applications.session.session import Session
    from asterism.core.commands import CommandCall
    from asterism.pbx.channels.channel import Channel

_NONE = "No objects found.\n\n"
_LINE = "=" * 90 + "\n"
_HEAD = "\n  Channel:  <ChannelId........................................>  <State.....>  <Time.....>\n"
_HEAD_EXTEN = "      Exten: <DialedExten.............>  CLCID: <ConnectedLineCID.......>\n"
_STATS_HEAD = (
    "\n" + " " * 45 + "...........Receive......... .........Transmit..........\n"
    " BridgeId ChannelId ........ UpTime.. Codec.   Count    Lost Pct  Jitter   Count    Lost Pct  Jitter RTT....\n"
    " " + "=" * 107 + "\n\n"
)


def _duration(seconds: float) -> str:
    whole = max(0, int(seconds))
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _line(channel: Channel) -> str:
    name = f"{channel.name}/{channel.application}" if channel.application else channel.name
    began = channel.created if channel.answered_at is None else channel.answered_at
    state = STATE_NAMES[channel.state]
    return f"  Channel: {name:<53} {state:<12}  {_duration(time.time() - began)}   \n"


def _detail(channel: Channel) -> str:
    connected = channel.connected
    party = f'"{connected.name}" <{connected.number}>'
    exten = channel.dialed if channel.task is not None or channel.state is not ChannelState.UP else ""
    return f"      Exten: {exten:<27} CLCID: {party}\n"


class SessionCommands:
    """``pjsip show channels|channel|channelstats`` and ``pjsip list channels``."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def _channels(self, args: list[str]) -> list[tuple[Session, Channel]]:
        pairs = sorted(
            ((session, session.channel) for session in self._sessions.live if session.channel is not None),
            key=lambda pair: pair[1].name,
        )
        wanted = like_pattern(args)
        return [pair for pair in pairs if wanted(pair[1].name)]

    def _names(self, words: list[str]) -> Iterable[str]:
        typed = words[-1] if words else ""
        return [
            session.channel.name
            for session in self._sessions.live
            if session.channel is not None and session.channel.name.startswith(typed)
        ]

    @command("pjsip show channels", Documentation(
        "Show PJSIP Channels", "pjsip show channels [ like <pattern> ]",
        "Shows each SIP channel with the extension it dialled and whom it is connected to.\n"
        "A regular expression after like limits the list.",
    ))  # fmt: skip
    def show_channels(self, call: CommandCall) -> str:
        """Print every channel with its connected line."""
        pairs = self._channels(call.args)
        if not pairs:
            return _NONE
        lines = [_HEAD, _HEAD_EXTEN, _LINE, "\n"]
        for _, channel in pairs:
            lines += (_line(channel), _detail(channel), "\n")
        lines.append(f"\nObjects found: {len(pairs)}\n\n")
        return "".join(lines)

    @command("pjsip list channels", Documentation(
        "List PJSIP Channels", "pjsip list channels [ like <pattern> ]",
        "Lists the SIP channels, one in each line.\nA regular expression after like limits the list.",
    ))  # fmt: skip
    def list_channels(self, call: CommandCall) -> str:
        """Print one line for each channel."""
        pairs = self._channels(call.args)
        if not pairs:
            return _NONE
        lines = [_HEAD, _LINE, "\n", *(_line(channel) for _, channel in pairs)]
        return "".join(lines) + f"\nObjects found: {len(pairs)}\n\n"

    @command("pjsip show channel", Documentation(
        "Show PJSIP Channel", "pjsip show channel <channel>", "Shows one SIP channel.",
    ))  # fmt: skip
    def show_channel(self, call: CommandCall) -> str:
        """Print one channel."""
        if not call.args:
            return "No object specified.\nCommand 'pjsip show channel' failed.\n"
        for _, channel in self._channels([]):
            if channel.name == call.args[0]:
                return f"{_HEAD}{_HEAD_EXTEN}{_LINE}\n{_line(channel)}{_detail(channel)}\n\n"
        return f"Unable to find object {call.args[0]}.\n\n"

    @command("pjsip show channelstats", Documentation(
        "Show PJSIP Channel Stats", "pjsip show channelstats [ like <pattern> ]",
        "Shows packet counts, losses, jitter and round trip time of each SIP channel's audio, and below it what came\n"
        "for its encrypted media and was dropped.",
    ))  # fmt: skip
    def show_channelstats(self, call: CommandCall) -> str:
        """Print the RTP figures of each channel that is answered."""
        pairs = self._channels(call.args)
        if not pairs:
            return _NONE
        lines = [_STATS_HEAD]
        for session, channel in pairs:
            audio = session.media.port(AUDIO)
            if channel.state is not ChannelState.UP or not isinstance(audio, RtpSession):
                lines.append(f" {channel.name} not valid\n")
                continue
            lines += (_stats(channel, audio), _dropped(session))
        lines.append(f"\nObjects found: {len(pairs)}\n\n")
        return "".join(lines)


def _percent(lost: int, count: int) -> int:
    total = lost + count
    return lost * 100 // total if total > 0 else 0


def _dropped(session: Session) -> str:
    """What came for the media transports of a session and was dropped; empty where nothing was."""
    receptions = [leg.transport.reception for leg in legs_of(session.media.streams)]
    refused, dropped = sum(one.refused for one in receptions), sum(one.dropped for one in receptions)
    if not refused and not dropped:
        return ""
    return f" {'':<8} dropped: {refused} not authentic or replayed, {dropped} of no use\n"


def _stats(channel: Channel, rtp: RtpSession) -> str:
    quality = rtp.quality
    bridge = channel.bridge.uniqueid[:8] if channel.bridge is not None else ""
    began = channel.created if channel.answered_at is None else channel.answered_at
    name = channel.name.partition("/")[2]
    return (
        f" {bridge:<8} {name:<18} {_duration(time.time() - began)} {rtp.format.name:<6}"
        f" {quality.rx_count:>6} {quality.rx_lost:>7} {_percent(quality.rx_lost, quality.rx_count):>4}"
        f" {quality.rx_jitter:>7.3f} {quality.tx_count:>6} {quality.tx_lost:>7}"
        f" {_percent(quality.tx_lost, quality.tx_count):>4} {quality.tx_jitter:>7.3f} {quality.rtt:>7.3f}\n"
    )
