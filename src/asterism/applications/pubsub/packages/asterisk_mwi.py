"""The package ``asterisk-mwi``: servers that share the counts of their mailboxes (``res_pjsip_publish_asterisk``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.pubsub.packages.asterisk_publication import (
    AsteriskHandler,
    AsteriskPublisher,
    number_in,
    text_in,
    written,
)
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module
from asterism.pbx.states.mailboxes import MAX_COUNT, MessageCounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.applications.pubsub.module import PubSubServer
    from asterism.applications.pubsub.registry import PubSub
    from asterism.pbx.assembly.pbx import Pbx

EVENT = "asterisk-mwi"
OPTION = "mailbox_state"


class MailboxHandler(AsteriskHandler):
    """Counts of mailboxes of other servers."""

    event: ClassVar[str] = EVENT
    kind: ClassVar[str] = "mailboxstate"
    option: ClassVar[str] = OPTION
    publish_option: ClassVar[str] = "mailboxstate_publish"

    def state(self, found: dict[str, Any]) -> tuple[str, Any]:
        """Mailbox and counts."""
        counts = MessageCounts(number_in(found, "new", MAX_COUNT), number_in(found, "old", MAX_COUNT))
        return text_in(found, "uniqueid"), counts


class MailboxPublisher(AsteriskPublisher):
    """Tells other servers what is counted here."""

    event: ClassVar[str] = EVENT
    option: ClassVar[str] = OPTION
    publish_option: ClassVar[str] = "mailboxstate_publish"

    def __init__(self, tables: PubSub, pbx: Pbx, eid: str) -> None:
        super().__init__(tables, eid)
        self._mailboxes = pbx.mailboxes

    def names(self) -> list[str]:
        """The mailboxes that are counted here."""
        return [mailbox for mailbox, _ in self._mailboxes.known()]

    def body(self, name: str) -> str:
        """Mailbox and counts; urgent messages are left out (as in Asterisk 22)."""
        counts = self._mailboxes.own(name)
        return written(type="mailboxstate", uniqueid=name, old=counts.old, new=counts.new, eid=self._eid)

    def follow(self) -> Callable[[], None]:
        """Watch all mailboxes."""
        watchers = self._mailboxes.own_watchers
        watchers.append(self.changed)
        return lambda: watchers.remove(self.changed)


class AsteriskMwiModule(Module):
    """Takes and tells counts of mailboxes."""

    name = "pubsub_asterisk_mwi"
    part_of = ("res_pjsip_publish_asterisk",)
    requires = ("pubsub",)
    description = "Message counts of and for other servers"

    def load(self, server: PubSubServer) -> None:
        """Register handler and publisher."""
        found = pubsub(server)
        handler = MailboxHandler(found, server.pbx.mailboxes.remote, server.options.entityid)
        publisher = MailboxPublisher(found, server.pbx, server.options.entityid)
        handler.republish, handler.ask = publisher.republish, publisher.ask
        found.register_publication_handler(handler)
        found.register_publisher(publisher)
