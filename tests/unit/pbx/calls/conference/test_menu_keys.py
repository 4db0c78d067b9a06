"""Digits of a user: entries of the menu, and what the others get."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.calls.conference.menu_keys import MenuKeys
from asterism.pbx.calls.conference.menus import Menu, parse_actions
from virtual_loop import VirtualLoop


def dial(entries: str, digits: str, *, passes: bool = False, pause: float = 0.0) -> tuple[list[str], str]:
    """Dial digits, ``pause`` seconds between them; the entries that were chosen, and what the others got."""
    chosen: list[str] = []
    passed: list[str] = []

    async def main() -> None:
        menu = Menu("m", {entry: parse_actions("no_op") for entry in entries.split()})
        keys = MenuKeys(menu, chosen.append, pause=1.0, passes=passes)
        bridge = object.__new__(Sender)
        bridge.passed = passed
        channel: Any = SimpleNamespace(pbx=SimpleNamespace(loop=asyncio.get_running_loop()), bridge=bridge)
        for digit in digits:
            if not keys(channel, digit, 100):
                passed.append(digit)
            await asyncio.sleep(pause)
        await asyncio.sleep(2)
        keys.stop()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    return chosen, "".join(passed)


class Sender(Bridge):
    """A bridge that keeps what is sent on."""

    passed: list[str]

    def send_on(self, source: Any, digit: str, duration_ms: int, passed_to: Any = None) -> None:
        self.passed.append(digit)


def test_an_entry_without_a_longer_one_counts_at_once() -> None:
    assert dial("1 2", "12") == (["1", "2"], "")


def test_a_longer_entry_is_waited_for() -> None:
    assert dial("* *1", "*1") == (["*1"], "")
    assert dial("* *1", "*", pause=2) == (["*"], "")
    assert dial("* *1 1", "*1", pause=2) == (["*", "1"], "")


def test_what_makes_no_entry_is_dropped_or_passed_on() -> None:
    assert dial("*1", "*9") == ([], "")
    assert dial("*1", "*9", passes=True) == ([], "*9")
    assert dial("*1", "9", passes=True) == ([], "9")
    assert dial("*1", "*", pause=2, passes=True) == ([], "*")
    assert dial("", "123", passes=True) == ([], "123")
    assert dial("", "123") == ([], "")


def test_an_entry_that_another_digit_follows_counts_before_it() -> None:
    assert dial("1 12 3", "13") == (["1", "3"], "")
    assert dial("1 12", "14", passes=True) == (["1"], "4")
