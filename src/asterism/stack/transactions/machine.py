"""What the four machines share: a state that can be watched, and timers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asterism.stack.timers import Timer
    from asterism.stack.transactions.layer import TransactionLayer
    from asterism.stack.transactions.state import TransactionState


class Machine:
    """One machine of the RFC, with a timer that repeats and one that ends it.

    Where both run, the one that ends it is set with the first repetition: most answers come before.
    """

    __slots__ = ("_ends_at", "_interval", "_timer_end", "_timer_repeat", "layer", "state")

    layer: TransactionLayer
    state: TransactionState
    _ends_at: float
    """When the state ends, or what was sent last has to be repeated at the latest."""
    _interval: float
    _timer_end: Timer | None
    _timer_repeat: Timer | None

    def _enter(self, state: TransactionState, timers_go_on: bool = False) -> None:
        """Enter a state; the timers of the one before end with it."""
        if not timers_go_on:
            if self._timer_repeat is not None:
                self._timer_repeat.cancel()
                self._timer_repeat = None
            if self._timer_end is not None:
                self._timer_end.cancel()
                self._timer_end = None
        self.state = state
        if self.layer.on_state is not None:
            told: Any = self
            self.layer.on_state(told)
