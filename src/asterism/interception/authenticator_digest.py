"""The default authenticator: Digest with ``auth`` objects (RFC 3261 section 22, RFC 7616, RFC 8760).

Nonces keep no state until one is used with success; from then on its highest count is kept until it
expires. Unknown users go through the same arithmetic as known ones and get the same answers.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Awaitable, Sequence
from hmac import compare_digest
from typing import TYPE_CHECKING

from asterism.core.module import Module
from asterism.interception.replay import ReplayTable
from asterism.interception.reports import UNKNOWN_ACCOUNT, Reports
from asterism.interception.security import reports_of
from asterism.sip.authentication import AuthenticationResult, DigestChallenge
from asterism.sip.challenge import challenge_headers
from asterism.sip.decision import Decision, Outcome
from asterism.sip.objects.auth import Auth
from asterism.sip.objects.habits import PJSIP
from asterism.sip.realms import usual_realm
from asterism.sources import source_of
from asterism.stack.digest import Credentials, NonceFactory, ha1, hash_user
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.sip.server import SipServer

_DEFAULT_ALGORITHMS = ("MD5",)
_MAX_CREDENTIALS = 8
"""Credentials of one request that are looked at: one for each realm on the way is usual, each costs hashes."""
_PROOF_LIFETIME = 60.0
"""Seconds for which a nonce proves that its sender receives what is sent to that address."""
_LONGEST_BRANCH = 128
_MAX_SECRETS = 100_000
"""Auth objects whose hash is kept."""


class Verdict(Decision):
    """The result of checking a request's credentials.

    ``challenges`` is set when the request must be challenged; ``credentials`` when some were given.
    """

    __slots__ = ("auth", "challenges", "count", "credentials", "expires", "issued", "retransmission", "stale", "wrong")

    def __init__(self) -> None:
        # Not through the base class: two are made for every REGISTER.
        self.outcome = Outcome.CHALLENGE
        self.status = 401
        self.reason = "no credentials were given"
        self.object = ""
        self.position = self.data = None
        self.auth: Auth | None = None
        self.credentials: Credentials | None = None
        self.challenges: Sequence[DigestChallenge] = ()
        self.issued = 0.0
        self.expires = 0.0
        self.count = 0
        """The nonce count, 1 where the credentials have none."""
        self.retransmission = ""
        """Identifies a retransmission of the same request, which is not a replay (OPTIONS)."""
        self.stale = False
        self.wrong = False


class DigestAuthenticator:
    """Authenticates with the endpoint's ``auth`` objects; explainable."""

    def __init__(self, core: SipCore, reports: Reports) -> None:
        self._core = core
        self._reports = reports
        # Expiry differs per auth object, so it is checked here and not by the factory.
        self._nonces = NonceFactory(secrets.token_bytes(32), os.urandom)
        # Clients send it back; it is not read.
        self._opaque = secrets.token_hex(8)
        self._md5_secrets: dict[str, tuple[Auth, str, str]] = {}
        self.replay = ReplayTable()
        self._nobody = Auth("<unknown>")
        self._nobody_ha1 = secrets.token_hex(16)

    # The three callbacks of ``ast_sip_authenticator`` (docs/development/res-sip-api.md).

    def requires_authentication(self, endpoint: Endpoint, rx: Rx) -> bool:
        """Whether the endpoint has ``auth``; OPTIONS may be exempt."""
        return bool(endpoint.auth) and not self._unchallenged(endpoint, rx)

    def authenticate_request(
        self, endpoint: Endpoint, rx: Rx
    ) -> AuthenticationResult | Awaitable[AuthenticationResult]:
        """Check the credentials, report the outcome and note the use of the nonce."""
        auths = self._core.data.get_each(Auth, endpoint.auth)
        if auths is None:
            return self._authenticate_later(endpoint, rx)
        return self._result(self._verify(rx, auths), rx)

    async def _authenticate_later(self, endpoint: Endpoint, rx: Rx) -> AuthenticationResult:
        return self._result(self._verify(rx, await self._retrieve(endpoint)), rx)

    def _result(self, verdict: Verdict, rx: Rx) -> AuthenticationResult:
        self._report(verdict, rx)
        if verdict.auth is not None:
            return AuthenticationResult.SUCCESS
        return AuthenticationResult.FAILED if verdict.wrong else AuthenticationResult.CHALLENGE_SENT

    def get_authentication_credentials(
        self, endpoint: Endpoint, rx: Rx
    ) -> Sequence[DigestChallenge] | Awaitable[Sequence[DigestChallenge]]:
        """Challenges for each realm and algorithm of the endpoint's auth objects."""
        auths = self._core.data.get_each(Auth, endpoint.auth)
        if auths is None:
            return self._challenges_later(endpoint, rx)
        return self._challenges(auths, rx, False)

    async def _challenges_later(self, endpoint: Endpoint, rx: Rx) -> Sequence[DigestChallenge]:
        return self._challenges(await self._retrieve(endpoint), rx, False)

    # Alone, as a step does.

    def evaluate(self, endpoint: Endpoint | None, rx: Rx) -> Decision | Awaitable[Decision | None] | None:
        """Decide about a request; ``endpoint`` is ``None`` when the sender was not identified."""
        if endpoint is None:
            return self._verify(rx, (self._nobody,), "no such account")
        if not endpoint.auth:
            return None
        if (endpoint.habits is not PJSIP or rx.request.method == "OPTIONS") and self._unchallenged(endpoint, rx):
            return None
        auths = self._core.data.get_each(Auth, endpoint.auth)
        if auths is None:
            return self._evaluate_later(endpoint, rx)
        return self._verify(rx, auths)

    async def _evaluate_later(self, endpoint: Endpoint, rx: Rx) -> Decision:
        return self._verify(rx, await self._retrieve(endpoint))

    def apply(self, decision: Decision, rx: Rx) -> bool:
        """Report the outcome; challenge unless it was a success."""
        assert isinstance(decision, Verdict)
        self._report(decision, rx)
        if decision.auth is not None:
            return False
        receptions = self._core.state.receptions
        if decision.wrong and rx.flow.name in receptions and receptions[rx.flow.name].forbids:
            rx.respond_stateless(403, unproved=True)
            return True
        rx.respond_stateless(401, headers=challenge_headers(decision.challenges), unproved=True)
        return True

    # How.

    def _unchallenged(self, endpoint: Endpoint, rx: Rx) -> bool:
        """Whether such a request of an endpoint that has ``auth`` goes without."""
        method, habits = rx.request.method, endpoint.habits
        if method in habits.unchallenged or (method == "OPTIONS" and endpoint.allow_unauthenticated_options):
            return True
        at_home = self._core.state.at_home
        return method in habits.unchallenged_at_home and at_home is not None and at_home(endpoint, rx)

    async def _retrieve(self, endpoint: Endpoint) -> list[Auth]:
        found = [await self._core.data.retrieve(Auth, name) for name in endpoint.auth]
        return [auth for auth in found if auth is not None]

    def _verify(self, rx: Rx, auths: Sequence[Auth], wrong: str = "the credentials are wrong") -> Verdict:
        """Compare the credentials with the auth objects; changes nothing. ``wrong`` is why if they do not fit."""
        verdict = Verdict()
        elsewhere = False
        limits = self._reports.limits
        for value in rx.request.get_all("Authorization")[:_MAX_CREDENTIALS]:
            try:
                credentials = Credentials.parse(value)
            except ParseError:
                verdict.wrong = True
                continue
            if not credentials.nonce:
                continue
            verdict.credentials = credentials
            if limits.strict_until > rx.now and not self._proved(rx, credentials):
                verdict.stale = True
                continue
            if self._core.state.check_digest_uri and not credentials.fits(rx.request.uri):
                verdict.wrong = elsewhere = True
                continue
            auth = self._matching(rx, credentials, auths)
            if not self._right(rx, credentials, auth):
                verdict.wrong = True
                continue
            assert auth is not None
            issued = self._nonces.time_of(credentials.nonce, credentials.realm)
            if issued is not None:
                verdict.issued = issued
                verdict.expires = issued + auth.nonce_lifetime
                verdict.count = credentials.count or 1
                if rx.request.method == "OPTIONS":
                    # Kept as long as the nonce: a long one is not worth that.
                    branch = rx.request.branch or ""
                    verdict.retransmission = branch if len(branch) <= _LONGEST_BRANCH else ""
                if rx.now < verdict.expires and self.replay.fresh(
                    credentials.nonce, verdict.count, issued, verdict.retransmission
                ):
                    verdict.outcome = Outcome.PASS
                    verdict.status = 0
                    verdict.reason = "authenticated"
                    verdict.object = f"auth {auth.id}"
                    verdict.position = auth.position
                    verdict.auth = auth
                    verdict.wrong = verdict.stale = False
                    return verdict
            verdict.stale = True
        if verdict.stale:
            verdict.wrong = False
        if not auths:
            verdict.reason = "none of the endpoint's auth objects exists"
        elif verdict.wrong:
            verdict.reason = "the credentials were made for another URI" if elsewhere else wrong
        elif verdict.stale:
            verdict.reason = "the nonce has expired, was used before, or was sent to another address"
        verdict.challenges = self._challenges(auths, rx, verdict.stale)
        return verdict

    def _proved(self, rx: Rx, credentials: Credentials) -> bool:
        """Whether a request surely came from its source: by a connection, or with a nonce that was sent there."""
        if rx.flow.reliable:
            return True
        nonce = credentials.nonce
        issued = self._nonces.time_of(nonce, credentials.realm)
        return (
            issued is not None
            and rx.now < issued + _PROOF_LIFETIME
            and self._nonces.proves(nonce, source_of(rx.flow.remote[0]))
        )

    def prove(self, rx: Rx) -> bool:
        """Whether a request with right credentials surely came from its source; if not, it is challenged again.

        For answers that are much larger than their request: a datagram with a forged source must not direct them at
        somebody else.
        """
        for value in rx.request.get_all("Authorization")[:_MAX_CREDENTIALS]:
            try:
                if self._proved(rx, Credentials.parse(value)):
                    return True
            except ParseError:
                continue
        endpoint = rx.endpoint
        auths = self._core.data.get_each(Auth, endpoint.auth) if endpoint is not None else ()
        if not auths:
            # No credentials are needed, or the auth objects cannot be had at once.
            return True
        rx.respond_stateless(401, headers=challenge_headers(self._challenges(auths, rx, True)), unproved=True)
        return False

    def _matching(self, rx: Rx, credentials: Credentials, auths: Sequence[Auth]) -> Auth | None:
        state = self._core.state
        default = usual_realm(rx) if state.receptions else state.default_realm
        for auth in auths:
            name = auth.username
            if name and name == credentials.username and (auth.realm or default) == credentials.realm:
                return auth
        return self._matching_hash(credentials, auths, default) if credentials.userhash else None

    def _matching_hash(self, credentials: Credentials, auths: Sequence[Auth], default: str) -> Auth | None:
        """The auth object whose user name has the hash that was given for it (RFC 7616 3.4.4)."""
        given = credentials.username.lower().encode("utf-8", "surrogateescape")
        for auth in auths:
            if auth.username and (auth.realm or default) == credentials.realm:
                try:
                    hashed = hash_user(auth.username, credentials.realm, credentials.algorithm)
                except ValueError:
                    return None
                if compare_digest(hashed.encode(), given):
                    return auth
        return None

    def _right(self, rx: Rx, credentials: Credentials, auth: Auth | None) -> bool:
        """Whether the response is right. Without a matching auth object the same is computed in vain."""
        algorithm = credentials.algorithm or "MD5"
        secret = None if auth is None else self._secret(auth, credentials.realm, algorithm)
        known = secret is not None
        if secret is None:
            secret = hashlib.md5(
                f"{credentials.username}:{credentials.realm}:{self._nobody_ha1}".encode("utf-8", "surrogateescape"),
                usedforsecurity=False,
            ).hexdigest()
        if algorithm == "MD5" and credentials.qop == "auth":
            right = _verify_md5(credentials, rx.request.method, secret)
        else:
            right = credentials.verify(secret, rx.request.method, rx.request.body)
        return right and known

    def _secret(self, auth: Auth, realm: str, algorithm: str) -> str | None:
        """The A1 hash of an auth object for an algorithm that it allows, ``None`` if there is none."""
        name = algorithm.upper().removesuffix("-SESS")
        if name not in (auth.supported_algorithms_uas or self._core.state.auth_algorithms_uas):
            return None
        if auth.password_digest:
            for entry in auth.password_digest:
                kind, _, value = entry.partition(":")
                if kind == name:
                    return value
        if auth.md5_cred and name == "MD5":
            return auth.md5_cred
        if not auth.password:
            return None
        if name == "MD5":
            # Objects are replaced, not changed: the hash is good for as long as the object is the same.
            kept = self._md5_secrets.get(auth.id)
            if kept is None or kept[0] is not auth or kept[1] != realm:
                if len(self._md5_secrets) >= _MAX_SECRETS:
                    self._md5_secrets.clear()
                kept = self._md5_secrets[auth.id] = (auth, realm, ha1(auth.username, realm, auth.password))
            return kept[2]
        return ha1(auth.username, realm, auth.password, name)

    def _challenges(self, auths: Sequence[Auth], rx: Rx, stale: bool) -> list[DigestChallenge]:
        """One challenge per realm and algorithm; those of a realm share their nonce."""
        state = self._core.state
        made: dict[tuple[str, str], DigestChallenge] = {}
        nonces: dict[str, str] = {}
        default = usual_realm(rx) if state.receptions else state.default_realm
        for auth in auths or (self._nobody,):
            realm = auth.realm or default
            nonce = nonces.get(realm)
            if nonce is None:
                nonce = nonces[realm] = self._nonces.issue(rx.now, realm, source_of(rx.flow.remote[0]))
            for algorithm in auth.supported_algorithms_uas or state.auth_algorithms_uas:
                if (realm, algorithm) not in made:
                    made[realm, algorithm] = DigestChallenge(
                        realm,
                        nonce=nonce,
                        opaque=self._opaque,
                        algorithm=algorithm,
                        stale=stale,
                        userhash=state.auth_userhash,
                    )
        return list(made.values())

    def _test(self, verdict: Verdict, rx: Rx) -> None:
        """Tell tests what has become of each auth object."""
        state, endpoint = self._core.state, rx.endpoint
        default = usual_realm(rx) if state.receptions else state.default_realm
        if verdict.auth is not None:
            tried, status = [verdict.auth], "SUCCESS"
        else:
            tried = list(self._core.data.get_each(Auth, endpoint.auth) or ()) if endpoint is not None else []
            status = "FAIL" if verdict.wrong else "STALE" if verdict.stale else "NOAUTH"
        for auth in tried:
            headers = (("Realm", auth.realm or default), ("Username", auth.username), ("Status", status))
            self._core.test_events.send("INCOMING_AUTH_VERIFY_RESULT", headers, "verify")

    def _report(self, verdict: Verdict, rx: Rx) -> None:
        if self._core.test_events.wanted:
            self._test(verdict, rx)
        account = rx.endpoint.id if rx.endpoint is not None else UNKNOWN_ACCOUNT
        credentials = verdict.credentials
        auth = verdict.auth
        reports = self._reports
        if auth is not None:
            assert credentials is not None
            self.replay.use(
                credentials.nonce, verdict.count, verdict.issued, verdict.expires, rx.now, verdict.retransmission
            )
            rx.auth = auth.id
            if reports.wanted("SuccessfulAuth"):
                reports.event("SuccessfulAuth", rx, account, UsingPassword=1)
        elif verdict.wrong:
            reports.event(
                "ChallengeResponseFailed",
                rx,
                account,
                Challenge=credentials.nonce if credentials is not None else "",
                Response=credentials.response if credentials is not None else "",
                ExpectedResponse="",
            )
            proved = credentials is not None and self._proved(rx, credentials)
            reports.failure(rx, "Failed to authenticate", proved=proved)
            if not proved:
                reports.limits.guessed(rx.now)
        elif reports.wanted("ChallengeSent"):
            reports.event("ChallengeSent", rx, account, Challenge="")


def _verify_md5(credentials: Credentials, method: str, secret: str) -> bool:
    """The common case of ``Credentials.verify`` without its generality (it is on the path of every REGISTER)."""
    md5 = hashlib.md5
    ha2 = md5(f"{method}:{credentials.uri}".encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
    text = f"{secret}:{credentials.nonce}:{credentials.nc}:{credentials.cnonce}:auth:{ha2}"
    expected = md5(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
    return compare_digest(expected.encode(), credentials.response.encode("utf-8", "surrogateescape"))


class AuthenticatorDigest(Module):
    """Registers the digest authenticator."""

    name = "authenticator_digest"
    aliases = ("res_pjsip_authenticator_digest", "res_sip_authenticator_digest")
    requires = ("sip_security",)
    description = "Digest authentication of SIP requests"

    def load(self, server: SipServer) -> None:
        """Register with the SIP core."""
        server.sip.register_authenticator(DigestAuthenticator(server.sip, reports_of(server).reports))
