"""Events of presence: what a provider says, and the extensions whose hint names it."""

from __future__ import annotations

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType

_FIELDS = (
    Argument("Status", "not_set, unavailable, available, away, xa, chat or dnd."),
    Argument("Subtype", "What the user said more, for programs."),
    Argument("Message", "What the user said more, for people."),
)

PRESENCE_STATE_CHANGE = EventType(
    "PresenceStateChange",
    "call",
    lambda provider, state: [
        ("Presentity", provider),
        ("Status", state.state),
        ("Subtype", state.subtype),
        ("Message", state.message),
    ],
    Documentation(
        "A presence provider has something new to say.",
        arguments=(Argument("Presentity", "The provider, CustomPresence:name."), *_FIELDS),
    ),
)

PRESENCE_STATUS = EventType(
    "PresenceStatus",
    "call",
    lambda exten, context, hint, state: [
        ("Exten", exten),
        ("Context", context),
        ("Hint", hint),
        ("Status", state.state),
        ("Subtype", state.subtype),
        ("Message", state.message),
    ],
    Documentation(
        "The presence of an extension changed: its hint names the provider.",
        arguments=(
            Argument("Exten", "The extension of the hint."),
            Argument("Context", "Its context."),
            Argument("Hint", "What the hint names."),
            *_FIELDS,
        ),
    ),
)
