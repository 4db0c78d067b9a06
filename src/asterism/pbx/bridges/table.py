"""The live bridges of a server, and the technologies that may carry their audio."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from asterism.pbx.bridges.clock import MixClock
from asterism.pbx.bridges.running import MixThread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asterism.pbx.bridges.bridge import Bridge
    from asterism.pbx.channels.channel import Channel


class Technology(Protocol):
    """Carries the audio between the members of one bridge, from when it is chosen until another is."""

    name: ClassVar[str]
    """Its name in listings: ``softmix``."""
    kind: ClassVar[str]
    """Its type in listings: ``MultiMix``."""
    priority: ClassVar[int]
    """Among several suitable technologies the one with the highest priority is chosen."""
    capacity: ClassVar[int]
    """The most members it takes; 0: any number."""

    def __init__(self, bridge: Bridge) -> None:
        """Make it for this bridge."""

    @classmethod
    def suits(cls, bridge: Bridge) -> bool:
        """Whether it can carry the audio of the bridge as it is now."""

    def start(self) -> None:
        """Carry the audio of the members that there are."""

    def join(self, channel: Channel) -> None:
        """Another member has come."""

    def leave(self, channel: Channel) -> None:
        """A member goes: its audio is not touched any more."""

    def changed(self) -> None:
        """A member's stream, its formats or its taps have changed."""

    def stop(self) -> None:
        """Another technology takes over, or the bridge is over: let go of every member."""


class Technologies:
    """The technologies of a server, each with whether it is suspended: not chosen any more."""

    def __init__(self, kinds: Iterable[type[Technology]] = ()) -> None:
        self.kinds: tuple[type[Technology], ...] = tuple(sorted(kinds, key=lambda kind: (-kind.priority, kind.name)))
        """All of them, those chosen first at the beginning."""
        self.suspended: set[str] = set()
        """The names of those that are not chosen at present."""
        self.initial: dict[frozenset[str], str] = {}
        """Initial technology of a bridge, by the technologies it may use; cleared when one is suspended or resumed."""

    def named(self, name: str) -> type[Technology] | None:
        """The technology of that name, in any case."""
        folded = name.lower()
        return next((kind for kind in self.kinds if kind.name == folded), None)

    def choose(self, bridge: Bridge) -> type[Technology] | None:
        """The best technology for a bridge as it is now; ``None`` when none suits it."""
        uses, suspended = bridge.uses, self.suspended
        for kind in self.kinds:
            name = kind.name
            if name in uses and name not in suspended and kind.suits(bridge):
                return kind
        return None

    def suspend(self, kind: type[Technology], suspended: bool) -> None:
        """Have a technology not be chosen any more, or be chosen again; bridges keep what they have."""
        self.initial.clear()
        if suspended:
            self.suspended.add(kind.name)
        else:
            self.suspended.discard(kind.name)

    def choose_initial(self, bridge: Bridge) -> str:
        """The name of the technology for a bridge without members; stored in :attr:`initial`."""
        chosen = self.choose(bridge)
        name = self.initial[bridge.uses] = "simple_bridge" if chosen is None else chosen.name
        return name

    def have_room(self, bridge: Bridge, count: int) -> bool:
        """Whether so many members could be carried in this bridge."""
        return any(
            kind.name in bridge.uses
            and kind.name not in self.suspended
            and (not kind.capacity or count <= kind.capacity)
            for kind in self.kinds
        )


class BridgeTable(dict[str, "Bridge"]):
    """The live bridges by their ids."""

    def __init__(self, kinds: Iterable[type[Technology]] = ()) -> None:
        super().__init__()
        self.technologies = Technologies(kinds)
        self.clock = MixClock()
        """Gives the turns of all that is mixed at the usual interval."""
        self._clocks = {round(self.clock.interval * 1000): self.clock}
        self.thread = MixThread()
        """Runs the turns that take long."""

    def clock_of(self, interval: int) -> MixClock:
        """The clock of what is mixed at an interval of so many milliseconds."""
        clock = self._clocks.get(interval)
        if clock is None:
            clock = self._clocks[interval] = MixClock(interval / 1000)
        return clock

    def called(self, name: str) -> Bridge | None:
        """The bridge that was given this name, if any; the name of a bridge is optional and no key."""
        return next((bridge for bridge in self.values() if bridge.name == name), None)
