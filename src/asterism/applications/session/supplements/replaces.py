"""The option tag ``replaces`` (RFC 3891); what it stands for is :mod:`asterism.applications.session.replaces`."""

from __future__ import annotations

from typing import Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module


class ReplacesTag(SessionSupplement):
    """Brings the option tag."""

    name = "replaces"
    priority = 150
    supported = ("replaces",)


class ReplacesModule(Module):
    """Registers :class:`ReplacesTag`."""

    name = "session_replaces"
    part_of = ("session",)
    requires = ("session",)
    description = "SIP INVITE with Replaces (RFC 3891)"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(ReplacesTag())
