"""Subscriptions that are kept: what was acknowledged goes on after a restart, in the same dialog.

A row is written with the SUBSCRIBE and before its 200, not with each NOTIFY: it holds numbers for CSeq and version that
are :data:`AHEAD` of those in use, and is written again once they are reached. After a restart numbers go on from there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from asterism.applications.pubsub.incoming import IncomingSubscription, accepted_types, contact_of, take_target
from asterism.applications.pubsub.list_subscription import ListSubscription
from asterism.applications.pubsub.lists import TYPES_OF_LISTS
from asterism.applications.pubsub.subscription import Event
from asterism.core.errors import AsterismError
from asterism.data.data import DataError, DataUnavailableError, Missing
from asterism.data.kinds import TEXT, UINT, YES_NO
from asterism.data.options import ConfiguredObject, option
from asterism.sip.identifiers.lookup import user_part
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.kinds import Epoch
from asterism.sip.resolving import Way, way_to
from asterism.sip.rx import Rx
from asterism.stack.dialog import Dialog
from asterism.stack.errors import ParseError, SipError
from asterism.stack.headers import Event as EventHeader
from asterism.stack.message import Request
from asterism.stack.parser import parse_message
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.applications.pubsub.registry import PubSub
    from asterism.sip.core import SipCore
    from asterism.stack.flow import Flow

AHEAD = 1000
"""Number of NOTIFYs sent for one row written."""
_KEPT = (
    "Via",
    "Record-Route",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "Event",
    "Accept",
    "Supported",
    "Require",
    "User-Agent",
)
"""Headers of a SUBSCRIBE that are stored; its credentials are not."""


class SubscriptionPersistence(ConfiguredObject, type="subscription_persistence"):
    """One subscription that was acknowledged."""

    SOURCES = ("astdb,pubsub",)
    REALTIME = "ps_subscription_persistence"
    RUNTIME = True
    EXTENDED = False

    packet = option(TEXT, "", "The SUBSCRIBE that began it, without credentials and body.")
    src_name = option(TEXT, "", "Address that it came from.")
    src_port = option(UINT, 0, "Port that it came from.")
    transport_key = option(TEXT, "", "Transport that it came over.")
    local_name = option(TEXT, "", "Address of ours that it came to.")
    local_port = option(UINT, 0, "Port of ours that it came to.")
    cseq = option(UINT, 0, "A CSeq that no NOTIFY of it has reached.")
    tag = option(TEXT, "", "Our tag.")
    endpoint = option(TEXT, "", "Endpoint that subscribed.")
    expires = option(Epoch(), 0, "When it ends.")
    contact_uri = option(TEXT, "", "Where its NOTIFYs go to.")
    prune_on_boot = option(YES_NO, False, "Forget it at start: its connection cannot outlive the server.")
    generator_data = option(TEXT, "", "More numbers, as JSON: version, cseq of the subscriber, pending.")


class SubscriptionStore:
    """Keeps the subscriptions of one server."""

    def __init__(self, tables: PubSub, wall_clock: Callable[[], float] = time.time) -> None:
        self._tables = tables
        self._core = tables.core
        self._wall_clock = wall_clock

    def save(self, subscription: IncomingSubscription, request: Request | None = None) -> None:
        """Write a subscription's row in the current batch; ``request`` is the SUBSCRIBE that began it.

        Raises:
            DataError: it cannot be stored.
        """
        dialog, flow = subscription.dialog, subscription.flow
        row: SubscriptionPersistence | None = subscription.stored
        if row is None:
            assert request is not None
            row = SubscriptionPersistence(dialog.local_tag, packet=_packet(request), tag=dialog.local_tag)
            row.endpoint = subscription.endpoint.id
        else:
            row = row.replace()
        row.src_name, row.src_port = flow.remote
        row.local_name, row.local_port = flow.local
        row.transport_key = flow.name
        row.prune_on_boot = flow.reliable
        if dialog.local_seq is None:
            dialog.local_seq = int.from_bytes(self._core.random(2), "big") >> 1
        row.cseq = dialog.local_seq + AHEAD
        row.expires = int(self._wall_clock()) + subscription.remaining
        row.contact_uri = str(dialog.remote_target)
        numbers = {"version": subscription.version + AHEAD, "cseq": dialog.remote_seq}
        if subscription.pending:
            numbers["pending"] = 1
        row.generator_data = json.dumps(numbers)
        self._core.data.put_now(row)
        subscription.stored = row
        subscription.mark = row.cseq

    def save_quietly(self, subscription: IncomingSubscription) -> None:
        """Store a subscription without waiting for the outcome; a failure is logged."""
        try:
            self.save(subscription)
        except DataError as error:
            self._tables.log.error("the subscription %s cannot be stored: %s", subscription.call_id, error)

    def remove(self, subscription: IncomingSubscription) -> None:
        """Forget a subscription's row."""
        row, subscription.stored = subscription.stored, None
        if row is not None:
            self._core.data.delete_now(row)

    def settled(self, committed: Callable[[], object], failed: Callable[[], object], row_id: str) -> None:
        """Call ``committed`` once what was saved is durable, ``failed`` if it cannot be."""
        data = self._core.data
        ids = None if data.embedded(SubscriptionPersistence) else {row_id}
        data.on_settled(SubscriptionPersistence, committed, failed, ids)

    # After a restart.

    def restore(self) -> list[SubscriptionPersistence]:
        """Take up again what was kept, a few at a time; what cannot go on is forgotten.

        Returns:
            Those whose endpoints a database has to be asked for: :meth:`restore_asking`.
        """
        asked = []
        for row in self._core.data.all(SubscriptionPersistence):
            if self._core.data.get(Endpoint, row.endpoint) is Missing.NOT_LOADED:
                asked.append(row)
            else:
                self._tables.fan_out.put(_Restoring(self, row), None)
        return asked

    async def restore_asking(self, rows: list[SubscriptionPersistence]) -> None:
        """Restore subscriptions whose endpoints are in a database; while it cannot be asked, they are left."""
        data = self._core.data
        for row in rows:
            try:
                endpoint = await data.retrieve(Endpoint, row.endpoint)
            except DataUnavailableError as error:
                self._tables.log.error(
                    "a subscription of endpoint '%s' does not go on before another start: %s", row.endpoint, error
                )
                continue
            self.take_up(row, endpoint)

    def take_up(self, row: SubscriptionPersistence, endpoint: Endpoint | None = None) -> None:
        """Take up one subscription, and tell its subscriber how things are."""
        try:
            subscription = self._restored(row, endpoint)
        except (OSError, AsterismError, SipError, ValueError) as error:
            self._tables.log.notice("a subscription of endpoint '%s' does not go on: %s", row.endpoint, error)
            subscription = None
        if subscription is None:
            self._core.data.delete_now(row)
        else:
            subscription.release()

    def _restored(self, row: SubscriptionPersistence, asked: Endpoint | None) -> IncomingSubscription | None:
        core, tables = self._core, self._tables
        left = row.expires - int(self._wall_clock())
        endpoint = asked or core.data.get(Endpoint, row.endpoint)
        if row.prune_on_boot or left <= 0 or not isinstance(endpoint, Endpoint) or not endpoint.allow_subscribe:
            return None
        request = parse_message(row.packet.encode("utf-8", "surrogateescape"))
        if not isinstance(request, Request):
            raise ParseError("no SUBSCRIBE")
        event = request.typed(EventHeader)
        notifier = None if event is None else tables.notifiers.get(event.package)
        flow = _flow_of(core, row)
        if notifier is None or flow is None or core.dialogs.get(request.call_id, row.tag, request.from_.tag or ""):
            return None
        numbers = _numbers_of(row)
        request.flow = flow
        rx = Rx(core, request, flow, core.layer.timers.clock())
        rx.endpoint = endpoint
        dialog = Dialog.uas(request, row.tag, contact_of(core, endpoint, flow))
        take_target(dialog, rx)
        dialog.confirm()
        dialog.remote_target = Uri.parse(row.contact_uri)
        dialog.remote_seq = numbers["cseq"]
        dialog.local_seq = row.cseq
        user = request.uri.user
        resource = user_part(user) if core.state.ignore_uri_user_options else user
        accepted = accepted_types(request)
        root = tables.lists.root(request, notifier.event, resource)
        subscription: IncomingSubscription
        if root is None:
            generator = tables.generator_for(notifier, accepted)
            subscription = IncomingSubscription(tables, notifier, generator, resource, rx, dialog)
        else:
            generator = tables.generator_for(notifier, [kind for kind in accepted if kind not in TYPES_OF_LISTS])
            tree = tables.lists.tree(root)
            subscription = ListSubscription(tables, notifier, generator, resource, rx, dialog, tree)
        subscription.version = numbers["version"]
        subscription.stored = row
        machine = subscription.machine
        machine.see(Event.SUBSCRIBE)
        machine.see(Event.DEFER if numbers.get("pending") else Event.ACCEPT)
        subscription.begin(left)
        core.dialogs.add(dialog, subscription, subscription.work, endpoint)
        tables.add(subscription)
        if not subscription.start():
            subscription.drop()
            return None
        self.save(subscription)
        return subscription


