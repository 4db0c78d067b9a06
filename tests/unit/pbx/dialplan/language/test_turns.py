"""A dialplan without end holds up nobody, however long its lines take."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from dialplan_world import World

from asterism.pbx.dialplan.language.executor import YIELD_EVERY

LOOP = """
[default]
exten => 100,1,Set(X=%s)
 same => n(a),Set(Y=$[0${Y} + 1 + 0 * (${X})])
 same => n,Goto(a)
"""


def test_long_expressions_do_not_hold_the_loop() -> None:
    world = World()
    world.say(LOOP % ("1+" * 3000 + "1"))

    async def main() -> list[int]:
        channel = world.channel()
        task = world.pbx.start(channel)
        counts = [0]
        for _ in range(12):
            await asyncio.sleep(0)
            counts.append(int(channel.variables.get("Y") or 0))
        channel.soft_hangup()
        await task
        return counts

    counts = asyncio.run(main())
    assert counts[-1] > 2
    assert max(after - before for before, after in pairwise(counts)) < YIELD_EVERY / 4
