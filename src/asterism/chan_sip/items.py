"""The items of ``CHANNEL()`` that channels of the technology SIP know."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from asterism.applications.session.identity import WILDCARDS
from asterism.applications.session.items import OF_RTCP, is_secure
from asterism.applications.session.registry import sessions
from asterism.applications.session.t38 import t38_state
from asterism.applications.session.uac import OutgoingSession
from asterism.applications.session.uas import IncomingSession
from asterism.chan_sip.channels import contact_uri, peer_name, user_agent
from asterism.chan_sip.habits import TECHNOLOGY
from asterism.chan_sip.quality import quality_text
from asterism.core.module import Module
from asterism.hostport import format_host_port
from asterism.media.rtp import RtpSession
from asterism.media.stream import AUDIO, TEXT, VIDEO

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.media.statistics import RtcpStatistics, Series

Item = Callable[["Session"], str]
Statistic = Callable[[RtpSession], str]
_STREAMS = frozenset((AUDIO, VIDEO, TEXT))


def item(session: Session, name: str) -> str | None:
    """The value of ``CHANNEL(name)``; ``None`` for an item that there is not."""
    found = _getter(name)
    if found is None and name.partition(",")[0].strip().lower() in _WITH_STREAM:
        session.core.log.warning("Unrecognized argument '%s' to CHANNEL", name)
    return None if found is None else found(session)


@lru_cache(maxsize=128)
def _getter(name: str) -> Item | None:
    family, *rest = (part.strip().lower() for part in name.split(","))
    plain = _ITEMS.get(family)
    if plain is not None:
        return plain
    if family not in _WITH_STREAM:
        return None
    kind = rest[0] if rest and rest[0] else AUDIO
    if kind not in _STREAMS:
        return None
    if family == "rtpdest":
        return lambda session: _destination(session, kind)
    if family == "rtpsource":
        return lambda session: _source(session, kind)
    statistic = STATISTICS.get(rest[1] if len(rest) > 1 and rest[1] else "all")
    return None if statistic is None else lambda session: _quality(session, kind, statistic)


_WITH_STREAM = frozenset(("rtpqos", "rtpdest", "rtpsource"))


def _rtp(session: Session, kind: str) -> RtpSession | None:
    port = session.media.port(kind)
    return port if isinstance(port, RtpSession) else None


def _quality(session: Session, kind: str, statistic: Statistic) -> str:
    rtp = _rtp(session, kind)
    return "" if rtp is None else statistic(rtp)


def _destination(session: Session, kind: str) -> str:
    rtp = _rtp(session, kind)
    return "" if rtp is None or rtp.remote is None else format_host_port(*rtp.remote)


def _source(session: Session, kind: str) -> str:
    rtp = _rtp(session, kind)
    if rtp is None:
        return ""
    host, port = rtp.local
    return format_host_port(session.local_address if host in WILDCARDS else host, port)


def _from(session: Session) -> str:
    if isinstance(session, IncomingSession):
        return str(session.request.from_.uri)
    return "" if session.dialog is None else str(session.dialog.local.uri)


def _request_uri(session: Session) -> str:
    if isinstance(session, IncomingSession):
        return str(session.request.uri)
    return str(session.target) if isinstance(session, OutgoingSession) else ""


def _received(session: Session, part: int) -> str:
    """Address or port that the peer's messages come from."""
    flow = session.rx.flow if isinstance(session, IncomingSession) else getattr(session, "flow", None)
    return "" if flow is None else str(flow.remote[part])


def _address(session: Session) -> str:
    """The address that our messages go to."""
    flow = getattr(session, "flow", None)  # a call of ours that has not begun has none
    return "" if flow is None else str(flow.remote[0])


def _secure(session: Session) -> str:
    flow = getattr(session, "flow", None)
    return "1" if flow is not None and flow.secure else ""


_ITEMS: dict[str, Item] = {
    "peerip": _address,
    "recvip": lambda session: _received(session, 0),
    "recvport": lambda session: _received(session, 1),
    "from": _from,
    "uri": contact_uri,
    "ruri": _request_uri,
    "useragent": user_agent,
    "peername": peer_name,
    "t38passthrough": lambda session: "1" if session.endpoint.t38_udptl else "0",
    "t38": t38_state,
    "secure_signaling": _secure,
    "secure_media": lambda session: "1" if is_secure(session, AUDIO) else "",
}


