"""The events of recordings have the fields of their channel, and what else they tell, in order."""

from __future__ import annotations

from pathlib import Path

from recording_kit import Call, in_a_call

from asterism.pbx.calls.recording.events import ALL, MIXMONITOR_MUTE, MIXMONITOR_START, MIXMONITOR_STOP
from asterism.pbx.vocabulary.events import channel_fields


def test_fields(tmp_path: Path) -> None:
    async def scenario(call: Call) -> None:
        own = channel_fields(call.alice)
        assert list(MIXMONITOR_START.render(call.alice)) == own
        assert list(MIXMONITOR_STOP.render(call.alice)) == own
        for on in (True, False):
            more = [("Direction", "read"), ("State", int(on))]
            assert list(MIXMONITOR_MUTE.render(call.alice, "read", on)) == [*own, *more]
            assert MIXMONITOR_MUTE.tail is not None
            assert list(MIXMONITOR_MUTE.tail(call.alice, "read", on)) == more
        assert {kind.privilege for kind in ALL} == {"call"}

    in_a_call(tmp_path, scenario)
