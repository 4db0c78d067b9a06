"""Call detail records as Asterisk 22.10 was recorded: each scenario played with phones, and its rows compared."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from cdr_record_kit import World, recorded, recorded_world, told

from asterism.testing import PhoneCall, until

Play = Callable[[World], Awaitable[None]]


async def _talk(world: World, number: str, *, members: int = 2) -> tuple[PhoneCall, PhoneCall]:
    call = await world.alice.dial(number)
    incoming = await world.bob.incoming()
    incoming.ring()
    incoming.answer()
    await call.answered()
    await world.bridged(members)
    return call, incoming


async def answered(world: World) -> None:
    call, incoming = await _talk(world, "6002")
    await call.hangup()
    await incoming.ended()


async def no_answer(world: World) -> None:
    call = await world.alice.dial("6102")
    (await world.bob.incoming()).ring()
    await call.refused()


async def busy(world: World) -> None:
    call = await world.alice.dial("6002")
    (await world.bob.incoming()).reject(486)
    await call.refused()


async def cancelled(world: World) -> None:
    call = await world.alice.dial("6002")
    incoming = await world.bob.incoming()
    incoming.ring()
    await call.ringing()
    await call.cancel()
    await incoming.ended()


async def declined(world: World) -> None:
    call = await world.alice.dial("6002")
    (await world.bob.incoming()).reject(603)
    await call.refused()


def refused(number: str) -> Play:
    async def play(world: World) -> None:
        await (await world.alice.dial(number)).refused()

    return play


async def disabled(world: World) -> None:
    await (await world.alice.dial("7801")).ended()


async def forked_record(world: World) -> None:
    await (await world.alice.dial("7800")).ended()


async def forked_call(world: World) -> None:
    call = await world.alice.dial("7802")
    first, second = await world.bob.incoming(), await world.carol.incoming()
    first.ring()
    second.ring()
    first.answer()
    await call.answered()
    await world.bridged()
    await first.hangup()
    await call.ended()


async def two_dials(world: World) -> None:
    call = await world.alice.dial("7803")
    (await world.bob.incoming()).reject(486)
    second = await world.carol.incoming()
    second.answer()
    await call.answered()
    await world.bridged()
    await call.hangup()
    await second.ended()


async def blind_transfer(world: World) -> None:
    call, incoming = await _talk(world, "6002")
    await call.refer(f"<{world.alice.uri('6003')}>")
    third = await world.carol.incoming()
    third.answer()
    await call.ended()
    await world.bridged()
    await incoming.hangup()
    await third.ended()


async def attended_transfer(world: World) -> None:
    call, incoming = await _talk(world, "6002")
    await call.hold()
    second = await world.alice.dial("6003")
    third = await world.carol.incoming()
    third.answer()
    await second.answered()
    await world.bridged(4)
    await call.refer(f"<{world.alice.uri('6003')}?{second.replaces()}>")
    await call.ended()
    await until(lambda: len(world.server.pbx.channels) == 2)
    await incoming.hangup()
    await third.ended()


async def conference(world: World) -> None:
    first = await world.alice.dial("7804")
    await first.answered()
    await world.bridged(1)
    second = await world.bob.dial("7804")
    await second.answered()
    await world.bridged(2)
    third = await world.carol.dial("7804")
    await third.answered()
    await world.bridged(3)
    for call in (second, third, first):
        await call.hangup()
        await asyncio.sleep(0)


async def local_optimized(world: World) -> None:
    call, incoming = await _talk(world, "7001")
    await until(lambda: len(world.server.pbx.channels) == 2)
    await call.hangup()
    await incoming.ended()


async def local_kept(world: World) -> None:
    call, incoming = await _talk(world, "7002", members=4)
    await call.hangup()
    await incoming.ended()


async def originated(world: World) -> None:
    task = asyncio.ensure_future(
        world.server.pbx.originate(
            "PJSIP/bob", context="internal", exten="6003", caller_id='"Orig" <5000>', accountcode="oacc"
        )
    )
    incoming = await world.bob.incoming()
    incoming.answer()
    third = await world.carol.incoming()
    third.answer()
    await task
    await world.bridged()
    await incoming.hangup()
    await third.ended()


async def parked(world: World) -> None:
    call = await world.alice.dial("7400")
    await call.answered()
    await world.bridged(1)
    (space,) = (one.space for one in world.server.pbx.parking.calls.values())
    retriever = await world.carol.dial(str(space))
    await retriever.answered()
    await world.bridged(2)
    await retriever.hangup()
    await call.ended()


async def picked_up(world: World) -> None:
    call = await world.alice.dial("6002")
    (await world.bob.incoming()).ring()
    await call.ringing()
    picker = await world.carol.dial("*8")
    await picker.answered()
    await call.answered()
    await world.bridged()
    await call.hangup()
    await picker.ended()


SCENARIOS: dict[str, Play] = {
    "answered, caller hangs up": answered,
    "no answer: Dial(PJSIP/bob,3)": no_answer,
    "busy (486)": busy,
    "caller cancels while ringing": cancelled,
    "callee declines (603)": declined,
    "Dial of an endpoint that does not exist (7808)": refused("7808"),
    "Congestion(1)": refused("7805"),
    "Busy(1)": refused("7806"),
    "Hangup() without answer": refused("7807"),
    "CDR_PROP(disable)=1": disabled,
    "extension that does not exist": refused("nosuch"),
    "7800: CDR(userfield), accountcode, amaflags, ForkCDR(), ResetCDR(v), CELGenUserEvent": forked_record,
    "Dial(PJSIP/bob&PJSIP/carol): bob answers": forked_call,
    "two Dials: bob busy, then carol answers": two_dials,
    "blind transfer: alice calls bob, REFERs bob to 6003; bob hangs up": blind_transfer,
    "attended transfer: alice calls bob, calls carol, REFER with Replaces; bob hangs up": attended_transfer,
    "Dial(Local/6002@internal) with optimisation": local_optimized,
    "Dial(Local/6002@internal/n)": local_kept,
    "Originate PJSIP/bob to 6003, bob hangs up": originated,
    "parked by Park(), retrieved by carol": parked,
    "pickup *8 by carol": picked_up,
}
DEFAULTS: dict[str, Play] = {
    "no answer": no_answer,
    "busy": busy,
    "caller cancels": cancelled,
    "Dial of a missing endpoint": refused("7808"),
    "Congestion(1)": refused("7805"),
    "Hangup() without answer": refused("7807"),
    "Dial(PJSIP/bob&PJSIP/carol), bob answers": forked_call,
}


@pytest.mark.parametrize("title", SCENARIOS)
async def test_a_call_leaves_the_rows_of_the_record(title: str) -> None:
    async with recorded_world() as world:
        await SCENARIOS[title](world)
        assert told(await world.over()) == recorded(title)


@pytest.mark.parametrize("title", DEFAULTS)
async def test_with_the_defaults_who_called_nobody_has_no_row(title: str) -> None:
    async with recorded_world("[general]\n") as world:
        await DEFAULTS[title](world)
        assert told(await world.over()) == recorded(f"unanswered=no, congestion=no (the defaults): {title}")
