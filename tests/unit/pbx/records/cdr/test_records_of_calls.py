"""Records of random calls, transfers, parking, redirects and hang-ups of a whole PBX, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fake_technology import settle
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scene_kit import OPENINGS, SECOND, STEP, TALK, Faults, Scene
from transfer_kit import nothing_left, transfer_server

from asterism.pbx.records.cdr.detail import Detail
from asterism.pbx.records.cdr.engine import Engine
from asterism.pbx.records.cdr.settings import Settings
from asterism.pbx.records.record import CallRecord
from virtual_loop import VirtualLoop


def play(steps: Sequence[tuple[str, Any, Any]], before_h: bool = True) -> list[CallRecord]:
    """The records, each of which has ended and was handed on once."""
    records: list[CallRecord] = []
    seen: dict[int, Detail] = {}
    faults = Faults()

    async def main() -> None:
        server = transfer_server()
        server.log.addHandler(faults)
        server.dialplan(("603", 1, "Dial", "PJSIP/bob&PJSIP/carol,10,g"), ("603", 2, "Dial", "PJSIP/dave,5"))
        engine = Engine(server.bus, records.append, server.log)
        engine.start(server.owner, Settings(unanswered=True, endbeforehexten=before_h))

        def look() -> None:
            for party in engine.parties.values():
                seen.update((id(detail), detail) for detail in party.details)
            assert {channel.name for channel in server.pbx.channels} <= {channel.name for channel in engine.parties}

        scene = Scene(server)
        try:
            for what, first, second in steps:
                if what == "wait":
                    await asyncio.sleep(first)
                else:
                    scene.step(what, first, second)
                look()
                await settle(60)
                look()
            for channel in scene.live():
                scene.hang_up(channel, None)
            await settle(80)
            scene.hall.dismiss()
            await asyncio.sleep(4000)
            nothing_left(server)
            assert engine.parties == {}
            assert faults.found == []
        finally:
            server.log.removeHandler(faults)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    handed = [id(record) for record in records]
    for detail in seen.values():
        assert detail.record is not None
        assert handed.count(id(detail.record)) == (bool(detail.record.dstchannel) or not detail.only_called)
    assert len({record.sequence for record in records}) == len(records)
    return records


def test_a_call_and_a_transfer() -> None:
    """What the property would not show if it played nothing: these have the records that they are to have."""
    assert [record.dstchannel[:9] for record in play(TALK)] == ["PJSIP/bob"]
    moved = play([*TALK, ("blind", 0, "6003"), ("answer", 1, None)])
    assert ("PJSIP/bob", "PJSIP/car") in [(one.channel[:9], one.dstchannel[:9]) for one in moved]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(OPENINGS), st.lists(STEP, min_size=2, max_size=20), st.booleans())
@example(TALK, [("keeping blind", 1, "6003"), ("hang up", 0, None)], True)
@example(TALK, [SECOND, ("attended", 0, 2)], True)
def test_each_record_ends_once_and_nothing_is_left(
    opening: list[tuple[str, Any, Any]], steps: list[tuple[str, Any, Any]], before_h: bool
) -> None:
    play([*opening, *steps], before_h)
