"""Authenticate, with a phone that enters passwords."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from ivr_kit import ivr

from asterism.testing import until

ASKED, WRONG, THANKS, BYE = 600, 800, 1000, 1200
SOUNDS = {
    "agent-pass": (ASKED, 5.0), "auth-incorrect": (WRONG, 5.0), "auth-thankyou": (THANKS, 0.5),
    "vm-goodbye": (BYE, 0.5), "mine": (1500, 5.0),
}  # fmt: skip


def dialplan(args: str) -> str:
    return f"""
exten => 700,1,Authenticate({args})
 same => n,NoOp(in: ${{CHANNEL(accountcode)}})
exten => h,1,NoOp(over)
"""


@pytest.mark.parametrize(
    ("args", "digits", "account"),
    [("1234", "1234#", ""), ("1234,a", "1234#", "1234"), ("1234,,4", "1234", ""), ("*1", "*1#", "")],
)
async def test_the_right_password(args: str, digits: str, account: str) -> None:
    async with ivr(dialplan(args), sounds=SOUNDS) as world:
        call = await world.dial("700")
        await call.hears(ASKED)
        call.send_digits(digits)
        await call.hears(THANKS)
        await call.ended()
        assert any(f"NoOp(in: {account})" in line for line in world.events)


async def test_three_wrong_ones_end_the_call() -> None:
    async with ivr(dialplan("1234,,,mine"), sounds=SOUNDS) as world:
        call = await world.dial("700")
        await call.hears(1500)
        call.send_digits("123#")
        await call.hears(WRONG)
        call.send_digits("#")
        await call.hears(WRONG)
        call.send_digits("12345#")
        await call.hears(BYE)
        await call.ended()
        assert any("NoOp(over)" in line for line in world.events)
        assert not any("NoOp(in" in line for line in world.events)


async def test_the_second_attempt() -> None:
    async with ivr(dialplan("1234"), sounds=SOUNDS) as world:
        call = await world.dial("700")
        await call.hears(ASKED)
        call.send_digits("9#")
        await call.hears(WRONG)
        call.send_digits("1234#")
        await call.hears(THANKS)
        await call.ended()


@pytest.mark.parametrize(
    ("options", "line", "digits", "account"),
    [
        ("", "1111\n2222\n", "2222#", ""),
        ("a", "1111\n2222\n", "2222#", "2222"),
        ("m", f"sales:{hashlib.md5(b'77').hexdigest()}\nboss:{hashlib.md5(b'88').hexdigest()}\n", "88#", "boss"),
        ("m", "sales:77\n88\n:\n", "88#", None),
        ("", "1111\n\n", "3333#", None),
        ("", None, "1111#", None),
    ],
)
async def test_a_file(tmp_path: Path, options: str, line: str | None, digits: str, account: str | None) -> None:
    file = tmp_path / "passwords"
    if line is not None:
        file.write_text(line)
    async with ivr(dialplan(f"{file},{options}"), sounds=SOUNDS) as world:
        call = await world.dial("700")
        await call.hears(ASKED)
        call.send_digits(digits)
        if account is None:
            await call.hears(WRONG)
            await call.hangup()
        else:
            await call.hears(THANKS)
            await call.ended()
            assert any(f"NoOp(in: {account})" in line for line in world.events)
        if line is None:
            assert any("No such file" in one for one in world.told())


async def test_what_is_no_file_is_told_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    async with ivr(dialplan(f"{tmp_path}/pipe"), sounds=SOUNDS) as world:
        call = await world.dial("700")
        await call.hears(ASKED)
        call.send_digits("1#")
        await call.hears(WRONG)
        assert any("not a regular file" in one for one in world.told())
        await call.hangup()


@pytest.mark.parametrize(("options", "left"), [("d", "yes"), ("dr", None)])
async def test_a_key_of_the_database(options: str, left: str | None) -> None:
    async with ivr(dialplan(f"/auth/pins,{options}"), sounds=SOUNDS) as world:
        world.server.astdb.put("auth", "pins/4321", "yes")
        call = await world.dial("700")
        await call.hears(ASKED)
        call.send_digits("1#")
        await call.hears(WRONG)
        call.send_digits("4321#")
        await call.hears(THANKS)
        await call.ended()
        assert world.server.astdb.get("auth", "pins/4321") == left


async def test_a_caller_cannot_choose_the_file(tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("1111\n")
    text = "exten => 700,1,Answer()\n same => n,ReceiveText(5)\n same => n,Authenticate(${RECEIVETEXTMESSAGE})\n"
    async with ivr(text, sounds=SOUNDS) as world:
        call = await world.dial("700")
        await until(lambda: "ReceiveText" in world.events[-1])
        await call.send("MESSAGE", str(tmp_path / "passwords").encode(), "text/plain")
        await call.hears(ASKED)
        call.send_digits("1111#")
        await call.hears(WRONG)
        assert any("may not choose the file" in line for line in world.told())
        await call.hangup()
