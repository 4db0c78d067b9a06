"""What an extension raises is told and goes no further, whatever it is."""

from __future__ import annotations

import asyncio
import logging

import pytest

from asterism.core.containment import FAILURES, attempt, contained, task_ends, visitor

LOG = logging.getLogger("test.containment")
RAISED = [*FAILURES, RuntimeError, RecursionError, MemoryError, StopIteration, TimeoutError]


def failing(kind: type[BaseException]) -> None:
    raise kind("broken")


@pytest.mark.parametrize("kind", RAISED)
def test_whatever_a_callback_raises_is_told_once_by_name(
    kind: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    assert attempt(LOG, "the broken one", "default", failing, kind) == "default"
    assert contained(failing, LOG, "the wrapped one", 7)(kind) == 7
    seen: list[type[BaseException]] = []
    assert visitor([("the visited one", failing), ("another", seen.append)], LOG)(kind) is False
    assert seen == [kind]
    assert [record.__dict__["extension"] for record in caplog.records] == [
        "the broken one", "the wrapped one", "the visited one",
    ]  # fmt: skip


def test_an_interrupt_and_what_is_to_pass_go_on() -> None:
    with pytest.raises(KeyboardInterrupt):
        attempt(LOG, "x", None, failing, KeyboardInterrupt)
    with pytest.raises(ValueError, match="broken"):
        attempt(LOG, "x", None, failing, ValueError, passing=(ValueError,))


async def test_a_cancelled_task_is_told_from_a_cancelled_future_of_the_extension() -> None:
    found: list[bool] = []

    async def run(extension: asyncio.Future[None]) -> None:
        try:
            await extension
        except FAILURES as error:
            found.append(task_ends(error))

    loop = asyncio.get_running_loop()
    own = loop.create_future()
    own.cancel()
    await run(own)
    task = loop.create_task(run(loop.create_future()))
    await asyncio.sleep(0)
    task.cancel()
    await task
    assert found == [False, True]
    assert not task_ends(SystemExit(1))
    assert not task_ends(RuntimeError())
