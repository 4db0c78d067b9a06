"""Users whose credentials hold a hash in place of their name (RFC 7616 3.4.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.sip.objects.auth import Auth
from asterism.stack.digest import hash_user

if TYPE_CHECKING:
    from asterism.data.table import Change
    from asterism.sip.core import SipCore
    from asterism.stack.digest import Credentials


class UserHashes:
    """Finds the user name behind a hash, for whoever needs it before an endpoint's own auth objects are known.

    Auth objects that are in memory are found, and only if ``[global] auth_userhash`` asks for hashes. Nothing is done
    before the first such request; from then on the hashes follow the objects.
    """

    __slots__ = ("_core", "_made_for", "_names", "_observes")

    def __init__(self, core: SipCore) -> None:
        self._core = core
        self._names: dict[str, str] = {}
        self._made_for: tuple[str, tuple[str, ...]] | None = None
        self._observes = False

    def name_of(self, credentials: Credentials) -> str:
        """The user name in credentials, in the clear; ``""`` for the hash of one that is not known."""
        if not credentials.userhash:
            return credentials.username
        state = self._core.state
        if not state.auth_userhash:
            return ""
        made_for = (state.default_realm, tuple(state.auth_algorithms_uas))
        if self._made_for != made_for:
            self._made_for = made_for
            self._names = {hashed: auth.username for auth in self._core.data.all(Auth) for hashed in self._hashes(auth)}
        if not self._observes:
            self._observes = True
            self._core.data.observe(Auth, self._changed)
        return self._names.get(credentials.username.lower(), "")

    def _hashes(self, auth: Auth) -> list[str]:
        state = self._core.state
        if not auth.username:
            return []
        realm = auth.realm or state.default_realm
        algorithms = auth.supported_algorithms_uas or state.auth_algorithms_uas
        return [hash_user(auth.username, realm, algorithm) for algorithm in algorithms]

    def _changed(self, change: Change[Auth]) -> None:
        if change.old is not None:
            for hashed in self._hashes(change.old):
                self._names.pop(hashed, None)
        if change.new is not None:
            self._names.update(dict.fromkeys(self._hashes(change.new), change.new.username))
