"""Extensions as they are watched: what the packages ``presence`` and ``dialog`` tell (``res_pjsip_exten_state``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.applications.pubsub.api import Notifier
from asterism.pbx.dialplan.language.table import split_hint
from asterism.pbx.states.hints import ExtensionState, split_devices
from asterism.pbx.states.presence import Presence
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.events import NEWSTATE
from asterism.pbx.vocabulary.presence_events import PRESENCE_STATUS

if TYPE_CHECKING:
    from collections.abc import Hashable

    from asterism.applications.pubsub.base import Subscription
    from asterism.applications.pubsub.registry import PubSub
    from asterism.core.events import EventType
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.states.hints import Watched
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx

NO_PRESENCE = Presence()
_RINGING = frozenset((ExtensionState.RINGING, ExtensionState.INUSE_RINGING))


@dataclass(slots=True, eq=False)
class ExtensionInfo:
    """The state of an extension, made once for each change.

    Attributes:
        exten: the extension.
        state: its state.
        presence: what a ``CustomPresence`` in its hint says.
        devices: those in its hint.
        pbx: where the devices' channels are looked for when a body is written.
        written: generator output that is the same for all subscribers, by a key that the generator chooses.
    """

    exten: str
    state: ExtensionState
    presence: Presence
    devices: tuple[str, ...]
    pbx: Pbx
    written: dict[Hashable, Any] = field(default_factory=dict)


class ExtensionNotifier(Notifier):
    """Follows the hint of an extension, in the subscriber's ``subscribe_context``."""

    of_extensions: ClassVar[bool] = True

    def __init__(self, pubsub: PubSub, pbx: Pbx) -> None:
        self._pubsub = pubsub
        self._pbx = pbx
        self._infos: dict[Watched, ExtensionInfo] = {}
        """The latest of each extension that is watched: made once for all its subscribers."""
        self._of_device: dict[str, dict[Subscription, Watched]] = {}
        """Subscriptions that are told again when a phone begins to ring, by device."""
        self._hears_ringing = False

    def new_subscribe(self, endpoint: Endpoint, resource: str, rx: Rx) -> int:
        """Only extensions with a hint."""
        context = _context(endpoint)
        if self._pbx.hints.state(context, resource)[1]:
            return 200
        self._pbx.log.notice(
            "Endpoint '%s' state subscription failed: Extension '%s' does not exist in context '%s' or has no "
            "associated hint", endpoint.id, resource, context,
        )  # fmt: skip
        return 404

    def on_subscribe(self, subscription: Subscription) -> None:
        """Follow the extension."""

        def changed(watched: Watched) -> None:
            self._changed(watched, subscription)

        watched = self._pbx.hints.watch(_context(subscription.endpoint), subscription.resource, changed)
        if watched is None:
            subscription.end("noresource")
            return
        subscription.data = (watched, changed)
        if subscription.endpoint.habits.old_bodies:
            if not self._hears_ringing:
                # Only now: it costs every call something.
                self._hears_ringing = True
                self._pubsub.core.bus.subscribe(self._pubsub.owner, NEWSTATE, self._rings)
            for device in split_devices(watched.hint)[0]:
                self._of_device.setdefault(device, {})[subscription] = watched
        subscription.notify(self._info(watched))

    def on_terminated(self, subscription: Subscription) -> None:
        """Follow it no more."""
        if subscription.data is None:
            return
        watched, changed = subscription.data
        subscription.data = None
        for device in split_devices(watched.hint)[0] if subscription.endpoint.habits.old_bodies else ():
            found = self._of_device.get(device, {})
            found.pop(subscription, None)
            if not found:
                self._of_device.pop(device, None)
        self._pubsub.fan_out.discard(subscription)
        self._pbx.hints.unwatch(watched, changed)
        if not watched.watchers:
            self._infos.pop(watched, None)

    def display_name(self, subscription: Subscription) -> str:
        """The name of the hint: ``exten => 102,hint,PJSIP/102,,Carol``."""
        return split_hint(self._pbx.hints.state(_context(subscription.endpoint), subscription.resource)[1])[1]

    def fields(self, subscription: Subscription) -> list[tuple[str, str]]:
        """The extension, with its state in words (always Unknown, as in Asterisk 22)."""
        return [
            ("SubscriptionType", "extension_state"),
            ("Extension", subscription.resource),
            ("ExtensionStates", "Unknown"),
        ]

    def presence_changed(self, _type: EventType, told: tuple[Any, ...]) -> None:
        """The presence of an extension changed: tell those who watch it."""
        watched = self._pbx.hints.get(told[1], told[0])
        if watched is not None and watched in self._infos:
            del self._infos[watched]
            for watcher in tuple(watched.watchers):
                watcher(watched)

    def _rings(self, _type: EventType, told: tuple[Any, ...]) -> None:
        """A channel is in another state: where it begins to ring, it is known now who calls."""
        channel: Channel = told[0]
        if channel.state is not ChannelState.RINGING:
            return
        for subscription, watched in tuple(self._of_device.get(channel.device, {}).items()):
            if watched.state in _RINGING:
                self._infos.pop(watched, None)
                self._pubsub.fan_out.put(subscription, self._info(watched))

    def _changed(self, watched: Watched, subscription: Subscription) -> None:
        if watched.state is ExtensionState.REMOVED:
            self._pubsub.fan_out.discard(subscription)
            subscription.end("noresource")
        else:
            self._pubsub.fan_out.put(subscription, self._info(watched))

    def _info(self, watched: Watched) -> ExtensionInfo:
        found = self._infos.get(watched)
        if found is None or found.state is not watched.state:
            devices, provider = split_devices(watched.hint)
            kind, _, name = provider.partition(":")
            find = self._pbx.presence.get(kind)
            presence = (None if find is None else find(name)) or NO_PRESENCE
            found = ExtensionInfo(watched.exten, watched.state, presence, tuple(devices), self._pbx)
            self._infos[watched] = found
        return found


def _context(endpoint: Endpoint) -> str:
    return endpoint.subscribe_context or endpoint.context


def follow_presence(server: Any, notifier: ExtensionNotifier) -> None:
    """Have a notifier told of presence, which is no device's state."""
    server.subscribe(PRESENCE_STATUS, notifier.presence_changed)
