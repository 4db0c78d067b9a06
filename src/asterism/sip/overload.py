"""Overload: when the server is behind with its work, new requests get 503, so that what has begun can go on.

Two things tell: a work with more tasks waiting than the high-water mark (until it is down at the low one), and an event
loop that is late. ``[global] taskprocessor_overload_trigger`` says which count: ``global`` both, with the works of
everybody; ``pjsip_only`` only the works of the SIP core; ``none`` nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.sip.state import SipState
    from asterism.sip.works import Servants
    from asterism.stack.timers import Timer, TimerQueue

CHECK_INTERVAL = 0.5
"""Seconds between two looks at how late the loop is."""


class Overload:
    """Watches the marks and sets ``state.overloaded``, which the distributor looks at.

    Attributes:
        trigger: ``none``, ``global`` or ``pjsip_only``.
        lag_high: the loop counts as late when it comes so many seconds after the time it was asked for.
        lag_low: it counts as in time again below this.
        lag: how late it came last, in seconds.
        times: how often an overload began.
    """

    def __init__(self, state: SipState, servants: Servants, log: logging.Logger) -> None:
        self._state = state
        self._servants = servants
        self._log = log
        self._timers: TimerQueue | None = None
        self._timer: Timer | None = None
        self._late = False
        self.trigger = "global"
        self.lag_high = 1.0
        self.lag_low = 0.2
        self.lag = 0.0
        self.times = 0
        servants.on_congestion = self.update

    def start(self, timers: TimerQueue) -> None:
        """Begin to measure."""
        self._timers = timers
        self._timer = timers.call_later(CHECK_INTERVAL, self._check)

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timers = None

    def _check(self) -> None:
        timers, timer = self._timers, self._timer
        if timers is None or timer is None:
            return
        self.lag = max(timers.clock() - timer.when, 0.0)
        self._timer = timers.call_later(CHECK_INTERVAL, self._check)
        late = self.lag > (self.lag_low if self._late else self.lag_high)
        if late is not self._late:
            self._late = late
            self.update()

    def update(self) -> None:
        """Work out again whether there is an overload; called when a mark is passed or the trigger changed."""
        why = self._reason()
        if bool(why) is self._state.overloaded:
            return
        self._state.overloaded = bool(why)
        if why:
            self.times += 1
            self._log.warning("overload: %s; new requests are refused with 503", why)
        else:
            self._log.warning("the overload is over")

    def _reason(self) -> str:
        if self.trigger == "none":
            return ""
        if self.trigger == "global" and self._late:
            return f"the event loop is {self.lag:.1f} s late"
        for work in self._servants.congested:
            if self.trigger == "global" or work.name.startswith("pjsip/"):
                return f"{work.queued} tasks wait in {work.name}"
        return ""
