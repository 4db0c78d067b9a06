"""Device states: what a phone is doing, from its channels and its technology.

A change is only noted (``changed``); once per pass of the loop the devices noted are evaluated,
and only those that somebody watches: an extension's hint, a subscriber of the bus, an observer.

Other servers may tell of devices as well (``remote``): the state of a device is then what its own and theirs amount to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from asterism.core.containment import attempt
from asterism.pbx.states.hints import aggregate
from asterism.pbx.states.remote import RemoteStates
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.device_state import DeviceState

if TYPE_CHECKING:
    from asterism.core.registry import Owner
    from asterism.pbx.vocabulary.host import Host


Observer = Callable[[str, DeviceState], None]
Provider = Callable[[str], DeviceState]
Names = Callable[[], Iterable[str]]
NOTHING_SAID = frozenset((DeviceState.INVALID, DeviceState.UNKNOWN))
"""States that mean that this server knows nothing of a device; only reports of other servers count then."""


class DeviceStates:
    """The states of all devices of a server, by device name ("PJSIP/alice", "Custom:lamp")."""

    def __init__(self, pbx: Host) -> None:
        self._pbx = pbx
        self._known: dict[str, DeviceState] = {}
        self._dirty: dict[str, bool] = {}
        self._scheduled: asyncio.Handle | None = None
        self._providers: dict[str, Provider] = {}
        self._observers: list[Observer] = []
        self._own_observers: list[Observer] = []
        self._own: dict[str, DeviceState] = {}
        """The local states last reported to observers, while there are observers of local states."""
        self._names: dict[str, Names] = {}
        self.remote: RemoteStates[DeviceState] = RemoteStates(self.changed)
        """Device states reported by other servers."""
        self._watched: dict[str, list[Observer]] = {}

    def register_provider(
        self, owner: Owner, prefix: str, provider: Provider, names: Names | None = None
    ) -> Callable[[], None]:
        """Have ``provider(rest)`` tell the states of devices named ``prefix:rest`` (Custom, ConfBridge, park).

        ``names`` gives what there is of them, each without the prefix.
        """
        self._providers[prefix] = provider
        if names is not None:
            self._names[prefix] = names

        def remove() -> None:
            if self._providers.get(prefix) is provider:
                del self._providers[prefix]
                self._names.pop(prefix, None)

        return owner.on_release(remove)

    def observe(self, owner: Owner, observer: Observer) -> Callable[[], None]:
        """Call ``observer(device, state)`` after every change."""
        self._observers.append(observer)
        return owner.on_release(lambda: self._observers.remove(observer))

    def observe_own(self, owner: Owner, observer: Observer) -> Callable[[], None]:
        """The same for the states that devices have by themselves, whatever other servers tell of them."""
        self._own_observers.append(observer)

        def remove() -> None:
            self._own_observers.remove(observer)
            if not self._own_observers:
                self._own.clear()

        return owner.on_release(remove)

    def named(self) -> list[str]:
        """The devices that are known by name: those of hints, of providers that have a list, and those told of."""
        found = dict.fromkeys(self._pbx.hints.followed_devices)
        for prefix, names in self._names.items():
            found.update(dict.fromkeys(f"{prefix}:{name}" for name in names()))
        found.update(dict.fromkeys(self._own))
        return list(found)

    def watch(self, device: str, observer: Observer) -> Callable[[], None]:
        """Call ``observer(device, state)`` after every change of one device, until what this gives is called."""
        self._watched.setdefault(device, []).append(observer)
        self._known.setdefault(device, self.get(device))  # changes are told from here on

        def unwatch() -> None:
            observers = self._watched.get(device, [])
            if observer in observers:
                observers.remove(observer)
            if not observers:
                self._watched.pop(device, None)

        return unwatch

    def get(self, device: str) -> DeviceState:
        """The state of a device now; INVALID for a technology that does not exist."""
        own = self.own(device)
        told = self.remote.of(device)
        if not told:
            return own
        return aggregate(told if own in NOTHING_SAID else (own, *told))

    def own(self, device: str) -> DeviceState:
        """The state that a device has by itself."""
        technology, slash, resource = device.partition("/")
        if slash:
            found = self._pbx.technologies.get(technology)
            if found is not None:
                return self._ask(device, found.device_state, resource)
            if ":" not in technology:
                return DeviceState.INVALID
        prefix, colon, rest = device.partition(":")
        provider = self._providers.get(prefix) if colon else None
        return DeviceState.INVALID if provider is None else self._ask(device, provider, rest)

    def _ask(self, device: str, provider: Provider, name: str) -> DeviceState:
        """The state that a provider reports; the last known one if it raises."""
        last = self._known.get(device, DeviceState.UNKNOWN)
        return attempt(self._pbx.log, f"the state of device {device}", last, provider, name)

    def known(self) -> list[tuple[str, DeviceState]]:
        """The devices whose state has been told, with it, for ``DeviceStateList``."""
        told = {device: self.get(device) for device in self.remote.names() if device not in self._known}
        return [*self._known.items(), *told.items()]

    def channel_state(self, device: str, busy_at: int = 0) -> DeviceState:
        """The state that a device's channels amount to: NOT_INUSE without any.

        ``busy_at`` is the number of calls from which on the device counts as busy (0: never).
        """
        channels = self._pbx.channels.of_device(device)
        if not channels:
            return DeviceState.NOT_INUSE
        ringing = inuse = held = count = 0
        busy = False
        for channel in channels:
            state = channel.state
            if channel.dead:
                continue
            count += 1
            if state is ChannelState.RINGING:
                ringing += 1
            elif state is ChannelState.BUSY:
                busy = True
            elif channel.on_hold:
                held += 1
            elif state is ChannelState.DOWN or state is ChannelState.RESERVED:
                count -= 1
            else:
                inuse += 1
        if busy or (busy_at and count >= busy_at):
            return DeviceState.BUSY
        if ringing:
            return DeviceState.RINGINUSE if inuse or held else DeviceState.RINGING
        if inuse:
            return DeviceState.INUSE
        return DeviceState.ONHOLD if held else DeviceState.NOT_INUSE

    def changed(self, device: str) -> None:
        """Something about a device may have changed: evaluate it in the next pass of the loop."""
        self._dirty[device] = True
        if self._scheduled is None:
            self._scheduled = self._pbx.loop.call_soon(self._evaluate)

    def channel_changed(self, device: str) -> None:
        """As :meth:`changed`, for a channel of the device: a device not known of before was idle."""
        pbx = self._pbx
        if not (
            self._observers
            or self._own_observers
            or pbx.bus.listeners[events.DEVICE_STATE_CHANGE]
            or device in pbx.hints.followed_devices
            or device in self._watched
        ):
            self._known.pop(device, None)
            return
        self._dirty.setdefault(device, False)
        if self._scheduled is None:
            self._scheduled = pbx.loop.call_soon(self._evaluate)

    def _evaluate(self) -> None:
        self._scheduled = None
        dirty, self._dirty = self._dirty, {}
        pbx = self._pbx
        everyone = self._observers or pbx.bus.listeners[events.DEVICE_STATE_CHANGE]
        for device, surely in dirty.items():
            if self._own_observers:
                self._evaluate_own(device, surely)
            if not everyone and device not in pbx.hints.followed_devices and device not in self._watched:
                self._known.pop(device, None)
                continue
            state = self.get(device)
            if self._known.get(device) is state:
                continue
            news = surely or device in self._known or state is not DeviceState.NOT_INUSE
            self._known[device] = state
            pbx.hints.device_changed(device)
            if not news:
                continue
            pbx.bus.publish(events.DEVICE_STATE_CHANGE, device, state.name)
            for observer in (*self._observers, *self._watched.get(device, ())):
                attempt(pbx.log, "an observer of device states", None, observer, device, state)

    def _evaluate_own(self, device: str, surely: bool) -> None:
        state = self.own(device)
        before = self._own.get(device)
        if before is state or (before is None and state is DeviceState.INVALID):
            return
        self._own[device] = state
        if before is None and state is DeviceState.NOT_INUSE and not surely:
            return
        for observer in tuple(self._own_observers):
            attempt(self._pbx.log, "an observer of device states", None, observer, device, state)
