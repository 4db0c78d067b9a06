"""The called party's side: its monitors, and the order in which they are served once it is free."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from asterism.pbx.vocabulary.device_state import DeviceState

if TYPE_CHECKING:
    from asterism.pbx.calls.completion.parameters import Parameters
    from asterism.pbx.calls.completion.transaction import Transaction
    from asterism.pbx.vocabulary.host import Host

CCBS = "CCBS"
"""Completion on busy subscriber."""
CCNR = "CCNR"
"""Completion on no response: the called party must have used its phone before it counts as free."""
FREE = frozenset((DeviceState.NOT_INUSE, DeviceState.UNKNOWN))
_USED = frozenset((DeviceState.INUSE, DeviceState.BUSY, DeviceState.ONHOLD, DeviceState.RINGINUSE))


class Monitor:
    """Watches one called party for one transaction. Override what is asked of it.

    Attributes:
        kind: ``generic`` or ``native``.
        device: the called party, as events have it.
        destination: what was dialled: with it ``CC_INTERFACES`` is made.
        service: :data:`CCBS` or :data:`CCNR`.
        place: context and extension that dialled it.
        recall_uri: what to call instead of what was dialled, if the called side has said so.
        transaction: its transaction, once it belongs to one.
    """

    kind: ClassVar[str] = ""

    def __init__(self, pbx: Host, device: str, destination: str, service: str, parameters: Parameters) -> None:
        self.pbx = pbx
        self.device = device
        self.destination = destination
        self.service = service
        self.parameters = parameters
        self.place: tuple[str, str] = ("", "")
        self.recall_uri = ""
        self.transaction: Transaction | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """The caller has requested: the available timer runs from now on."""
        wanted = self.parameters
        seconds = wanted.ccbs_available_timer if self.service == CCBS else wanted.ccnr_available_timer
        self._timer = self.pbx.loop.call_later(seconds, self.fail, "the available timer expired")
        self.request()

    def stop(self) -> None:
        """The transaction has ended."""
        self.stop_timer()
        self.cancel()
        self.transaction = None

    def stop_timer(self) -> None:
        """The called party was available in time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def fail(self, reason: str) -> None:
        """The monitor has stopped watching, for ``reason``."""
        transaction = self.transaction
        if transaction is not None:
            self.stop()
            transaction.monitor_failed(self, reason)

    # What kinds of monitors do.

    def request(self) -> None:
        """Begin; tell ``transaction.acknowledged(self)``, then ``callee_is_free(self)`` each time it is its turn."""
        raise NotImplementedError

    def suspend(self) -> None:
        """The caller is busy: give the turn to others, and keep the place."""

    def resume(self) -> None:
        """The caller is free again."""

    def recalling(self) -> None:
        """The caller is called back."""

    def cancel(self) -> None:
        """Let go of everything."""


class GenericMonitor(Monitor):
    """Goes by the device's state."""

    kind: ClassVar[str] = "generic"

    def __init__(
        self, pbx: Host, device: str, destination: str, service: str, parameters: Parameters, queues: Queues
    ) -> None:
        super().__init__(pbx, device, destination, service, parameters)
        self._queues = queues
        self.fit = service == CCBS
        """Whether the device need only be free: for CCNR once it has been used."""
        self.suspended = False
        self.queue: CalleeQueue | None = None

    def request(self) -> None:
        """Take a place in the queue for the device."""
        self.queue = self._queues.join(self)
        if self.transaction is not None:
            self.transaction.acknowledged(self)

    def suspend(self) -> None:
        """Let the next one have the turn."""
        self.suspended = True
        self._consider()

    def resume(self) -> None:
        """Take part again."""
        self.suspended = False
        self._consider()

    def _consider(self) -> None:
        if self.queue is not None:
            if self.queue.serving is self:
                self.queue.serving = None
            self.queue.consider()

    def cancel(self) -> None:
        """Leave the queue."""
        queue, self.queue = self.queue, None
        if queue is not None:
            queue.leave(self)


class CalleeQueue:
    """The monitors that wait for one device, in the order of their requests; one is served at a time."""

    def __init__(
        self, pbx: Host, device: str, is_recalled: Callable[[str], bool], empty: Callable[[str], object]
    ) -> None:
        self._pbx = pbx
        self.device = device
        self._is_recalled = is_recalled
        self.waiting: list[GenericMonitor] = []
        self.serving: GenericMonitor | None = None
        self._empty = empty
        self._scheduled: asyncio.Handle | None = None
        self._unwatch = pbx.device_states.watch(device, self._changed)

    def _changed(self, _device: str, state: DeviceState) -> None:
        if state in _USED:
            for monitor in self.waiting:
                monitor.fit = True
        serving = self.serving
        if serving is not None and state not in FREE and serving.transaction is not None:
            if not serving.transaction.callee_is_busy(serving):
                return  # it is being recalled: its own call makes the device busy
            self.serving = None
        self.consider()

    def consider(self) -> None:
        """See in the next pass of the loop whose turn it is."""
        if self._scheduled is None:
            self._scheduled = self._pbx.loop.call_soon(self._serve)

    def _serve(self) -> None:
        self._scheduled = None
        if self.serving is not None or not self.waiting or self._pbx.device_states.get(self.device) not in FREE:
            return
        if self._is_recalled(self.device):
            return  # it is about to call somebody itself: two that ask for each other are not both called back
        for monitor in tuple(self.waiting):
            if monitor.fit and not monitor.suspended and monitor.transaction is not None:
                self.serving = monitor  # known before: the caller may turn out to be busy at once
                if monitor.transaction.callee_is_free(monitor):
                    return
                self.serving = None

    def leave(self, monitor: GenericMonitor) -> None:
        """Take one out; the last one ends the queue."""
        self.waiting.remove(monitor)
        if self.serving is monitor:
            self.serving = None
        if self.waiting:
            self.consider()
            return
        self._unwatch()
        if self._scheduled is not None:
            self._scheduled.cancel()
        self._empty(self.device)


class Queues:
    """The queues of all monitored devices."""

    def __init__(self, pbx: Host, is_recalled: Callable[[str], bool]) -> None:
        """``is_recalled`` tells of a device whether it is being called back itself."""
        self._pbx = pbx
        self._is_recalled = is_recalled
        self._queues: dict[str, CalleeQueue] = {}

    def __len__(self) -> int:
        return len(self._queues)

    def join(self, monitor: GenericMonitor) -> CalleeQueue:
        """Put a monitor at the end of its device's queue."""
        queue = self._queues.get(monitor.device)
        if queue is None:
            queue = CalleeQueue(self._pbx, monitor.device, self._is_recalled, self._queues.pop)
            self._queues[monitor.device] = queue
        queue.waiting.append(monitor)
        queue.consider()
        return queue

    def consider(self, device: str) -> None:
        """See whose turn it is, for a reason that the device's state does not show."""
        queue = self._queues.get(device)
        if queue is not None:
            queue.consider()
