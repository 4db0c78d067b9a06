"""Extension states: the combined state of a hint's devices, and the watchers that are told of its changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

from asterism.core.containment import attempt
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.device_state import DeviceState

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import Host


class ExtensionState(IntEnum):
    """State of an extension with a hint; the numbers are the manager's ``Status``."""

    REMOVED = -2
    DEACTIVATED = -1
    IDLE = 0
    INUSE = 1
    BUSY = 2
    UNAVAILABLE = 4
    RINGING = 8
    INUSE_RINGING = 9
    ONHOLD = 16
    INUSE_HOLD = 17


STATE_TEXTS: dict[int, str] = {
    -2: "Unknown",
    -1: "Unknown",
    0: "Idle",
    1: "InUse",
    2: "Busy",
    4: "Unavailable",
    8: "Ringing",
    9: "InUse&Ringing",
    16: "Hold",
    17: "InUse&Hold",
}
"""``StatusText`` by state."""

_SINGLE: dict[DeviceState, ExtensionState] = {
    DeviceState.UNKNOWN: ExtensionState.IDLE,
    DeviceState.NOT_INUSE: ExtensionState.IDLE,
    DeviceState.INUSE: ExtensionState.INUSE,
    DeviceState.BUSY: ExtensionState.BUSY,
    DeviceState.INVALID: ExtensionState.UNAVAILABLE,
    DeviceState.UNAVAILABLE: ExtensionState.UNAVAILABLE,
    DeviceState.RINGING: ExtensionState.RINGING,
    DeviceState.RINGINUSE: ExtensionState.INUSE_RINGING,
    DeviceState.ONHOLD: ExtensionState.ONHOLD,
}


def aggregate(states: Iterable[DeviceState]) -> DeviceState:
    """The combined state of several devices of one hint, as one device state.

    Ringing beside any use is ringing in use; a busy device makes the whole busy; use outweighs
    hold, hold outweighs idle; only unreachable devices make the whole unreachable.
    """
    seen = set(states)
    if not seen:
        return DeviceState.UNKNOWN
    if DeviceState.RINGINUSE in seen:
        return DeviceState.RINGINUSE
    in_use = bool(seen & {DeviceState.INUSE, DeviceState.BUSY, DeviceState.ONHOLD})
    if DeviceState.RINGING in seen:
        return DeviceState.RINGINUSE if in_use else DeviceState.RINGING
    for state in (DeviceState.BUSY, DeviceState.INUSE, DeviceState.ONHOLD, DeviceState.NOT_INUSE, DeviceState.UNKNOWN):
        if state in seen:
            return state
    return DeviceState.INVALID if seen == {DeviceState.INVALID} else DeviceState.UNAVAILABLE


def extension_state(states: Iterable[DeviceState]) -> ExtensionState:
    """The extension state for the combined device states."""
    return _SINGLE[aggregate(states)]


def split_devices(hint: str) -> tuple[list[str], str]:
    """The devices of a hint and its presence provider: ``PJSIP/a&PJSIP/b,CustomPresence:p``."""
    devices, _, presence = hint.partition(",")
    return [device.strip() for device in devices.split("&") if device.strip()], presence.partition(",")[0].strip()


class Watched:
    """One extension whose state is followed: by a hint line or by a subscription to a pattern hint."""

    __slots__ = ("context", "devices", "exten", "hint", "state", "watchers")

    def __init__(self, context: str, exten: str, hint: str) -> None:
        self.context = context
        self.exten = exten
        self.hint = hint
        self.devices = split_devices(hint)[0]
        self.state = ExtensionState.DEACTIVATED
        self.watchers: list[Watcher] = []


Watcher = Callable[[Watched], None]
"""Told of every change of an extension's state, with the new state in ``watched.state``."""


