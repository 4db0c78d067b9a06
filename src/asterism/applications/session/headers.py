"""Header values that are the same in every session."""

from __future__ import annotations

ALLOW = "OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, MESSAGE, INFO, REFER"
"""The methods of the whole server, as observed."""

ACCEPT = "application/sdp"
"""The bodies a session understands as an offer."""
