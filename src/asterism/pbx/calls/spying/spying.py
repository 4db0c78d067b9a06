"""One channel that listens to another, and may speak to it, or to everybody in its call."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from asterism.media.taps import Direction
from asterism.media.volume import Gain, gain_of
from asterism.pbx.calls.spying import events
from asterism.pbx.calls.spying.session import Session

if TYPE_CHECKING:
    from asterism.pbx.calls.spying.tapped_mix import Source
    from asterism.pbx.channels.channel import Channel

LOUDEST = 4
"""The loudest volume, and negated the softest one; 0 leaves it as it is."""


class Mode(Enum):
    """Who hears the one who spies."""

    LISTEN = "listen"
    """Nobody."""
    WHISPER = "whisper"
    """The far end of the channel that is spied on."""
    PRIVATE = "private"
    """The same, and the one who spies hears nothing."""
    BARGE = "barge"
    """The far end of the channel, and everybody that it talks to."""


class Spying(Session):
    """One channel spies on another, from :meth:`begin` on.

    It ends by :meth:`stop`, or with one of the two. What the channel does meanwhile, holds, transfers, other bridges,
    does not matter.
    """

    def __init__(
        self,
        spy: Channel,
        target: Channel,
        mode: Mode = Mode.LISTEN,
        *,
        only_says: bool = False,
        volume: int = 0,
        on_end: Callable[[Spying], None] | None = None,
    ) -> None:
        """Prepare it.

        Args:
            spy: who listens.
            target: whom to listen to.
            mode: who hears the spy.
            only_says: whether only what the target's far end says is heard, not what it hears.
            volume: how loud it is heard, -4 to 4.
            on_end: called when it is over.
        """
        super().__init__(spy)
        self.target = target
        self._mode = mode
        self._only_says = only_says
        self._on_end = on_end
        self._gain = Gain()
        self._louder = False
        self._volume = max(-LOUDEST, min(LOUDEST, volume))

    @property
    def mode(self) -> Mode:
        """Who hears the spy; may be changed at any time."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        if self.active:
            self._apply()

    @property
    def volume(self) -> int:
        """How loud it is heard, -4 to 4; may be changed at any time."""
        return self._volume

    @volume.setter
    def volume(self, volume: int) -> None:
        self._volume = volume = max(-LOUDEST, min(LOUDEST, volume))
        self._gain.factor = gain_of(volume)
        louder = self.active and self._gain.factor != 1.0
        if louder and not self._louder:
            self.spy.attach(self._gain, Direction.OUT)
        elif self._louder and not louder:
            self.spy.detach(self._gain)
        self._louder = louder

    def begin(self) -> None:
        """Begin to spy; it is over at once where the other channel has ended.

        Raises:
            ChannelHangup: The spy has hung up.
            RuntimeError: It is spoken to already.
            ValueError: It would spy on itself.
        """
        if self.spy is self.target:
            raise ValueError("a channel cannot spy on itself")
        self.spy.check()
        if not self.target.dead:
            super().begin()

    def _start(self) -> None:
        self.volume = self._volume
        self._apply()
        self.spy.pbx.bus.publish(events.CHAN_SPY_START, self.spy, self.target)

    def _apply(self) -> None:
        """Listen, and speak, as the mode says."""
        target, mode = self.target, self._mode
        heard: list[Source] = []
        if mode is not Mode.PRIVATE:
            heard.append((target, Direction.IN))
            if not self._only_says:
                heard.append((target, Direction.OUT))
        spoken: list[Source] = []
        if mode is not Mode.LISTEN:
            spoken.append((target, Direction.OUT))
            if mode is Mode.BARGE:
                spoken.append((target, Direction.IN))
        self._ear.hear(*heard)
        self._mouth.speak_to(*spoken)

    def _gone(self, channel: Channel) -> None:
        self.stop()

    def _ended(self) -> None:
        self.volume = self._volume
        self.spy.pbx.bus.publish(events.CHAN_SPY_STOP, self.spy, self.target)
        if self._on_end is not None:
            self._on_end(self)
