"""Random sequences of calls, transfers, answers, redirects and hang-ups, in virtual time.

Whatever happens, everything that was begun ends: channels, bridges, tasks, events; and whoever asked for a transfer
hears of its outcome once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from fake_technology import settle
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scene_kit import OPENINGS, SECOND, STEP, TALK, Faults, Scene
from transfer_kit import nothing_left, transfer_server

from asterism.pbx.calls.transfers.results import TransferResult
from virtual_loop import VirtualLoop


def play(steps: Sequence[tuple[str, Any, Any]]) -> None:
    faults = Faults()

    async def main() -> None:
        server = transfer_server()
        server.log.addHandler(faults)
        server.dialplan(("603", 1, "Dial", "PJSIP/bob&PJSIP/carol,10,g"), ("603", 2, "Dial", "PJSIP/dave,5"))
        scene = Scene(server)
        try:
            for what, first, second in steps:
                if what == "wait":
                    await asyncio.sleep(first)
                else:
                    scene.step(what, first, second)
                await settle(60)
                scene.check()
            for channel in scene.live():
                scene.hang_up(channel, None)
            await settle(80)
            scene.hall.dismiss()
            await asyncio.sleep(4000)  # extensions that were transferred to each other talk until their end
            nothing_left(server)
            for result, asked in scene.asked:
                assert len(asked.finals) == (1 if result is TransferResult.SUCCESS else 0), (result, asked.finals)
                assert not asked.late
            assert len(asyncio.all_tasks()) == 1
            assert faults.found == []
        finally:
            server.log.removeHandler(faults)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def test_the_pieces_work() -> None:
    """What a property with nothing but refused steps would not show: these sequences reach what they are to reach."""
    reached: list[str] = []

    def sequence(*steps: tuple[str, Any, Any]) -> Callable[[], None]:
        return lambda: play(steps)

    sequence(("call", "alice", "6002"), ("answer", 0, None), ("keeping blind", 0, "6003"), ("refuse", 0, 17))()
    reached.append("back")
    sequence(("call", "alice", "6002"), ("answer", 0, None), ("blind", 1, "700"))()
    reached.append("parked")
    assert reached == ["back", "parked"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(OPENINGS), st.lists(STEP, min_size=2, max_size=20))
@example(TALK, [("keeping blind", 1, "6003"), ("hang up", 0, None)])
@example(TALK, [SECOND, ("attended", 0, 2)])
def test_everything_that_was_begun_ends(opening: list[tuple[str, Any, Any]], steps: list[tuple[str, Any, Any]]) -> None:
    play([*opening, *steps])
