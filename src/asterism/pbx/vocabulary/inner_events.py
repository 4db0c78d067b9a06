"""What the server's own parts tell each other of channels; no manager and no ``subscribe(None)`` hears of it."""

from __future__ import annotations

from asterism.core.documentation import Documentation
from asterism.core.events import EventType, Fields


def _no_fields(*_args: object) -> Fields:
    return ()


def _inner(name: str, synopsis: str) -> EventType:
    return EventType(name, "", _no_fields, Documentation(synopsis), inner=True)


APPLICATION = _inner("Application", "A channel runs another application, or none any more.")
"""Published with the channel, and application, data and place (context, exten, priority) before."""
LINKEDID = _inner("Linkedid", "A channel has become a part of another call.")
"""Published with the channel and its linkedid before, in the order in which channels are changed."""
SOUND_BEGIN = _inner("SoundBegin", "A sound file begins to be heard.")
"""Published with the channel, the sound's name, the kind of its file (``wav``) and its language."""
SOUND_END = _inner("SoundEnd", "A sound file has been heard, or was stopped.")
"""Published with the channel."""
USER_EVENT = _inner("CelUserEvent", "The dialplan has an event of its own.")
"""Published with the channel, the event's name and its text (``CELGenUserEvent``)."""
