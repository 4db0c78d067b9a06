"""Lists of resources that are subscribed to as one (RFC 4662): the lists as configured, and what becomes of one.

``resource_list`` objects name resources and other lists. :func:`expand` makes a tree of them, in which every name
comes once, so that a loop or a duplicate ends where it is met; :class:`Planner` asks the event package which of the
resources may be subscribed to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, NamedTuple

from asterism.core.containment import attempt
from asterism.core.errors import AsterismError
from asterism.data.kinds import BOOL, MILLISECONDS, TEXT, Names
from asterism.data.options import ConfiguredObject, option
from asterism.sip.objects.global_ import GlobalSettings

if TYPE_CHECKING:
    from asterism.applications.pubsub.api import Notifier
    from asterism.applications.pubsub.registry import PubSub
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.stack.message import Request

OPTION_TAG = "eventlist"
"""Option tag in Supported of subscribers that can read lists (RFC 4662 4.1)."""
AT_ONCE = 100
"""Resources that are subscribed to in one turn of the loop; a longer list takes several."""
TYPES_OF_LISTS = frozenset(("application/rlmi+xml", "multipart/related"))


class ResourceList(ConfiguredObject, type="resource_list"):
    """Several resources that are subscribed to by one SUBSCRIBE to the list's name."""

    SOURCES = ("config,pjsip.conf,criteria=type=resource_list",)
    REALTIME = "ps_resource_list"

    event = option(TEXT, "", "Event package: presence, dialog, message-summary.")
    resource_display_name = option(BOOL, False, "Call a resource by its display name: that of its hint.")
    notification_batch_interval = option(MILLISECONDS, 0, "Gather changes so long, then tell them by one NOTIFY.")
    list_item = option(
        Names("names, comma separated, may be repeated", accumulates=True), (), "A resource, or another list."
    )
    full_state = option(BOOL, False, "Tell all resources in each NOTIFY, not only those that changed.")


class Branch(NamedTuple):
    """A list within a tree, or a resource if ``list`` is ``None``."""

    name: str
    list: ResourceList | None
    items: tuple[Branch, ...] = ()
    pending: bool = False
    """Whether its notifier decides later."""


class ListError(AsterismError):
    """A list cannot be subscribed to."""


def expand(find: Callable[[str], ResourceList | None], root: ResourceList, most: int, deepest: int) -> Branch:
    """The tree of ``root``: lists within lists, each name once, where it is met first.

    Args:
        find: the list of a name, of the same event package.
        root: the list to begin with.
        most: how many names there may be in all.
        deepest: how many lists there may be one within the other, the root counting as one.

    Raises:
        ListError: the list is too long or too deep.
    """
    met = {root.id}

    def branch(one: ResourceList, depth: int) -> Branch:
        if depth > deepest:
            raise ListError(f"list '{one.id}' is more than {deepest} lists deep (max_list_depth)")
        items: list[Branch] = []
        for name in one.list_item:
            if name in met:
                continue
            met.add(name)
            if len(met) - 1 > most:
                raise ListError(f"list '{root.id}' names more than {most} resources (max_list_items)")
            inner = find(name)
            items.append(Branch(name, None) if inner is None else branch(inner, depth + 1))
        return Branch(one.id, one, tuple(items))

    return branch(root, 1)


def supports_lists(request: Request) -> bool:
    """Whether a SUBSCRIBE comes from who can read lists: it says so, or it even requires them."""
    return any(tag.lower() == OPTION_TAG for name in ("Supported", "Require") for tag in request.get_list(name))


class Planner:
    """Finds what a SUBSCRIBE to a list comes to."""

    def __init__(self, pubsub: PubSub) -> None:
        self._pubsub = pubsub
        self._core = pubsub.core

    def find(self, event: str, name: str) -> ResourceList | None:
        """The list of a name for an event package."""
        found = self._core.data.get(ResourceList, name)
        return found if isinstance(found, ResourceList) and found.event == event else None

    def root(self, request: Request, event: str, name: str) -> ResourceList | None:
        """The list that a SUBSCRIBE is for; ``None`` where it is for a resource."""
        return self.find(event, name) if supports_lists(request) else None

    def tree(self, root: ResourceList) -> Branch:
        """The tree of everything that the list names. Raises ``ListError``."""
        limits = self._core.data.single(GlobalSettings)

        def find(name: str) -> ResourceList | None:
            return self.find(root.event, name)

        return expand(find, root, limits.max_list_items, limits.max_list_depth)

    def allowed(self, tree: Branch, notifier: Notifier, endpoint: Endpoint, rx: Rx) -> Branch | Awaitable[Branch]:
        """The tree with what the notifier lets ``endpoint`` subscribe to; lists without any are left out."""
        resources = _resources(tree)
        if len(resources) > AT_ONCE:
            return self._asked_in_turns(tree, resources, notifier, endpoint, rx)
        statuses = {resource: self._asked(resource, notifier, endpoint, rx) for resource in resources}
        if any(map(isawaitable, statuses.values())):
            return self._decided(tree, statuses)
        return _pruned(tree, statuses)

    def _asked(self, resource: str, notifier: Notifier, endpoint: Endpoint, rx: Rx) -> Any:
        deciding: Callable[..., Any] = notifier.new_subscribe
        name = f"new_subscribe of notifier '{notifier.event}'"
        return attempt(self._pubsub.log, name, 500, deciding, endpoint, resource, rx)

    async def _asked_in_turns(
        self, tree: Branch, resources: list[str], notifier: Notifier, endpoint: Endpoint, rx: Rx
    ) -> Branch:
        statuses: dict[str, Any] = {}
        for number, resource in enumerate(resources, 1):
            statuses[resource] = self._asked(resource, notifier, endpoint, rx)
            if not number % AT_ONCE:
                await asyncio.sleep(0)
        return await self._decided(tree, statuses)

    async def _decided(self, tree: Branch, statuses: dict[str, Any]) -> Branch:
        for name, status in statuses.items():
            if isawaitable(status):
                try:
                    statuses[name] = await status
                except Exception:  # one resource that cannot be asked for does not spoil the others
                    self._pubsub.log.exception("'%s' of list '%s' cannot be subscribed to", name, tree.name)
                    statuses[name] = 500
        return _pruned(tree, statuses)


def _resources(tree: Branch) -> list[str]:
    found: list[str] = []
    for item in tree.items:
        if item.list is None:
            found.append(item.name)
        else:
            found += _resources(item)
    return found


def weight(tree: Branch) -> int:
    """Number of resources in a tree."""
    return len(_resources(tree))


def _pruned(tree: Branch, statuses: dict[str, int]) -> Branch:
    items: list[Branch] = []
    for item in tree.items:
        if item.list is None:
            status = statuses[item.name]
            if status < 300:
                items.append(item._replace(pending=True) if status == 202 else item)
        else:
            inner = _pruned(item, statuses)
            if inner.items:
                items.append(inner)
    return tree._replace(items=tuple(items))
