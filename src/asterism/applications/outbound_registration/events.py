"""The event about registrations at other servers, with Asterisk's field order."""

from __future__ import annotations

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType, Fields


def _registry(client_uri: str, server_uri: str, status: str) -> Fields:
    return (("ChannelType", "PJSIP"), ("Username", client_uri), ("Domain", server_uri), ("Status", status))


REGISTRY = EventType(
    "Registry",
    "system",
    _registry,
    Documentation(
        "A registration at another server succeeded, failed or ended.",
        arguments=(
            Argument("ChannelType", "The channel technology, PJSIP."),
            Argument("Username", "The address registered (client_uri)."),
            Argument("Domain", "The registrar (server_uri)."),
            Argument(
                "Status",
                "What came of the last attempt.",
                values=(
                    ("Registered", "The registrar accepted it."),
                    ("Unregistered", "It was taken back."),
                    ("Rejected", "It was refused, or nobody answered."),
                ),
            ),
        ),
        see_also=("PJSIPShowRegistrationsOutbound", "pjsip show registrations"),
    ),
)
