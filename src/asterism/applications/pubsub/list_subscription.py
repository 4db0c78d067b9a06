"""A subscription to a list (RFC 4662): one dialog, many resources, each told as if it were subscribed to alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from asterism.applications.pubsub.api import display_name_of
from asterism.applications.pubsub.base import Subscription
from asterism.applications.pubsub.bodies.rlmi import RLMI, Instance, Part, Words, list_document, multipart
from asterism.applications.pubsub.incoming import IncomingSubscription, accepted_types
from asterism.applications.pubsub.lists import AT_ONCE, OPTION_TAG, TYPES_OF_LISTS, Branch, weight
from asterism.applications.pubsub.subscription import Action, Event, State
from asterism.core.containment import FAILED, attempt
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.applications.pubsub.api import BodyGenerator, Notifier
    from asterism.applications.pubsub.lists import ResourceList
    from asterism.applications.pubsub.registry import PubSub
    from asterism.sip.rx import Rx
    from asterism.stack.dialog import Dialog
    from asterism.stack.message import Request, Response
    from asterism.stack.timers import Timer


class ListItem(Subscription):
    """One resource of a list. It has no dialog: what its notifier tells goes out with the list."""

    __slots__ = ("_phase", "changed", "name", "node", "owner", "reason")

    def __init__(
        self, owner: ListSubscription, node: ListNode, branch: Branch, generator: BodyGenerator | None
    ) -> None:
        self.owner = owner
        self.node = node
        self._phase = State.PENDING if branch.pending else State.ACTIVE
        names = (owner.uri_of(branch.name), owner.watcher, owner.user_agent)
        super().__init__(owner.pubsub, owner.notifier, generator, owner.endpoint, branch.name, names)
        self.version = owner.version
        self.changed = True
        self.reason = ""
        self.name = display_name_of(self) if node.list.resource_display_name else branch.name

    @property
    def event(self) -> str:
        """The Event header of the list."""
        return self.owner.event

    @property
    def call_id(self) -> str:
        """The Call-ID of the list."""
        return self.owner.call_id

    @property
    def phase(self) -> State:
        """State of the subscription to this item."""
        return self._phase

    @property
    def remaining(self) -> int:
        """Seconds that are left of the list."""
        return self.owner.remaining

    def notify(self, state: Any) -> None:
        """Tell the new state with the list's next NOTIFY."""
        if self._phase is State.TERMINATED:
            return
        self.state = state
        if self._phase is State.ACTIVE:
            self._has_changed()

    def accept(self) -> None:
        """Accept a deferred subscription."""
        if self._phase is State.PENDING:
            self._phase = State.ACTIVE
            self._has_changed()

    def end(self, reason: str = "noresource", retry_after: int = 0) -> None:
        """The list goes on without it, once that was told."""
        if self._phase is not State.TERMINATED:
            self.reason = reason
            self.forget()
            self._has_changed()

    def use(self, generator: BodyGenerator | None) -> None:
        """Write its bodies with another generator."""
        if generator is not self.generator:
            self.generator = generator
            self._told = self
            self._choose_supplements()

    def tell(self, method: str) -> bool:
        """Call its notifier; whether that went well."""
        notifier = self.notifier
        name = f"{method} of notifier '{notifier.event}'"
        return attempt(self.pubsub.log, name, FAILED, getattr(notifier, method), self) is not FAILED

    def forget(self) -> None:
        """End it: its notifier forgets it."""
        if self._phase is not State.TERMINATED:
            self._phase = State.TERMINATED
            self.tell("on_terminated")

    def _has_changed(self) -> None:
        self.changed = True
        self.owner.item_changed(self.node)

    def part(self, words: Words, host: str) -> Part | None:
        """The body part with the state of this item; ``None`` if it has no body."""
        body, content_type = self._body()
        if not body:
            return None
        data = body if isinstance(body, bytes) else body.encode("utf-8", "surrogateescape")
        return Part(f"{words.new()}@{host}", content_type, data)


class ListNode:
    """One list of a tree, with its items and the lists in it."""

    __slots__ = ("changed", "children", "list", "parent", "uri", "version")

    def __init__(self, list_: ResourceList, uri: str, version: int, parent: ListNode | None) -> None:
        self.list = list_
        self.uri = uri
        self.version = version
        self.parent = parent
        self.changed = True
        self.children: list[ListItem | ListNode] = []