def _series(name: str, read: Callable[[RtcpStatistics], Series]) -> dict[str, Statistic]:
    """``max``, ``min``, ``normdev`` (the mean) and ``stdev`` of one measure; ``name`` has a ``*`` for these words."""

    def value(field: str) -> Statistic:
        return lambda rtp: f"{getattr(read(rtp.rtcp.statistics), field):.6f}"

    fields = (("max", "maximum"), ("min", "minimum"), ("normdev", "mean"), ("stdev", "deviation"))
    return {name.replace("*", word): value(field) for word, field in fields}


STATISTICS: dict[str, Statistic] = {
    "all": lambda rtp: quality_text(rtp.quality),
    "txcount": lambda rtp: str(rtp.quality.tx_count),
    "rxcount": lambda rtp: str(rtp.quality.rx_count),
    "txjitter": lambda rtp: f"{rtp.quality.tx_jitter:.6f}",
    "rxjitter": lambda rtp: f"{rtp.quality.rx_jitter:.6f}",
    "txploss": lambda rtp: str(rtp.quality.tx_lost),
    "rxploss": lambda rtp: str(rtp.quality.rx_lost),
    "rtt": lambda rtp: f"{rtp.quality.rtt:.6f}",
    "local_ssrc": lambda rtp: str(rtp.quality.local_ssrc),
    "remote_ssrc": lambda rtp: str(rtp.quality.remote_ssrc),
    **_series("local_*jitter", lambda statistics: statistics.local_jitter),
    **_series("local_*rxploss", lambda statistics: statistics.local_loss),
    **_series("remote_*jitter", lambda statistics: statistics.remote_jitter),
    **_series("remote_*rxploss", lambda statistics: statistics.remote_loss),
    **_series("*rtt", lambda statistics: statistics.rtt),
}
"""The statistics of ``CHANNEL(rtpqos,type,statistic)``."""


_OF_QUALITY = {
    **{name: meaning for name, meaning in OF_RTCP.items() if name in STATISTICS},
    "all": "all figures in one text, which is meant without a statistic",
}
EXPLAINED: tuple[tuple[str, str], ...] = (
    ("peerip", "SIP: address that our messages go to"),
    ("recvip", "SIP: address that the messages of the far end come from"),
    ("recvport", "SIP: port that they come from"),
    ("from", "SIP: URI in From of the INVITE"),
    ("uri", "SIP: URI in Contact of the INVITE; of a channel that was called, the URI that was called"),
    ("ruri", "SIP: Request-URI of the INVITE"),
    ("useragent", "SIP: User-Agent of the far end"),
    ("peername", "SIP: the peer; empty for a guest"),
    ("t38passthrough", "SIP: 1 if T.38 is allowed (t38pt_udptl), else 0"),
    ("t38", "SIP: state of T.38: DISABLED, LOCAL_REINVITE, REMOTE_REINVITE, ENABLED or REJECTED"),
    ("secure_signaling", "SIP: 1 if signalling is encrypted, else empty"),
    ("secure_media", "SIP: 1 if media are encrypted, else empty"),
    ("rtpdest[,type]", "SIP: address and port to which media are sent; the type is audio, video or text"),
    ("rtpsource[,type]", "SIP: address and port at which media are received"),
    *((f"rtpqos,type,{name}", f"SIP: {meaning}") for name, meaning in _OF_QUALITY.items()),
    *(
        (f"rtpqos,type,{name}", "SIP: largest, smallest, mean (normdev) and standard deviation of the same")
        for name in STATISTICS
        if name not in _OF_QUALITY
    ),
)
"""What ``core show function CHANNEL`` says of these items."""


class SipItemsModule(Module):
    """Registers the items."""

    name = "chan_sip_items"
    part_of = ("chan_sip",)
    requires = ("chan_sip", "session")
    description = "Items of SIP channels"

    def load(self, server: Any) -> None:
        """Register them."""
        sessions(server).register_items(TECHNOLOGY, item)
        server.pbx.functions.explain(server.owner, "CHANNEL", "item", EXPLAINED)
