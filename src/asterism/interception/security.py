"""Security before identification: access lists for every source, and limits on failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from asterism.core.module import Module
from asterism.interception.acl import AclChecker
from asterism.interception.failures import FailureLimits
from asterism.interception.reports import Reports
from asterism.sip.decision import Decision, Outcome
from asterism.sip.service import InterceptionStep

if TYPE_CHECKING:
    from asterism.sip.rx import Rx
    from asterism.sip.server import SipServer
    from asterism.stack.errors import ParseError
    from asterism.stack.flow import Flow

_BLOCKED = Decision(Outcome.DROP, "too many failures from this address")


@dataclass(frozen=True, slots=True)
class SecurityParts:
    """Objects that the interception modules share."""

    reports: Reports
    acls: AclChecker


class FailureLimitStep(InterceptionStep):
    """Drops requests from a source that failed too often lately."""

    name: ClassVar[str] = "failure limit"
    priority: ClassVar[int] = 10

    def __init__(self, limits: FailureLimits) -> None:
        self._limits = limits
        self.subjects = limits.sources

    def evaluate(self, rx: Rx) -> Decision | None:
        """Look the source up."""
        return _BLOCKED if self._limits.blocked(rx.flow.remote[0], rx.now) else None

    def apply(self, decision: Decision, rx: Rx) -> bool:
        """Drop it without an answer."""
        self._limits.dropped += 1
        return True


class SourceAclStep(InterceptionStep):
    """Refuses sources that an ``acl`` object denies: 403, without challenge and without event (as Asterisk 22 does)."""

    name: ClassVar[str] = "source acl"
    priority: ClassVar[int] = 20

    def __init__(self, acls: AclChecker, reports: Reports) -> None:
        self._acls = acls
        self._reports = reports
        self.subjects = acls.objects

    def evaluate(self, rx: Rx) -> Decision | None:
        """Judge the source address, and the Contact address where an object has rules for it."""
        acls = self._acls
        denied = acls.denying_source(rx.flow.remote[0]) or acls.denying_contacts(rx.request)
        if denied is None:
            return None
        return Decision(
            Outcome.REJECT, f"{rx.flow.remote[0]} is denied", 403, f"acl {denied.id}", denied.position, denied
        )

    def apply(self, decision: Decision, rx: Rx) -> bool:
        """Answer 403."""
        self._reports.failure(rx, "Not match Endpoint ACL")
        rx.respond_stateless(403)
        return True


class SipSecurity(Module):
    """Access lists, failure limits and security events for SIP requests."""

    name = "sip_security"
    part_of = ("res_pjsip",)
    covers = ("res_pjsip_acl", "res_security_log")
    requires = ("res_pjsip",)
    description = "SIP access lists, failure limits and security events"

    parts: SecurityParts

    def load(self, server: SipServer) -> None:
        """Register the steps."""
        limits = FailureLimits()
        acls = AclChecker(server.data)
        reports = Reports(server.security, server.log, limits)
        self.parts = SecurityParts(reports, acls)
        server.sip.state.security = self.parts
        server.sip.register_step(FailureLimitStep(limits))
        server.sip.register_step(SourceAclStep(acls, reports))

        def malformed(error: ParseError, flow: Flow) -> None:
            reports.malformed(error, flow, server.sip.layer.timers.clock())

        server.sip.add_malformed_hook(malformed)


def reports_of(server: SipServer) -> SecurityParts:
    """The shared parts, which the module ``sip_security`` made."""
    parts = server.sip.state.security
    assert isinstance(parts, SecurityParts), "sip_security must be loaded before"
    return parts
