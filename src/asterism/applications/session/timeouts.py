"""The event of a call that ends because nothing came from its device any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType, Fields
from asterism.pbx.vocabulary.events import channel_fields

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.pbx.channels.channel import Channel

AUDIO = "RTPTimeout"
REFRESH = "SIPSessionTimer"


def _session_timeout(channel: Channel, source: str) -> Fields:
    return [*channel_fields(channel), ("Source", source)]


SESSION_TIMEOUT = EventType(
    "SessionTimeout",
    "call",
    _session_timeout,
    Documentation(
        "A call ends because nothing came from its device any more.",
        "Raised for endpoints of sip.conf; those of pjsip.conf end without it, as with chan_pjsip.",
        arguments=(
            Argument(
                "Source",
                "What was missed.",
                values=((AUDIO, "Audio, for as long as rtptimeout or rtpholdtimeout."),
                        (REFRESH, "A refresh of the session (RFC 4028).")),
            ),
        ),
    ),
    lambda _channel, source: [("Source", source)],
)  # fmt: skip


def tell(session: Session, source: str) -> None:
    """Raise it, for an endpoint whose driver does."""
    channel = session.channel
    if channel is not None and session.endpoint.habits.session_timeout_events:
        session.core.bus.publish(SESSION_TIMEOUT, channel, source)
