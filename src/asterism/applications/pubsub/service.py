"""The SIP service that takes SUBSCRIBE outside dialogs (RFC 6665 4.2.1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from asterism.applications.pubsub.incoming import (
    IncomingSubscription,
    accepted_types,
    contact_of,
    take_target,
    within_limits,
)
from asterism.applications.pubsub.list_subscription import ListSubscription
from asterism.applications.pubsub.lists import OPTION_TAG, TYPES_OF_LISTS, Branch, ListError, weight
from asterism.applications.pubsub.subscription import Action, Event
from asterism.core.containment import attempt
from asterism.sip.decision import Decision, Outcome
from asterism.sip.identifiers.lookup import user_part
from asterism.sip.objects.global_ import GlobalSettings
from asterism.sip.service import Service
from asterism.sip.tags import new_tag
from asterism.stack.dialog import Dialog
from asterism.stack.errors import ParseError
from asterism.stack.headers import Event as EventHeader

if TYPE_CHECKING:
    from asterism.applications.pubsub.api import BodyGenerator, Notifier
    from asterism.applications.pubsub.registry import PubSub
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx

RETRY_AFTER = ("Retry-After", "60")
"""Header of the answer when the limit of subscriptions is reached."""


class Wanted(NamedTuple):
    """A SUBSCRIBE as it was read, before anything is changed."""

    notifier: Notifier
    generator: BodyGenerator | None
    resource: str
    seconds: int
    tree: Branch | None = None
    """The list, if it is for one."""


class SubscriptionService(Service):
    """Begins subscriptions."""

    name: ClassVar[str] = "pubsub"
    priority: ClassVar[int] = 80
    methods: ClassVar[frozenset[str]] = frozenset({"SUBSCRIBE"})
    methods_in_dialogs: ClassVar[frozenset[str]] = frozenset({"SUBSCRIBE"})
    unnamed_extensions: ClassVar[frozenset[str]] = frozenset({OPTION_TAG})

    def __init__(self, core: SipCore, pubsub: PubSub) -> None:
        self._core = core
        self.pubsub = pubsub

    @property
    def events(self) -> frozenset[str]:
        """The packages that have a notifier now."""
        return frozenset(notifier.event for notifier in self.pubsub.notifiers.values())

    def evaluate(self, rx: Rx) -> Decision | Awaitable[Decision] | None:
        """Whether the subscription can begin."""
        endpoint = rx.endpoint
        if endpoint is None:
            return None
        where = f"endpoint {endpoint.id}"

        def refuse(status: int, reason: str) -> Decision:
            return Decision(Outcome.REJECT, reason, status, where, endpoint.position)

        request = rx.request
        habits = endpoint.habits
        if not endpoint.allow_subscribe:
            return refuse(habits.subscribe_refusal.status, "the endpoint may not subscribe (allow_subscribe)")
        try:
            event = request.typed(EventHeader)
            expires = request.expires
            if len(request.contacts) != 1:
                return refuse(400, "a SUBSCRIBE needs exactly one Contact")
        except ParseError as error:
            return refuse(error.status, error.message)
        if event is None:
            return refuse(489, "no Event header")
        notifier = self.pubsub.notifiers.get(event.package)
        if notifier is None:
            return refuse(489, f"no notifier of the event package '{event.package}'")
        seconds = within_limits(notifier.default_expires if expires is None else expires, endpoint)
        if seconds and seconds < endpoint.sub_min_expiry:
            return refuse(423, f"{seconds} s are fewer than sub_min_expiry")
        user = request.uri.user
        resource = user_part(user) if self._core.state.ignore_uri_user_options else user
        lists = self.pubsub.lists
        root = lists.root(request, notifier.event, resource)
        accepted = accepted_types(request)
        if root is not None:
            accepted = [kind for kind in accepted if kind not in TYPES_OF_LISTS]
        generator = self.pubsub.generator_for(notifier, accepted)
        if habits.accept_required and not accepted and notifier.of_extensions:
            return refuse(489, "it has no Accept")
        if generator is None and notifier.accept:
            return refuse(489, "none of the types that it accepts can be written")
        if root is not None:
            try:
                tree = lists.tree(root)
            except ListError as error:
                return refuse(500, str(error))
            limit = self._full(endpoint, weight(tree))
            if limit:
                return refuse(503, limit)
            wanted = Wanted(notifier, generator, resource, seconds)
            allowed = lists.allowed(tree, notifier, endpoint, rx)
            if isawaitable(allowed):
                return self._list_later(allowed, wanted, where, rx)
            return self._list_decision(allowed, wanted, where, rx)
        limit = self._full(endpoint)
        if limit:
            return refuse(503, limit)
        name = f"new_subscribe of notifier '{notifier.event}'"
        deciding: Callable[..., Any] = notifier.new_subscribe
        status = attempt(self.pubsub.log, name, 500, deciding, endpoint, resource, rx)
        wanted = Wanted(notifier, generator, resource, seconds)
        if isawaitable(status):
            return self._later(status, wanted, where, rx)
        return self._decision(status, wanted, where, rx)

    async def _list_later(self, waiting: Awaitable[Branch], wanted: Wanted, where: str, rx: Rx) -> Decision:
        return self._list_decision(await waiting, wanted, where, rx)

    def _list_decision(self, tree: Branch, wanted: Wanted, where: str, rx: Rx) -> Decision:
        return self._decision(200 if tree.items else 404, wanted._replace(tree=tree), where, rx)

    async def _later(self, waiting: Awaitable[int], wanted: Wanted, where: str, rx: Rx) -> Decision:
        return self._decision(await waiting, wanted, where, rx)

    def _decision(self, status: int, wanted: Wanted, where: str, rx: Rx) -> Decision:
        position = None if rx.endpoint is None else rx.endpoint.position
        what = f"{wanted.resource} ({wanted.notifier.event})"
        if status >= 300:
            return Decision(Outcome.REJECT, f"the notifier refuses {what}", status, where, position)
        return Decision(Outcome.TAKE, what, status, where, position, wanted)

    def _full(self, endpoint: Endpoint, more: int = 1) -> str:
        """The reason why ``more`` subscriptions exceed a limit; empty if they do not."""
        pubsub = self.pubsub
        if pubsub.weight + more > self._core.data.single(GlobalSettings).max_subscriptions:
            return "the server has as many subscriptions as [global] max_subscriptions allows"
        if pubsub.by_endpoint.get(endpoint.id, 0) + more > endpoint.max_subscriptions:
            return "the endpoint has as many subscriptions as its max_subscriptions allows"
        return ""

    def apply(self, decision: Decision, rx: Rx) -> None:
        """Refuse, or begin the subscription: answer, then notify."""
        if decision.outcome is not Outcome.TAKE:
            self._refuse(decision, rx)
            return
        wanted: Wanted = decision.data
        endpoint, pubsub, core = rx.endpoint, self.pubsub, self._core
        assert endpoint is not None
        rx.transaction_for()
        tag = new_tag()
        own = wanted.resource if endpoint.habits.own_number else ""
        dialog = Dialog.uas(rx.request, tag, contact_of(core, endpoint, rx.flow, own))
        take_target(dialog, rx)
        dialog.confirm()
        subscription: IncomingSubscription
        asked = (pubsub, wanted.notifier, wanted.generator, wanted.resource, rx, dialog)
        tree = wanted.tree
        subscription = IncomingSubscription(*asked) if tree is None else ListSubscription(*asked, tree)
        machine = subscription.machine
        machine.see(Event.SUBSCRIBE)
        if decision.status == 202:
            action = machine.see(Event.DEFER)
            if not wanted.seconds:
                action = machine.see(Event.UNSUBSCRIBE)
        else:
            action = machine.see(Event.ACCEPT if wanted.seconds else Event.FETCH)
        subscription.begin(wanted.seconds)
        core.dialogs.add(dialog, subscription, subscription.work, endpoint)
        pubsub.add(subscription)
        assert action in (Action.ANSWER_AND_NOTIFY, Action.ANSWER_AND_END)

        def started(good: bool) -> None:
            if good:
                pubsub.answered(subscription, rx, wanted.seconds, decision.status)
            else:
                if subscription in pubsub.subscriptions:
                    subscription.drop()
                rx.respond(500)

        subscription.start_in_turns(started)

    def _refuse(self, decision: Decision, rx: Rx) -> None:
        headers: tuple[tuple[str, str], ...] = ()
        endpoint, status = rx.endpoint, decision.status
        if status == 423 and endpoint is not None:
            headers = (("Min-Expires", str(endpoint.sub_min_expiry)),)
        elif status == 489:
            headers = (("Allow-Events", self._core.state.capabilities.events),)
        elif status == 503:
            headers = (RETRY_AFTER,)
        self.pubsub.log.notice(
            "a SUBSCRIBE from %s is refused with %d: %s", decision.object, status, decision.reason
        )  # fmt: skip
        phrase = ""
        if endpoint is not None and not endpoint.allow_subscribe:
            phrase = endpoint.habits.subscribe_refusal.phrase
        rx.respond(status, phrase, headers)
