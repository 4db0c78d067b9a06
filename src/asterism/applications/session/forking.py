"""A call of ours while it is forked: its branches before the answer, and those that answer after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.applications.session.branches import MAX_BRANCHES, Branch, dialog_of
from asterism.applications.session.causes import INTERWORKING, NORMAL_CLEARING, reason_lines
from asterism.applications.session.descriptions import description_of
from asterism.applications.session.dialog_requests import refused
from asterism.applications.session.session import Session
from asterism.applications.session.state import UNANSWERED_CALL_STATES
from asterism.stack.dialog import Dialog
from asterism.stack.errors import ParseError
from asterism.stack.sdp.exchange import Action, Message, Side

if TYPE_CHECKING:
    from asterism.sip.rx import Rx
    from asterism.stack.message import Request, Response
    from asterism.stack.sdp import SessionDescription


class ForkedSession(Session):
    """The branches of one INVITE: a dialog with offers and answers of its own for each tag that answers."""

    __slots__ = ("_branches", "_cancelled", "_heard", "invite", "sequences")

    invite: Request
    """The INVITE that was answered last; with credentials, its CSeq is another."""

    _cancelled: bool
    _branches: dict[str, Branch]
    sequences: dict[str, int | None]
    """CSeq number of the last request on each branch, by its tag; set once the call is over."""
    _heard: Branch | None
    """The branch whose media are taken."""

    def _branch_of(self, response: Response) -> Branch | None:
        """The branch that answers, the session's dialog from here on; ``None``: none is to be told apart.

        Raises:
            ParseError: the response cannot be read.
        """
        tag = response.to.tag
        if not tag:
            return None
        branch = self._branches.get(tag)
        if branch is None:
            if len(self._branches) >= MAX_BRANCHES or response.get("Contact") is None:
                return None
            branch = self._open_branch(tag, Dialog.uac(self.invite, response))
        self._use(branch)
        return branch

    def _open_branch(self, tag: str, dialog: Dialog) -> Branch:
        offers = self.offers.fork() if self._branches else self.offers
        branch = self._branches[tag] = Branch(self, dialog, offers)
        self.core.dialogs.add(dialog, branch, self.work, self.endpoint)
        return branch

    def _use(self, branch: Branch) -> None:
        """Make a branch the one that the session talks to."""
        self.dialog = branch.dialog
        self.offers = branch.offers

    @property
    def _follows_forks(self) -> bool:
        return bool(self.endpoint.follow_early_media_fork and self.profile.system.follow_early_media_fork)

    def _early_answer(self, branch: Branch | None, message: Message, description: SessionDescription) -> bool:
        """Take the answer of a provisional response; whether there are early media of this branch."""
        if branch is None:
            # No known branch sent it: its media are played, as there are no others, and used for nothing else.
            return not self._branches and self.media.apply(self, description, final=False)
        action = branch.offers.see(Side.PEER, message, True)
        if action is not Action.PREVIEW and action is not Action.TAKE_ANSWER:
            return False
        if self._heard is branch:
            more = self.endpoint.accept_multiple_sdp_answers and self.profile.system.accept_multiple_sdp_answers
            if action is Action.PREVIEW and not more:
                return True
        branch.description = description
        if self._heard is not None and self._heard is not branch and not self._follows_forks:
            return False
        if not self.media.apply(self, description, final=False):
            return False
        self._heard = branch
        return True

    def on_branch_request(self, branch: Branch, rx: Rx) -> bool:
        """A request of the peer, before the answer of one of several."""
        if self.state in UNANSWERED_CALL_STATES:
            self._use(branch)
            request = rx.request
            if request.method == "UPDATE" and request.body and self._heard is not None and self._heard is not branch:
                if not self._follows_forks:
                    return refused(self, rx, Action.REFUSE_500)
                self._heard = branch
        return self.on_request(rx)

    def bye_received(self) -> None:
        """Before the answer, a BYE ends one branch; with the last of them the call is given up."""
        if self.state not in UNANSWERED_CALL_STATES:
            super().bye_received()
            return
        dialog, channel = self.dialog, self.channel
        for tag, branch in self._branches.items():
            if branch.dialog is dialog:
                self.core.dialogs.remove(dialog, branch)
                del self._branches[tag]
                break
        if self._branches:
            self._use(next(iter(self._branches.values())))
            return
        cause = self.peer_cause if self.peer_cause is not None else NORMAL_CLEARING
        self.give_up(cause)
        if channel is not None:
            channel.queue_hangup(cause)

    def _answering_branch(self, tag: str, response: Response) -> tuple[Branch, bool]:
        """The branch that a 2xx is of, the others being over, and whether the response can be read."""
        branch = self._branches.get(tag)
        for other in self._branches.values():
            # What the others have been asked stays known: one of them may answer, too.
            if other is not branch:
                self.core.dialogs.remove(other.dialog, other)
        if branch is None:
            dialog, readable = dialog_of(self.invite, response)
            return self._open_branch(tag, dialog), readable
        try:
            branch.dialog.receive_response(response)
        except ParseError:
            return branch, False
        return branch, True

    def _agrees(self, branch: Branch, response: Response) -> bool:
        """Take the answer of a 2xx, or the one given before it; ``False``: there is none to work with, it was ended."""
        try:
            description = description_of(response)
        except ParseError:
            self.fail(58)
            return False
        action = branch.offers.see(Side.PEER, Message.OK, description is not None)
        branch.offers.see(Side.US, Message.ACK)
        if action is Action.UNANSWERED:
            self.unanswered(INTERWORKING)
            return False
        if action is not Action.TAKE_ANSWER:
            description = None if self._heard is branch else branch.description
            if description is None:
                self.media.settle(self)
        if description is not None and not self.media.apply(self, description):
            self.fail(58)
            return False
        return True

    def _decline(self, response: Response) -> None:
        """Acknowledge a 2xx that is not wanted, and end what it set up: another branch of the call answered first."""
        dialog, _ = dialog_of(self.invite, response)
        branch = self._branches.get(dialog.remote_tag)
        if branch is None:
            self._count_on(dialog)
            branch = Branch(self, dialog, self.offers)
            if len(self._branches) < MAX_BRANCHES:
                self._branches[dialog.remote_tag] = branch
        else:
            # It has been sent requests before its answer: those that follow count on.
            dialog.local_seq = branch.dialog.local_seq
            branch.dialog = dialog
        mine, self.dialog = self.dialog, dialog
        try:
            self.send_ack(self.invite)
            if not branch.declined:
                branch.declined = True
                self.send_request("BYE", headers=reason_lines(NORMAL_CLEARING))
        finally:
            self.dialog = mine

    def _count_on(self, dialog: Dialog) -> None:
        """Have the next request to a branch follow those that it was sent before its answer."""
        dialog.local_seq = max(self.sequences.get(dialog.remote_tag) or 0, dialog.local_seq or 0)

    def _leave_dialogs(self) -> None:
        branches = self._branches
        if self._cancelled or len(branches) > 1:
            # One of them may answer yet, and has to be told that it is too late.
            self.sequences = {tag: branch.dialog.local_seq for tag, branch in branches.items()}
        for branch in branches.values():
            self.core.dialogs.remove(branch.dialog, branch)
        branches.clear()  # session and branch must not hold each other, or only the collector frees them
