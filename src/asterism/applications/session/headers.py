"""Header values that are the same in every session."""

from __future__ import annotations

ACCEPT = "application/sdp"
"""The bodies a session understands as an offer."""
