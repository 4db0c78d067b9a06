"""Native call completion (RFC 6910): two servers, and phones that ask by themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from asterism.core.events import EventType
from asterism.pbx.calls.completion import events
from asterism.server.server import Server
from asterism.testing import Phone, assert_idle, free_port, running_server, until

PHONES = """
[global]
type=global

[phone](!)
type=endpoint
context=phones
disallow=all
allow=ulaw

[{number}](phone)
auth={number}
aors={number}
callerid=<{number}>
cc_agent_policy=generic
cc_monitor_policy=generic
[{number}]
type=auth
username={number}
password=secret
[{number}]
type=aor
max_contacts=2
"""
TRUNK = """
[trunk]
type=transport
protocol=udp
bind=127.0.0.1:{own}

[{peer}](phone)
aors={peer}
from_user={me}
outbound_auth=trunk-auth
{policy}
[{peer}]
type=aor
contact=sip:127.0.0.1:{other}
[trunk-auth]
type=auth
username=trunk
password=trunk
"""
EAST = """
[phones]
exten => 200,1,Dial(PJSIP/200@west,30)
 same => n,Hangup()
exten => 30,1,CallCompletionRequest()
exten => 31,1,CallCompletionCancel()
exten => 600,1,Answer()
 same => n,Echo()
"""
WEST = """
[phones]
exten => 200,1,Dial(PJSIP/200,5)
 same => n,Hangup()
exten => 600,1,Answer()
 same => n,Echo()
