"""WaitForSilence and WaitForNoise, with a phone that talks and is silent."""

from __future__ import annotations

import asyncio

from ivr_kit import ivr, recorded_events, recorded_lines

from asterism.testing import until

TITLE = "WaitForSilence(500,1,3), WaitForNoise(500,1,3): WAITSTATUS"
DIALPLAN = """
exten => 7909,1,Answer()
 same => n,WaitForSilence(500,1,3)
 same => n,NoOp(${WAITSTATUS})
 same => n,WaitForNoise(500,1,3)
 same => n,NoOp(${WAITSTATUS})
exten => 700,1,WaitForSilence(300,2,1)
exten => 701,1,WaitForNoise(300,1,1)
exten => 703,1,WaitForSilence(1,1000,1)
exten => 702,1,WaitForSilence()
"""


async def test_silence_and_then_noise_as_recorded() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("7909")
        call.play()
        await until(lambda: any("WaitForNoise" in line for line in world.events))
        call.play(700)
        await call.ended()
        recorded = recorded_events(TITLE, "VarSet")
        assert [line for line in world.events if line.startswith("VarSet")] == recorded
        assert world.told() == recorded_lines(TITLE)


async def test_who_talks_on_and_who_says_nothing() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("700")
        call.play(700)
        await call.ended()
        call = await world.dial("701")
        call.play()
        await call.ended()
        assert world.variables("WAITSTATUS") == ["WAITSTATUS=TIMEOUT", "WAITSTATUS=TIMEOUT"]


async def test_a_phone_that_sends_nothing_is_silent_and_one_that_hangs_up() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("700")
        await call.ended()
        assert sum("Exiting with 300ms of silence" in line for line in world.told()) == 2
        call = await world.dial("702")
        call.play(700)
        await asyncio.sleep(0.3)
        await call.hangup()
        await until(lambda: world.variables("WAITSTATUS") == ["WAITSTATUS=SILENCE", "WAITSTATUS=HANGUP"])


async def test_the_timeout_ends_a_wait_whose_every_turn_succeeds() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("703")
        call.play()
        await call.ended()
        assert world.variables("WAITSTATUS") == ["WAITSTATUS=TIMEOUT"]


async def test_what_is_no_number_is_told_and_left_out() -> None:
    async with ivr("exten => 704,1,WaitForSilence(soon,1,1)\n") as world:
        call = await world.dial("704")
        await call.ended()
        assert any("'soon' is no number, and left out" in line for line in world.told())
