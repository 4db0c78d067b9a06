"""The menu of the guide, dialled by a phone, with the prompts that come with the server."""

from __future__ import annotations

from pathlib import Path

from ivr_kit import ivr
from test_guide_examples import blocks

from asterism.testing import until

START = "[internal]\nexten => 700,1,Goto(menu,s,1)\nexten => 701,1,Goto(door,s,1)\n"


async def test_the_menu() -> None:
    menu, _ = blocks("ivr.md", "")
    async with ivr(START + menu, sounds={}) as world:
        call = await world.dial("700")
        await until(lambda: call.audio.received > 10)
        call.send_digits("9")
        await until(lambda: "<PJSIP/alice> Playing 'pbx-invalid' (language 'en')" in world.told())
        await until(lambda: sum("BackGround(welcome)" in line for line in world.events) == 2)
        call.send_digits("2")
        await until(lambda: sum("BackGround(welcome)" in line for line in world.events) == 3)
        call.send_digits("105")
        await until(lambda: any("Dial(PJSIP/105,20)" in line for line in world.events))
        await call.hangup()  # there is no such phone, and the tone of congestion would go on


async def test_the_door(tmp_path: Path) -> None:
    _, door = blocks("ivr.md", "")
    (tmp_path / "pins").write_text("4711\n")
    sounds = {"agent-pass": (700.0, 5.0), "auth-thankyou": (1000.0, 0.5)}
    async with ivr(START + door.replace("/etc/asterisk/pins", str(tmp_path / "pins")), sounds=sounds) as world:
        call = await world.dial("701")
        await call.hears(700)
        call.send_digits("1234")
        await until(lambda: "READSTATUS=OK" in world.variables("READSTATUS"))
        await call.hears(700)
        call.send_digits("4711#")
        await call.hears(1000)
        await call.ended()
