"""LOCK, TRYLOCK, UNLOCK between channels."""

from __future__ import annotations

import asyncio

import pytest
from functions_kit import Functions, warnings

from asterism.core.restriction import DANGEROUS_FUNCTIONS, restricted
from asterism.pbx.dialplan.functions import locks
from asterism.pbx.dialplan.functions.locks import LockFunctions
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.testing import until


async def test_one_channel_at_a_time_and_who_waits_longest_is_next() -> None:
    functions = Functions(LockFunctions())
    first, second, third = functions.channel, functions.world.channel(), functions.world.channel()
    assert await functions.read("LOCK(a)", first) == "1"
    assert await functions.read("TRYLOCK(a)", second) == "0"
    assert await functions.read("TRYLOCK(b)", second) == "1"
    assert await functions.read("UNLOCK(b)", second) == "1"
    got: list[str] = []

    async def wait(channel: object, name: str) -> None:
        assert await functions.read("LOCK(a)", channel) == "1"  # type: ignore[arg-type]
        got.append(name)

    waiting = [asyncio.create_task(wait(second, "second")), asyncio.create_task(wait(third, "third"))]
    await asyncio.sleep(0.05)
    assert got == []
    assert await functions.read("UNLOCK(a)", first) == "1"
    await waiting[0]
    assert got == ["second"]
    assert await functions.read("UNLOCK(a)", second) == "1"
    await waiting[1]
    assert got == ["second", "third"]


async def test_a_channel_unlocks_as_often_as_it_has_locked() -> None:
    functions = Functions(LockFunctions())
    other = functions.world.channel()
    assert [await functions.read(f"{name}(a)") for name in ("LOCK", "TRYLOCK")] == ["1", "1"]
    assert await functions.read("UNLOCK(a)") == "1"
    assert await functions.read("TRYLOCK(a)", other) == "0"
    assert await functions.read("UNLOCK(a)") == "1"
    assert await functions.read("TRYLOCK(a)", other) == "1"
    with warnings(functions) as lines:
        assert await functions.read("UNLOCK(a)") == await functions.read("UNLOCK(nosuch)") == "0"
        assert await functions.read("LOCK()") == ""
    assert len(lines) == 3


async def test_two_that_wait_for_each_other_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert locks.SECOND_LOCK_TIMEOUT == 3.0
    monkeypatch.setattr(locks, "SECOND_LOCK_TIMEOUT", 0.2)
    functions = Functions(LockFunctions())
    world = functions.world
    world.say(
        "[default]\n"
        "exten => 1,1,Set(X=${LOCK(a)})\n same => n,Wait(0.05)\n same => n,NoOp(first: ${LOCK(b)})\n"
        " same => n,Wait(1)\n"
        "exten => 2,1,Set(X=${LOCK(b)})\n same => n,Wait(0.1)\n same => n,NoOp(second: ${LOCK(a)})\n"
    )
    with warnings(functions) as lines:
        await asyncio.gather(world.call("1"), world.call("2"))
    # The first gives up, and holds a for longer than the second waits.
    assert sorted(step for step in world.steps() if step.startswith("NoOp")) == ["NoOp(first: 0)", "NoOp(second: 0)"]
    assert len([line for line in lines if "did not get the lock" in line]) == 2


async def test_a_hang_up_gives_back_what_is_held_and_ends_the_waiting() -> None:
    functions = Functions(LockFunctions())
    world = functions.world
    heard = world.pbx.bus.listeners[events.HANGUP]
    world.say(
        "[default]\nexten => hold,1,Set(X=${LOCK(a)})\n same => n,Wait(60)\n"
        "exten => wait,1,Set(X=${LOCK(a)})\n same => n,NoOp(got it)\nexten => h,1,NoOp(${TRYLOCK(a)} in h)\n"
    )
    holder, waiter, other = (world.channel(exten) for exten in ("hold", "wait", "wait"))
    held = functions.modules[0]._locks
    tasks = [world.pbx.start(holder)]
    await until(lambda: "a" in held)
    tasks += [world.pbx.start(waiter), world.pbx.start(other)]
    await until(lambda: len(held["a"].waiting) == 2)
    waiter.queue_hangup(16)
    await asyncio.wait_for(tasks[1], 1)
    assert "NoOp(0 in h)" in world.steps()
    assert "NoOp(got it)" not in world.steps()
    holder.queue_hangup(16)
    await asyncio.wait_for(asyncio.gather(*tasks), 1)
    # Its lock was still its own in h; then the other's, which is over as well by now.
    assert world.steps().count("NoOp(1 in h)") == 2
    assert world.steps().count("NoOp(got it)") == 1
    await asyncio.sleep(0)
    assert functions.modules[0]._locks == {}
    assert world.pbx.bus.listeners[events.HANGUP] == heard, "nobody listens where there are no locks"


async def test_a_lock_granted_to_one_that_hangs_up_goes_on_to_the_next() -> None:
    functions = Functions(LockFunctions())
    second, third = functions.world.channel(), functions.world.channel()
    await functions.read("LOCK(a)")
    waiting = [asyncio.create_task(functions.read("LOCK(a)", one)) for one in (second, third)]
    await asyncio.sleep(0)
    second.queue_hangup(16)
    assert await functions.read("UNLOCK(a)") == "1"
    with pytest.raises(ChannelHangup):
        await waiting[0]
    assert await asyncio.wait_for(waiting[1], 1) == "1"


async def test_bounded_and_refused_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = Functions(LockFunctions())
    monkeypatch.setattr(locks, "MAX_LOCKS", 2)
    with warnings(functions) as lines:
        assert [await functions.read(f"LOCK({name})") for name in "abca"] == ["1", "1", "", "1"]
        with restricted(DANGEROUS_FUNCTIONS):
            for name in ("LOCK", "TRYLOCK", "UNLOCK"):
                assert await functions.read(f"{name}(a)") == ""
    assert len(lines) == 4
