"""What the four machines share: a state that can be watched, and timers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asterism.stack.timers import Timer
    from asterism.stack.transactions.layer import TransactionLayer
    from asterism.stack.transactions.state import TransactionState


class Machine:
    """One machine of the RFC, with a timer that repeats and one that ends it."""

    __slots__ = ("_timer_end", "_timer_repeat", "layer", "state")

    layer: TransactionLayer
    state: TransactionState
    _timer_end: Timer | None
    _timer_repeat: Timer | None

    def _enter(self, state: TransactionState) -> None:
        self.state = state
        if self.layer.on_state is not None:
            told: Any = self
            self.layer.on_state(told)

    def _stop_timers(self) -> None:
        if self._timer_repeat is not None:
            self._timer_repeat.cancel()
            self._timer_repeat = None
        if self._timer_end is not None:
            self._timer_end.cancel()
            self._timer_end = None
