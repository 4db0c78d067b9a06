"""The event about registrations at other servers, with Asterisk's field order."""

from __future__ import annotations

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType, Fields


def _registry(username: str, domain: str, status: str, technology: str = "PJSIP", cause: str = "") -> Fields:
    fields = (("ChannelType", technology), ("Username", username), ("Domain", domain), ("Status", status))
    return (*fields, ("Cause", cause)) if cause else fields


REGISTRY = EventType(
    "Registry",
    "system",
    _registry,
    Documentation(
        "A registration at another server succeeded, failed or ended.",
        arguments=(
            Argument("ChannelType", "The channel technology: PJSIP, or SIP for registrations of sip.conf."),
            Argument("Username", "The address registered (client_uri); of SIP its user."),
            Argument("Domain", "The registrar (server_uri); of SIP its host."),
            Argument(
                "Status",
                "What came of the last attempt.",
                values=(
                    ("Registered", "The registrar accepted it."),
                    ("Unregistered", "It was taken back."),
                    ("Rejected", "It was refused, or nobody answered."),
                    ("Timeout", "Nobody answered (SIP)."),
                    ("No Authentication", "The credentials were refused (SIP)."),
                    ("Failed", "It was given up (SIP)."),
                ),
            ),
            Argument("Cause", "Why it was refused, where that is known (SIP)."),
        ),
        see_also=("PJSIPShowRegistrationsOutbound", "pjsip show registrations"),
    ),
)
