"""The step that finds out which endpoint sent a request, and whether it may send from there."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Documentation
from asterism.core.module import Module
from asterism.interception.acl import AclChecker
from asterism.interception.reports import Reports
from asterism.interception.security import reports_of
from asterism.interception.unidentified import UnidentifiedRequests
from asterism.sip.decision import Decision, Outcome
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.global_ import GlobalSettings
from asterism.sip.service import InterceptionStep

if TYPE_CHECKING:
    from asterism.sip.rx import Rx
    from asterism.sip.server import SipServer

_HEAD = "  Request:  <Source.....................................> <Count...> <Age(sec)...>\n"
_UNKNOWN = Decision(Outcome.PASS, "no endpoint matches: it will be challenged like a known one")


class IdentificationStep(InterceptionStep):
    """Sets ``rx.endpoint``, or leaves it ``None`` for a request that will be challenged in vain."""

    name: ClassVar[str] = "identification"
    priority: ClassVar[int] = 30

    def __init__(self, reports: Reports, acls: AclChecker, unidentified: UnidentifiedRequests) -> None:
        self._reports = reports
        self._acls = acls
        self._unidentified = unidentified

    def evaluate(self, rx: Rx) -> Decision | Awaitable[Decision | None] | None:
        """Ask the identifiers, then the endpoint's access lists."""
        found = rx.core.identifiers.identify(rx)
        if found is None:
            return _UNKNOWN
        if isinstance(found, Endpoint):
            return self._judge(rx, found) if found.acl or found.address_rules else None
        return self._later(rx, found)

    async def _later(self, rx: Rx, waiting: Awaitable[Endpoint | None]) -> Decision | None:
        return self._judge(rx, await waiting)

    def _judge(self, rx: Rx, endpoint: Endpoint | None) -> Decision | None:
        if endpoint is None:
            return _UNKNOWN
        if self._acls.endpoint_allows(endpoint, rx.flow.remote[0]):
            return None
        rx.endpoint = None
        return Decision(
            Outcome.PASS,
            f"endpoint {endpoint.id} may not send from {rx.flow.remote[0]}: treated like an unknown one",
            object=f"endpoint {endpoint.id}",
            position=endpoint.position,
            data=endpoint,
        )

    def apply(self, decision: Decision, rx: Rx) -> bool:
        """Report a request that belongs to no endpoint; the authentication step deals with it."""
        if decision.data is not None:
            self._reports.event("FailedACL", rx, decision.data.id, ACLName="not_match_endpoint_acl")
            self._reports.failure(rx, "Not match Endpoint ACL")
            return False
        known = self._unidentified
        seen = known.seen(rx.flow.remote[0], rx.now)
        if seen <= known.count:
            self._reports.event("InvalidAccountID", rx, rx.request.from_.uri.user)
            self._reports.failure(rx, "No matching endpoint found")
        else:
            self._reports.flood(rx, known.count, known.period, first=seen == known.count + 1)
        return False


class Identification(Module):
    """Identifies the endpoint behind each request."""

    name = "sip_identification"
    part_of = ("res_pjsip",)
    aliases = ("res_pjsip_distributor",)
    requires = ("sip_security",)
    description = "Endpoint identification of SIP requests"

    server: SipServer
    unidentified: UnidentifiedRequests

    def load(self, server: SipServer) -> None:
        """Register the step and the command."""
        self.server = server
        security = reports_of(server)
        self.unidentified = UnidentifiedRequests()
        server.sip.register_step(IdentificationStep(security.reports, security.acls, self.unidentified))
        server.register_marked(self)

    def start(self) -> None:
        """Take the settings of ``[global]``."""
        settings = self.server.data.single(GlobalSettings)
        self.unidentified.count = settings.unidentified_request_count
        self.unidentified.period = float(settings.unidentified_request_period)
        self.unidentified.prune_interval = float(settings.unidentified_request_prune_interval)

    def reload(self) -> None:
        """Take the settings again."""
        self.start()

    @command(
        "pjsip show unidentified_requests",
        Documentation(
            "Show the sources of many requests that belong to no endpoint.",
            "pjsip show unidentified_requests",
            "Those that sent more than unidentified_request_count within unidentified_request_period seconds.",
        ),
    )
    def show(self, _call: CommandCall) -> str:
        """The sources with their counts."""
        now = self.server.sip.layer.timers.clock()
        self.unidentified.prune(now)
        rows = [
            f"  Request:  {source.host:45} {source.count:10} {now - source.began:13.3f}\n"
            for source in sorted(self.unidentified)
        ]
        if not rows:
            return "No objects found.\n\n"
        return f"\n{_HEAD}{'=' * 90}\n\n{''.join(rows)}\nObjects found: {len(rows)}\n\n"
