"""A call leaves nothing behind: no channel, dialog, transaction, work, socket or task, and no memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from call_kit import CONFIG

from asterism.server.server import Server
from asterism.testing import Phone, assert_idle, idle_counts, running_server, until

CALLS = 100
SYSTEM = "\n[system]\ntype=system\ntimer_t1=200\ntimer_b=1600\n"
"""Finished INVITEs are remembered for a second and a half instead of half a minute."""
ENTIRELY_FREED = ("asterism.pbx.", "asterism.media.", "asterism.applications.", "asterism.sip.")
"""Where a call's objects are from."""
OF_PHONES = "asterism.media.dtmf.DigitReceiver"
"""What the phones of the test have of that themselves."""
MOST_BYTES = 7000
"""Growth that is allowed for each call, for caches that still fill: a call that stays costs several times as much."""


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What reference counting does not free stays, and is found."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def make_calls(server: Server, count: int) -> None:
    """Let 101 call 102 ``count`` times: answered, busy and cancelled calls, ended by either side."""
    async with Phone("101", server, "ann's secret") as ann, Phone("102", server, "bob's secret") as bob:
        await ann.register()
        await bob.register()
        for number in range(count):
            call = await ann.dial("102")
            incoming = await bob.incoming()
            incoming.ring()
            await call.ringing()
            if number % 10 == 8:
                incoming.reject(486)
                await call.refused()
            elif number % 10 == 9:
                await call.cancel()
                await incoming.ended()
            else:
                incoming.answer()
                await call.answered()
                await incoming.answered()
                first, second = (call, incoming) if number % 2 else (incoming, call)
                await first.hangup()
                await second.ended()
        await ann.unregister()
        await bob.unregister()


def alive() -> Counter[str]:
    """How many objects of a call there are, by type."""
    names = (f"{type(found).__module__}.{type(found).__qualname__}" for found in gc.get_objects())
    return Counter(name for name in names if name.startswith(ENTIRELY_FREED) and name != OF_PHONES)


def open_descriptors() -> int:
    """Sockets and files of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_calls_leave_nothing_behind(no_collector: None) -> None:
    config = {**CONFIG, "pjsip.conf": CONFIG["pjsip.conf"] + SYSTEM}
    async with running_server(config) as server:
        idle = idle_counts(server)
        await make_calls(server, 20)  # fills the caches
        await assert_idle(server, idle)
        before, descriptors = alive(), open_descriptors()

        await make_calls(server, CALLS)
        await assert_idle(server, idle)

        def grown() -> dict[str, int]:
            return {name: more for name, more in (alive() - before).items() if more >= CALLS / 20}

        await until(lambda: not grown(), what=lambda: f"there are more of {grown()}")
        await until(
            lambda: open_descriptors() <= descriptors, what=lambda: f"{descriptors} became {open_descriptors()}"
        )


async def test_memory_does_not_grow_with_calls() -> None:
    config = {**CONFIG, "pjsip.conf": CONFIG["pjsip.conf"] + SYSTEM}
    tracemalloc.start()
    try:
        async with running_server(config) as server:
            idle = idle_counts(server)
            sizes = []
            for count in (CALLS // 2, CALLS):
                await make_calls(server, count)
                await assert_idle(server, idle)
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert (sizes[1] - sizes[0]) / CALLS < MOST_BYTES