class Hints:
    """The states of the extensions that have a hint."""

    def __init__(self, pbx: Host) -> None:
        self._pbx = pbx
        self._watched: dict[tuple[str, str], Watched] = {}
        self._by_device: dict[str, dict[Watched, None]] = {}
        self._listed: set[tuple[str, str]] = set()
        """Extensions that have a hint line of their own: they are followed whether somebody watches or not."""
        self.followed_devices = self._by_device.keys()
        """The devices that followed extensions' hints name, as they are now."""

    def update(self) -> None:
        """Follow the hint lines as the dialplan has them now; watchers stay.

        To be called after the dialplan was loaded. Extensions that lost their hint become
        REMOVED for their watchers.
        """
        wanted: dict[tuple[str, str], str] = {}
        for context, exten, text in self._pbx.dialplan.hint_lines():
            if not exten.startswith("_"):
                wanted[context, exten] = text
        self._listed = set(wanted)
        for key, watched in list(self._watched.items()):
            hint: str | None = wanted.pop(key, "") or None
            if hint is None and watched.watchers:
                hint = self._pbx.dialplan.find_hint(*key)
            if hint == watched.hint:
                continue
            self._drop(watched)
            if hint is None:
                watched.state = ExtensionState.REMOVED
                self._tell(watched)
            else:
                watched.hint = hint
                watched.devices = split_devices(hint)[0]
                self._follow(watched)
                self._evaluate(watched)
        for (context, exten), text in wanted.items():
            watched = Watched(context, exten, text)
            self._follow(watched)
            watched.state = self._state_of(watched)

    def get(self, context: str, exten: str) -> Watched | None:
        """The followed extension, if its hint is followed."""
        return self._watched.get((context, exten))

    def all(self) -> list[Watched]:
        """Every followed extension."""
        return list(self._watched.values())

    def state(self, context: str, exten: str) -> tuple[ExtensionState, str]:
        """The state of an extension now and its hint: DEACTIVATED and an empty hint if it has none."""
        watched = self._watched.get((context, exten))
        hint = watched.hint if watched is not None else self._pbx.dialplan.find_hint(context, exten)
        if not hint:
            return ExtensionState.DEACTIVATED, ""
        states = self._pbx.device_states
        return extension_state([states.get(device) for device in split_devices(hint)[0]]), hint

    def watch(self, context: str, exten: str, watcher: Watcher) -> Watched | None:
        """Be told of changes; ``None`` when the extension has no hint. A pattern's hint is filled in."""
        watched = self._watched.get((context, exten))
        if watched is None:
            hint = self._pbx.dialplan.find_hint(context, exten)
            if not hint:
                return None
            watched = Watched(context, exten, hint)
            self._follow(watched)
            watched.state = self._state_of(watched)
        watched.watchers.append(watcher)
        return watched

    def unwatch(self, watched: Watched, watcher: Watcher) -> None:
        """Stop being told of changes."""
        if watcher in watched.watchers:
            watched.watchers.remove(watcher)
        key = (watched.context, watched.exten)
        if watched.watchers or self._watched.get(key) is not watched:
            return
        if key not in self._listed:
            self._drop(watched)

    def device_changed(self, device: str) -> None:
        """Evaluate the extensions that name the device; called by the device states."""
        for watched in tuple(self._by_device.get(device, ())):
            self._evaluate(watched)

    def _follow(self, watched: Watched) -> None:
        self._watched[watched.context, watched.exten] = watched
        for device in watched.devices:
            self._by_device.setdefault(device, {})[watched] = None

    def _drop(self, watched: Watched) -> None:
        self._watched.pop((watched.context, watched.exten), None)
        for device in watched.devices:
            found = self._by_device.get(device)
            if found is not None:
                found.pop(watched, None)
                if not found:
                    del self._by_device[device]

    def _state_of(self, watched: Watched) -> ExtensionState:
        states = self._pbx.device_states
        return extension_state([states.get(device) for device in watched.devices])

    def _evaluate(self, watched: Watched) -> None:
        state = self._state_of(watched)
        if state is not watched.state:
            watched.state = state
            self._tell(watched)

    def _tell(self, watched: Watched) -> None:
        self._pbx.bus.publish(
            events.EXTENSION_STATUS,
            watched.exten,
            watched.context,
            watched.hint,
            int(watched.state),
            STATE_TEXTS[watched.state],
        )
        for watcher in tuple(watched.watchers):
            attempt(self._pbx.log, f"a watcher of the hint {watched.exten}@{watched.context}", None, watcher, watched)
