"""Long listings let others have their turn."""

from __future__ import annotations

import asyncio

from asterism.chan_sip.cli.turns import ROWS, in_turns


async def test_others_run_between_the_rows() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    rows = await in_turns(range(10 * ROWS), str)
    task.cancel()
    assert rows == [str(number) for number in range(10 * ROWS)]
    assert turns >= 9


async def test_what_goes_meanwhile_is_no_trouble() -> None:
    items = list(range(3 * ROWS))

    def row(item: int) -> str:
        items.clear()
        return str(item)

    assert len(await in_turns(items, row)) == 3 * ROWS
