"""The items of ``CHANNEL()`` that a SIP channel knows."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from asterism.applications.session.supplements.rtp_quality import experience, quality_values
from asterism.applications.session.t38 import t38_state
from asterism.applications.session.uac import OutgoingSession
from asterism.applications.session.uas import IncomingSession
from asterism.media.stream import AUDIO, VIDEO
from asterism.stack.headers import NameAddr
from asterism.stack.uri import format_host_port

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.media.rtp import RtpSession
    from asterism.media.statistics import Quality, RtcpStatistics, Series


Item = Callable[["Session"], str | None]
"""Gives its value for one session, ``None`` if it has no such thing."""


@lru_cache(maxsize=64)
def item_named(name: str) -> Item | None:
    """The getter of ``CHANNEL(name)``; ``None`` for an item that SIP channels do not have."""
    family, _, rest = name.partition(",")
    family = family.strip().lower()
    first, media = (part.strip().lower() for part in (*rest.split(",", 1), "")[:2])
    if family in ("rtp", "rtcp") and media not in ("", AUDIO, VIDEO):
        return None
    kind = media or AUDIO
    if family == "pjsip":
        return _PJSIP.get(first)
    if family == "rtp":
        return lambda session: _rtp_item(session, first, kind)
    if family == "rtcp":
        return lambda session: _rtcp_item(session, first, kind)
    return _ITEMS.get(family)


def _rtp(session: Session, kind: str) -> RtpSession | None:
    from asterism.media.rtp import RtpSession as Rtp

    port = session.media.port(kind)
    return port if isinstance(port, Rtp) else None


def _rtp_item(session: Session, name: str, kind: str) -> str | None:
    rtp = _rtp(session, kind)
    if rtp is None:
        return ""
    if name == "src":
        return format_host_port(*rtp.local)
    if name == "dest":
        return format_host_port(*rtp.remote) if rtp.remote else ""
    if name == "direct":
        return _direct(session)
    if name == "secure":
        return "1" if is_secure(session, kind) else "0"
    if name == "hold":
        return "1" if session.remote_hold else "0"
    if name == "dropped":
        return str(_dropped(session, rtp))
    return None


def is_secure(session: Session, kind: str) -> bool:
    """Whether the packets of the first stream of a type are encrypted, both ways."""
    for stream in session.media.streams:
        if stream is not None and stream.type == kind and stream.port is not None:
            return stream.leg is not None and stream.leg.transport.secure
    return False


def _dropped(session: Session, rtp: RtpSession) -> int:
    """How many packets were of no use to a stream; of its transport too, where nobody can say whose they were."""
    for stream in session.media.streams:
        if stream is not None and stream.port is rtp and stream.leg is not None:
            reception = stream.leg.transport.reception
            return rtp.rx_dropped + reception.refused + reception.dropped
    return rtp.rx_dropped


def _direct(session: Session) -> str:
    """The address to which the far end sends its audio directly; empty while it sends it here."""
    for stream in session.media.streams:
        if stream is not None and stream.sends_to is not None and stream.type == AUDIO:
            return format_host_port(stream.sends_to.host, stream.sends_to.port)
    return ""


def _rtcp_item(session: Session, name: str, kind: str) -> str | None:
    rtp = _rtp(session, kind)
    if rtp is None:
        return "" if name in _RTCP else None
    found = _RTCP.get(name)
    return None if found is None else found(rtp)


def _quality(read: Callable[[Quality], float]) -> Callable[[RtpSession], str]:
    def value(rtp: RtpSession) -> str:
        number = read(rtp.quality)
        return str(number) if isinstance(number, int) else f"{number:.6f}"

    return value


def _text(index: int) -> Callable[[RtpSession], str]:
    return lambda rtp: quality_values(rtp)[index]


def _statistics(name: str, read: Callable[[RtcpStatistics], Series]) -> dict[str, Callable[[RtpSession], str]]:
    """``max``, ``min``, ``normdev`` (the mean) and ``stdev`` of one measure; ``name`` has a ``*`` for these words."""

    def value(field: str) -> Callable[[RtpSession], str]:
        return lambda rtp: f"{getattr(read(rtp.rtcp.statistics), field):.6f}"

    fields = (("max", "maximum"), ("min", "minimum"), ("normdev", "mean"), ("stdev", "deviation"))
    return {name.replace("*", word): value(field) for word, field in fields}


def _experience(which: str) -> Callable[[RtpSession], str]:
    def value(rtp: RtpSession) -> str:
        quality = rtp.quality
        if which == "rx":
            score = experience(quality.rtt, quality.rx_jitter, quality.rx_lost, quality.rx_count)
        else:
            score = experience(quality.rtt, quality.tx_jitter, quality.tx_lost, quality.tx_count)
        return f"{score:.6f}"

    return value


_RTCP: dict[str, Callable[[RtpSession], str]] = {
    "all": _text(0),
    "all_jitter": _text(1),
    "all_loss": _text(2),
    "all_rtt": _text(3),
    "all_mes": _text(4),
    "txcount": _quality(lambda quality: quality.tx_count),
    "rxcount": _quality(lambda quality: quality.rx_count),
    "txjitter": _quality(lambda quality: float(quality.tx_jitter)),
    "rxjitter": _quality(lambda quality: float(quality.rx_jitter)),
    "txploss": _quality(lambda quality: quality.tx_lost),
    "rxploss": _quality(lambda quality: quality.rx_lost),
    "rtt": _quality(lambda quality: float(quality.rtt)),
    "local_ssrc": _quality(lambda quality: quality.local_ssrc),
    "remote_ssrc": _quality(lambda quality: quality.remote_ssrc),
    "rxmes": _experience("rx"),
    "txmes": _experience("tx"),
    **_statistics("local_*jitter", lambda statistics: statistics.local_jitter),
    **_statistics("local_*rxploss", lambda statistics: statistics.local_loss),
    **_statistics("remote_*jitter", lambda statistics: statistics.remote_jitter),
    **_statistics("remote_*rxploss", lambda statistics: statistics.remote_loss),
    **_statistics("*rtt", lambda statistics: statistics.rtt),
    **dict.fromkeys(("local_maxmes", "local_minmes", "local_normdevmes"), _experience("rx")),
    **dict.fromkeys(("remote_maxmes", "remote_minmes", "remote_normdevmes"), _experience("tx")),
    **dict.fromkeys(("local_stdevmes", "remote_stdevmes"), lambda _: f"{0:.6f}"),
}


def _uri(session: Session, local: bool) -> str:
    dialog = session.dialog
    if dialog is None:
        return ""
    address = dialog.local if local else dialog.remote
    return str(NameAddr(address.display, address.uri))


def _ani2(session: Session) -> str | None:
    """The originating line's information, as a URI parameter of From tells it; ``None`` if it does not."""
    if not isinstance(session, IncomingSession):
        return None
    uri = session.request.from_.uri
    for name in ("isup-oli", "ss7-oli", "oli"):
        value = uri.param(name) or ""
        if value.isascii() and value.isdigit() and len(value) < 6:
            return str(int(value))
    return None


