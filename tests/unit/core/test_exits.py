"""``sys.exit()`` in a task or a callback ends neither the loop nor anything beside it."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any

import pytest

from asterism.core.exits import TaskExit, exits_held, held, hold_exits, run_on

LOG = logging.getLogger("test.exits")


async def leaves(error: type[BaseException] = SystemExit) -> None:
    await asyncio.sleep(0)
    if error is SystemExit:
        sys.exit(3)
    raise error


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_task_of_code_that_is_held_fails_and_is_told_once(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> str:
        with exits_held(LOG):
            task = asyncio.create_task(leaves(error), name="mine")
            with pytest.raises(TaskExit, match="leaves has raised"):
                await task
            assert isinstance(task.exception().__cause__, error)
            assert "leaves" in repr(task)
            assert task.get_name() == "mine"

            async def starts() -> None:  # what a held task starts is held as well
                async with asyncio.TaskGroup() as group:
                    group.create_task(leaves(error))
                    group.create_task(asyncio.sleep(60))

            asyncio.create_task(leaves(error))  # noqa: RUF006 - nobody waits for it: it is told once all the same
            await asyncio.sleep(0.01)
            gc.collect()
            with pytest.raises(ExceptionGroup) as caught:
                await asyncio.create_task(starts())
            assert isinstance(caught.value.exceptions[0], TaskExit)
        return "end"

    assert asyncio.run(main()) == "end"
    assert [record.getMessage() for record in caplog.records] == ["leaves failed"] * 3


def test_other_tasks_are_as_ever() -> None:
    async def main() -> None:
        with exits_held(LOG):
            pass
        await asyncio.create_task(leaves())

    with pytest.raises(SystemExit):
        asyncio.run(main())


def test_a_held_task_is_cancelled_answers_and_begins_as_any_other() -> None:
    async def gives() -> int:
        await asyncio.sleep(0)
        return 7

    async def main() -> None:
        with exits_held(LOG):
            assert await asyncio.create_task(gives()) == 7
            never = asyncio.create_task(gives())
            never.cancel()  # before its first step: its coroutine is closed all the same
            with pytest.raises(asyncio.CancelledError):
                await never
            waiting = asyncio.create_task(asyncio.sleep(60))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await asyncio.create_task(held(gives(), LOG)) == 7

    asyncio.run(main(), debug=True)


def test_a_factory_that_was_there_makes_the_tasks() -> None:
    made: list[Any] = []

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(factory)
        hold_exits(loop, LOG)
        hold_exits(loop, LOG)
        with pytest.raises(TaskExit):
            await loop.create_task(leaves(), context=copy_context())
        assert len(made) == 1

    asyncio.run(main())


def _run_on(main: Coroutine[Any, Any, str], library: str = "asyncio") -> str:
    loops = pytest.importorskip(library)
    with asyncio.Runner(loop_factory=loops.new_event_loop) as runner:
        return run_on(runner, main, LOG)


@pytest.mark.parametrize("library", ["asyncio", "uvloop"])
@pytest.mark.parametrize("where", ["call_soon", "call_later", "task", "done"])
def test_the_process_goes_on(where: str, library: str, caplog: pytest.LogCaptureFixture) -> None:
    """What comes from no held task: a callback, or a task of the loop's owner."""

    async def main() -> str:
        loop = asyncio.get_running_loop()
        after = asyncio.Event()
        if where == "task":
            task = loop.create_task(leaves())
        elif where == "done":
            task = loop.create_task(asyncio.sleep(0))
            task.add_done_callback(lambda _: sys.exit(2))
        elif where == "call_soon":
            loop.call_soon(sys.exit, 2)
        else:
            loop.call_later(0.01, sys.exit, 2)
        loop.call_later(0.02, after.set)
        await after.wait()
        if where == "task":
            with pytest.raises(SystemExit):
                task.result()
        return "end"

    assert _run_on(main(), library) == "end"
    assert [record.getMessage() for record in caplog.records] == ["sys.exit() in the middle of the server: it goes on"]


def test_its_own_exit_is_passed_on() -> None:
    async def main() -> str:
        await leaves()
        return "never"

    with pytest.raises(SystemExit) as caught:
        _run_on(main())
    assert caught.value.code == 3


def test_an_exit_in_its_last_turn_takes_nothing_away() -> None:
    async def main() -> str:
        asyncio.get_running_loop().call_soon(sys.exit, 2)
        return "end"

    assert _run_on(main()) == "end"
    assert _run_on(main(), "uvloop") == "end"
