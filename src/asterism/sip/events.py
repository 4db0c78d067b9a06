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


def _peer_status(endpoint: str, status: str) -> Fields:
    return (("ChannelType", "PJSIP"), ("Peer", f"PJSIP/{endpoint}"), ("PeerStatus", status))


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
        "An endpoint became reachable or unreachable.",
        arguments=(
            Argument("ChannelType", "The channel technology, PJSIP."),
            Argument("Peer", "The endpoint, as PJSIP/name."),
            Argument("PeerStatus", "Reachable or Unreachable."),
        ),
        see_also=("ContactStatus",),
    ),
)