def _request_uri(session: Session) -> str:
    if isinstance(session, OutgoingSession):
        return str(session.target)
    return str(session.request.uri) if isinstance(session, IncomingSession) else ""


def _call_id(session: Session) -> str:
    return session.dialog.call_id if session.dialog is not None else ""


_ITEMS: dict[str, Item] = {
    "ani2": _ani2,
    "endpoint": lambda session: session.endpoint.id,
    "aor": lambda session: session.aor if isinstance(session, OutgoingSession) else "",
    "contact": lambda session: str(session.target) if isinstance(session, OutgoingSession) else "",
}
_PJSIP: dict[str, Item] = {
    "call-id": _call_id,
    "secure": lambda session: "1" if session.flow.secure else "0",
    "target_uri": lambda session: str(session.dialog.remote_target) if session.dialog is not None else "",
    "local_uri": lambda session: _uri(session, True),
    "remote_uri": lambda session: _uri(session, False),
    "local_tag": lambda session: session.dialog.local_tag if session.dialog is not None else "",
    "remote_tag": lambda session: session.dialog.remote_tag if session.dialog is not None else "",
    "request_uri": _request_uri,
    "t38state": t38_state,
    "local_addr": lambda session: format_host_port(*session.flow.local),
    "remote_addr": lambda session: format_host_port(*session.flow.remote),
}

OF_RTCP = {
    "all": "all figures in one text",
    "all_jitter": "those of jitter",
    "all_loss": "those of lost packets",
    "all_rtt": "those of round trips",
    "all_mes": "those of the scores",
    "txcount": "packets sent",
    "rxcount": "packets received",
    "txjitter": "jitter that the far end reports, in seconds",
    "rxjitter": "jitter of what is received, in seconds",
    "txploss": "packets that the far end reports as lost",
    "rxploss": "packets that were lost on the way here",
    "rtt": "round trip in seconds",
    "local_ssrc": "our source identifier",
    "remote_ssrc": "that of the far end",
    "rxmes": "score of what is received, 0 to 100",
    "txmes": "score of what is sent",
}
EXPLAINED: tuple[tuple[str, str], ...] = (
    ("endpoint", "PJSIP: the endpoint"),
    ("aor", "PJSIP: the AOR that was called; empty for a call that came in"),
    ("contact", "PJSIP: the contact that was called"),
    ("ani2", "PJSIP: the originating line's information that From of the INVITE tells"),
    ("pjsip,call-id", "PJSIP: Call-ID of the dialog"),
    ("pjsip,secure", "PJSIP: 1 if signalling is encrypted, else 0"),
    ("pjsip,target_uri", "PJSIP: the far end's Contact"),
    ("pjsip,local_uri", "PJSIP: our side of From and To"),
    ("pjsip,remote_uri", "PJSIP: the far end's side"),
    ("pjsip,local_tag", "PJSIP: our tag"),
    ("pjsip,remote_tag", "PJSIP: the far end's tag"),
    ("pjsip,request_uri", "PJSIP: the Request-URI of the INVITE"),
    ("pjsip,t38state", "PJSIP: state of T.38: DISABLED, LOCAL_REINVITE, REMOTE_REINVITE, ENABLED or REJECTED"),
    ("pjsip,local_addr", "PJSIP: address and port of this server in this call"),
    ("pjsip,remote_addr", "PJSIP: those of the far end"),
    ("rtp,src[,audio|video]", "PJSIP: address and port at which media are received"),
    ("rtp,dest[,audio|video]", "PJSIP: those to which they are sent"),
    ("rtp,direct[,audio|video]", "PJSIP: those to which the far end sends them directly; empty: here"),
    ("rtp,secure[,audio|video]", "PJSIP: 1 if media are encrypted, else 0"),
    ("rtp,hold[,audio|video]", "PJSIP: 1 while the far end holds the call, else 0"),
    ("rtp,dropped[,audio|video]", "PJSIP: packets dropped: from others than the far end, not authentic, or malformed"),
    *((f"rtcp,{name}[,audio|video]", f"PJSIP: {meaning}") for name, meaning in OF_RTCP.items()),
    *(
        (f"rtcp,{name}[,audio|video]", "PJSIP: largest, smallest, mean (normdev) and standard deviation of the same")
        for name in _RTCP
        if name not in OF_RTCP
    ),
)
"""What ``core show function CHANNEL`` says of these items."""
