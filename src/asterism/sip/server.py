"""Interface of the server that the SIP core and the modules above it need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asterism.data.server import DataServer

if TYPE_CHECKING:
    from asterism.sip.core import SipCore


class SipServer(DataServer, Protocol):
    """A server with a data access layer and a SIP core."""

    sip: SipCore
