"""How events are dealt out: rendered once, only for who wants them, in order, in rounds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from asterism.core.documentation import Documentation
from asterism.core.events import EventType
from asterism.interfaces.manager.feed import MAX_ROUND_SECONDS, EventFeed
from asterism.interfaces.manager.filters import parse_filter
from asterism.interfaces.manager.settings import parse_classes

CALL = EventType("Called", "call", lambda text: [("Text", text)], Documentation("x"))
SYSTEM = EventType("Rebooted", "system", list, Documentation("x"))


class FakeSession:
    def __init__(self, *read: str, filters: tuple[str, ...] = ()) -> None:
        self.events_on = True
        self.read = frozenset(read)
        self.filters = [parse_filter(text) for text in filters]
        self.got: list[bytes] = []
        self.writes = 0

    def deliver(self, joined: bytes, events: Any) -> None:
        assert joined == b"".join(events)
        self.got += events
        self.writes += 1


class Renderer:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, event_type: EventType, args: tuple[Any, ...]) -> bytes:
        self.count += 1
        return f"{event_type.name} {','.join(map(str, args))};".encode()


def feed(*sessions: FakeSession, disabled: frozenset[str] = frozenset()) -> tuple[EventFeed, Renderer]:
    renderer = Renderer()
    made = EventFeed(renderer)
    made.update(sessions, disabled)  # type: ignore[arg-type]
    return made, renderer


async def test_an_event_is_rendered_once_for_all_who_want_it() -> None:
    sessions = [FakeSession("call", "system") for _ in range(50)]
    bored = FakeSession("agent")
    made, renderer = feed(*sessions, bored)
    for number in range(10):
        made.publish(CALL, (number,))
    made.flush()
    assert renderer.count == 10
    assert all(session.got == [f"Called {number};".encode() for number in range(10)] for session in sessions)
    assert {session.writes for session in sessions} == {1}
    assert bored.got == []


async def test_nothing_is_rendered_for_nobody() -> None:
    off = FakeSession("call")
    off.events_on = False
    made, renderer = feed(FakeSession("agent"), off)
    made.publish(CALL, (1,))
    assert renderer.count == 0
    made, renderer = feed(FakeSession("call"), disabled=frozenset({"called"}))
    made.publish(CALL, (1,))
    assert renderer.count == 0
    assert not feed(off)[0].wanted


async def test_a_filter_concerns_its_own_session_only() -> None:
    plain, filtered = FakeSession("call"), FakeSession("call", filters=("!Called 2",))
    made, _ = feed(plain, filtered)
    for number in (1, 2, 3):
        made.publish(CALL, (number,))
    made.flush()
    assert plain.got == [b"Called 1;", b"Called 2;", b"Called 3;"]
    assert filtered.got == [b"Called 1;", b"Called 3;"]


async def test_a_change_of_wishes_takes_effect_after_what_happened_before() -> None:
    session = FakeSession("call", "system")
    made, _ = feed(session)
    made.publish(CALL, (1,))
    session.read = frozenset({"system"})
    made.update([session], frozenset())  # type: ignore[list-item]
    made.publish(CALL, (2,))
    made.publish(SYSTEM, ())
    made.flush()
    assert session.got == [b"Called 1;", b"Rebooted ;"]


@pytest.mark.parametrize(("clients", "most"), [(1, 0.02), (50, MAX_ROUND_SECONDS + 0.05)])
async def test_events_go_out_by_themselves_soon(clients: int, most: float) -> None:
    sessions = [FakeSession("call") for _ in range(clients)]
    made, _ = feed(*sessions)
    loop = asyncio.get_running_loop()
    for _ in range(2):  # the second round may have to wait, the first does not
        expected = sessions[0].writes + 1
        made.publish(CALL, (1,))
        started = loop.time()
        while sessions[0].writes < expected:
            assert loop.time() - started < most + 0.5
            await asyncio.sleep(0)
    made.publish(CALL, (1,))
    made.stop()
    await asyncio.sleep(0)
    assert not made.wanted


async def test_many_clients_are_written_to_in_rounds() -> None:
    sessions = [FakeSession("call") for _ in range(50)]
    made, _ = feed(*sessions)
    loop = asyncio.get_running_loop()
    end = loop.time() + 0.3
    published = 0
    while loop.time() < end:
        made.publish(CALL, (published,))
        published += 1
        await asyncio.sleep(0.001)
    made.flush()
    assert len(sessions[0].got) == published
    assert sessions[0].writes <= 0.3 / MAX_ROUND_SECONDS + 3


async def test_an_event_for_readers_of_one_class_needs_that_class_by_name() -> None:
    special = EventType("Special", "reporting", list, Documentation("x"), reader="test")
    everything, named_too = FakeSession(*parse_classes("all")), FakeSession(*parse_classes("all,test"))
    reporting, only = FakeSession(*parse_classes("reporting")), FakeSession(*parse_classes("test"))
    made, _ = feed(everything, named_too, reporting, only)
    assert made.has(special)
    made.publish(special, ())
    made.flush()
    assert [len(each.got) for each in (everything, named_too, reporting, only)] == [0, 1, 0, 1]
    assert not feed(everything, reporting)[0].has(special)
    assert not feed(only, disabled=frozenset({"special"}))[0].has(special)
