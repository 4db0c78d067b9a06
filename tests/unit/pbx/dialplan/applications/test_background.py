"""Extensions dialled into prompts: BackGround and WaitExten, with their events and verbose lines as recorded."""

from __future__ import annotations

import pytest
from ivr_kit import BEEP, CONGRATS, ivr, recorded_events, recorded_lines

from asterism.testing import until

TITLE = "ivr (TIMEOUT(digit)=1, TIMEOUT(response)=2), dialled "
DIALPLAN = """
[internal]
exten => 7010,1,Answer()
 same => n,Wait(30)
exten => h,1,NoOp(hangup)
exten => 7910,1,Answer()
 same => n,BackGround(demo-congrats)
exten => 7834,1,Goto(ivr,s,1)
exten => 710,1,Progress()
 same => n,BackGround(beep,s)
 same => n,NoOp(still ringing)
 same => n,BackGround(demo-congrats,n)
exten => 711,1,BackGround(demo-congrats&beep,m,,menu)
exten => 712,1,BackGround(beep,p)
 same => n,BackGround(no-such-file&beep)
exten => 713,1,BackGround(hallo,,de)
exten => 720,1,Answer()
 same => n,WaitExten(5,d)
exten => 721,1,Answer()
 same => n,WaitExten(0.4,d(1400))
 same => n,NoOp(nobody dialled)
exten => 722,1,Answer()
 same => n,WaitExten(5,m(calm))
exten => 1,1,NoOp(one)
[ivr]
exten => s,1,Answer()
 same => n,Set(TIMEOUT(digit)=1)
 same => n,Set(TIMEOUT(response)=2)
 same => n,BackGround(beep)
 same => n,WaitExten()
exten => 12,1,NoOp(twelve)
 same => n,Hangup()
exten => 123,1,NoOp(onetwothree)
 same => n,Hangup()
exten => t,1,NoOp(timeout t)
 same => n,Hangup()
exten => i,1,NoOp(invalid ${INVALID_EXTEN})
 same => n,Hangup()
[menu]
exten => 1,1,NoOp(menu one)
exten => 22,1,NoOp(menu two)
"""


@pytest.mark.parametrize(
    ("dialled", "digits"),
    [
        ("no digit: t", ""),
        ("9: i", "9"),
        ("12, matches after TIMEOUT(digit) because 123 exists", "12"),
        ("123", "123"),
        ("5: i", "5"),
    ],
)
async def test_an_ivr_as_recorded(dialled: str, digits: str) -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("7834")
        await call.hears(BEEP)
        await until(lambda: "WaitExten()" in world.events[-1])
        if digits:
            call.send_digits(digits)
        await call.ended()
        recorded = recorded_events(TITLE + dialled, "Newexten", "VarSet")
        ours = [line for line in world.events if line.startswith(("Newexten", "VarSet"))]
        assert ours == recorded
        assert world.told() == recorded_lines(TITLE + dialled)


async def test_an_extension_is_dialled_into_a_prompt_as_recorded() -> None:
    title = "Background(demo-congrats), 7010 dialled"
    kinds = ("Newexten", "Newstate", "VarSet", "DTMFBegin", "DTMFEnd")
    async with ivr(DIALPLAN) as world:
        call = await world.dial("7910")
        await call.hears(CONGRATS)
        call.audio.send_digits("7010", 120)
        await until(lambda: any("Wait(30)" in line for line in world.events))
        assert world.told() == recorded_lines(title)
        await call.audio.hears_nothing()
        await call.hangup()
        await until(lambda: any("internal,h,1" in line for line in world.events))
        assert world.events == recorded_events(title, *kinds)


async def test_before_the_answer() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("710", answered=False)
        await call.ringing(183)
        await call.hears(CONGRATS)
        assert [line for line in world.events if "still ringing" in line and "[Ring " in line]
        assert world.variables("BACKGROUNDSTATUS") == ["BACKGROUNDSTATUS=SUCCESS"]
        await call.cancel()


async def test_only_a_digit_that_is_an_extension_of_the_context_ends_the_prompt() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("711")
        await call.hears(CONGRATS)
        call.send_digits("2")
        await until(lambda: any("Digit=2 D" in line for line in world.events))
        await call.hears(CONGRATS)
        call.send_digits("1")
        await call.ended()
        assert any("[Up 6001/- menu,1,1] NoOp(menu one)" in line for line in world.events)


async def test_no_digit_ends_the_prompt_and_a_file_that_is_missing() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("712")
        await call.ended()
        assert world.variables("BACKGROUNDSTATUS") == ["BACKGROUNDSTATUS=SUCCESS", "BACKGROUNDSTATUS=FAILED"]
        assert [line for line in world.told() if "no-such-file" in line]
        assert sum("Playing 'beep'" in line for line in world.told()) == 2


async def test_the_language_of_a_prompt() -> None:
    async with ivr(DIALPLAN, sounds={"../de/hallo": (1200, 1.0), "hallo": (600, 1.0)}) as world:
        call = await world.dial("713")
        await call.hears(1200)
        assert "<PJSIP/alice> Playing 'hallo' (language 'de')" in world.told()
        await call.hangup()


async def test_a_dial_tone_until_the_first_digit() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("720")
        await call.hears(350, 440)
        call.send_digits("1")
        await call.ended()
        assert any("internal,1,1] NoOp(one)" in line for line in world.events)


async def test_another_tone_and_nobody_dials() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("721")
        await call.hears(1400)
        await call.ended()
        assert any("NoOp(nobody dialled)" in line for line in world.events)


async def test_music_until_the_first_digit(tmp_path) -> None:
    from ivr_kit import number_tone

    number_tone(tmp_path / "music" / "calm", 850, 2.0)
    music = {"musiconhold.conf": f"[calm]\nmode=files\ndirectory={tmp_path}/music\n"}
    async with ivr(DIALPLAN, music) as world:
        call = await world.dial("722")
        await call.hears(850)
        call.send_digits("1")
        await call.ended()
        assert any("internal,1,1] NoOp(one)" in line for line in world.events)
