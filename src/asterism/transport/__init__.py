"""Sockets for the stack: UDP, TCP and TLS flows, DNS queries, and the loop that drives the stack's timers."""

from asterism.transport.errors import BindError, NoTransportError, TransportError
from asterism.transport.loop import TransportManager
from asterism.transport.settings import TlsSettings, TransportSettings
from asterism.transport.udp import UdpTransport

__all__ = [
    "BindError",
    "NoTransportError",
    "TlsSettings",
    "TransportError",
    "TransportManager",
    "TransportSettings",
    "UdpTransport",
]
