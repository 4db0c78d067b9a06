"""The parts of the SIP core that change: kept in one object, since views of the core are shallow copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from asterism.core.errors import DuplicateError
from asterism.sip.capabilities import Capabilities
from asterism.sip.outbound_authentication import NonceCounts
from asterism.sip.scheduled import ScheduledTasks
from asterism.sip.traces import Traces

if TYPE_CHECKING:
    from asterism.core.registry import Owner
    from asterism.sip.authentication import Authenticator
    from asterism.sip.decision import Decision, MaybeDecision
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.objects.habits import Reception
    from asterism.sip.rx import Rx
    from asterism.stack.errors import ParseError
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request, Response
    from asterism.stack.transactions.layer import TransactionLayer
    from asterism.transport.loop import TransportManager


class SipState:
    """Settings and plugged-in parts of one SIP core."""

    __slots__ = (
        "addresses",
        "allow_without_authenticator",
        "apply_authentication",
        "at_home",
        "auth_algorithms_uac",
        "auth_algorithms_uas",
        "auth_limited",
        "auth_userhash",
        "authenticator",
        "capabilities",
        "check_digest_uri",
        "compact_headers",
        "default_from_user",
        "default_outbound_endpoint",
        "default_realm",
        "disable_multi_domain",
        "domain_aliases",
        "evaluate_authentication",
        "ignore_uri_user_options",
        "layer",
        "maintenance",
        "malformed_hooks",
        "max_forwards",
        "nonce_counts",
        "overloaded",
        "prove_source",
        "receptions",
        "request_hooks",
        "response_hooks",
        "scheduled",
        "security",
        "server_header",
        "service_routes",
        "symmetric",
        "tcp_switch",
        "traces",
        "transports",
        "user_agent",
        "version",
    )

    layer: TransactionLayer
    transports: TransportManager

    def __init__(self, version: str) -> None:
        self.version = version
        self.user_agent = f"Asterism {version}"
        self.server_header = self.user_agent
        self.default_realm = "asterisk"
        self.default_from_user = "asterisk"
        self.default_outbound_endpoint = "default_outbound_endpoint"
        self.disable_multi_domain = False
        self.domain_aliases: Mapping[str, object] = {}
        """The ``domain_alias`` objects in memory: where there are none, none is looked for."""
        self.ignore_uri_user_options = False
        self.max_forwards = 70
        self.tcp_switch = False
        self.nonce_counts = NonceCounts()
        self.maintenance: set[str] = set()
        """Names of endpoints in maintenance mode."""
        self.scheduled = ScheduledTasks()
        self.traces = Traces()
        self.service_routes: dict[str, tuple[str, ...]] = {}
        """Routes for the requests of an endpoint, by its name, as its registrar told (RFC 3608)."""
        self.symmetric: frozenset[str] = frozenset()
        self.addresses: dict[str, str] = {}
        """Addresses of the names of external addresses, by name: whoever looks them up keeps them here."""
        self.auth_limited: set[str] = set()
        """Names of the transports on which clients must authenticate in time."""
        self.auth_algorithms_uas: tuple[str, ...] = ("MD5",)
        self.auth_algorithms_uac: tuple[str, ...] = ("MD5",)
        self.auth_userhash = False
        self.check_digest_uri = True
        self.compact_headers = False
        self.security: Any = None
        self.allow_without_authenticator = False
        self.authenticator: Authenticator | None = None
        self.evaluate_authentication: Callable[[Endpoint | None, Rx], MaybeDecision] | None = None
        self.apply_authentication: Callable[[Decision, Rx], bool] | None = None
        self.prove_source: Callable[[Rx], bool] | None = None
        """Whether an authenticated request surely came from its source; if not, it was challenged again."""
        self.at_home: Callable[[Endpoint, Rx], bool] | None = None
        """Whether a request came from an address of the endpoint that its sender names; ``None``: nobody can tell."""
        self.capabilities = Capabilities()
        self.receptions: Mapping[str, Reception] = {}
        """How those who have not shown who they are get their answers, by the names of transports that have a way."""
        self.overloaded = False
        self.response_hooks: tuple[Callable[[Response, Rx], None], ...] = ()
        self.malformed_hooks: tuple[Callable[[ParseError, Flow], None], ...] = ()
        self.request_hooks: tuple[Callable[[Request, Any], None], ...] = ()

    def set_authenticator(self, owner: Owner, authenticator: Authenticator) -> None:
        """Set the one authenticator, in ``owner``'s name."""
        if self.authenticator is not None:
            raise DuplicateError("an authenticator is registered already; unregister it first")
        self.authenticator = authenticator
        # An authenticator may decide alone, as an interception step does.
        self.evaluate_authentication = getattr(authenticator, "evaluate", None)
        self.apply_authentication = getattr(authenticator, "apply", None)
        self.prove_source = getattr(authenticator, "prove", None)
        owner.on_release(lambda: self.remove_authenticator(authenticator))

    def remove_authenticator(self, authenticator: Authenticator) -> None:
        """Remove the authenticator if it is this one."""
        if self.authenticator is authenticator:
            self.authenticator = None
            self.evaluate_authentication = self.apply_authentication = self.prove_source = None
