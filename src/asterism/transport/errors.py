"""Errors of operating a transport, raised to its owner; failures on the wire go to the flows instead."""

from __future__ import annotations


class TransportError(Exception):
    """Base of the transport errors."""


class BindError(TransportError):
    """A transport could not be bound; the text names its section, the address and the reason."""

    def __init__(self, name: str, protocol: str, address: str, reason: str) -> None:
        super().__init__(f"transport '{name}': cannot bind {protocol} to {address}: {reason}")
        self.name = name
        self.reason = reason


class NoTransportError(TransportError):
    """No bound transport can reach the wanted destination."""
