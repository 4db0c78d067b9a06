"""Security events and log lines about SIP requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.security import INFORMATIONAL
from asterism.hostport import format_host_port
from asterism.interception.failures import FailureLimits

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.core.log import ServerLogger
    from asterism.core.security import SecurityEvents
    from asterism.sip.rx import Rx
    from asterism.stack.errors import ParseError
    from asterism.stack.flow import Flow

UNKNOWN_ACCOUNT = "<unknown>"
"""The account of requests that belong to no endpoint, as events show it."""
LOGGED = 5
"""Failures of one source that are logged one by one: as many as programs that ban attackers usually want to see."""


class Reports:
    """Publishes security events about requests and counts failures per source.

    Log lines about failures are limited per source: the first few of a window, then every hundredth.
    """

    def __init__(self, security: SecurityEvents, log: ServerLogger, limits: FailureLimits) -> None:
        self._security = security
        self.wanted = security.wanted
        """Whether anybody would see an event of this name: what happens in every REGISTER is asked about first."""
        self._log = log
        self.limits = limits
        self.watchers: list[Callable[[str, Rx, str], None]] = []
        """Called with the name, the request and the account of each event of a refusal, whoever else wants it."""

    def event(self, name: str, rx: Rx, account: str, **extra: str | int) -> None:
        """Publish one security event if anybody would see it."""
        if self.watchers and name not in INFORMATIONAL:
            for watcher in self.watchers:
                watcher(name, rx, account)
        if not self.wanted(name):
            return
        flow = rx.flow
        transport = flow.transport
        self._security.publish(
            name,
            service="PJSIP" if rx.endpoint is None else rx.endpoint.habits.technology,
            account=account,
            session=rx.request.get("Call-ID") or "",
            local=(transport, *flow.local),
            remote=(transport, *flow.remote),
            session_time=None,
            **extra,
        )

    def failure(self, rx: Rx, why: str, *, proved: bool = False) -> None:
        """Count a failure of the request's source and log it; fail2ban's stock filter matches the line.

        ``proved``: the request surely came from there; that of a connection always did.
        """
        host, port = rx.flow.remote
        seen = self.limits.failed(host, rx.now, proved=proved or rx.flow.reliable)
        if seen > LOGGED and seen % 100:
            return
        request = rx.request
        self._log.notice(
            "Request '%s' from '%s' failed for '%s' (callid: %s) - %s",
            request.method,
            printable(_address(rx)),
            format_host_port(host, port),
            printable(request.get("Call-ID") or ""),
            why,
        )

    def flood(self, rx: Rx, count: int, period: float, *, first: bool) -> None:
        """Count a failure that is not reported any more; the ``first`` of them is said to be one."""
        host = rx.flow.remote[0]
        self.limits.failed(host, rx.now, proved=rx.flow.reliable)
        if first:
            self._log.warning(
                "More than %d unidentified requests from '%s' within %d s: no more of them are reported",
                count, host, period,
            )  # fmt: skip

    def malformed(self, error: ParseError, flow: Flow, now: float) -> None:
        """Count what is no SIP message as a failure of its source, and log it."""
        host, port = flow.remote
        seen = self.limits.failed(host, now, proved=flow.reliable)
        if seen > 1 and seen % 100:
            return
        self._log.warning("Malformed message from '%s': %s", format_host_port(host, port), printable(str(error)))


def _address(rx: Rx) -> str:
    """The From address as log lines show it: display name and URI without port."""
    from_ = rx.request.from_
    uri = from_.uri
    text = f"<{uri.replace(port=None) if uri.is_sip else uri}>"
    return f'"{from_.display}" {text}' if from_.display else text


def printable(text: str) -> str:
    """``text`` without anything that could break a log line or a field."""
    return "".join(character if character.isprintable() else "?" for character in text)
