"""Digits of a party: those of a code start it, all others reach the other side in their order."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from types import SimpleNamespace
from typing import Any

from features_kit import CONF, Phones, member_of, run
from hypothesis import given
from hypothesis import strategies as st

from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.calls.features.keys import Keys
from virtual_loop import VirtualLoop


class _Line(Bridge):
    """A bridge that keeps what is sent on."""

    __slots__ = ("sent",)

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []

    def send_on(self, source: Any, digit: str, duration_ms: int, passed_to: Any = None) -> None:
        self.sent.append((digit, duration_ms))


class Dialled:
    """Keys with codes, and what came of the digits."""

    def __init__(self, *codes: str, pause: float = 1.0) -> None:
        self.started: list[str] = []
        self.line = _Line()
        self.keys = Keys({code: partial(self._start, code) for code in codes}, pause)

    def _start(self, code: str, _channel: Any) -> None:
        self.started.append(code)

    @property
    def passed(self) -> str:
        return "".join(digit for digit, _ in self.line.sent)

    async def press(self, digits: str, pause: float = 0.0) -> None:
        channel: Any = SimpleNamespace(
            bridge=self.line,
            name="PJSIP/x",
            pbx=SimpleNamespace(loop=asyncio.get_running_loop(), log=None, test_events=SimpleNamespace(wanted=False)),
        )
        for digit in digits:
            if not self.keys(channel, digit, 80):
                self.line.sent.append((digit, 80))
            if pause:
                await asyncio.sleep(pause)


def in_time(scenario: Any) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario())


def dialled(digits: str, *codes: str, pause: float = 0.0) -> tuple[list[str], str]:
    async def scenario() -> tuple[list[str], str]:
        one = Dialled(*codes)
        await one.press(digits, pause)
        await asyncio.sleep(2)
        return one.started, one.passed

    found: tuple[list[str], str] = in_time(scenario)
    return found


def test_a_code_starts_what_it_is_for_and_is_not_heard() -> None:
    assert dialled("*2", "*2", "#1") == (["*2"], "")
    assert dialled("12*23", "*2") == (["*2"], "123")


def test_a_digit_that_starts_no_code_is_passed_on_at_once() -> None:
    async def scenario() -> None:
        one = Dialled("*2")
        await one.press("5")
        assert one.line.sent == [("5", 80)]

    in_time(scenario)


def test_the_beginning_of_a_code_waits_for_the_rest_and_is_passed_on_after_the_pause() -> None:
    async def scenario() -> None:
        one = Dialled("#72")
        await one.press("#7", 0.9)
        assert one.passed == ""
        await asyncio.sleep(0.2)
        assert one.line.sent == [("#", 80), ("7", 80)]
        await one.press("2")
        assert one.started == []

    in_time(scenario)


def test_a_digit_that_breaks_a_code_goes_with_those_before_it_in_their_order() -> None:
    assert dialled("#79", "#72") == ([], "#79")


def test_of_two_codes_the_shorter_one_counts() -> None:
    assert dialled("##1", "#", "#1") == (["#", "#"], "1")


@given(st.text("12*#", max_size=12), st.lists(st.text("12*#", min_size=1, max_size=3), max_size=4), st.randoms())
def test_no_digit_is_lost_or_out_of_order(digits: str, codes: list[str], chance: random.Random) -> None:
    """Whatever is pressed: the codes that started and the digits passed on are the digits, in their order."""

    async def scenario() -> None:
        happened: list[str] = []
        one = Dialled(*codes)
        one.line.sent = _Log(happened)
        one.started = happened
        for digit in digits:
            await one.press(digit, chance.choice([0.0, 0.5, 1.5]))
        await asyncio.sleep(2)
        assert "".join(happened) == digits

    in_time(scenario)


class _Log(list[tuple[str, int]]):
    """A list that writes its digits into another one."""

    def __init__(self, happened: list[str]) -> None:
        super().__init__()
        self._happened = happened

    def append(self, item: tuple[str, int]) -> None:
        self._happened.append(item[0])


def test_an_action_that_raises_ends_nothing() -> None:
    async def scenario(phones: Phones) -> None:
        await phones.call()
        keys = member_of(phones.alice).on_digit
        assert isinstance(keys, Keys)

        def fails(_channel: Any) -> None:
            raise ValueError("no")

        keys.codes = {"9": fails}
        await phones.dial(phones.alice, "9")
        assert phones.talk(phones.alice, phones.bob)

    run(scenario, CONF)
