"""The step that has a request authenticated by whatever authenticator is registered."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, ClassVar

from asterism.core.module import Module
from asterism.sip.authentication import AuthenticationResult, DigestChallenge
from asterism.sip.decision import Decision, Outcome
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.service import InterceptionStep

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx
    from asterism.sip.server import SipServer

_ANSWERED = Decision(Outcome.CHALLENGE, "the authenticator answered", 401, data="answered")
_FORBIDDEN = Decision(Outcome.REJECT, "no endpoint matches, and nothing can challenge the sender", 403)
_UNAVAILABLE = Decision(Outcome.REJECT, "the endpoint requires authentication and there is no authenticator", 503)
_PASSED = (AuthenticationResult.SUCCESS, AuthenticationResult.NOT_REQUIRED)


class AuthenticationStep(InterceptionStep):
    """Runs the authenticator; without one, endpoints that have ``auth`` are refused with 503."""

    name: ClassVar[str] = "authentication"
    priority: ClassVar[int] = 40

    def __init__(self, core: SipCore) -> None:
        self._core = core
        self._nobody = Endpoint("<unknown>")

    @property
    def explainable(self) -> bool:
        """An authenticator with only the three callbacks of ``ast_sip_authenticator`` acts while it decides."""
        authenticator = self._core.state.authenticator
        return authenticator is None or hasattr(authenticator, "evaluate")

    def evaluate(self, rx: Rx) -> Decision | Awaitable[Decision | None] | None:
        """Let the authenticator decide."""
        state = self._core.state
        endpoint = rx.endpoint
        evaluate = state.evaluate_authentication
        if evaluate is not None:
            return evaluate(endpoint, rx)
        if state.authenticator is None:
            if endpoint is None:
                return _FORBIDDEN
            return _UNAVAILABLE if endpoint.auth and not state.allow_without_authenticator else None
        if endpoint is None:
            return self._challenge_unknown(rx)
        result = self._core.check_authentication(endpoint, rx)
        if isinstance(result, AuthenticationResult):
            return None if result in _PASSED else _ANSWERED
        return self._later(result)

    async def _later(self, waiting: Awaitable[AuthenticationResult]) -> Decision | None:
        return None if await waiting in _PASSED else _ANSWERED

    def _challenge_unknown(self, rx: Rx) -> Decision | Awaitable[Decision | None]:
        challenges = self._core.get_authentication_credentials(self._nobody, rx)
        if isinstance(challenges, Sequence):
            self._core.challenge_request(challenges, rx)
            return _ANSWERED
        return self._challenge_unknown_later(challenges, rx)

    async def _challenge_unknown_later(self, waiting: Awaitable[Sequence[DigestChallenge]], rx: Rx) -> Decision | None:
        self._core.challenge_request(await waiting, rx)
        return _ANSWERED

    def apply(self, decision: Decision, rx: Rx) -> bool:
        """Carry out the authenticator's decision, or refuse."""
        if decision is _ANSWERED:
            return True
        if decision is _UNAVAILABLE:
            self._core.log.error("no authenticator is loaded: refusing %s", rx.endpoint)
            rx.respond_stateless(503)
            return True
        if decision is _FORBIDDEN:
            rx.respond_stateless(403)
            return True
        apply = self._core.state.apply_authentication
        return apply is not None and apply(decision, rx)


class Authentication(Module):
    """Requires the authentication that endpoints are configured for."""

    name = "sip_authentication"
    part_of = ("res_pjsip",)
    requires = ("sip_identification",)
    description = "Authentication of SIP requests"

    def load(self, server: SipServer) -> None:
        """Register the step."""
        server.sip.register_step(AuthenticationStep(server.sip))
