"""Works: order within a work, interleaving between works, re-entry, back-pressure."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sip_rig import turn

from asterism.core.log import ServerLogger
from asterism.sip.works import Servants, WorkClosed, WorkFull, WorkReentered, current_work


def servants(max_queued: int = 1000) -> Servants:
    return Servants(ServerLogger("works"), max_queued)


def test_a_plain_task_runs_at_once_on_an_idle_work() -> None:
    work = servants().create_work("w")
    done: list[int] = []
    assert work.push(done.append, 1)
    assert done == [1]
    assert work.processed == 1
    assert work.idle


def test_a_task_pushed_from_inside_waits_for_its_turn() -> None:
    work = servants().create_work("w")
    order: list[str] = []

    def outer() -> None:
        work.push(order.append, "inner")
        order.append("outer")

    work.push(outer)
    assert order == ["outer", "inner"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("pca"), st.integers(0, 2)), max_size=300))
def test_order_is_kept_per_work(pushes: list[tuple[int, str, int]]) -> None:
    """Whatever mixture of plain tasks, coroutines and nested pushes: each work runs its tasks in order, alone."""

    async def scenario() -> None:
        engine = servants()
        works = [engine.create_work(f"w{number}") for number in range(5)]
        ran: dict[int, list[int]] = {number: [] for number in range(5)}
        pushed: dict[int, list[int]] = {number: [] for number in range(5)}
        inside: set[int] = set()

        def enter(number: int, serial: int) -> None:
            assert number not in inside
            assert current_work() is works[number]
            ran[number].append(serial)

        def plain(number: int, serial: int) -> None:
            enter(number, serial)

        async def coroutine(number: int, serial: int, turns: int) -> None:
            enter(number, serial)
            inside.add(number)
            for _ in range(turns):
                await asyncio.sleep(0)
            inside.discard(number)

        for serial, (number, kind, turns) in enumerate(pushes):
            pushed[number].append(serial)
            if kind == "p":
                assert works[number].push(plain, number, serial)
            else:
                assert works[number].push(coroutine, number, serial, turns)
            if kind == "a":
                await asyncio.sleep(0)
        for work in works:
            await work.run(lambda: None)
        assert ran == pushed

    asyncio.run(scenario())


def test_works_interleave() -> None:
    async def scenario() -> list[str]:
        engine = servants()
        one, two = engine.create_work("one"), engine.create_work("two")
        order: list[str] = []
        gate = asyncio.Event()

        async def slow() -> None:
            await gate.wait()
            order.append("slow")

        one.push(slow)
        one.push(order.append, "after slow")
        two.push(order.append, "other")
        gate.set()
        await turn()
        return order

    assert asyncio.run(scenario()) == ["other", "slow", "after slow"]


def test_run_returns_and_raises() -> None:
    async def scenario() -> None:
        work = servants().create_work("w")
        assert await work.run(lambda: 7) == 7

        async def fails() -> None:
            raise KeyError("x")

        with pytest.raises(KeyError):
            await work.run(fails)
        assert work.idle

    asyncio.run(scenario())


def test_waiting_for_oneself_raises() -> None:
    async def scenario() -> None:
        work = servants().create_work("w")

        async def again() -> None:
            await work.run(lambda: None)

        with pytest.raises(WorkReentered):
            await work.run(again)

    asyncio.run(scenario())


def test_a_cycle_of_works_raises() -> None:
    async def scenario() -> None:
        engine = servants()
        one, two, three = (engine.create_work(name) for name in ("one", "two", "three"))

        async def in_three() -> None:
            await one.run(lambda: None)

        async def in_two() -> None:
            await three.run(in_three)

        async def in_one() -> None:
            await two.run(in_two)

        with pytest.raises(WorkReentered):
            await one.run(in_one)
        assert one.idle
        assert two.idle
        assert three.idle

    asyncio.run(scenario())


def test_a_spawned_task_is_not_its_parents_work() -> None:
    async def scenario() -> int:
        work = servants().create_work("w")
        spawned: list[asyncio.Task[int]] = []

        async def child() -> int:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            result: int = await work.run(lambda: 5)
            return result

        async def parent() -> None:
            spawned.append(asyncio.ensure_future(child()))

        await work.run(parent)
        return await spawned[0]

    assert asyncio.run(scenario()) == 5


def test_back_pressure() -> None:
    async def scenario() -> None:
        engine = servants(max_queued=3)
        work = engine.create_work("w")
        gate = asyncio.Event()
        work.push(gate.wait)
        assert [work.push(lambda: None) for _ in range(4)] == [True, True, True, False]
        with pytest.raises(WorkFull):
            await work.run(lambda: None)
        assert engine.rejected == 1
        gate.set()
        await turn()
        assert work.idle

    asyncio.run(scenario())


def test_close_finishes_what_is_queued() -> None:
    async def scenario() -> None:
        engine = servants()
        work = engine.create_work("w")
        gate = asyncio.Event()
        done: list[int] = []
        work.push(gate.wait)
        work.push(done.append, 1)
        work.close()
        assert not work.push(done.append, 2)
        with pytest.raises(WorkClosed):
            await work.run(done.append, 3)
        gate.set()
        await turn()
        assert done == [1]
        assert len(engine) == 0

    asyncio.run(scenario())


def test_a_failing_task_harms_nobody_else() -> None:
    work = servants().create_work("w")
    done: list[int] = []

    def fails() -> None:
        work.push(done.append, 1)
        raise RuntimeError("boom")

    assert work.push(fails)
    assert done == [1]
    assert work.processed == 2


def test_threads_and_blocking_functions() -> None:
    async def scenario() -> None:
        engine = servants()
        engine.attach(asyncio.get_running_loop())
        work, other = engine.create_work("w"), engine.create_work("o")
        release, seen = threading.Event(), asyncio.Event()

        def blocks() -> str:
            work.push_threadsafe(seen.set)
            assert release.wait(10)
            return threading.current_thread().name

        waiting = asyncio.ensure_future(engine.run_blocking(work, blocks))
        await turn()
        done: list[int] = []
        other.push(done.append, 1)
        assert done == [1]
        assert not seen.is_set()
        release.set()
        assert "asterism-servant" in await waiting
        await asyncio.wait_for(seen.wait(), 10)
        engine.stop()

    asyncio.run(scenario())


def test_many_tasks_do_not_starve_the_loop() -> None:
    async def scenario() -> None:
        work = servants(max_queued=5000).create_work("w")
        done: list[int] = []

        def fill() -> None:
            for number in range(1000):
                work.push(done.append, number)

        work.push(fill)
        assert 0 < len(done) < 1000
        await work.run(lambda: None)
        assert done == list(range(1000))

    asyncio.run(scenario())


def test_cancel_drops_what_is_queued_and_ends_what_runs() -> None:
    async def scenario() -> None:
        engine = servants()
        work = engine.create_work("w")
        ended: list[str] = []
        done: list[int] = []

        async def long() -> None:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise

        running = asyncio.ensure_future(work.run(long))
        await turn()
        waiting = asyncio.ensure_future(work.run(done.append, 1))
        await turn()
        work.push(done.append, 2)
        work.cancel()
        await turn()
        assert running.cancelled()
        assert waiting.cancelled()
        assert (ended, done) == (["cancelled"], [])
        assert not work.push(done.append, 3)
        assert (work.queued, len(engine)) == (0, 0)

    asyncio.run(scenario())


def test_cancel_forgets_an_idle_work() -> None:
    engine = servants()
    work = engine.create_work("w")
    assert work.push(lambda: None)
    assert len(engine) == 1
    work.cancel()
    assert len(engine) == 0
    assert not work.push(lambda: None)
