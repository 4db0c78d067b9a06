"""Events within the server: who listens to everything does not hear them, and they come from where things change."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from fake_technology import FakeServer, settle
from transfer_kit import transfer_server

from asterism.core.events import EventType
from asterism.pbx.vocabulary import inner_events


def _keep(told: list[Any], _kind: EventType, args: tuple[Any, ...]) -> None:
    told.append(args)


def listen(server: FakeServer, kind: Any) -> list[tuple[Any, ...]]:
    heard: list[tuple[Any, ...]] = []
    server.bus.subscribe(server.owner, kind, lambda _, args: heard.append(args))
    return heard


@pytest.mark.parametrize("everything_first", [True, False])
async def test_who_listens_to_everything_does_not_hear_them(everything_first: bool) -> None:
    server = FakeServer()
    kind = inner_events.APPLICATION
    heard: dict[bool, list[Any]] = {True: [], False: []}
    assert not server.bus.wanted(kind)
    for everything in (everything_first, not everything_first):
        told = heard[everything]
        server.bus.subscribe(server.owner, None if everything else kind, partial(_keep, told))
    assert server.bus.wanted(kind)
    server.bus.publish(kind, 1)
    assert heard == {True: [], False: [(1,)]}


async def test_each_application_is_told_with_the_one_before_and_its_place() -> None:
    server = transfer_server()
    heard = listen(server, inner_events.APPLICATION)
    server.dialplan(("605", 1, "NoOp", "a"), ("605", 2, "NoOp", "b"), ("605", 3, "Answer", ""))
    channel = server.sip.incoming("alice", "605")
    server.pbx.start(channel)
    await settle(60)
    told = [(name, data, place) for one, name, data, place in heard if one is channel]
    assert told == [
        ("", "", ("internal", "605", 1)),
        ("NoOp", "b", ("internal", "605", 2)),
        ("Answer", "", ("internal", "605", 3)),
        ("NoOp", "hangup", ("internal", "h", 1)),
    ]
    assert (channel.application, channel.appdata) == ("", "")


async def test_the_same_application_at_another_place_is_no_change() -> None:
    server = FakeServer()
    heard = listen(server, inner_events.APPLICATION)
    channel = server.sip.incoming("alice", "6002")
    channel.new_exten("Dial", "PJSIP/bob")
    channel.priority = 2
    channel.new_exten("Dial", "PJSIP/carol")
    assert len(heard) == 1
    channel.run_application("Dial", "x")
    assert len(heard) == 1
    channel.run_application()
    assert [one[1] for one in heard] == ["", "Dial"]


async def test_a_linkedid_that_changes_is_told_with_the_one_before() -> None:
    server = FakeServer()
    heard = listen(server, inner_events.LINKEDID)
    channel = server.sip.incoming("alice", "6002")
    old = channel.linkedid
    channel.set_linkedid(old)
    channel.set_linkedid("test-1.1")
    assert heard == [(channel, old)]
