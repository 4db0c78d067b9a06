"""``TestEvent``: what happens inside, told to whoever tests a dialplan from outside.

A server has one :class:`TestEvents`. An event has a state and headers of its own. Nothing is made while nobody
listens: look at ``wanted`` first, which is an attribute, not a call::

    if tests.wanted:
        tests.send("PLAYBACK", (("Message", name), ("Channel", channel.name)))
"""

from __future__ import annotations

import sys
from collections.abc import Hashable
from pathlib import PurePath

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventBus, EventType, Fields

READ_CLASS = "test"
"""The class that a manager user must name in ``read`` to get these events: ``all`` does not bring them."""

BLANK_LINE = frozenset({
    "SUBSCRIPTION_STATE_SET", "MSG_FROMTO_URI", "MSG_ENDPOINT_URI_FAIL", "DTMF_BEGIN", "RINGING_INBAND",
    "AUDIOHOOK_GROUP_MUTE_TOGGLE", "PERIODIC_HOOK_ENABLED", "MIXMONITOR_END", "CONF_CHANGE_STATE",
    "SORCERY_MEMORY_CACHE_REFRESHED", "StasisMessagingSubscription",
})  # fmt: skip
"""States whose headers Asterisk ends with one empty line more."""


def _render(state: str, source: Fields, headers: Fields, _blank: bool) -> Fields:
    return [("Type", "StateChange"), ("State", state), *source, *headers]


def _trailer(_state: str, _source: Fields, _headers: Fields, blank: bool) -> str:
    return "\r\n" if blank else ""


TEST_EVENT = EventType(
    "TestEvent",
    "reporting",
    _render,
    Documentation(
        "Something inside reached a state that tests wait for; sent to users only that name the class test.",
        arguments=(
            Argument("Type", "StateChange."),
            Argument("State", "What happened; further headers depend on it."),
            Argument("AppFile", "The source file that tells it; not the same as Asterisk's."),
            Argument("AppFunction", "The function that tells it; not the same as Asterisk's."),
            Argument("AppLine", "The line that tells it; not the same as Asterisk's."),
        ),
    ),
    reader=READ_CLASS,
    trailer=_trailer,
)


class TestEvents:
    """Sends ``TestEvent`` while somebody listens."""

    __test__ = False  # not a class of tests
    __slots__ = ("_bus", "_listeners", "wanted")

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._listeners: set[Hashable] = set()
        self.wanted = False
        """Whether anybody listens."""

    def listen(self, listener: Hashable, wanted: bool = True) -> None:
        """Have events made from now on, or no longer, for ``listener``, who subscribes to :data:`TEST_EVENT`."""
        if wanted:
            self._listeners.add(listener)
        else:
            self._listeners.discard(listener)
        self.wanted = bool(self._listeners)

    def send(self, state: str, headers: Fields = (), function: str = "", *, blank: bool = False) -> None:
        """Tell of one state with its headers, in their order.

        ``function`` is named as the place that tells it; by default the function that calls this. ``blank`` puts an
        empty line behind the headers, which the states in :data:`BLANK_LINE` always have.
        """
        if not self.wanted:
            return
        caller = sys._getframe(1)
        source = (
            ("AppFile", PurePath(caller.f_code.co_filename).name),
            ("AppFunction", function or caller.f_code.co_name),
            ("AppLine", caller.f_lineno),
        )
        self._bus.publish(TEST_EVENT, state, source, tuple(headers), blank or state in BLANK_LINE)
