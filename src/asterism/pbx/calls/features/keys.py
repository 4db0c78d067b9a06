"""The codes that one party of a call may dial: digits that make one start it, all others reach the other side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from asterism.core.containment import FAILURES, report_failure
from asterism.pbx.bridges.bridge import Bridge

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

Action = Callable[["Channel"], None]
"""Called with the channel of the party that has dialled the code; it only begins what may take time."""


class Keys:
    """The codes of one party; its bridge calls this with each digit (:attr:`Member.on_digit`).

    Digits that may become a code are held back until they are one, or cannot be any more, or the next one does not
    come within ``pause`` seconds. Then they go to the other side, in their order. A code that is the beginning of
    another one wins, so that other one cannot be dialled.
    """

    __slots__ = ("_beginnings", "_held", "_timer", "codes", "names", "pause")

    def __init__(self, codes: Mapping[str, Action], pause: float, names: Mapping[str, str] | None = None) -> None:
        self.codes = codes
        self.names = names or {}
        """What tests know codes by."""
        self.pause = pause
        self._beginnings = frozenset(code[:end] for code in codes for end in range(1, len(code)))
        self._held: list[tuple[str, int]] = []
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, channel: Channel, digit: str, duration_ms: int) -> bool:
        """Take a digit; ``False``: it starts nothing, and there is none before it to be sent."""
        held = self._held
        dialled = "".join([one for one, _ in held]) + digit
        action = self.codes.get(dialled)
        if action is None and dialled not in self._beginnings:
            if not held:
                return False
            held.append((digit, duration_ms))
            self.send_on(channel)
            return True
        self._stop()
        if action is None:
            held.append((digit, duration_ms))
            self._timer = channel.pbx.loop.call_later(self.pause, self.send_on, channel)
            return True
        held.clear()
        try:
            action(channel)
        except FAILURES:
            report_failure(channel.pbx.log, f"the key {dialled} of {channel.name}")
        tests = channel.pbx.test_events
        if tests.wanted:
            headers = (("Result", "success"), ("Feature", self.names.get(dialled, dialled)))
            runs = channel.pbx.features.running.get(channel)
            if runs is None:
                tests.send("FEATURE_DETECTION", headers)
            else:  # told when it has done what it does
                runs.add_done_callback(lambda _task: tests.send("FEATURE_DETECTION", headers, "start"))
        return True

    def send_on(self, channel: Channel) -> None:
        """Send what is held back to the other side: no code has come of it."""
        self._stop()
        held, self._held = self._held, []
        tests = channel.pbx.test_events
        if tests.wanted and held:
            tests.send("FEATURE_DETECTION", (("Result", "fail"),))
        bridge = channel.bridge
        if isinstance(bridge, Bridge):
            for digit, duration_ms in held:
                bridge.send_on(channel, digit, duration_ms)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
