"""RTP quality as channel variables in the form of ``chan_sip``: RTPAUDIOQOS, RTPVIDEOQOS, RTPTEXTQOS and their kin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.chan_sip.habits import TECHNOLOGY
from asterism.core.module import Module
from asterism.media.rtp import RtpSession
from asterism.media.stream import AUDIO, TEXT, VIDEO
from asterism.pbx.vocabulary.events import VAR_SET

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.media.statistics import Quality, Series
    from asterism.pbx.channels.channel import Channel
    from asterism.sip.objects.endpoint import Endpoint

BRIDGED = "BRIDGED"
"""Ends the names of the variables that the other party of the call has of this one's media."""


def quality_text(quality: Quality) -> str:
    """The value of ``RTPAUDIOQOS``; times are in seconds."""
    return (
        f"ssrc={quality.local_ssrc};themssrc={quality.remote_ssrc};lp={quality.rx_lost};"
        f"rxjitter={quality.rx_jitter:.6f};rxcount={quality.rx_count};txjitter={quality.tx_jitter:.6f};"
        f"txcount={quality.tx_count};rlp={quality.tx_lost};rtt={quality.rtt:.6f}"
    )


def _four(series: Series, prefix: str, name: str) -> str:
    return (
        f"{prefix}min{name}={series.minimum:.6f};{prefix}max{name}={series.maximum:.6f};"
        f"{prefix}avg{name}={series.mean:.6f};{prefix}stdev{name}={series.deviation:.6f};"
    )


def quality_values(rtp: RtpSession) -> Iterator[tuple[str, str]]:
    """The variables of a stream of audio, in the order of ``chan_sip``."""
    statistics = rtp.rtcp.statistics
    yield "RTPAUDIOQOS", quality_text(rtp.quality)
    yield (
        "RTPAUDIOQOSJITTER",
        _four(statistics.local_jitter, "", "rxjitter") + _four(statistics.remote_jitter, "reported_", "jitter"),
    )
    yield (
        "RTPAUDIOQOSLOSS",
        _four(statistics.local_loss, "", "rxlost") + _four(statistics.remote_loss, "reported_", "lost"),
    )
    yield "RTPAUDIOQOSRTT", _four(statistics.rtt, "", "rtt")


_AUDIO = ("RTPAUDIOQOS", "RTPAUDIOQOSJITTER", "RTPAUDIOQOSLOSS", "RTPAUDIOQOSRTT")
_OTHERS = ((VIDEO, "RTPVIDEOQOS"), (TEXT, "RTPTEXTQOS"))


class _Deferred:
    """The values of the variables of one call, worked out when they are asked for, once."""

    def __init__(self, found: list[tuple[str, RtpSession]]) -> None:
        self._found = found
        self.names = [name for kind, _ in found for name in (_AUDIO if kind == AUDIO else (kind,))]

    def __call__(self) -> list[str]:
        """In the order of the names."""
        values: list[str] = []
        for kind, rtp in self._found:
            values += [value for _, value in quality_values(rtp)] if kind == AUDIO else [quality_text(rtp.quality)]
        return values


class SipQuality(SessionSupplement):
    """Sets the variables on the channel, and those of the other party with ``BRIDGED`` behind the name."""

    name = "chan_sip_quality"
    priority = 900

    def concerns(self, endpoint: Endpoint) -> bool:
        """Those of ``sip.conf``."""
        return endpoint.habits.technology == TECHNOLOGY

    def on_end(self, session: Session) -> None:
        """Take stock; the figures are final when the media are closed, so the texts are made when asked for."""
        channel = session.channel
        if channel is None or channel.answered_at is None:
            return
        found: list[tuple[str, RtpSession]] = []
        for kind, name in ((AUDIO, AUDIO), *_OTHERS):
            rtp = session.media.port(kind)
            if isinstance(rtp, RtpSession) and not rtp.closed:
                found.append((name, rtp))
        if not found:
            return
        peer: Channel | None = None if channel.bridge is None else channel.bridge.peer(channel)
        values = _Deferred(found)
        if channel.pbx.bus.listeners[VAR_SET]:
            for name, value in zip(values.names, values(), strict=True):
                channel.set_variable(name, value)
                if peer is not None:
                    peer.set_variable(name + BRIDGED, value)
            return
        channel.defer_variables(values.names, values)
        if peer is not None:
            peer.defer_variables([name + BRIDGED for name in values.names], values)


class SipQualityModule(Module):
    """Registers :class:`SipQuality`."""

    name = "chan_sip_quality"
    part_of = ("chan_sip",)
    requires = ("chan_sip", "session")
    description = "RTP quality figures of SIP channels"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(SipQuality())