"""


@dataclass
class World:
    """Ann (101) at ``east``, Bob (200) at ``west``."""

    east: Server
    west: Server
    ann: Phone
    bob: Phone
    told: list[str]

    def states(self) -> list[list[str]]:
        return [[one.state.value for one in server.pbx.completion] for server in (self.east, self.west)]


@asynccontextmanager
async def two_servers(monitor: str = "native", more: str = "") -> AsyncIterator[World]:
    ports = free_port(), free_port()
    east = {
        "pjsip.conf": PHONES.format(number=101)
        + TRUNK.format(own=ports[0], other=ports[1], peer="west", me="east", policy=f"cc_monitor_policy={monitor}"),
        "extensions.conf": EAST,
    }
    west = {
        "pjsip.conf": PHONES.format(number=200)
        + TRUNK.format(own=ports[1], other=ports[0], peer="east", me="west", policy=f"cc_agent_policy=native\n{more}"),
        "extensions.conf": WEST,
    }
    async with (
        running_server(east) as here,
        running_server(west) as there,
        Phone("101", here, "secret") as ann,
        Phone("200", there, "secret") as bob,
    ):
        await ann.register()
        await bob.register()
        told: list[str] = []

        def note(name: str, event: EventType, _values: tuple[Any, ...]) -> None:
            told.append(f"{name} {event.name[2:]}")

        for name, server in (("east", here), ("west", there)):
            for event in events.ALL:
                server.subscribe(event, partial(note, name))
        yield World(here, there, ann, bob, told)
        await assert_idle(here)
        await assert_idle(there)
        assert world_is_empty(here)
        assert world_is_empty(there)


def world_is_empty(server: Server) -> bool:
    return not len(server.pbx.completion) and not len(server.pbx.completion.queues)


async def refused(world: World):
    """Ann calls Bob, who is in a call; the call that he is in."""
    talking = await world.bob.dial("600")
    await talking.answered()
    call = await world.ann.dial("200")
    (await world.bob.incoming()).reject(486)
    assert await call.refused() == 486
    await until(lambda: world.states() == [["offered"], ["offered"]])
    return talking


async def test_busy_requested_called_back_and_answered():
    async with two_servers() as world:
        talking = await refused(world)
        await (await world.ann.dial("30")).refused()
        await until(lambda: world.states() == [["active"], ["active"]])
        await talking.hangup()
        recall = await world.ann.incoming()
        recall.answer()
        incoming = await world.bob.incoming()
        incoming.ring()
        incoming.answer()
        await incoming.answered()
        await until(lambda: world.states() == [[], []])
        assert world.told[-2:] in (
            ["west RecallComplete", "east RecallComplete"], ["east RecallComplete", "west RecallComplete"]
        )  # fmt: skip
        await recall.hangup()
        await incoming.ended()


async def requested(world: World):
    talking = await refused(world)
    await (await world.ann.dial("30")).refused()
    await until(lambda: world.states() == [["active"], ["active"]])
    return talking


async def test_no_answer_and_the_generic_monitor_is_not_needed():
    async with two_servers() as world:
        call = await world.ann.dial("200")
        incoming = await world.bob.incoming()
        incoming.ring()
        await call.ringing()
        (offer,) = call.responses[-1].get_all("Call-Info") or [""]
        assert offer == ""  # Ann asks by her server, not by herself
        await call.cancel()
        await until(lambda: world.states() == [["offered"], ["offered"]])
        (transaction,) = world.east.pbx.completion
        assert [(one.kind, one.service) for one in transaction.monitors] == [("native", "CCNR")]
        await (await world.ann.dial("30")).refused()
        await until(lambda: world.states() == [["active"], ["active"]])
        talking = await world.bob.dial("600")
        await talking.answered()
        await talking.hangup()
        recall = await world.ann.incoming()
        recall.answer()
        again = await world.bob.incoming()
        again.answer()
        await again.answered()
        await until(lambda: world.states() == [[], []])
        await recall.hangup()
        await again.ended()


async def test_a_caller_that_is_busy_is_told_to_the_other_server():
    """It suspends by PUBLISH and resumes when its phone is free."""
    async with two_servers() as world:
        talking = await requested(world)
        calling = await world.ann.dial("600")
        await calling.answered()
        await talking.hangup()
        await until(lambda: world.states() == [["caller_busy"], ["caller_busy"]])
        await calling.hangup()
        recall = await world.ann.incoming()
        recall.answer()
        incoming = await world.bob.incoming()
        incoming.answer()
        await incoming.answered()
        await until(lambda: world.states() == [[], []])
        assert "west CallerStartMonitoring" in world.told
        assert "west CallerStopMonitoring" in world.told
        await recall.hangup()
        await incoming.ended()


async def test_cancelled_by_the_caller_ends_it_at_both():
    async with two_servers() as world:
        talking = await requested(world)
        await (await world.ann.dial("31")).refused()
        await until(lambda: world.states() == [[], []])
        await talking.hangup()


async def test_ended_by_the_called_side_ends_it_at_both():
    async with two_servers() as world:
        talking = await requested(world)
        world.west.pbx.completion.end_all("test")
        await until(lambda: world.states() == [[], []])
        assert world.told[-2:] == ["east MonitorFailed", "east Failure"]
        await talking.hangup()


async def test_an_offer_that_is_gone_at_the_other_server():
    """The SUBSCRIBE gets 404."""
    async with two_servers() as world:
        talking = await refused(world)
        world.west.pbx.completion.end_all("test")
        await (await world.ann.dial("30")).refused()
        await until(lambda: world.states() == [[], []])
        assert world.told[-2:] == ["east MonitorFailed", "east Failure"]
        await talking.hangup()


async def test_a_caller_that_does_not_call_gives_the_turn_back():
    async with two_servers(more="cc_recall_timer=1") as world:
        talking = await requested(world)
        await talking.hangup()
        recall = await world.ann.incoming()  # which nobody answers
        await until(lambda: world.states()[1] == [])
        await until(lambda: "west Failure" in world.told)
        assert world.states()[0] == ["recalling"]
        recall.answer()
        incoming = await world.bob.incoming()  # an ordinary call to where it was dialled
        incoming.answer()
        await incoming.answered()
        await until(lambda: world.states() == [[], []])
        await recall.hangup()
        await incoming.ended()


async def test_the_called_phone_is_in_use_again_before_the_recall():
    """The recall fails as the call before it did, and is offered anew."""
    async with two_servers() as world:
        talking = await requested(world)
        await talking.hangup()
        recall = await world.ann.incoming()
        recall.answer()
        (await world.bob.incoming()).reject(486)
        await recall.ended()
        await until(lambda: world.states() == [["offered"], ["offered"]])
        world.east.pbx.completion.end_all("test")
        world.west.pbx.completion.end_all("test")


async def test_always_is_generic_where_nothing_is_offered():
    async with two_servers("always", "cc_max_agents=0") as world:
        talking = await world.bob.dial("600")
        await talking.answered()
        call = await world.ann.dial("200")
        (await world.bob.incoming()).reject(486)
        assert await call.refused() == 486
        await until(lambda: world.states() == [["offered"], []])
        (transaction,) = world.east.pbx.completion
        assert [one.kind for one in transaction.monitors] == ["generic"]
        world.east.pbx.completion.end_all("test")
        await talking.hangup()


async def test_another_caller_of_the_same_trunk_is_not_taken_for_the_one_that_waits():
    async with two_servers(more="cc_recall_timer=5") as world:
        talking = await requested(world)
        (transaction,) = world.west.pbx.completion
        transaction.agent.number = "somebody else's"
        await talking.hangup()
        recall = await world.ann.incoming()
        await until(lambda: world.states()[1] == ["callee_ready"])
        call = await world.ann.dial("200")
        incoming = await world.bob.incoming()
        incoming.reject(603)
        await call.refused()
        assert "west CallerRecalling" not in world.told
        recall.answer()  # this one says what it is
        incoming = await world.bob.incoming()
        incoming.answer()
        await incoming.answered()
        await until(lambda: world.states() == [[], []])
        assert "west RecallComplete" in world.told
        await recall.hangup()
        await incoming.ended()
