"""Header values that are the same in every session."""

from __future__ import annotations

ALLOW = "OPTIONS, REGISTER, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, MESSAGE, INFO"
"""The methods of the whole server, as observed."""

ACCEPT = "application/sdp"
"""The bodies a session understands as an offer."""
