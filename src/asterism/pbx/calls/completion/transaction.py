"""One call completion, from the failed call to the recall."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asterism.pbx.calls.completion import events
from asterism.pbx.calls.completion.machine import ARCS, FINAL, Event, State
from asterism.pbx.calls.completion.monitors import CCBS
from asterism.pbx.dialplan.language.foreign import joined

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.pbx.calls.completion.agents import Agent
    from asterism.pbx.calls.completion.monitors import Monitor
    from asterism.pbx.calls.completion.parameters import Parameters
    from asterism.pbx.vocabulary.host import Host


class Transaction:
    """One call completion: an agent for the caller and a monitor for each called party.

    Attributes:
        number: the ``CoreID`` of events.
        caller: the caller's device.
        context: where the caller had dialled,
        exten: and what: the recall goes there.
        monitors: those that still watch.
        interfaces: what was dialled at each place, for ``CC_INTERFACES``.
    """

    def __init__(
        self,
        pbx: Host,
        number: int,
        place: tuple[str, str],
        parameters: Parameters,
        agent: Agent,
        moved: Callable[[Transaction], None],
    ) -> None:
        """``moved`` is told of every new state."""
        self.pbx = pbx
        self.number = number
        self.caller = agent.device
        self.context, self.exten = place
        self.parameters = parameters
        self.agent = agent
        agent.transaction = self
        self.monitors: list[Monitor] = []
        self.interfaces: dict[tuple[str, str], list[str]] = {}
        self.state = State.AVAILABLE
        self.reason = ""
        """Reason of the failure."""
        self.linkedid = ""
        """Linkedid of the recall."""
        self._timer: asyncio.TimerHandle | None = None
        self._moved = moved

    def __repr__(self) -> str:
        return f"<Transaction {self.number} of {self.caller} {self.state.name}>"

    @property
    def over(self) -> bool:
        """Whether the transaction has ended."""
        return self.state in FINAL

    def interfaces_of(self, context: str, exten: str) -> str:
        """``CC_INTERFACES`` of a place: the dial strings to be called there."""
        parts: list[str] = []
        for destination in self.interfaces.get((context, exten), ()):
            parts += ("&", destination) if parts else (destination,)
        return joined(parts)  # what a caller chose of them stays data

    def add(self, monitor: Monitor) -> None:
        """Watch one more called party, once it is requested; one that is known is watched the way that is known now."""
        for known in self.monitors:
            if known.device == monitor.device:
                if known.kind == monitor.kind and known.service in (monitor.service, CCBS):
                    return
                self.monitors.remove(known)
                known.transaction = None
                break
        monitor.transaction = self
        self.monitors.append(monitor)
        self.pbx.bus.publish(events.CC_AVAILABLE, self.number, monitor.device, monitor.service)

    def _move(self, event: Event) -> bool:
        """Change the state by an event; ``False`` if the event does not apply to the present state."""
        state = ARCS.get((self.state, event))
        if state is None:
            self.pbx.log.debug("Call completion %d: %s in state %s", self.number, event.value, self.state.value)
            return False
        self.state = state
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.pbx.log.verbose(3, "Call completion %d of %s: %s", self.number, self.caller, state.value)
        self._moved(self)
        return True

    # -- the caller --------------------------------------------------------------------------------------

    def offer(self) -> bool:
        """Offer completion to the caller until the offer timer expires."""
        if not self._move(Event.OFFER):
            return False
        seconds = self.parameters.cc_offer_timer
        self._timer = self.pbx.loop.call_later(seconds, self.fail, "the offer timer expired")
        self.pbx.bus.publish(events.CC_OFFER_TIMER_START, self.number, self.caller, seconds)
        return True

    def request(self) -> bool:
        """The caller requests completion; returns whether the request is in progress."""
        if self.state is State.AVAILABLE:
            self.offer()
        if not self._move(Event.REQUEST):
            return False
        for monitor in tuple(self.monitors):
            self.pbx.bus.publish(events.CC_REQUESTED, self.number, self.caller, monitor.device)
        for monitor in tuple(self.monitors):
            if monitor in self.monitors and not self.over:
                monitor.start()
        return not self.over

    def caller_is_busy(self) -> None:
        """The caller cannot be called now: others may have their turn."""
        if self._move(Event.CALLER_BUSY):
            self.pbx.bus.publish(events.CC_CALLER_START_MONITORING, self.number, self.caller)
            for monitor in tuple(self.monitors):
                monitor.suspend()
            self.agent.watch_caller()

    def caller_is_free(self) -> None:
        """The caller can be called again."""
        if self._move(Event.CALLER_FREE):
            self.pbx.bus.publish(events.CC_CALLER_STOP_MONITORING, self.number, self.caller)
            for monitor in tuple(self.monitors):
                monitor.resume()

    def recall(self) -> bool:
        """The caller is called back, or calls by itself."""
        if not self._move(Event.RECALL):
            return False
        self.pbx.bus.publish(events.CC_CALLER_RECALLING, self.number, self.caller)
        for monitor in self.monitors:
            monitor.stop_timer()
            monitor.recalling()
        self.agent.recall()
        return True

    def wait_for_caller(self) -> None:
        """The caller has been told that the called party is free: it has its recall timer's time to call."""
        seconds = self.parameters.cc_recall_timer
        self._timer = self.pbx.loop.call_later(seconds, self.fail, "the caller did not call")

    def recalled(self, answered: bool) -> None:
        """The recall has dialled; ``answered``: the called party answered."""
        if not answered:
            self.fail("the called party did not answer the recall")
        elif self._move(Event.COMPLETE):
            self.pbx.bus.publish(events.CC_RECALL_COMPLETE, self.number, self.caller)
            self._release()

    # -- the called parties --------------------------------------------------------------------------------

    def acknowledged(self, monitor: Monitor) -> None:
        """A called party is watched."""
        if self._move(Event.ACKNOWLEDGE):
            self.pbx.bus.publish(events.CC_REQUEST_ACKNOWLEDGED, self.number, self.caller)
            self.agent.acknowledged()

    def callee_is_free(self, monitor: Monitor) -> bool:
        """A called party is free, and it is this caller's turn; ``False`` if the state does not allow a recall."""
        if not self._move(Event.CALLEE_FREE):
            return False
        self.agent.callee_ready()
        return True

    def callee_is_busy(self, monitor: Monitor) -> bool:
        """The called party is not free any more; ``False`` if the recall has already begun."""
        if not self._move(Event.CALLEE_BUSY):
            return False
        self.agent.callee_busy()
        for other in tuple(self.monitors):
            if other is not monitor:
                other.resume()  # it may have become free in vain meanwhile
        return True

    def monitor_failed(self, monitor: Monitor, reason: str) -> None:
        """A called party is not monitored any more; without any monitor left the transaction fails."""
        if monitor not in self.monitors:
            return
        self.monitors.remove(monitor)
        self.pbx.bus.publish(events.CC_MONITOR_FAILED, self.number, monitor.device)
        if not self.monitors:
            self.fail(reason)

    # -- the end -------------------------------------------------------------------------------------------

    def fail(self, reason: str) -> None:
        """End it; ``reason`` is for people."""
        if self._move(Event.FAIL):
            self.reason = reason
            self.pbx.bus.publish(events.CC_FAILURE, self.number, self.caller, reason)
            self._release()

    def _release(self) -> None:
        monitors, self.monitors = self.monitors, []
        for monitor in monitors:
            monitor.stop()
        self.agent.ended()
