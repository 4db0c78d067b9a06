"""The package ``message-summary`` (RFC 3842): messages that wait, for those who ask and those who are told unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.applications.pubsub.api import Notifier
from asterism.applications.pubsub.bodies.message_summary import TYPE, Summary
from asterism.applications.pubsub.packages.incoming_mwi import IncomingMwi
from asterism.applications.pubsub.packages.mwi_subscriber import MwiSubscriber
from asterism.applications.pubsub.packages.summary_publisher import SummaryPublisher
from asterism.applications.pubsub.packages.unsolicited_mwi import UnsolicitedMwi
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module
from asterism.data.data import Missing
from asterism.sip.objects.aor import Aor
from asterism.sip.objects.global_ import GlobalSettings
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from asterism.applications.pubsub.base import Subscription
    from asterism.applications.pubsub.module import PubSubServer
    from asterism.applications.pubsub.registry import PubSub
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx


class MwiNotifier(Notifier):
    """Follows the ``mailboxes`` of an AOR; of all AORs of the subscriber, where the Request-URI names none."""

    event: ClassVar[str] = "message-summary"
    accept: ClassVar[str] = TYPE

    def __init__(self, tables: PubSub, pbx: Pbx) -> None:
        self._tables = tables
        self._core = tables.core
        self._mailboxes = pbx.mailboxes
        self.unsolicited = UnsolicitedMwi(tables, pbx)

    def _aors(self, endpoint: Endpoint, resource: str) -> list[Aor]:
        if endpoint.habits.own_mailboxes:
            resource = ""
        found = (self._core.data.get(Aor, name) for name in ([resource] if resource else endpoint.aors))
        return [aor for aor in found if isinstance(aor, Aor)]

    def new_subscribe(self, endpoint: Endpoint, resource: str, rx: Rx) -> int | Awaitable[int]:
        """404 without mailboxes; 500 where the endpoint is told of the same mailbox unasked (as Asterisk 22)."""
        named = resource and not endpoint.habits.own_mailboxes
        if named and self._core.data.get(Aor, resource) is Missing.NOT_LOADED:
            return self._fetched(endpoint, resource)
        return self._status(endpoint, resource)

    async def _fetched(self, endpoint: Endpoint, resource: str) -> int:
        await self._core.data.retrieve(Aor, resource)
        return self._status(endpoint, resource)

    def _status(self, endpoint: Endpoint, resource: str) -> int:
        wanted = {name for aor in self._aors(endpoint, resource) for name in aor.mailboxes}
        if not wanted:
            self._tables.log.notice(
                "Endpoint '%s' MWI subscription failed: '%s' has no mailboxes", endpoint.id, resource or endpoint.id
            )
            return 404
        if wanted.intersection(endpoint.mailboxes) and not endpoint.mwi_subscribe_replaces_unsolicited:
            self._tables.log.notice(
                "Endpoint '%s' MWI subscription failed: it is told of these mailboxes unasked "
                "(mwi_subscribe_replaces_unsolicited)", endpoint.id,
            )  # fmt: skip
            return 500
        return 200

    def on_subscribe(self, subscription: Subscription) -> None:
        """Follow the mailboxes."""
        aors = self._aors(subscription.endpoint, subscription.resource)
        names = tuple(dict.fromkeys(name for aor in aors for name in aor.mailboxes))
        extension = next((aor.voicemail_extension for aor in aors if aor.voicemail_extension), "")
        extension = extension or subscription.endpoint.voicemail_extension
        extension = extension or self._core.data.single(GlobalSettings).default_voicemail_extension
        entity = Uri.parse(subscription.entity)
        account = str(Uri("sip", extension, entity.host, entity.port)) if extension else ""

        def changed(_mailbox: str) -> None:
            self._tables.fan_out.put(subscription, Summary(self._mailboxes.total(names), account))

        subscription.data = (names, changed)
        for name in names:
            self._mailboxes.watch(name, changed)
        self.unsolicited.subscribed(subscription.endpoint.id, names)
        subscription.notify(Summary(self._mailboxes.total(names), account))

    def on_terminated(self, subscription: Subscription) -> None:
        """Follow them no more."""
        if subscription.data is None:
            return
        names, changed = subscription.data
        subscription.data = None
        self._tables.fan_out.discard(subscription)
        for name in names:
            self._mailboxes.unwatch(name, changed)
        self.unsolicited.unsubscribed(subscription.endpoint.id, names)

    def fields(self, subscription: Subscription) -> list[tuple[str, str]]:
        """The mailboxes."""
        names = subscription.data[0] if subscription.data else ()
        return [("SubscriptionType", "mwi"), ("Mailboxes", ",".join(names))]


class MwiModule(Module):
    """Registers the notifier, tells those who do not ask, and takes what others tell."""

    name = "pubsub_mwi"
    aliases = ("res_pjsip_mwi", "res_sip_mwi")
    requires = ("pubsub", "pubsub_message_summary")
    description = "SIP event package message-summary"

    def load(self, server: PubSubServer) -> None:
        """Take subscriptions."""
        found = pubsub(server)
        notifier = MwiNotifier(found, server.pbx)
        self._unsolicited = notifier.unsolicited
        found.register_notifier(notifier)
        found.register_publisher(SummaryPublisher(server.pbx))
        found.register_subscriber(MwiSubscriber(found, server.pbx.mailboxes))
        server.sip.register_service(IncomingMwi(server.sip, server.pbx))
        server.owner.on_release(self._unsolicited.stop)

    def start(self) -> None:
        """Tell those who do not ask."""
        self._unsolicited.start()
