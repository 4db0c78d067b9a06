"""What authentication means for a connection: it may be used for requests back (RFC 5923), and it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.module import Module
from asterism.sip.decision import Decision, Outcome
from asterism.sip.service import InterceptionStep
from asterism.stack.errors import ParseError
from asterism.transport.stream import StreamFlow
from asterism.transport.tcp import TcpFlow

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx
    from asterism.sip.server import SipServer

_ALIAS = Decision(Outcome.PASS, "requests to the address in its Via will go over this connection")


_PROVED = Decision(Outcome.PASS, "the peer of the connection has authenticated")


class ConnectionStep(InterceptionStep):
    """Honours ``alias`` in the Via of requests that an endpoint sent, after authentication.

    Not before: with the connection's word alone, whoever sits behind the same address could draw another's calls.
    """

    name: ClassVar[str] = "connection_reuse"
    priority: ClassVar[int] = 45
    connections_only: ClassVar[bool] = True

    def evaluate(self, rx: Rx) -> Decision | None:
        """Look for ``alias`` on connections."""
        if rx.endpoint is None or not isinstance(rx.flow, TcpFlow):
            return None
        try:
            return _ALIAS if "alias" in rx.request.via.params else None
        except ParseError:
            return None

    def apply(self, decision: Decision, rx: Rx) -> bool:
        """Note the alias; the request goes on."""
        flow = rx.flow
        if isinstance(flow, TcpFlow):
            via = rx.request.via
            flow.alias(via.port or (5061 if flow.secure else 5060))
        return False


class ProofStep(InterceptionStep):
    """Notes that the peer of a connection has authenticated, where it must in time (``auth_timeout``, ``auth_limit``).

    A sender that nobody need know, who has no AOR, does not count.
    """

    name: ClassVar[str] = "connection_proof"
    priority: ClassVar[int] = 46
    connections_only: ClassVar[bool] = True

    def __init__(self, core: SipCore) -> None:
        self.subjects = core.state.auth_limited

    def evaluate(self, rx: Rx) -> Decision | None:
        """Look whether the connection waits for that."""
        endpoint, flow = rx.endpoint, rx.flow
        if endpoint is None or not (endpoint.auth or endpoint.aors) or not isinstance(flow, StreamFlow):
            return None
        return _PROVED if flow.unproven else None

    def apply(self, decision: Decision, rx: Rx) -> bool:
        """Note it; the request goes on."""
        flow = rx.flow
        if isinstance(flow, StreamFlow):
            flow.prove()
        return False


class ConnectionReuse(Module):
    """Uses connections in both directions."""

    name = "sip_connection_reuse"
    part_of = ("res_pjsip",)
    requires = ("sip_authentication",)
    description = "Connection reuse (RFC 5923)"

    def load(self, server: SipServer) -> None:
        """Register the step."""
        server.sip.register_step(ConnectionStep())
        server.sip.register_step(ProofStep(server.sip))
