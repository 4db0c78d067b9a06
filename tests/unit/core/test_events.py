from __future__ import annotations

import logging
from typing import Any

from asterism.core.documentation import Documentation
from asterism.core.events import EventBus, EventType
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner
from asterism.core.security import SECURITY_EVENTS, SecurityEvents, timestamp

RINGS = EventType("Rings", "call", lambda who: [("Who", who)], Documentation("Somebody rings."))


def test_publish_tells_subscribers_of_the_type_and_of_all() -> None:
    bus, owner, seen = EventBus(ServerLogger("test")), Owner("test"), []
    bus.subscribe(owner, RINGS, lambda event_type, args: seen.append(("one", event_type.name, args)))
    bus.subscribe(owner, None, lambda event_type, args: seen.append(("all", event_type.name, args)))
    bus.publish(RINGS, "alice")
    assert seen == [("one", "Rings", ("alice",)), ("all", "Rings", ("alice",))]


def test_release_ends_the_subscription() -> None:
    bus, owner, seen = EventBus(ServerLogger("test")), Owner("test"), []
    bus.subscribe(owner, RINGS, lambda *_: seen.append(1))
    assert bus.wanted(RINGS)
    owner.release()
    bus.publish(RINGS, "alice")
    assert not seen
    assert not bus.wanted(RINGS)


def test_listeners_follow_every_subscription() -> None:
    bus, everybody, somebody = EventBus(ServerLogger("test")), Owner("test"), Owner("test")
    other = EventType("Other", "call", list, Documentation("Something else."))
    assert not bus.listeners[RINGS]
    bus.subscribe(somebody, RINGS, print)
    assert bus.listeners[RINGS] == (print,)
    assert not bus.listeners[other]
    bus.subscribe(everybody, None, repr)  # type: ignore[arg-type]
    assert bus.listeners[RINGS] == (print, repr)
    assert bus.listeners[other] == (repr,)
    somebody.release()
    assert bus.listeners[RINGS] == (repr,)
    everybody.release()
    assert not bus.listeners[RINGS]
    assert not bus.listeners[other]


def test_a_subscriber_that_fails_harms_nobody() -> None:
    log = ServerLogger("test")
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[assignment]
    log.addHandler(handler)
    bus, owner, seen = EventBus(log), Owner("test"), []

    def broken(*_: Any) -> None:
        raise RuntimeError("no")

    bus.subscribe(owner, RINGS, broken)
    bus.subscribe(owner, RINGS, lambda *_: seen.append(1))
    bus.publish(RINGS, "alice")
    assert seen == [1]
    assert len(records) == 1


def test_security_events_cannot_be_forged_through_an_account_name() -> None:
    log = ServerLogger("test")
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    log.addHandler(handler)
    events = SecurityEvents(EventBus(log), log)
    address = ("UDP", "127.0.0.1", 5060)
    events.publish(
        "InvalidAccountID",
        service="PJSIP",
        account='x",RemoteAddress="IPV4/UDP/192.0.2.1/1\r\nNOTICE',
        session="call",
        local=address,
        remote=address,
    )
    (line,) = lines
    assert line.count('RemoteAddress="') == 1
    assert "\n" not in line
    assert "\r" not in line


def test_every_recorded_security_event_has_a_type(record: Any) -> None:
    text = (record / "ami_events_security.txt").read_text()
    lines = [line for line in text.splitlines() if line.startswith("Event: ")]
    assert lines
    assert {line.removeprefix("Event: ") for line in lines} <= set(SECURITY_EVENTS)


def test_security_timestamps_are_utc_with_milliseconds() -> None:
    assert timestamp(1795260001.1875) == "2026-11-21T11:20:01.187+0000"
