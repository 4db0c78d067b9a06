"""The base of the four transaction machines: a state that can be watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asterism.stack.timers import Timer
    from asterism.stack.transactions.layer import TransactionLayer
    from asterism.stack.transactions.state import TransactionState


class Machine:
    """One machine of RFC 3261 section 17. Each has its own timers, named as the RFC names them.

    Where one timer repeats a message and another ends the state, the one that ends it is started with the first
    repetition: most answers come before.
    """

    __slots__ = ("_ends_at", "_interval", "layer", "state")

    layer: TransactionLayer
    state: TransactionState
    _ends_at: float
    """When the state ends, on the clock of the timers; set by the states that a timer ends."""
    _interval: float
    """Seconds until the next repetition."""

    def _enter(self, state: TransactionState, *ended: Timer | None) -> None:
        """Enter a state; ``ended`` are the timers that end with the one before."""
        for timer in ended:
            if timer is not None:
                timer.cancel()
        self.state = state
        if self.layer.on_state is not None:
            told: Any = self
            self.layer.on_state(told)
