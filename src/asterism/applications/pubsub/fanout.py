"""Telling many subscribers of one change without keeping the loop from everybody else."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any

from asterism.core.containment import attempt

SLICE = 0.005
"""Seconds of the loop's time that are taken in one go."""


class FanOut:
    """States that wait to be given to their subscriptions; the newest for each takes the place of the one before."""

    def __init__(self, log: logging.Logger, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._log = log
        self._loop = loop
        self._states: dict[Any, Any] = {}
        self._order: deque[Any] = deque()
        self._running = False

    def __len__(self) -> int:
        return len(self._order)

    def put(self, subscription: Any, state: Any) -> None:
        """Have ``subscription.notify(state)`` called in the loop's next turns."""
        if subscription not in self._states:
            self._order.append(subscription)
        self._states[subscription] = state
        if not self._running:
            self._running = True
            (self._loop or asyncio.get_running_loop()).call_soon(self._run)

    def discard(self, subscription: Any) -> None:
        """Forget what waits for a subscription."""
        self._states.pop(subscription, None)

    def _run(self, clock: Callable[[], float] = perf_counter) -> None:
        states, order = self._states, self._order
        end = clock() + SLICE
        while order:
            subscription = order.popleft()
            state = states.pop(subscription, self)
            if state is not self:
                attempt(self._log, "telling a subscription", None, subscription.notify, state)
                if clock() >= end:
                    break
        if order:
            (self._loop or asyncio.get_running_loop()).call_soon(self._run)
        else:
            self._running = False
