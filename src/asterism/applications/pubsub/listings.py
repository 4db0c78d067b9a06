"""Listings of subscriptions and resource lists, for the console and the manager."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from asterism.applications.pubsub.lists import ResourceList
from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.containment import attempt
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.like import like_pattern
from asterism.sip.cli.actions import object_fields

if TYPE_CHECKING:
    from asterism.applications.pubsub.incoming import IncomingSubscription
    from asterism.applications.pubsub.outbound.subscription import OutgoingSubscription
    from asterism.applications.pubsub.registry import PubSub

_RULER = "=" * 75 + "\n"
_HEAD = (
    "Endpoint: <Endpoint/Caller-ID.............................................>\n"
    "Resource: <Resource/Event.................................................>\n"
    "  Expiry: <Expiry>  <Call-id..............................................>\n" + _RULER + "\n"
)
_LIST_HEAD = f"{'Endpoint/CLI':30} {'Resource/Event':30} {'Expiry':6} Call-id\n"
_LIKE = Argument("like", "Only those whose endpoint, caller ID, resource, event or Call-ID match this expression.")
_CALL_ID = Argument("call-id", "The Call-ID of its dialog.", required=True)


class Row(NamedTuple):
    """One row of a subscription listing, for incoming and outgoing subscriptions."""

    resource: str
    event: str
    expiry: int
    endpoint: str
    name: str
    caller: str
    call_id: str
    fields: list[tuple[str, str]]

    @property
    def words(self) -> tuple[str, ...]:
        """The texts that ``like`` is matched against."""
        return f"{self.endpoint}/{self.caller}", f"{self.resource}/{self.event}", self.call_id


def _incoming(log: Any, found: IncomingSubscription) -> Row:
    endpoint, notifier = found.endpoint, found.notifier
    caller = str(endpoint.callerid)
    nothing: list[tuple[str, str]] = []
    fields = [
        ("Role", "Notifier"), ("Endpoint", endpoint.id), ("Callid", found.call_id), ("State", found.phase.name),
        ("Callerid", caller), *attempt(log, f"fields of notifier '{notifier.event}'", nothing, found.fields),
    ]  # fmt: skip
    name = endpoint.callerid.name or caller
    return Row(found.resource, notifier.event, found.remaining, endpoint.id, name, caller, found.call_id, fields)


def _outgoing(log: Any, found: OutgoingSubscription) -> Row:
    subscriber = found.subscriber
    endpoint = "" if found.endpoint is None else found.endpoint.id
    caller = "<unknown>" if found.endpoint is None else str(found.endpoint.callerid)
    nothing: list[tuple[str, str]] = []
    more = attempt(log, f"fields of subscriber '{subscriber.event}'", nothing, subscriber.fields, found)
    fields = [
        ("Role", "Subscriber"), ("Endpoint", endpoint), ("Callid", found.call_id), ("State", found.phase.name),
        ("Callerid", caller), *more,
    ]  # fmt: skip
    return Row(found.target, subscriber.event, found.remaining, endpoint, caller, caller, found.call_id, fields)


def _show(rows: Sequence[Row]) -> str:
    return _HEAD + "".join(
        f"Endpoint: {row.endpoint}/{row.caller}\nResource: {row.resource}/{row.event}\n"
        f"  Expiry: {row.expiry:8}  {row.call_id}\n\n"
        for row in rows
    )  # fmt: skip


def _list(rows: Sequence[Row]) -> str:
    lines = (
        f"{f'{row.endpoint}/{row.name}':30.30} {f'{row.resource}/{row.event}':30.30} {row.expiry:6} {row.call_id}\n"
        for row in rows
    )
    return f"{_LIST_HEAD}{''.join(lines)}\n"


def _details(row: Row) -> str:
    lines = [("Resource", row.resource), ("Event", row.event), ("Expiry", str(row.expiry)), *row.fields]
    text = "".join(f"{name:20}: {value}\n" for name, value in lines)
    return f"{'ParameterName':20}: ParameterValue\n{_RULER}{text}"


class Listings:
    """``pjsip show|list subscriptions``, ``pjsip show subscription``, ``PJSIPShowSubscriptions...``."""

    def __init__(self, pubsub: PubSub, *, show_secrets: bool = False) -> None:
        self._pubsub = pubsub
        self._show_secrets = show_secrets

    def inbound(self) -> list[Row]:
        """Subscriptions made at this server."""
        return [_incoming(self._pubsub.log, found) for found in self._pubsub]

    def outbound(self) -> list[Row]:
        """Subscriptions made by this server."""
        return [_outgoing(self._pubsub.log, found) for found in self._pubsub.outgoing]

    # Console.

    def _listing(self, call: CommandCall, rows: list[Row], written: Callable[[Sequence[Row]], str]) -> str:
        wanted = like_pattern(call.args)
        found = [row for row in rows if any(wanted(word) for word in row.words)]
        matched = f' matched "{call.args[1]}"' if call.args else ""
        return f"{written(found)}{len(found)} active subscription{'' if len(found) == 1 else 's'}{matched}\n"

    def _one(self, call: CommandCall, rows: list[Row]) -> str:
        if len(call.args) != 1:
            raise UsageError
        return "".join(_details(row) for row in rows if row.call_id == call.args[0]) + "\n"

    def complete_inbound(self, words: list[str]) -> Iterable[str]:
        """Call-IDs of those that others have made."""
        return [found.call_id for found in self._pubsub] if len(words) < 2 else []

    def complete_outbound(self, words: list[str]) -> Iterable[str]:
        """Call-IDs of ours."""
        return [found.call_id for found in self._pubsub.outgoing] if len(words) < 2 else []

    @command(
        "pjsip show subscriptions inbound",
        Documentation("Show the subscriptions of others here.", "pjsip show subscriptions inbound [like <pattern>]",
                      arguments=(_LIKE,)),
    )  # fmt: skip
    def show_inbound(self, call: CommandCall) -> str:
        """Three lines for each."""
        return self._listing(call, self.inbound(), _show)

    @command(
        "pjsip show subscriptions outbound",
        Documentation("Show our subscriptions at others.", "pjsip show subscriptions outbound [like <pattern>]",
                      arguments=(_LIKE,)),
    )  # fmt: skip
    def show_outbound(self, call: CommandCall) -> str:
        """Three lines for each."""
        return self._listing(call, self.outbound(), _show)

    @command(
        "pjsip list subscriptions inbound",
        Documentation("List the subscriptions of others here.", "pjsip list subscriptions inbound [like <pattern>]",
                      arguments=(_LIKE,)),
    )  # fmt: skip
    def list_inbound(self, call: CommandCall) -> str:
        """A line for each."""
        return self._listing(call, self.inbound(), _list)

    @command(
        "pjsip list subscriptions outbound",
        Documentation("List our subscriptions at others.", "pjsip list subscriptions outbound [like <pattern>]",
                      arguments=(_LIKE,)),
    )  # fmt: skip
    def list_outbound(self, call: CommandCall) -> str:
        """A line for each."""
        return self._listing(call, self.outbound(), _list)

    @command(
        "pjsip show subscription inbound",
        Documentation("Show one subscription of others with its details.", "pjsip show subscription inbound <call-id>",
                      arguments=(_CALL_ID,)),
        "complete_inbound",
    )  # fmt: skip
    def show_one_inbound(self, call: CommandCall) -> str:
        """All of one."""
        return self._one(call, self.inbound())

    @command(
        "pjsip show subscription outbound",
        Documentation("Show one subscription of ours with its details.", "pjsip show subscription outbound <call-id>",
                      arguments=(_CALL_ID,)),
        "complete_outbound",
    )  # fmt: skip
    def show_one_outbound(self, call: CommandCall) -> str:
        """All of one."""
        return self._one(call, self.outbound())

    # Manager.

    @action(
        "PJSIPShowSubscriptionsInbound",
        "system",
        Documentation(
            "List the subscriptions of others here.",
            "Action: PJSIPShowSubscriptionsInbound",
            description="Each comes as an event InboundSubscriptionDetail, then InboundSubscriptionDetailComplete.",
        ),
    )
    def act_inbound(self, call: ActionCall) -> None:
        """One event for each."""
        call.begin_list("Following are Events for each inbound Subscription")
        for row in self.inbound():
            call.item("InboundSubscriptionDetail", row.fields)
        call.end_list("InboundSubscriptionDetailComplete")

    @action(
        "PJSIPShowSubscriptionsOutbound",
        "system",
        Documentation(
            "List our subscriptions at others.",
            "Action: PJSIPShowSubscriptionsOutbound",
            description="Each comes as an event OutboundSubscriptionDetail, then OutboundSubscriptionDetailComplete.",
        ),
    )
    def act_outbound(self, call: ActionCall) -> None:
        """One event for each."""
        call.begin_list("Following are Events for each outbound Subscription")
        for row in self.outbound():
            call.item("OutboundSubscriptionDetail", row.fields)
        call.end_list("OutboundSubscriptionDetailComplete")

    @action(
        "PJSIPShowResourceLists",
        "system",
        Documentation(
            "List the lists of resources that can be subscribed to.",
            "Action: PJSIPShowResourceLists",
            description="Each comes as an event ResourceListDetail, then ResourceListDetailComplete.",
        ),
    )
    def act_lists(self, call: ActionCall) -> None:
        """One event for each."""
        call.begin_list("A listing of resource lists follows, presented as ResourceListDetail events")
        for found in sorted(self._pubsub.core.data.all(ResourceList), key=lambda item: item.id):
            call.item("ResourceListDetail", object_fields("resource_list", found, self._show_secrets))
        call.end_list("ResourceListDetailComplete")
