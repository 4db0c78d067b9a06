"""AMD, with a phone that answers like a human, a machine, or not at all; ``amd.conf``."""

from __future__ import annotations

from pathlib import Path

import pytest
from ivr_kit import ivr, recorded_events, recorded_lines

from asterism.config import ConfigFile
from asterism.media.answering_machine import Rhythm
from asterism.media.g711 import linear_to_ulaw
from asterism.pbx.dialplan.applications.amd import read_settings
from asterism.testing import until
from asterism.testing.tone import make_tone

SAMPLE = Path(__file__).parents[5] / "samples" / "amd.conf"
DIALPLAN = """
exten => h,1,NoOp(hangup)
exten => 7905,1,Answer()
 same => n,AMD()
 same => n,NoOp(${AMDSTATUS}|${AMDCAUSE}|${AMDSTATS})
exten => 700,1,Progress()
 same => n,AMD(1000,,,,,,,,,beep)
exten => 701,1,Answer()
 same => n,AMD(x,200)
"""


def packets(*pieces: tuple[bool, int]) -> list[bytes]:
    made: list[bytes] = []
    for loud, ms in pieces:
        samples = make_tone(700, seconds=ms / 1000) if loud else bytes(16 * ms)
        data = linear_to_ulaw(samples)
        made += [data[at : at + 160] for at in range(0, len(data), 160)]
    return made


BURSTS = (True, 260), (False, 140), (True, 260), (False, 160), (True, 260), (False, 140), (True, 400)


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("silence only", [(False, 3000)]),
        ("short greeting 0.4 s then silence", [(False, 440), (True, 400), (False, 3000)]),
        ("long tone 3 s", [(False, 240), (True, 3000)]),
        ("tone bursts (many words)", [*BURSTS]),
    ],
)
async def test_what_answers_as_recorded(title: str, said: list[tuple[bool, int]]) -> None:
    title = f"AMD(): {title} (AMDSTATUS|AMDCAUSE|AMDSTATS)"
    async with ivr(DIALPLAN) as world:
        call = await world.alice.dial("7905")
        await call.answered()
        call.audio.play_packets(packets(*said))
        await call.ended()
        assert [line for line in world.events if line.startswith("VarSet")] == recorded_events(title, "VarSet")
        ours, recorded = world.told(), recorded_lines(title)
        # The first packets may be measured late by one: a silence before the first word is not the same to 20 ms.
        assert [line for line in ours if "previous silence" not in line] == [
            line for line in recorded if "previous silence" not in line
        ]
        assert len(ours) == len(recorded)


async def test_who_hangs_up_as_recorded() -> None:
    title = "AMD(): no audio (AMDSTATUS|AMDCAUSE|AMDSTATS)"
    async with ivr(DIALPLAN) as world:
        call = await world.dial("7905")
        await until(lambda: any("STATE_IN_SILENCE" in line for line in world.told()))
        await call.hangup()
        await until(lambda: len(world.variables("AMDSTATUS", "AMDCAUSE")) == 2)
        assert [line for line in world.events if line.startswith("VarSet")] == recorded_events(title, "VarSet")
        assert world.told() == recorded_lines(title)


async def test_before_the_answer_and_a_sound_meanwhile() -> None:
    async with ivr(DIALPLAN, sounds={"beep": (1000, 3.0)}) as world:
        call = await world.dial("700", answered=False)
        await call.ringing(183)
        await call.hears(1000)
        await until(lambda: world.variables("AMDCAUSE") == ["AMDCAUSE=INITIALSILENCE-1000-1000"])
        assert world.variables("AMDSTATUS") == ["AMDSTATUS=MACHINE"]


async def test_values_of_the_file_and_of_the_dialplan() -> None:
    conf = "[general]\ngreeting=5000\ninitial_silence=400\n[other]\n"
    async with ivr(DIALPLAN, {"amd.conf": conf}) as world:
        call = await world.dial("701")
        await call.ended()
        assert world.variables("AMDCAUSE") == ["AMDCAUSE=INITIALSILENCE-400-400"]
        assert any("'x' is no whole number" in line for line in world.told())
        assert any("greeting [200]" in line for line in world.told())


def test_the_file() -> None:
    (rhythm, sound), problems = read_settings(ConfigFile.load(SAMPLE))
    assert (rhythm, sound, problems) == (Rhythm(), "", [])
    (rhythm, sound), problems = read_settings(
        ConfigFile.parse(
            "[general]\ngreeting = 900\nmin_word_length = long\nvolume = 3\nplayback_file = hello\n[x]\n", "amd.conf"
        )
    )
    assert rhythm == Rhythm(greeting=900)
    assert sound == "hello"
    assert [str(problem).partition(": ")[2][:40] for problem in problems]
    assert len(problems) == 3
