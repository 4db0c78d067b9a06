"""What one channel says, spoken to others in addition to what they hear."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.media.formats import LINEAR, SLIN
from asterism.media.taps import Direction
from asterism.pbx.calls.spying.tapped_mix import Place, Source, TappedMix
from asterism.pbx.channels.whispering import Whisper

if TYPE_CHECKING:
    from asterism.media.stream import Frame
    from asterism.pbx.channels.channel import Channel


class _Whisper(Whisper):
    """Tells of the end of its channel."""

    def __init__(self, channel: Channel, direction: Direction, on_end: Callable[[], None]) -> None:
        super().__init__(channel, direction)
        self._on_end = on_end

    def ended(self) -> None:
        """The channel is over."""
        self._on_end()

    failed = ended


class Mouth:
    """Has what a channel says heard elsewhere: it is put in order and paced, then added to what passes there."""

    def __init__(self, speaker: Channel, on_end: Callable[[Channel], None]) -> None:
        """Begin without a place.

        Args:
            speaker: whose far end speaks.
            on_end: called with a channel that is spoken to and is over, or with the speaker.
        """
        self._speaker = speaker
        self._on_end = on_end
        self._mix = TappedMix(speaker, self._place, on_end)
        self._whispers: dict[Source, Whisper] = {}

    @property
    def places(self) -> tuple[Source, ...]:
        """Where it is heard."""
        return tuple(self._whispers)

    def speak_to(self, *places: Source) -> None:
        """Be heard in these directions of channels, and in no others.

        ``OUT`` is heard by a channel's far end, ``IN`` by those that it talks to.
        """
        for place in [one for one in self._whispers if one not in places]:
            self._drop(place)
        for place in places:
            if place not in self._whispers:
                channel, direction = place
                whisper = _Whisper(channel, direction, lambda place=place: self._ended(place))  # type: ignore[misc]
                self._whispers[place] = whisper
                channel.attach(whisper, direction)
        self._mix.hear(*([(self._speaker, Direction.IN)] if self._whispers else []))

    def _drop(self, place: Source) -> None:
        whisper = self._whispers.pop(place, None)
        if whisper is not None:
            place[0].detach(whisper)

    def _ended(self, place: Source) -> None:
        self._drop(place)
        self._on_end(place[0])

    def stop(self) -> None:
        """Speak no more; may be done twice."""
        self.speak_to()

    def _place(self) -> Place | None:
        stream = self._speaker.stream
        return (SLIN if stream is None else LINEAR.get(stream.format.sample_rate, SLIN)), self

    def write(self, frame: Frame) -> None:
        """Speak what the mix gives at a turn; silence is not spoken: it would keep others from being silent."""
        if frame.payload.count(0) < len(frame.payload):
            for whisper in list(self._whispers.values()):
                whisper.say(frame)
