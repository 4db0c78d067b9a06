"""Capabilities that this server announces, computed from the registered services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from asterism.sip.service import Service

# In the order of Asterisk; some phones compare a whole answer to decide that a server is back.
_METHODS = (
    "OPTIONS", "REGISTER", "SUBSCRIBE", "NOTIFY", "PUBLISH", "INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "PRACK",
    "MESSAGE", "INFO", "REFER",
)  # fmt: skip
_EXTENSIONS = ("100rel", "timer", "replaces", "norefersub")
_TYPES = ("application/sdp",)
_EVENTS = ("message-summary", "presence", "dialog", "refer")


class Capabilities(NamedTuple):
    """Header values, each a list in a fixed order; empty where there is nothing to name."""

    allow: str = ""
    """Methods (RFC 3261 20.5)."""
    supported: str = ""
    """Option tags (20.37)."""
    accept: str = ""
    """Types of bodies (20.1)."""
    events: str = ""
    """Event packages (``Allow-Events``, RFC 6665 8.2.2)."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The lines of an answer to OPTIONS (RFC 3261 11.2)."""
        named = (("Accept", self.accept), ("Allow", self.allow), ("Supported", self.supported))
        lines = [line for line in named if line[1]]
        if self.events:
            lines.append(("Allow-Events", self.events))
        return (*lines, ("Accept-Encoding", "identity"), ("Accept-Language", "en"))


def capabilities_of(services: Iterable[Service]) -> Capabilities:
    """The combined capabilities of services."""
    asked = tuple(services)
    methods = {method for service in asked for method in service.methods | service.methods_in_dialogs}
    return Capabilities(
        _listed(_METHODS, methods),
        _listed(_EXTENSIONS, {tag for service in asked for tag in service.extensions() if tag}),
        _listed(_TYPES, {name for service in asked for name in service.types}),
        _listed(_EVENTS, {name for service in asked for name in service.events}),
    )


def _listed(order: tuple[str, ...], names: set[str]) -> str:
    return ", ".join((*(name for name in order if name in names), *sorted(names.difference(order))))
