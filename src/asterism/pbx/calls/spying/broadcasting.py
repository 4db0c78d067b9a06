"""One channel that speaks to many, or hears many, whatever they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asterism.media.taps import Direction
from asterism.pbx.calls.spying.session import Session

if TYPE_CHECKING:
    from asterism.pbx.calls.spying.tapped_mix import Source
    from asterism.pbx.channels.channel import Channel


@dataclass(frozen=True, slots=True)
class Way:
    """Who hears whom."""

    speaks: bool = False
    """Whether the channels' far ends hear this one."""
    to_peers: bool = False
    """Whether those that they talk to do as well."""
    hears: bool = False
    """Whether this one hears what the channels' far ends say."""
    from_peers: bool = False
    """Whether it hears what they are told as well."""


class Broadcasting(Session):
    """Speaks to channels, and hears them, until all of them are over."""

    def __init__(self, speaker: Channel, targets: Sequence[Channel], way: Way) -> None:
        """Prepare it; the speaker itself, and who is over, are left out of the targets."""
        super().__init__(speaker)
        self._way = way
        self._targets = [one for one in dict.fromkeys(targets) if one is not speaker and not one.dead]

    @property
    def targets(self) -> tuple[Channel, ...]:
        """The channels that are left."""
        return tuple(self._targets)

    def _start(self) -> None:
        self._apply()

    def _apply(self) -> None:
        """Hear and speak to those that are left; without any it is over."""
        way = self._way
        heard: list[Source] = []
        spoken: list[Source] = []
        for one in self._targets:
            heard += [(one, Direction.IN)] * way.hears + [(one, Direction.OUT)] * way.from_peers
            spoken += [(one, Direction.OUT)] * way.speaks + [(one, Direction.IN)] * way.to_peers
        if not (heard or spoken):
            self.stop()
            return
        self._ear.hear(*heard)
        self._mouth.speak_to(*spoken)

    def _gone(self, channel: Channel) -> None:
        if channel is self.spy:
            self.stop()
        elif channel in self._targets:
            self._targets.remove(channel)
            if self.active:
                self._apply()
