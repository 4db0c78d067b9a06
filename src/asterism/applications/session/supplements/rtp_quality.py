"""Audio quality of a call, set on its channel as ``RTPAUDIOQOS...`` variables when it ends."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module
from asterism.media.rtp import RtpSession
from asterism.media.stream import AUDIO
from asterism.pbx.vocabulary.events import VAR_SET

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.media.statistics import Quality, Series
    from asterism.pbx.channels.channel import Channel
    from asterism.sip.objects.endpoint import Endpoint


NAMES = ("RTPAUDIOQOS", "RTPAUDIOQOSJITTER", "RTPAUDIOQOSLOSS", "RTPAUDIOQOSRTT", "RTPAUDIOQOSMES")
"""In Asterisk's order."""
_BRIDGED_NAMES = tuple(f"{name}BRIDGED" for name in NAMES)


def experience(rtt: float, jitter: float, lost: int, count: int) -> float:
    """A score from 0 to 100: the R factor of the E-model (ITU-T G.107), simplified to delay, jitter and loss.

    ``rtt`` and ``jitter`` are in seconds; 0 when there were no packets.
    """
    if not count:
        return 0.0
    delay = rtt * 500 + jitter * 2000 + 10
    score = 93.2 - delay / 40 if delay < 160 else 93.2 - (delay - 120) / 10
    return min(100.0, max(0.0, score - 250 * lost / (lost + count)))


def quality_text(quality: Quality) -> str:
    """The value of ``RTPAUDIOQOS``."""
    rx = experience(quality.rtt, quality.rx_jitter, quality.rx_lost, quality.rx_count)
    tx = experience(quality.rtt, quality.tx_jitter, quality.tx_lost, quality.tx_count)
    return (
        f"ssrc={quality.local_ssrc};themssrc={quality.remote_ssrc};lp={quality.rx_lost};"
        f"rxjitter={quality.rx_jitter:.6f};rxcount={quality.rx_count};txjitter={quality.tx_jitter:.6f};"
        f"txcount={quality.tx_count};rlp={quality.tx_lost};rtt={quality.rtt:.6f};rxmes={rx:.6f};txmes={tx:.6f}"
    )


def _four(name: str, series: Series) -> str:
    if not series.count:
        return _once(name, 0.0)
    return (
        f"{'min' + name:>11}={series.minimum:010.6f};{'max' + name:>11}={series.maximum:010.6f};"
        f"{'avg' + name:>11}={series.mean:010.6f};{'stdev' + name:>13}={series.deviation:010.6f};"
    )


@lru_cache(maxsize=64)
def _once(name: str, value: float) -> str:
    return (
        f"{'min' + name:>11}={value:010.6f};{'max' + name:>11}={value:010.6f};"
        f"{'avg' + name:>11}={value:010.6f};{'stdev' + name:>13}={0:010.6f};"
    )


def quality_values(rtp: RtpSession) -> tuple[str, ...]:
    """The values of the variables :data:`NAMES`."""
    quality, statistics = rtp.quality, rtp.rtcp.statistics
    rx = experience(quality.rtt, quality.rx_jitter, quality.rx_lost, quality.rx_count)
    tx = experience(quality.rtt, quality.tx_jitter, quality.tx_lost, quality.tx_count)
    return (
        quality_text(quality),
        _four("rxjitter", statistics.local_jitter) + _four("txjitter", statistics.remote_jitter),
        _four("rxlost", statistics.local_loss) + _four("txlost", statistics.remote_loss),
        _four("rtt", statistics.rtt),
        _once("rxmes", rx) + _once("txmes", tx),
    )


class RtpQuality(SessionSupplement):
    """Sets the variables on the channel, and those of the other party with ``BRIDGED`` behind the name."""

    name = "rtp_quality"
    priority = 900

    def concerns(self, endpoint: Endpoint) -> bool:
        """Those whose channels have these variables in this form."""
        return endpoint.habits.quality_scores

    def on_end(self, session: Session) -> None:
        """Take stock; the figures are final when the audio is closed, so the texts are made when asked for."""
        channel, rtp = session.channel, session.media.port(AUDIO)
        if channel is None or not isinstance(rtp, RtpSession) or rtp.closed or channel.answered_at is None:
            return
        peer: Channel | None = None if channel.bridge is None else channel.bridge.peer(channel)
        if channel.pbx.bus.listeners[VAR_SET]:
            for name, value in zip(NAMES, quality_values(rtp), strict=True):
                channel.set_variable(name, value)
                if peer is not None:
                    peer.set_variable(f"{name}BRIDGED", value)
            return
        values = partial(quality_values, rtp)
        channel.defer_variables(NAMES, values)
        if peer is not None:
            peer.defer_variables(_BRIDGED_NAMES, values)


class RtpQualityModule(Module):
    """Registers :class:`RtpQuality`."""

    name = "session_rtp_quality"
    part_of = ("session",)
    requires = ("session",)
    description = "RTP quality figures as channel variables"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(RtpQuality())
