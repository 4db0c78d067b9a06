"""The Contact of an INVITE: without one nothing can follow (RFC 3261 8.1.1.8), so it is looked at before all else."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.sip.decision import Decision, Outcome
from asterism.sip.service import InterceptionStep
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.sip.rx import Rx

_MISSING = Decision(Outcome.REJECT, "an INVITE must have a Contact", 400)
_STAR = Decision(Outcome.REJECT, "the Contact of an INVITE is no address", 400)
_SCHEME = Decision(Outcome.REJECT, "the Contact of an INVITE must be a SIP URI", 416)


class CallerContactStep(InterceptionStep):
    """Refuses INVITEs that no dialog could be made of: 400 without a Contact, 416 where it is no SIP URI."""

    name: ClassVar[str] = "contact"
    priority: ClassVar[int] = 25
    methods: ClassVar[frozenset[str]] = frozenset({"INVITE"})

    def evaluate(self, rx: Rx) -> Decision | None:
        """Look at the first Contact."""
        request = rx.request
        try:
            contacts = request.contacts
        except ParseError as error:
            return Decision(Outcome.REJECT, error.message, error.status)
        if not contacts:
            return _STAR if request.has("Contact") else _MISSING
        return None if contacts[0].uri.is_sip else _SCHEME

    def apply(self, decision: Decision, rx: Rx) -> bool:
        """Answer."""
        rx.respond_stateless(decision.status)
        return True
