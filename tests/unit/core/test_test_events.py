"""``TestEvent``: made only while somebody listens, with the place that tells it."""

from __future__ import annotations

import pytest

from asterism.core.events import EventBus, EventType
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner
from asterism.core.test_events import BLANK_LINE, TEST_EVENT, TestEvents


@pytest.fixture
def bus() -> EventBus:
    return EventBus(ServerLogger("test"))


def test_nothing_is_made_while_nobody_listens(bus: EventBus) -> None:
    seen: list[EventType] = []
    bus.subscribe(Owner("test"), None, lambda event_type, args: seen.append(event_type))
    tests = TestEvents(bus)
    assert not tests.wanted
    tests.send("PLAYBACK", (("Message", "beep"),))
    assert seen == []
    tests.listen("one")
    tests.listen("two")
    tests.listen("one", False)
    tests.send("PLAYBACK", (("Message", "beep"),))
    assert seen == [TEST_EVENT]
    tests.listen("two", False)
    assert not tests.wanted


def test_an_event_has_its_place_and_its_headers_in_order(bus: EventBus) -> None:
    seen: list[list[tuple[str, object]]] = []
    bus.subscribe(Owner("test"), TEST_EVENT, lambda _type, args: seen.append(list(TEST_EVENT.render(*args))))
    tests = TestEvents(bus)
    tests.listen("test")
    tests.send("CallIDChange", (("State", "CallIDChange"), ("Channel", "PJSIP/a-00000001")))
    tests.send("HANGUP_TIME", (), "wait")
    first, second = seen
    assert [pair for pair in first if pair[0] != "AppLine"] == [
        ("Type", "StateChange"),
        ("State", "CallIDChange"),
        ("AppFile", "test_test_events.py"),
        ("AppFunction", "test_an_event_has_its_place_and_its_headers_in_order"),
        ("State", "CallIDChange"),
        ("Channel", "PJSIP/a-00000001"),
    ]
    assert dict(second)["AppFunction"] == "wait"
    lines = [int(str(dict(each)["AppLine"])) for each in seen]
    assert lines[1] == lines[0] + 1


def test_some_states_end_with_an_empty_line(bus: EventBus) -> None:
    trailers: list[str] = []

    def take(_type: EventType, args: tuple[object, ...]) -> None:
        assert TEST_EVENT.trailer is not None
        trailers.append(TEST_EVENT.trailer(*args))

    bus.subscribe(Owner("test"), TEST_EVENT, take)
    tests = TestEvents(bus)
    tests.listen("test")
    tests.send("PLAYBACK")
    tests.send("PLAYBACK", blank=True)
    tests.send("MIXMONITOR_END")
    assert trailers == ["", "\r\n", "\r\n"]
    assert "PLAYBACK" not in BLANK_LINE