class ListSubscription(IncomingSubscription):
    """A subscription to a list; of its bodies the list is the first part."""

    __slots__ = ("_base", "_batch", "_built", "_full", "_host", "_stale", "branch", "root", "tag")

    required = OPTION_TAG

    def __init__(
        self,
        pubsub: PubSub,
        notifier: Notifier,
        generator: BodyGenerator | None,
        resource: str,
        rx: Rx,
        dialog: Dialog,
        branch: Branch,
    ) -> None:
        super().__init__(pubsub, notifier, generator, resource, rx, dialog)
        self.branch = branch
        self.weight = max(weight(branch), 1)
        self.root: ListNode | None = None
        self._batch: Timer | None = None
        self._full = True
        self._stale = False
        self._built = False
        contact = dialog.contact.strip("<>")
        self._host = Uri.parse(contact.partition(">")[0]).host
        self._base = Uri.parse(self.entity)

    def uri_of(self, name: str) -> str:
        """The URI of a name in the list: that of the list with another user."""
        return str(self._base.replace(user=name))

    def fields(self) -> list[tuple[str, str]]:
        """Nothing, as in Asterisk 22."""
        return []

    def start(self) -> bool:
        """Make the tree, and have the notifier hear of each of its resources."""
        for _ in self._growing():
            pass
        return self.root is not None and bool(self.root.children)

    def start_in_turns(self, done: Callable[[bool], None]) -> None:
        """The same, ``AT_ONCE`` resources in a turn."""
        self._grow_on(self._growing(), done)

    def _grow_on(self, growing: Iterator[None], done: Callable[[bool], None]) -> None:
        for _ in islice(growing, AT_ONCE):
            if self.root is None:
                # It was dropped meanwhile.
                done(False)
                return
        if self._built:
            done(self.root is not None and bool(self.root.children))
        else:
            asyncio.get_running_loop().call_soon(self._grow_on, growing, done)

    def _growing(self) -> Iterator[None]:
        """Subscribe to one resource after the other, in the order of the tree."""
        assert self.branch.list is not None
        self.root = ListNode(self.branch.list, self.uri_of(self.branch.name), self.version, None)
        waiting = [(self.root, iter(self.branch.items))]
        left = self.weight
        while waiting:
            node, branches = waiting[-1]
            one = next(branches, None)
            if one is None:
                waiting.pop()
            elif one.list is not None:
                inner = ListNode(one.list, self.uri_of(one.name), self.version, node)
                node.children.append(inner)
                waiting.append((inner, iter(one.items)))
            else:
                item = ListItem(self, node, one, self.generator)
                if not item.tell("on_subscribe"):
                    item.forget()
                if not item.over:
                    node.children.append(item)
                left -= 1
                if left:
                    yield
        self._built = True

    def items(self) -> list[ListItem]:
        """The resources of all lists of the tree."""
        found: list[ListItem] = []
        nodes = [self.root] if self.root is not None else []
        while nodes:
            for child in nodes.pop().children:
                if isinstance(child, ListItem):
                    found.append(child)
                else:
                    nodes.append(child)
        return found

    def item_changed(self, node: ListNode) -> None:
        """A resource has something to tell."""
        at: ListNode | None = node
        while at is not None and not at.changed:
            at.changed = True
            at = at.parent
        if not self._built or self.held or self.machine.over:
            return
        interval = self.branch.list.notification_batch_interval if self.branch.list is not None else 0
        if not interval:
            self._poke()
        elif self._batch is None:
            self._batch = self.core.layer.timers.call_later(interval / 1000, self._batch_due)

    def _batch_due(self) -> None:
        self._batch = None
        self._poke()

    def _poke(self) -> None:
        if self.machine.see(Event.CHANGE) is Action.NOTIFY:
            self._dirty = True
            if not self._in_flight:
                self.work.push(self._go_on)

    def release(self) -> None:
        """Send the whole list; where it is not the configured list any more, have it subscribed to anew."""
        self._full = True
        super().release()
        if self._stale:
            self._stale = False
            self.end("deactivated")

    def _take_accept(self, request: Request) -> None:
        accepted = [kind for kind in accepted_types(request) if kind not in TYPES_OF_LISTS]
        if accepted:
            found = self.pubsub.generator_for(self.notifier, accepted)
            if found is not None:
                self.generator = found
                for item in self.items():
                    item.use(found)

    def _tell(self, method: str) -> None:
        if method == "on_terminated":
            for item in self.items():
                item.forget()
            self.root = None
            return
        if method == "on_renewed":
            self._stale = not self._as_configured()
        for item in self.items():
            item.tell(method)

    def _as_configured(self) -> bool:
        waiting = [self.branch]
        while waiting:
            branch = waiting.pop()
            if branch.list is not None:
                now = self.pubsub.lists.find(self.notifier.event, branch.name)
                if now is not branch.list and (now is None or now.list_item != branch.list.list_item):
                    return False
                waiting += branch.items
        return True

    def _answered(self, response: Response) -> None:
        if response.status >= 300:
            self._full = True
        super()._answered(response)

    def _send(self) -> None:
        if self._batch is not None:
            self._batch.cancel()
            self._batch = None
        super()._send()

    def _forget(self) -> None:
        if self._batch is not None:
            self._batch.cancel()
            self._batch = None
        super()._forget()

    def _body(self) -> tuple[str | bytes, str]:
        if self.root is None:
            return "", ""
        full = self._full or self.machine.over
        self._full = False
        self._dirty = False
        words = Words(self.core.random)
        found = self._written_list(self.root, full, words)
        self.version = self.root.version
        return found

    def _written_list(self, node: ListNode, full: bool, words: Words) -> tuple[bytes, str]:
        whole = full or node.list.full_state
        node.version += 1
        node.changed = False
        instances: list[Instance] = []
        parts: list[Part] = []
        last = self.machine.over
        gone: list[ListItem] = []
        strict = self.endpoint.strict_bodies
        for child in node.children:
            part: Part | None
            if isinstance(child, ListItem):
                if not whole and not child.changed:
                    continue
                child.changed = False
                child_name, name, uri, reason = child.resource, child.name, child.entity, child.reason
                part = None
                if child.over:
                    gone.append(child)
                    state = "terminated"
                else:
                    state = "pending" if child.pending else "terminated" if last else "active"
                    part = child.part(words, self._host)
            else:
                inner = child.list
                if not whole and not child.changed and not inner.full_state:
                    continue
                child_name, name, uri, reason = inner.id, inner.id, child.uri, ""
                state = "terminated" if last else "active"
                body, content_type = self._written_list(child, full or not child.changed, words)
                part = Part(f"{words.new()}@{self._host}", content_type, body)
            if part is not None:
                parts.append(part)
            # An instance keeps its id (RFC 4662 5.5); Asterisk makes up a new one each time.
            instance = child_name if strict else words.new()
            instances.append(Instance(uri, name, instance, state, reason, "" if part is None else part.cid))
        for item in gone:
            node.children.remove(item)
        document = list_document(node.uri, node.list.id, node.version, whole, instances, strict)
        return multipart([Part(f"{words.new()}@{self._host}", RLMI, document), *parts], words, strict)
