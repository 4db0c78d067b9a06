"""Publishes message summaries at other servers: ``outbound-publish`` with ``event=message-summary``.

``@mailbox`` is an expression that the mailbox's name must match. With ``multi_user`` each has a publication of its own,
whose user is its name before the ``@``; else all of them together have one. Only what is counted here is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.applications.pubsub.api import Publisher
from asterism.applications.pubsub.bodies.message_summary import TYPE, Summary, summary_text
from asterism.core.regex import Regex, RegexError, compile_regex
from asterism.pbx.states.mailboxes import MessageCounts

if TYPE_CHECKING:
    from asterism.applications.pubsub.outbound.publications import OutboundPublication
    from asterism.pbx.assembly.pbx import Pbx


class SummaryPublisher(Publisher):
    """Publishes mailboxes."""

    event: ClassVar[str] = "message-summary"

    def __init__(self, pbx: Pbx) -> None:
        self._mailboxes = pbx.mailboxes
        self._places: dict[OutboundPublication, Regex] = {}

    def on_start(self, publication: OutboundPublication) -> None:
        """Publish what there is, and what changes."""
        try:
            wanted = compile_regex(publication.config.fields.get("mailbox", ""))
        except RegexError as error:
            publication.complain(f"@mailbox: {error}; nothing is published")
            return
        if not self._places:
            self._mailboxes.own_watchers.append(self._changed)
        self._places[publication] = wanted
        self._publish_all(publication)

    def on_stop(self, publication: OutboundPublication) -> None:
        """No longer."""
        if self._places.pop(publication, None) is not None and not self._places:
            self._mailboxes.own_watchers.remove(self._changed)

    def on_lost(self, publication: OutboundPublication, user: str, sent: str | None) -> None:
        """Publish it anew, unless it is on its way."""
        if sent is None and publication in self._places:
            self._publish_all(publication, user)

    def _matching(self, publication: OutboundPublication) -> list[str]:
        wanted = self._places[publication]
        return [mailbox for mailbox, _ in self._mailboxes.known() if wanted.search(mailbox)]

    def _publish_all(self, publication: OutboundPublication, user: str = "") -> None:
        for mailbox in self._matching(publication):
            if not user or _user(mailbox) == user:
                self._publish(publication, mailbox)

    def _changed(self, mailbox: str) -> None:
        for publication, wanted in self._places.items():
            if wanted.search(mailbox):
                self._publish(publication, mailbox)

    def _publish(self, publication: OutboundPublication, mailbox: str) -> None:
        names = [mailbox] if publication.config.multi_user else self._matching(publication)
        found = [self._mailboxes.own(name) for name in names]
        counts = MessageCounts(*(sum(column) for column in zip(*found, strict=True))) if found else MessageCounts()
        publication.publish(TYPE, summary_text(Summary(counts)), user=_user(mailbox))


def _user(mailbox: str) -> str:
    return mailbox.partition("@")[0]
