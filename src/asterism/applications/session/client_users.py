"""Who is told of the outcome of a session's own requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.state import SessionState

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.stack.message import Response


class Refresh:
    """The client user of one re-INVITE or UPDATE."""

    __slots__ = ("method", "session")

    def __init__(self, session: Session, method: str) -> None:
        self.session = session
        self.method = method

    def on_response(self, transaction: Any, response: Response) -> None:
        """The final response ends the refresh; repeated 2xx are acknowledged again."""
        if response.status < 200:
            return
        session = self.session
        if session._reinvite is self:
            session.work.push(session.refreshed, transaction.request, response)
        elif response.status < 300 and self.method == "INVITE" and session.state is not SessionState.ENDED:
            session.send_ack(transaction.request)

    def on_timeout(self, transaction: Any) -> None:
        """No answer."""
        self.session.work.push(self.session.refreshed, transaction.request, None)

    def on_transport_error(self, transaction: Any) -> None:
        """The request could not be sent."""
        self.session.work.push(self.session.refreshed, transaction.request, None)
