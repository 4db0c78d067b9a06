"""The items of ``CHANNEL()`` that a SIP channel knows."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from asterism.applications.session.uac import OutgoingSession
from asterism.applications.session.uas import IncomingSession
from asterism.stack.uri import format_host_port

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.media.rtp import RtpSession


Item = Callable[["Session"], str | None]
"""Gives its value for one session, ``None`` if it has no such thing."""


@lru_cache(maxsize=64)
def item_named(name: str) -> Item | None:
    """What gives the value of ``CHANNEL(name)``; ``None`` for an item that is not a SIP channel's."""
    family, _, rest = name.partition(",")
    family, first = family.strip().lower(), rest.partition(",")[0].strip().lower()
    if family == "pjsip":
        return _PJSIP.get(first)
    if family == "rtp":
        return lambda session: _rtp_item(session, first)
    if family == "rtcp":
        return lambda session: _rtcp_item(session, first)
    return _ITEMS.get(family)


def _rtp(session: Session) -> RtpSession | None:
    from asterism.media.rtp import RtpSession as Rtp

    audio = session.audio
    return audio if isinstance(audio, Rtp) else None


def _rtp_item(session: Session, name: str) -> str | None:
    rtp = _rtp(session)
    if rtp is None:
        return ""
    if name == "src":
        return format_host_port(*rtp.local)
    if name == "dest":
        return format_host_port(*rtp.remote) if rtp.remote else ""
    if name == "direct":
        return ""
    if name == "secure":
        return "0"
    if name == "hold":
        return "1" if session.remote_hold else "0"
    return None


def _rtcp_item(session: Session, name: str) -> str | None:
    rtp = _rtp(session)
    if rtp is None:
        return ""
    quality = rtp.quality
    values: dict[str, object] = {
        "txcount": quality.tx_count,
        "rxcount": quality.rx_count,
        "txjitter": f"{quality.tx_jitter:.6f}",
        "rxjitter": f"{quality.rx_jitter:.6f}",
        "txploss": quality.tx_lost,
        "rxploss": quality.rx_lost,
        "rtt": f"{quality.rtt:.6f}",
        "local_ssrc": quality.local_ssrc,
        "remote_ssrc": quality.remote_ssrc,
    }
    if name in values:
        return str(values[name])
    return None


def _uri(session: Session, local: bool) -> str:
    dialog = session.dialog
    if dialog is None:
        return ""
    return str((dialog.local if local else dialog.remote).uri)


def _request_uri(session: Session) -> str:
    if isinstance(session, OutgoingSession):
        return str(session.target)
    return str(session.request.uri) if isinstance(session, IncomingSession) else ""


def _call_id(session: Session) -> str:
    return session.dialog.call_id if session.dialog is not None else ""


_ITEMS: dict[str, Item] = {
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
    "t38state": lambda _: "DISABLED",
    "local_addr": lambda session: format_host_port(*session.flow.local),
    "remote_addr": lambda session: format_host_port(*session.flow.remote),
}
