"""How a driver behaves towards a peer, where drivers differ: one table, asked by the layers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PJSIP", "Habits"]


@dataclass(frozen=True, slots=True)
class Habits:
    """What an endpoint's peer sees of the driver that its configuration was written for.

    One field for each observable difference; a default is the way of ``chan_pjsip``. Who serves an endpoint asks
    ``endpoint.habits`` for what it needs to know, and never which file the endpoint is from. Each field is
    described in ``docs/compatibility.md``.
    """

    technology: str = "PJSIP"
    """The channels' technology, as in ``PJSIP/alice-00000001``."""
    srv_lookup: bool = True
    """Whether the NAPTR and SRV records of a name are looked up; otherwise its addresses alone (``srvlookup``)."""

    quality_scores: bool = True
    """The variables ``RTPAUDIOQOS...`` have the scores ``rxmes`` and ``txmes``, and columns; without: neither."""
    status_events: bool = True
    """Whether ``chan_pjsip``'s events tell of reachability and registrations (ContactStatus, PeerStatus, Registry); a
    driver with others raises its own."""
    session_timeout_events: bool = False
    """Whether SessionTimeout is raised for a call that ends as no audio came, or no refresh (RFC 4028)."""


PJSIP = Habits()
"""The way of ``chan_pjsip``, which every endpoint has that was not given another."""
