"""T.38 on a channel: who is asked, who answers, and how it ends; the far ends are scripted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_technology import FakeServer, settle
from t38_kit import FAST, User, fax, scenario

from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.channels.t38 import PATIENCE, USUAL, RateManagement, T38Parameters, T38State, known_t38, t38_of
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.errors import ChannelHangup


@scenario
async def test_a_far_end_that_is_asked_agrees(server: FakeServer) -> None:
    alice, user = fax(server, "alice"), User()
    assert known_t38(alice.channel) is None
    alice.t38.use(user)
    alice.answers = lambda _: alice.t38.negotiated(FAST)
    assert await alice.t38.request() == FAST
    assert alice.asked == [("request", USUAL)]
    assert (alice.t38.state, alice.t38.parameters, user.told) == (T38State.NEGOTIATED, FAST, [T38State.NEGOTIATED])
    assert await alice.t38.request() == FAST  # it is agreed already
    assert await alice.t38.end()
    assert (alice.t38.state, alice.t38.parameters) == (T38State.UNKNOWN, None)
    assert user.told[1:] == [T38State.UNKNOWN]
    assert await alice.t38.end()
    with pytest.raises(RuntimeError):
        alice.t38.use(User())
    alice.t38.release(User())
    alice.t38.release(user)
    alice.t38.use(User())


@scenario
async def test_a_far_end_that_is_asked_refuses_or_does_not_answer(server: FakeServer) -> None:
    alice = fax(server, "alice")
    alice.answers = lambda _: alice.t38.refused()
    assert await alice.t38.request() is None
    assert alice.t38.state is T38State.REJECTED
    alice.answers = lambda _: None
    assert await alice.t38.request(timeout=0.01) is None
    assert alice.asked[-1] == ("end",)
    assert alice.t38.state is T38State.UNKNOWN
    waiting = asyncio.create_task(alice.t38.request())
    await settle()
    assert alice.t38.state is T38State.NEGOTIATING
    second: list[Any] = []
    alice.t38.ask(FAST, second.append)
    alice.channel.queue_hangup()
    with pytest.raises(ChannelHangup):
        await waiting
    alice.t38.ended()
    assert second == [None]


@scenario
async def test_who_cannot_have_t38_is_not_asked(server: FakeServer) -> None:
    alice = server.sip.incoming("alice", "1")
    t38 = t38_of(alice)
    assert t38.state is T38State.UNAVAILABLE
    assert t38.port is None
    assert await t38.request() is None


@scenario
async def test_the_user_answers_as_far_as_it_can(server: FakeServer) -> None:
    alice, user = fax(server, "alice"), User()
    alice.t38.use(user)
    alice.t38.requested(FAST)
    assert user.told == [FAST]
    assert alice.asked == []
    alice.t38.accept()
    assert alice.t38.state is T38State.NEGOTIATED
    assert alice.asked == [("answer", USUAL._replace(rate_management=RateManagement.LOCAL_TCF))]
    alice.t38.ended()
    alice.t38.requested(FAST)
    alice.t38.release(user)
    assert alice.asked[1:] == [("answer", None)]
    assert alice.t38.state is T38State.REJECTED


@scenario
async def test_nobody_answers(server: FakeServer) -> None:
    alice = fax(server, "alice")
    alice.t38.requested(FAST)
    assert alice.asked == [("answer", None)]
    alice.t38.requested(FAST, keep=True)
    assert alice.t38.state is T38State.NEGOTIATING
    alice.t38.withdrawn()
    assert (alice.t38.state, alice.t38.asked) == (T38State.UNKNOWN, None)
    alice.t38.accept()
    alice.t38.refuse()
    assert len(alice.asked) == 1


@scenario
async def test_a_request_is_not_left_open_for_ever(server: FakeServer) -> None:
    alice = fax(server, "alice")
    alice.t38.requested(FAST, keep=True)
    await asyncio.sleep(PATIENCE - 0.1)
    assert alice.asked == []
    await asyncio.sleep(0.2)
    assert alice.asked == [("answer", None)]


@scenario
async def test_a_request_that_is_withdrawn_before_it_is_answered(server: FakeServer) -> None:
    alice, user = fax(server, "alice"), User()
    alice.t38.use(user)
    alice.agrees = False
    alice.t38.requested(FAST)
    alice.t38.accept()
    assert (alice.t38.state, alice.t38.asked) == (T38State.NEGOTIATING, None)
    alice.t38.withdrawn()
    assert (alice.t38.state, user.told) == (T38State.UNKNOWN, [FAST, T38State.UNKNOWN])
    # Our own request is still under way.
    answers: list[Any] = []
    alice.t38.ask(USUAL, answers.append)
    alice.t38.requested(FAST)
    alice.t38.withdrawn()
    assert (alice.t38.state, answers) == (T38State.NEGOTIATING, [])
    alice.t38.negotiated(FAST)
    assert answers == [FAST]


@scenario
async def test_both_ask_at_the_same_time(server: FakeServer) -> None:
    alice = fax(server, "alice")
    waiting = asyncio.create_task(alice.t38.request())
    await settle()
    alice.t38.requested(T38Parameters())
    assert await waiting == FAST
    assert [one[0] for one in alice.asked] == ["request", "answer"]


@scenario
async def test_the_other_party_of_the_bridge_is_asked(server: FakeServer) -> None:
    alice, bob = fax(server, "alice"), fax(server, "bob")
    bridge = Bridge(server.pbx)
    bridge.enter(alice.channel)
    bridge.enter(bob.channel)
    alice.t38.requested(T38Parameters(max_ifp=79))
    assert bob.asked == [("request", T38Parameters(max_ifp=79))]
    assert alice.asked == []
    bob.t38.negotiated(T38Parameters(max_ifp=100))
    assert alice.asked == [("answer", T38Parameters(max_ifp=100))]
    assert (alice.t38.state, bob.t38.state) == (T38State.NEGOTIATED, T38State.NEGOTIATED)
    bob.t38.ended()  # its far end wants audio again
    await asyncio.sleep(0.15)
    assert alice.asked[1:] == [("end",)]


@scenario
async def test_the_other_party_of_the_bridge_refuses(server: FakeServer) -> None:
    alice, bob = fax(server, "alice"), fax(server, "bob")
    bridge = Bridge(server.pbx)
    bridge.enter(alice.channel)
    bridge.enter(bob.channel)
    alice.t38.requested(USUAL)
    bob.t38.refused()
    assert alice.asked == [("answer", None)]
    alice.t38.requested(USUAL)
    alice.t38.withdrawn()
    bob.t38.negotiated(FAST)  # too late
    await asyncio.sleep(0.2)
    assert bob.asked[-1] == ("end",)


@scenario
async def test_the_end_of_the_bridge_is_the_end_of_the_fax(server: FakeServer) -> None:
    alice, bob = fax(server, "alice"), fax(server, "bob")
    bridge = Bridge(server.pbx, dissolve=False)
    for each in (alice, bob):
        bridge.enter(each.channel, on_leave=lambda *_: None)
    bob.answers = lambda _: bob.t38.negotiated(USUAL)
    before = len(server.bus.listeners[events.BRIDGE_LEAVE])
    alice.t38.requested(USUAL)
    assert len(server.bus.listeners[events.BRIDGE_LEAVE]) == before + 2
    assert alice.t38.state is T38State.NEGOTIATED
    await asyncio.sleep(0.2)
    assert (alice.asked[1:], bob.asked[1:]) == ([], [])
    bridge.depart(bob.channel)
    await asyncio.sleep(0.2)
    assert (alice.asked[1:], bob.asked[1:]) == ([("end",)], [("end",)])
    assert len(server.bus.listeners[events.BRIDGE_LEAVE]) == before
