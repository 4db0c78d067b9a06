"""Security events of the manager's own logins, told in the format that the whole server shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.security import SecurityEvents

if TYPE_CHECKING:
    from asterism.interfaces.manager.session import ManagerSession


class ManagerSecurity:
    """Publishes security events for logins and refusals, with ``Service: AMI``."""

    def __init__(self, events: SecurityEvents) -> None:
        self._events = events

    def successful_auth(self, session: ManagerSession) -> None:
        """A user logged in."""
        self._tell("SuccessfulAuth", session, session.name, UsingPassword=0)

    def invalid_account(self, session: ManagerSession, name: str) -> None:
        """No such user."""
        self._tell("InvalidAccountID", session, name)

    def invalid_password(self, session: ManagerSession, name: str) -> None:
        """The secret was wrong."""
        self._tell("InvalidPassword", session, name)

    def challenge_response_failed(self, session: ManagerSession, key: str) -> None:
        """The key was wrong. What it should have been is not told: a listener could find the secret with it."""
        self._tell(
            "ChallengeResponseFailed", session, "", Challenge=session.challenge, Response=key, ExpectedResponse=""
        )

    def failed_acl(self, session: ManagerSession, name: str) -> None:
        """The user may not come from that address."""
        self._tell("FailedACL", session, name)

    def session_limit(self, session: ManagerSession, name: str) -> None:
        """The user is logged in already and may be only once."""
        self._tell("SessionLimit", session, name)

    def request_not_allowed(self, session: ManagerSession, action: str) -> None:
        """The user has not the class that the action needs."""
        self._tell("RequestNotAllowed", session, session.name, RequestType=f"Action: {action}")

    def _tell(self, name: str, session: ManagerSession, account: str, **extra: object) -> None:
        self._events.publish(
            name,
            service="AMI",
            account=account,
            session=session.id,
            local=("TCP", *session.local),
            remote=("TCP", *session.remote),
            session_time=session.started if session.user is not None else 0.0,
            **extra,
        )
