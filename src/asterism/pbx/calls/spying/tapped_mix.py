"""What passes some directions of channels, mixed at every turn of the clock for one listener.

Taps keep the packets, so that what is relayed goes on being relayed. Each direction waits in a buffer of the mix that
puts it in order and makes up for what comes late: the directions stay in time with each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from asterism.core.containment import FAILURES
from asterism.core.log import log_subject
from asterism.media.conversion import why_none
from asterism.media.formats import LINEAR, SLIN, Format
from asterism.media.recording.capture import Capture
from asterism.media.stream import Frame
from asterism.pbx.bridges.mixing import Listener, Mixer, Port
from asterism.pbx.bridges.running import Running

if TYPE_CHECKING:
    from asterism.media.taps import Direction
    from asterism.pbx.channels.channel import Channel

Source = tuple["Channel", "Direction"]
"""A direction of a channel: ``IN`` is what its far end says, ``OUT`` what it is sent."""
Place = tuple[Format, Listener]
"""Who listens, and in which format."""


class _Overheard(Capture):
    """Hears what is sent as it was before others spoke into it: who whispers does not hear himself."""

    hears_changes: ClassVar[bool] = False


class _Input:
    """One direction that is heard."""

    __slots__ = ("_mixer", "_port", "capture")

    def __init__(self, mixer: Mixer, capture: Capture) -> None:
        self.capture = capture
        self._mixer = mixer
        self._port: Port | None = None

    def collect(self) -> None:
        """Put what has passed since the last turn into the mix."""
        for _, fmt, timestamp, payload in self.capture.collect():
            port = self._port
            linear = LINEAR.get(fmt.sample_rate, SLIN)
            if port is None or port.format is not linear:
                # It hears nothing; its format only tells at which rate the mix is worth it.
                self.leave()
                port = self._port = self._mixer.add(linear, _Nowhere)
                port.stream = None
            port(Frame(fmt, bytes(payload), timestamp))

    def leave(self) -> None:
        """Take it out of the mix."""
        if self._port is not None:
            self._mixer.remove(self._port)
            self._port = None


class _Nowhere:
    """Hears nothing."""

    @staticmethod
    def write(frame: Frame) -> None:
        """Drop a frame."""


class TappedMix:
    """Mixes any directions of any channels for one listener, until it is stopped."""

    def __init__(self, owner: Channel, listener: Callable[[], Place | None], on_end: Callable[[Channel], None]) -> None:
        """Begin without a source.

        Args:
            owner: the channel for which it is done, as the log has it.
            listener: who listens now, asked at every turn.
            on_end: called with a channel that is listened to and is over.
        """
        self._owner = owner
        self._pbx = owner.pbx
        self._listener = listener
        self._on_end = on_end
        self._mixer = Mixer()
        self._running = Running(self._mixer, self._pbx.bridges.thread, self._fail)
        self._inputs: dict[Source, _Input] = {}
        self._output: Port | None = None
        self._unheard: Format | None = None
        """The listener's format that was told not to be possible."""
        self._turn = self._take_turn
        self._on = False

    @property
    def sources(self) -> tuple[Source, ...]:
        """What is heard."""
        return tuple(self._inputs)

    def hear(self, *sources: Source) -> None:
        """Have these directions heard, and no others; without any it rests."""
        for source in [one for one in self._inputs if one not in sources]:
            self._drop(source)
        if sources and not self._on:
            self._on = True
            self._pbx.bridges.clock.add(self._turn, self._pbx.log)
        for source in sources:
            if source not in self._inputs:
                self._take(*source)
        if not sources:
            self._rest()

    def _take(self, channel: Channel, direction: Direction) -> None:
        capture = _Overheard(self._pbx.loop.time, lambda: self._ended(channel, direction))
        self._inputs[channel, direction] = _Input(self._mixer, capture)
        channel.attach(capture, direction)

    def _drop(self, source: Source) -> None:
        found = self._inputs.pop(source, None)
        if found is not None:
            source[0].detach(found.capture)
            found.leave()

    def _ended(self, channel: Channel, direction: Direction) -> None:
        """A channel is over, or its tap has failed."""
        self._drop((channel, direction))
        self._on_end(channel)

    def stop(self) -> None:
        """Listen no more; may be done twice."""
        self.hear()

    def _rest(self) -> None:
        if self._on:
            self._on = False
            self._pbx.bridges.clock.remove(self._turn)
            self._running.stop()
        if self._output is not None:
            self._mixer.remove(self._output)
            self._output = None

    # -- the turns --------------------------------------------------------------------------------------------

    def _take_turn(self) -> None:
        try:
            self._follow_listener()
            for one in list(self._inputs.values()):
                one.collect()
            self._running.turn()
        except FAILURES as error:
            self._fail(error)

    def _follow_listener(self) -> None:
        """Mix for whoever listens now."""
        place = self._listener()
        port = self._output
        fmt, listener = (None, None) if place is None else place
        if port is not None and (port.stream is not listener or port.format is not fmt):
            self._mixer.remove(port)
            self._output = None
        if self._output is not None or fmt is None or listener is None:
            return
        if self._mixer.can(fmt):
            self._output = self._mixer.add(fmt, listener)
        elif self._unheard is not fmt:
            self._unheard = fmt
            self._tell_unheard(why_none(SLIN, fmt) or why_none(fmt, SLIN))

    def _fail(self, error: BaseException) -> None:
        self._pbx.log.error("%s: what it listens to is mixed no more", self._owner.name, exc_info=error)
        channels = {channel for channel, _ in self._inputs}
        for source in list(self._inputs):
            self._drop(source)
        self._rest()
        for channel in channels:
            self._on_end(channel)

    def _tell_unheard(self, why: str) -> None:
        token = log_subject.set(self._owner)
        try:
            self._pbx.log.warning("%s hears nothing: %s", self._owner.name, why)
        finally:
            log_subject.reset(token)