def _numbers_of(row: SubscriptionPersistence) -> dict[str, int]:
    """The numbers in ``generator_data``: ``cseq``, ``version``, ``pending``.

    Raises:
        ValueError: it says something else.
    """
    found = json.loads(row.generator_data)
    if not isinstance(found, dict):
        raise ValueError("generator_data is no object")
    cseq, version = found.get("cseq"), found.get("version")
    if not isinstance(cseq, int) or not isinstance(version, int):
        raise ValueError("generator_data has no cseq or version")
    return {"cseq": cseq, "version": version, "pending": bool(found.get("pending"))}


class _Restoring:
    """One row on its way to be taken up."""

    __slots__ = ("row", "store")

    def __init__(self, store: SubscriptionStore, row: SubscriptionPersistence) -> None:
        self.store = store
        self.row = row

    def notify(self, _state: Any) -> None:
        """Restore the row, as its turn has come."""
        self.store.take_up(self.row)


def _packet(request: Request) -> str:
    lines = [request.start_line(), *(f"{name}: {value}" for name, value in request.headers if name in _KEPT)]
    return "\r\n".join((*lines, "Content-Length: 0", "", ""))


def _flow_of(core: SipCore, row: SubscriptionPersistence) -> Flow | None:
    """The flow to where the SUBSCRIBE came from, over the transport that it came over, if there is one now."""
    way = way_to(core.transports, Uri("sip", "", row.src_name, row.src_port), row.transport_key)
    return way.flow if isinstance(way, Way) else None
