"""The branches of a call of ours: what each phone that a forked INVITE reached has answered (RFC 3261 12.1, 13.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.stack.dialog import Dialog
from asterism.stack.errors import ParseError
from asterism.stack.transactions.reliable import ReliableReceiver

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.applications.session.forking import ForkedSession
    from asterism.applications.session.uac import OutgoingSession
    from asterism.sip.rx import Rx
    from asterism.stack.flow import Flow
    from asterism.stack.headers.cseq import RAck
    from asterism.stack.message import Request, Response
    from asterism.stack.sdp import SessionDescription
    from asterism.stack.sdp.exchange import OfferAnswer

MAX_BRANCHES = 16
"""Largest number of branches told apart in one call; early responses of further branches are ignored."""


class Branch:
    """One branch: its dialog, what it has answered, and its reliable responses (``DialogUsage``).

    Attributes:
        session: whose branch this is.
        dialog: the dialog with it.
        offers: the offers and answers with it.
        description: the description that it answered with last, ``None`` before.
        declined: it has answered after another, and has been sent BYE.
    """

    __slots__ = ("_receiver", "declined", "description", "dialog", "offers", "session")

    def __init__(self, session: ForkedSession, dialog: Dialog, offers: OfferAnswer) -> None:
        self.session = session
        self.dialog = dialog
        self.offers = offers
        self.description: SessionDescription | None = None
        self.declined = False
        self._receiver: ReliableReceiver | None = None

    def on_request(self, rx: Rx) -> bool:
        """A request of this branch; before the answer the session has several."""
        return self.session.on_branch_request(self, rx)

    def on_ack(self, request: Request) -> None:
        """An ACK to a 2xx of ours within the answered call."""
        self.session.on_ack(request)

    def receive_reliable(self, response: Response) -> RAck | None:
        """The RAck of the PRACK for a reliable response; ``None``: it is repeated or out of order, and ignored."""
        if self._receiver is None:
            self._receiver = ReliableReceiver()
        return self._receiver.receive(response)


def dialog_of(invite: Request, response: Response) -> tuple[Dialog, bool]:
    """The dialog that a 2xx to our ``invite`` makes, and whether the response could be read.

    Where it could not, the dialog is good enough to acknowledge the 2xx and end what it set up.
    """
    try:
        return Dialog.uac(invite, response), True
    except ParseError:
        bare = response.copy()
        for name in ("Contact", "Record-Route"):
            bare.remove_header(name)
        try:
            _ = bare.to
        except ParseError:
            bare.set_header("To", invite.get("To") or "")
        return Dialog.uac(invite, bare), False


class LateAnswers:
    """The client user of an INVITE whose session is over: a branch that answers now is ended (RFC 3261 13.2.2.4).

    It takes the session's place, so that a session does not stay for as long as forks may answer.
    """

    __slots__ = ("_flow", "_make")

    def __init__(self, flow: Flow, make: Callable[[], OutgoingSession]) -> None:
        self._flow = flow
        self._make = make

    def on_response(self, transaction: Any, response: Response) -> None:
        """Give the branch a session of its own, which ends at once."""
        if 200 <= response.status < 300:
            branch = self._make()
            branch.use_flow(self._flow)
            branch.work.push(branch.answered_late, transaction.request, response)

    def on_timeout(self, transaction: Any) -> None:
        """Take no notice."""

    def on_transport_error(self, transaction: Any) -> None:
        """Take no notice."""
