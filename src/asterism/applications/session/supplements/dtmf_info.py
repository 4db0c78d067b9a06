"""Digits that a phone sends as INFO requests (``application/dtmf-relay`` and ``application/dtmf``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.rx import Rx

_DIGITS = frozenset("0123456789*#ABCD!")
_BY_NUMBER = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D", "16": "!"}
_DEFAULT_MS = 100
_MAX_MS = 5000


def parse_digit(content_type: str, body: bytes) -> tuple[str, int] | None:
    """The digit and its length in milliseconds that an INFO body tells, or ``None`` when it tells none."""
    text = body[:200].decode("ascii", "replace")
    if content_type == "application/dtmf":
        return _digit(text.strip(), _DEFAULT_MS)
    signal, duration = "", _DEFAULT_MS
    for line in text.splitlines():
        name, separator, value = line.partition("=")
        if not separator:
            continue
        name, value = name.strip().lower(), value.strip()
        if name == "signal":
            signal = value
        elif name == "duration" and value.isascii() and value.isdigit() and len(value) < 6:
            duration = min(int(value), _MAX_MS) or _DEFAULT_MS
    return _digit(signal, duration)


def _digit(signal: str, duration: int) -> tuple[str, int] | None:
    digit = _BY_NUMBER.get(signal, signal.upper())
    return (digit, duration) if digit in _DIGITS else None


class DtmfInfo(SessionSupplement):
    """Passes the digit of an INFO request to the channel."""

    name = "dtmf_info"
    methods = frozenset(("INFO",))

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """Answer 200 to an INFO that carries a digit, 400 to one that should and does not."""
        request = rx.request
        if not request.body:
            return False
        content_type = (request.get("Content-Type") or "").partition(";")[0].strip().lower()
        if content_type not in ("application/dtmf-relay", "application/dtmf"):
            return False
        found = parse_digit(content_type, request.body)
        if found is None:
            rx.respond(400, "Bad Request")
            return True
        rx.respond(200)
        if session.channel is not None:
            session.channel.queue_digit(*found)
        return True


class DtmfInfoModule(Module):
    """Registers :class:`DtmfInfo`."""

    name = "session_dtmf_info"
    aliases = ("res_pjsip_dtmf_info",)
    requires = ("session",)
    description = "DTMF digits in SIP INFO requests"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(DtmfInfo())
