"""Read and ReadExten, with a phone that hears and presses."""

from __future__ import annotations

import pytest
from ivr_kit import BEEP, CONGRATS, ivr, recorded_events, recorded_lines

from asterism.testing import until

DIALPLAN = """
[internal]
exten => h,1,NoOp(hangup)
exten => 7911,1,Answer()
 same => n,Read(X,demo-congrats,3,,1,2)
 same => n,NoOp(${READSTATUS}|${X})
exten => 700,1,Read(X,beep,,s)
 same => n,Progress()
 same => n,Read(X,beep,,n,,0.3)
 same => n,Hangup()
exten => 701,1,Read(X,425/200\\,0/200,2,i,,3)
exten => 702,1,Read(X,dial,,i,,3)
exten => 703,1,Read(X,beep,4,t(*9),2,0.4)
exten => 704,1,Read(X,,4,t(),,0.4)
exten => 705,1,Read(X,,,e,,2)
exten => 706,1,Read()
exten => 707,1,Read(X,no-such-file&beep,1)
exten => 710,1,ReadExten(X,demo-congrats,menu,,2)
 same => n,NoOp(${READEXTENSTATUS}|${X}|${INVALID_EXTEN})
exten => 711,1,ReadExten(X,,menu,p,2)
exten => 712,1,ReadExten(X,dial,menu,i,0.5)
exten => 713,1,ReadExten(X,beep,menu,s)
 same => n,Progress()
 same => n,ReadExten(X,beep,menu,n,0.3)
exten => 714,1,ReadExten()
[menu]
exten => 12,1,NoOp()
exten => 123,1,NoOp()
exten => _9XX,1,NoOp()
"""
READ = ("READSTATUS", "X")
EXTEN = ("READEXTENSTATUS", "X", "INVALID_EXTEN")


@pytest.mark.parametrize("digits", ["123", "1#", "#", ""])
async def test_read_as_recorded(digits: str) -> None:
    title = f'Read(X,demo-congrats,3,,1,2), digits "{digits}": READSTATUS|X'
    async with ivr(DIALPLAN) as world:
        call = await world.dial("7911")
        await call.hears(CONGRATS)
        if digits:
            call.send_digits(digits)
            await call.ended()
        else:
            await call.hangup()
        await until(lambda: len(world.variables(*READ)) == 3)
        assert [line for line in world.events if line.startswith("VarSet")] == recorded_events(title, "VarSet")
        assert world.told() == recorded_lines(title)


async def read(number: str, digits: str = "", *heard: float) -> tuple[list[str], list[str]]:
    """Dial, hear these tones, press, and wait for the end: what was set, and what was told."""
    async with ivr(DIALPLAN) as world:
        call = await world.dial(number)
        if heard:
            await call.hears(*heard)
        if digits:
            call.send_digits(digits)
        await call.ended()
        return world.variables(*READ), world.told()


async def test_before_the_answer() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("700", answered=False)
        await call.ringing(183)
        await call.ended()
        assert world.variables(*READ) == [
            "READSTATUS=ERROR", "X=", "READSTATUS=SKIPPED", "READSTATUS=ERROR", "X=", "READSTATUS=TIMEOUT",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "digits", "heard", "expected"),
    [
        ("702", "42#", (350, 440), ["X=42", "READSTATUS=OK"]),
        ("703", "12*", (BEEP,), ["X=12", "READSTATUS=OK"]),
        ("703", "1#9", (BEEP,), ["X=1#", "READSTATUS=OK"]),
        ("703", "1", (BEEP,), ["X=1", "READSTATUS=TIMEOUT"]),
        ("704", "1#2*", (), ["X=1#2*", "READSTATUS=OK"]),
        ("705", "#", (), ["X=#", "READSTATUS=OK"]),
        ("705", "7#", (), ["X=7", "READSTATUS=OK"]),
        ("707", "7", (BEEP,), ["X=7", "READSTATUS=OK"]),
    ],
)
async def test_options(number: str, digits: str, heard: tuple[float, ...], expected: list[str]) -> None:
    assert (await read(number, digits, *heard))[0] == ["READSTATUS=ERROR", *expected]


async def test_asked_twice_and_nothing_entered() -> None:
    variables, told = await read("703")
    assert variables == ["READSTATUS=ERROR", "X=", "READSTATUS=TIMEOUT"]
    assert told == [
        "Accepting a maximum of 4 digits.",
        "<PJSIP/alice> Playing 'beep' (language 'en')",
        "User entered nothing, 1 chance left",
        "<PJSIP/alice> Playing 'beep' (language 'en')",
        "User entered nothing.",
    ]


async def test_wrong_arguments_and_a_file_that_is_missing() -> None:
    async with ivr(DIALPLAN) as world:
        for number in ("706", "714"):
            call = await world.dial(number, answered=False)
            await call.ended()
        assert world.variables("READSTATUS", "READEXTENSTATUS") == ["READSTATUS=ERROR", "READEXTENSTATUS=ERROR"]
        assert [line for line in world.told() if "needs a variable" in line] == [
            "Read needs a variable", "ReadExten needs a variable",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "digits", "heard", "expected"),
    [
        ("710", "123", (CONGRATS,), ["X=123", "READEXTENSTATUS=OK"]),
        ("710", "12", (CONGRATS,), ["X=12", "READEXTENSTATUS=OK"]),
        ("710", "955", (CONGRATS,), ["X=955", "READEXTENSTATUS=OK"]),
        ("710", "5", (CONGRATS,), ["INVALID_EXTEN=5", "X=i", "READEXTENSTATUS=INVALID"]),
        ("711", "12#", (), ["X=12", "READEXTENSTATUS=OK"]),
        ("711", "91#", (), ["INVALID_EXTEN=91", "X=i", "READEXTENSTATUS=INVALID"]),
        ("712", "", (350, 440), ["X=t", "READEXTENSTATUS=TIMEOUT"]),
    ],
)
async def test_an_extension(number: str, digits: str, heard: tuple[float, ...], expected: list[str]) -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial(number)
        if heard:
            await call.hears(*heard)
        if digits:
            call.send_digits(digits)
        await call.ended()
        assert world.variables(*EXTEN) == expected


async def test_an_extension_before_the_answer_and_a_hang_up() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("713", answered=False)
        await call.ringing(183)
        await call.ended()
        assert world.variables(*EXTEN) == ["X=", "READEXTENSTATUS=SKIP", "X=t", "READEXTENSTATUS=TIMEOUT"]
        call = await world.dial("710")
        await call.hears(CONGRATS)
        await call.hangup()
        await until(lambda: world.variables(*EXTEN)[-1] == "READEXTENSTATUS=HANGUP")
