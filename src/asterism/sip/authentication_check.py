"""Require, check, challenge: the three callbacks of an authenticator, one after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

from asterism.sip.authentication import AuthenticationResult, DigestChallenge
from asterism.sip.challenge import challenge

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx

_MaybeResult = AuthenticationResult | Awaitable[AuthenticationResult]


def check_authentication(core: SipCore, endpoint: Endpoint, rx: Rx) -> _MaybeResult:
    """Ask the authenticator of ``core`` about a request, and answer it where it must be challenged or refused.

    Awaitable as soon as one of the callbacks is.
    """
    required = core.requires_authentication(endpoint, rx)
    if required is False:
        return AuthenticationResult.NOT_REQUIRED
    if required is not True:
        return _require_later(core, endpoint, rx, required)
    result = core.authenticate_request(endpoint, rx)
    if not isinstance(result, AuthenticationResult):
        return _check_later(core, endpoint, rx, result)
    if result is AuthenticationResult.SUCCESS:
        return result
    challenges = core.get_authentication_credentials(endpoint, rx)
    if isinstance(challenges, Sequence):
        challenge(challenges, rx)
        return result
    return _challenge_later(challenges, result, rx)


async def _require_later(core: SipCore, endpoint: Endpoint, rx: Rx, waiting: Awaitable[bool]) -> AuthenticationResult:
    if not await waiting:
        return AuthenticationResult.NOT_REQUIRED
    return await _check_later(core, endpoint, rx, core.authenticate_request(endpoint, rx))


async def _check_later(core: SipCore, endpoint: Endpoint, rx: Rx, waiting: _MaybeResult) -> AuthenticationResult:
    result = waiting if isinstance(waiting, AuthenticationResult) else await waiting
    if result is not AuthenticationResult.SUCCESS:
        challenges = core.get_authentication_credentials(endpoint, rx)
        challenge(challenges if isinstance(challenges, Sequence) else await challenges, rx)
    return result


async def _challenge_later(
    waiting: Awaitable[Sequence[DigestChallenge]], result: AuthenticationResult, rx: Rx
) -> AuthenticationResult:
    challenge(await waiting, rx)
    return result
