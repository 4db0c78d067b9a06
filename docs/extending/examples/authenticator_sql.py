"""An authenticator that asks a SQL table for each account."""

import os
import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from asterism.config.file import ConfigFile
from asterism.core.errors import ModuleError
from asterism.core.module import Module
from asterism.interception.replay import ReplayTable
from asterism.sip.authentication import AuthenticationResult, DigestChallenge
from asterism.sip.core import SipCore
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.rx import Rx
from asterism.sip.server import SipServer
from asterism.sip.works import current_work
from asterism.stack.digest import Credentials, NonceFactory, NonceState, credentials

LIFETIME = 60.0
"""Seconds for which a challenge is good."""


class SqlAuthenticator:
    """Digest authentication against ``accounts(username, realm, ha1)``.

    ``ha1`` is the MD5 of ``username:realm:password``, in hexadecimal.
    """

    def __init__(self, core: SipCore, database: Path) -> None:
        self._core = core
        self._database = database
        self._nonces = NonceFactory(secrets.token_bytes(32), os.urandom, LIFETIME)
        self._replay = ReplayTable()

    def requires_authentication(self, endpoint: Endpoint, rx: Rx) -> bool:
        """Everybody has to."""
        return True

    async def authenticate_request(self, endpoint: Endpoint, rx: Rx) -> AuthenticationResult:
        """Compare the credentials with the table."""
        realm = self._core.state.default_realm
        for given in credentials(rx.request):
            if given.realm != realm or given.username != endpoint.id:
                continue
            # The request's own work waits for the thread; all others go on.
            work = current_work() or self._core.create_work("sql-auth")
            ha1 = await self._core.run_blocking(work, self._look_up, given.username, realm)
            if ha1 is None or not given.verify(ha1, rx.request.method, rx.request.body):
                return AuthenticationResult.FAILED
            if self._first_use(given, rx.now):
                return AuthenticationResult.SUCCESS
        return AuthenticationResult.CHALLENGE_SENT

    def get_authentication_credentials(self, endpoint: Endpoint, rx: Rx) -> Sequence[DigestChallenge]:
        """What to put into the 401."""
        realm = self._core.state.default_realm
        return [DigestChallenge(realm, nonce=self._nonces.issue(rx.now, realm))]

    def _look_up(self, username: str, realm: str) -> str | None:
        """Runs in a thread."""
        connection = sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)
        try:
            query = "SELECT ha1 FROM accounts WHERE username = ? AND realm = ?"
            row = connection.execute(query, (username, realm)).fetchone()
        finally:
            connection.close()
        return None if row is None else str(row[0])

    def _first_use(self, given: Credentials, now: float) -> bool:
        """Whether the nonce is ours and in time, and its count has not been used."""
        if self._nonces.check(given.nonce, now, given.realm) is not NonceState.VALID:
            return False
        issued, count = self._nonces.issued_at(given.nonce), given.count or 1
        if not self._replay.fresh(given.nonce, count, issued):
            return False
        self._replay.use(given.nonce, count, issued, issued + LIFETIME, now)
        return True


class AuthenticatorSql(Module):
    """Registers the authenticator."""

    name = "authenticator_sql"
    requires = ("sip_security",)
    description = "Authentication of SIP requests by a SQL table"

    def load(self, server: SipServer) -> None:
        """Read ``authenticator_sql.conf`` and register."""
        config = ConfigFile.load(server.paths.etc / "authenticator_sql.conf", missing_ok=True)
        database = config.options("general").get("database")
        if not database:
            raise ModuleError("authenticator_sql.conf names no database")
        server.sip.register_authenticator(SqlAuthenticator(server.sip, server.paths.etc / database))
