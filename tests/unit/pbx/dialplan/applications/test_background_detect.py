"""BackgroundDetect, with a phone that talks, or dials, into the prompt."""

from __future__ import annotations

import math

import pytest
from ivr_kit import CONGRATS, ivr, recorded_events, recorded_lines

from asterism.media.g711 import linear_to_ulaw
from asterism.pbx.dialplan.applications.background_detect import Talk
from asterism.testing import until
from asterism.testing.tone import make_tone

TITLE = "BackgroundDetect(demo-congrats,500,100,0,2000): 0.7 s tone then silence"
DIALPLAN = """
[internal]
exten => h,1,NoOp(hangup)
exten => 7906,1,Answer()
 same => n,BackgroundDetect(demo-congrats,500,100,0,2000)
exten => talk,1,NoOp(talk extension ${TALK_DETECTED})
exten => 42,1,NoOp(forty-two)
exten => 700,1,BackgroundDetect(beep&no-such-file&beep)
 same => n,NoOp(over)
[quiet]
exten => s,1,NoOp()
"""


def packets(*pieces: tuple[bool, float]) -> list[bytes]:
    data = b"".join(
        linear_to_ulaw(make_tone(700, seconds=seconds) if loud else bytes(int(16000 * seconds)))
        for loud, seconds in pieces
    )
    return [data[at : at + 160] for at in range(0, len(data), 160)]


async def test_who_talks_as_recorded() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("7906")
        await call.hears(CONGRATS)
        call.audio.play_packets(packets((True, 0.7), (False, 30.0)))
        await call.ended()
        recorded = [line.replace("699", "700") for line in recorded_events(TITLE, "Newexten", "VarSet")]
        assert [line for line in world.events if line.startswith(("Newexten", "VarSet"))] == recorded
        assert world.told() == recorded_lines(TITLE)


async def test_who_dials() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("7906")
        await call.hears(CONGRATS)
        call.send_digits("9")  # nothing begins with it
        await until(lambda: any("DTMFEnd" in line for line in world.events))
        await call.hears(CONGRATS)
        call.send_digits("42")
        await call.ended()
        assert any("NoOp(forty-two)" in line for line in world.events)


async def test_who_says_nothing_and_a_file_that_is_missing() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("700")
        await call.hears(1000)
        await call.ended()
        assert any("NoOp(over)" in line for line in world.events)
        assert any("no-such-file" in line for line in world.told())
        assert world.variables("TALK_DETECTED") == []


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ([(True, 700), (False, 500)], 700),
        ([(True, 80), (False, 600)], None),
        ([(True, 3000), (False, 600)], None),
        ([(True, 300), (False, 300), (True, 300), (False, 600)], 900),
        ([(False, 2500), (True, 700), (False, 600)], None),
        ([(True, 60), (False, 600), (True, 200), (False, 600)], 200),
    ],
)
def test_what_is_talk(pieces: list[tuple[bool, int]], found: float | None) -> None:
    talk = Talk(500, 100, 2000, 2000)
    results = [talk.take(3000 if loud else 0, 20) for loud, ms in pieces for _ in range(ms // 20)]
    assert next((one for one in results if one is not None), None) == found
    assert Talk(500, 100, math.inf, math.inf).take(0, 20) is None
