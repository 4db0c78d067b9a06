"""What is told of contacts: by levels, and to tests only while somebody listens."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from asterism.core.events import EventBus
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner
from asterism.core.test_events import TEST_EVENT, TestEvents
from asterism.sip.contact_news import ContactNews
from asterism.sip.contacts import ContactStatus, Reachability

CONTACT: Any = SimpleNamespace(
    id="alice;@0123", aor="alice", uri="sip:alice@127.0.0.1:15620", lifetime=600, user_agent="TestPhone/1.0"
)


class World:
    def __init__(self, level: int) -> None:
        self.log = ServerLogger("test")
        handler = logging.Handler()
        self.lines: list[str] = []
        handler.emit = lambda record: self.lines.append(record.getMessage())
        self.log.verbose_level = level
        self.log.addHandler(handler)
        bus = EventBus(self.log)
        self.tests = TestEvents(bus)
        self.states: list[str] = []
        bus.subscribe(Owner("test"), TEST_EVENT, lambda _type, args: self.states.append(args[0]))
        self.news = ContactNews(self.log, self.tests)

    def everything(self) -> None:
        self.news.added(CONTACT)
        self.news.refreshed(CONTACT)
        self.news.answered(CONTACT, Reachability(ContactStatus.REACHABLE, 0.0003), changed=True)
        self.news.answered(CONTACT, Reachability(ContactStatus.UNREACHABLE), changed=False)
        self.news.removed(CONTACT, "expiration")
        self.news.turned("alice", False)


@pytest.mark.parametrize(("level", "lines"), [(0, 0), (1, 0), (2, 2), (3, 5), (4, 6)])
def test_each_line_has_its_level(level: int, lines: int) -> None:
    world = World(level)
    world.everything()
    assert len(world.lines) == lines
    assert world.states == []


def test_a_qualify_that_changes_nothing_is_told_to_tests_only() -> None:
    world = World(4)
    world.tests.listen("test")
    world.everything()
    assert world.states == [
        "AOR_CONTACT_ADDED", "AOR_CONTACT_REFRESHED", "AOR_CONTACT_UPDATE", "AOR_CONTACT_QUALIFY_RESULT",
        "AOR_CONTACT_QUALIFY_RESULT", "AOR_CONTACT_REMOVED",
    ]  # fmt: skip
    assert sum("is now Reachable.  RTT: 0.300 msec" in line for line in world.lines) == 1
