"""TESTTIME: the time by which a dialplan decides."""

from __future__ import annotations

import pytest
from functions_kit import Functions, warnings

from asterism.pbx.dialplan.functions.testtime import TestTimeFunction


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TESTTIME()", "2025-12-25 09:30:00"),
        ("TESTTIME()", "2025/12/25 09:30"),
        ("TESTTIME(2025-12-25,09:30:00)", ""),
    ],
)
async def test_conditions_take_it_for_now(name: str, value: str) -> None:
    functions = Functions(TestTimeFunction())
    functions.world.say(
        "[default]\n"
        f"exten => 100,1,Set({name}={value})\n"
        " same => n,NoOp(${IFTIME(09:00-10:00,thu,25,dec?yes:no)} ${IFTIME(09:31-10:00,*,*,*?yes:no)})\n"
        " same => n,ExecIfTime(*,*,24,dec?NoOp(wrong))\n"
        " same => n,GotoIfTime(*,*,25,dec?christmas)\n"
        " same => n,NoOp(work)\n"
        " same => n(christmas),NoOp(closed)\n"
    )
    await functions.world.call()
    steps = functions.world.steps()
    assert "NoOp(yes no)" in steps
    assert "NoOp(wrong)" not in steps
    assert "NoOp(work)" not in steps
    assert steps[-1] == "NoOp(closed)"


async def test_a_zone_and_the_way_back() -> None:
    functions = Functions(TestTimeFunction())
    assert await functions.write("TESTTIME()", "2025-12-25 00:30:00 Asia/Tokyo")
    assert functions.channel.variables["TESTTIME"] == "1766590200"
    assert await functions.read("IFTIME(*,*,25,dec,Asia/Tokyo?yes:no)") == "yes"
    assert await functions.read("IFTIME(*,*,24,dec,UTC?yes:no)") == "yes"
    assert await functions.write("TESTTIME()", "")
    assert "TESTTIME" not in functions.channel.variables


@pytest.mark.parametrize("value", ["tomorrow", "2025-12-25", "2025-13-25 10:00", "2025-12-25 10:00 Nowhere/At_All"])
async def test_what_is_no_time_is_one_line(value: str) -> None:
    functions = Functions(TestTimeFunction())
    with warnings(functions) as lines:
        assert not await functions.write("TESTTIME()", value)
    assert len(lines) == 1
    functions.channel.set_variable("TESTTIME", "nonsense")
    assert await functions.read("IFTIME(*,*,*,*?yes:no)") == "yes"
