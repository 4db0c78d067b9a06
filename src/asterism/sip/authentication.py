"""Authentication as the SIP core sees it: the authenticator's protocol and its data.

The default authenticator is ``interception/authenticator_digest.py``; a module may replace it, one at a
time (docs/development/res-sip-api.md, ``ast_sip_register_authenticator``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx


class AuthenticationResult(Enum):
    """Result of ``check_authentication`` (``ast_sip_check_auth_result``)."""

    CHALLENGE_SENT = "challenge sent"
    SUCCESS = "success"
    FAILED = "failed"
    NOT_REQUIRED = "not required"


@dataclass(slots=True)
class DigestChallenge:
    """Data for one ``WWW-Authenticate`` header (``ast_sip_digest_challenge_data``).

    Give ``username`` and ``password``, or ``md5`` (the hexadecimal MD5 of ``username:realm:password``), or
    neither for a challenge that nobody can meet. ``opaque`` and ``nonce`` are filled in when absent. With ``userhash``
    the client is to send a hash of the user name.
    """

    realm: str
    username: str = ""
    password: str = ""
    md5: str = ""
    domain: str = ""
    opaque: str = ""
    nonce: str = ""
    algorithm: str = "MD5"
    qop: str = "auth"
    stale: bool = False
    userhash: bool = False

    @property
    def is_md5(self) -> bool:
        """Whether the credentials are a sum instead of plain text."""
        return bool(self.md5)


class Authenticator(Protocol):
    """An interchangeable way of authenticating requests (``ast_sip_authenticator``).

    Each callback returns its value or an awaitable of it; with an awaitable the request is parked.
    An authenticator that also has ``evaluate(endpoint, rx)`` and ``apply(decision, rx)`` like an
    interception step can be explained, and decides alone what is answered.
    """

    def requires_authentication(self, endpoint: Endpoint, rx: Rx) -> bool | Awaitable[bool]:
        """Whether the request must carry credentials."""

    def authenticate_request(
        self, endpoint: Endpoint, rx: Rx
    ) -> AuthenticationResult | Awaitable[AuthenticationResult]:
        """Check the credentials: SUCCESS, FAILED, or CHALLENGE_SENT to have the request challenged."""

    def get_authentication_credentials(
        self, endpoint: Endpoint, rx: Rx
    ) -> Sequence[DigestChallenge] | Awaitable[Sequence[DigestChallenge]]:
        """The challenges to put into a 401."""
