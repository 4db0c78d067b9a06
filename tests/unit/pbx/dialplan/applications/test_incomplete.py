"""Incomplete, with a phone that dials the rest of a number."""

from __future__ import annotations

from ivr_kit import ivr

from asterism.testing import until

DIALPLAN = """
[internal]
exten => _7X,1,Set(TIMEOUT(digit)=0.5)
 same => n,Incomplete()
exten => _7XX,1,NoOp(all of ${EXTEN})
exten => 60,1,Incomplete(n)
exten => 61,1,Goto(strict,6,1)
exten => 62,1,Goto(bare,6,1)
exten => i,1,NoOp(invalid ${INVALID_EXTEN})
exten => h,1,NoOp(over)
[strict]
exten => 6,1,Incomplete(n)
exten => e,1,NoOp(exception ${EXCEPTION(reason)})
[bare]
exten => 6,1,Incomplete(n)
"""


async def test_the_rest_is_dialled() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("71")
        call.send_digits("5")
        await call.ended()
        assert any("[Up 6001/- internal,715,1] NoOp(all of 715)" in line for line in world.events)


async def test_nothing_more_is_dialled_and_it_is_asked_again() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("71")
        await until(lambda: sum("Incomplete()" in line for line in world.events) == 2)
        call.send_digits("6")
        await call.ended()
        assert any("NoOp(all of 716)" in line for line in world.events)


async def test_no_extension_is_longer() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("60", answered=False)
        await call.ended()
        assert any("[Ring 6001/- internal,i,1] NoOp(invalid 60)" in line for line in world.events)


async def test_without_i() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("61", answered=False)
        await call.ended()
        assert any("NoOp(exception INVALID)" in line for line in world.events)
        call = await world.dial("62", answered=False)
        await call.ended()
        assert any("has no longer one" in line for line in world.told())
