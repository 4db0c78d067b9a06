"""Events about contacts and endpoints, with Asterisk's field order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType, Fields

if TYPE_CHECKING:
    from asterism.sip.contacts import Contact, ContactStatus


def _contact_status(contact: Contact, status: ContactStatus, rtt_usec: int, endpoint: str) -> Fields:
    return (
        ("URI", contact.uri),
        ("ContactStatus", status.event_name),
        ("AOR", contact.aor),
        ("EndpointName", endpoint),
        ("RoundtripUsec", rtt_usec),
    )


def _peer_status(name: str, status: str, technology: str = "PJSIP", more: Fields = ()) -> Fields:
    return (("ChannelType", technology), ("Peer", f"{technology}/{name}"), ("PeerStatus", status), *more)


CONTACT_STATUS = EventType(
    "ContactStatus",
    "system",
    _contact_status,
    Documentation(
        "The state of a contact changed.",
        arguments=(
            Argument("URI", "The contact's URI."),
            Argument(
                "ContactStatus",
                "The new state.",
                values=(
                    ("NonQualified", "Registered, and nobody asked yet whether it answers."),
                    ("Reachable", "It answered an OPTIONS."),
                    ("Unreachable", "It did not answer an OPTIONS in time."),
                    ("Removed", "It is gone: unregistered, expired or replaced."),
                ),
            ),
            Argument("AOR", "The AOR it belongs to."),
            Argument("EndpointName", "The endpoint that registered it."),
            Argument("RoundtripUsec", "How long the last OPTIONS took, in microseconds."),
        ),
        see_also=("PeerStatus", "pjsip show contacts"),
    ),
)

PEER_STATUS = EventType(
    "PeerStatus",
    "system",
    _peer_status,
    Documentation(
        "An endpoint became reachable or unreachable; peers of sip.conf tell of their registrations, too.",
        arguments=(
            Argument("ChannelType", "The channel technology: PJSIP, or SIP for peers of sip.conf."),
            Argument("Peer", "The endpoint, as PJSIP/name or SIP/name."),
            Argument(
                "PeerStatus",
                "What it is now.",
                values=(
                    ("Reachable", "It can be called; it answered an OPTIONS."),
                    ("Unreachable", "It has no contact, or did not answer an OPTIONS in time."),
                    ("Lagged", "It answered later than qualify allows (SIP)."),
                    ("Registered", "It has registered (SIP)."),
                    ("Unregistered", "Its registration was taken back or has expired (SIP)."),
                    ("Rejected", "A request of it was refused (SIP, with authfailureevents)."),
                ),
            ),
            Argument("Cause", "Why it is unregistered or was rejected (SIP)."),
            Argument("Address", "Address and port that it registered, or was rejected, from (SIP)."),
            Argument("Time", "Milliseconds that it took to answer; -1 when it did not (SIP)."),
        ),
        see_also=("ContactStatus", "SIPpeerstatus"),
    ),
)
