"""Parked requests: those whose next step needs something that is not there yet.

A parked request gets a server transaction, which absorbs retransmissions and sends 100 for an INVITE, and
goes on as a coroutine of its work. It is given up after ten seconds, by CANCEL, or with its flow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from inspect import CORO_CREATED, getcoroutinestate, iscoroutine
from typing import TYPE_CHECKING, Any

from asterism.sources import source_of

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx
    from asterism.sip.works import Work
    from asterism.stack.flow import Flow


class _Parked:
    __slots__ = ("cancelled", "coroutine", "deadline", "flow_closed", "rx", "task")

    def __init__(self, rx: Rx, coroutine: Coroutine[Any, Any, None], deadline: float) -> None:
        self.rx = rx
        self.coroutine = coroutine
        self.deadline = deadline
        self.task: asyncio.Task[Any] | None = None
        self.cancelled = False
        self.flow_closed = False


class Parking:
    """Keeps parked requests and their limits.

    More than these get 503: one Call-ID or one source cannot take the places of all others.

    Attributes:
        limit: how many may be parked at once.
        limit_per_call: how many of one Call-ID, which go on one after the other.
        limit_per_source: how many of one address, an IPv6 /64 being one; a proxy may send for many.
        timeout: how long one may wait, in seconds.
    """

    def __init__(self, core: SipCore) -> None:
        self._core = core
        self._parked: dict[int, _Parked] = {}
        self._works: dict[str, tuple[Work, int]] = {}
        self._sources: dict[str, int] = {}
        self.limit = 1000
        self.limit_per_call = 10
        self.limit_per_source = 500
        self.timeout = 10.0
        self.timed_out = 0
        self.refused = 0

    def __len__(self) -> int:
        return len(self._parked)

    def park(self, rx: Rx, coroutine: Coroutine[Any, Any, None]) -> None:
        """Let the request go on as ``coroutine`` in its work; 503 when too many are parked."""
        source = source_of(rx.flow.remote[0])
        if self._is_full(rx, source):
            _close(coroutine)
            self.refused += 1
            rx.respond_stateless(503, headers=(("Retry-After", "5"),))
            return
        transaction = rx.transaction_for()
        self._sources[source] = self._sources.get(source, 0) + 1
        deadline = asyncio.get_running_loop().time() + self.timeout
        parked = self._parked[id(transaction)] = _Parked(rx, coroutine, deadline)
        call_id = rx.request.call_id
        work = rx.work
        if work is None:
            work, users = self._works.get(call_id) or (self._core.create_work("pjsip/distributor"), 0)
            self._works[call_id] = (work, users + 1)
            rx.work = work
        else:
            call_id = ""
        rx.flow.on_error.append(self._flow_failed)
        if not work.push(self._continue, parked, call_id):
            _close(coroutine)
            self._done(parked, call_id)
            rx.respond_stateless(503, headers=(("Retry-After", "5"),))

    def _is_full(self, rx: Rx, source: str) -> bool:
        if len(self._parked) >= self.limit or self._sources.get(source, 0) >= self.limit_per_source:
            return True
        waiting = self._works.get(rx.request.call_id)
        return waiting is not None and waiting[1] >= self.limit_per_call

    def cancel(self, transaction: object) -> bool:
        """Give up a parked INVITE because of a CANCEL: it gets 487. ``False`` when it is not parked."""
        parked = self._parked.get(id(transaction))
        if parked is None:
            return False
        parked.cancelled = True
        if parked.task is not None:
            parked.task.cancel()
        return True

    def _flow_failed(self, flow: Flow, _error: Exception | None) -> None:
        if flow.closed:
            for parked in list(self._parked.values()):
                if parked.rx.flow is flow:
                    parked.flow_closed = True
                    if parked.task is not None:
                        parked.task.cancel()

    async def _continue(self, parked: _Parked, call_id: str) -> None:
        rx = parked.rx
        left = parked.deadline - asyncio.get_running_loop().time()
        try:
            if parked.cancelled or parked.flow_closed or left <= 0:
                _close(parked.coroutine)
                raise TimeoutError if left <= 0 and not parked.cancelled else asyncio.CancelledError
            parked.task = asyncio.ensure_future(parked.coroutine)
            await asyncio.wait_for(parked.task, left)
        except TimeoutError:
            self.timed_out += 1
            if not rx.answered:
                rx.respond_stateless(503)
        except asyncio.CancelledError:
            if parked.cancelled and not rx.answered:
                rx.respond_stateless(487)
            elif not parked.flow_closed and not parked.cancelled:
                raise
        except Exception as error:
            self._core.distributor.failed(rx, error)
        finally:
            self._done(parked, call_id)

    def _done(self, parked: _Parked, call_id: str) -> None:
        rx = parked.rx
        self._parked.pop(id(rx.transaction), None)
        source = source_of(rx.flow.remote[0])
        left = self._sources[source] - 1
        if left:
            self._sources[source] = left
        else:
            del self._sources[source]
        if self._flow_failed in rx.flow.on_error:
            rx.flow.on_error.remove(self._flow_failed)
        if call_id:
            work, users = self._works[call_id]
            if users > 1:
                self._works[call_id] = (work, users - 1)
            else:
                del self._works[call_id]
                work.close()


def _close(coroutine: Coroutine[Any, Any, None]) -> None:
    """Close a coroutine that has not begun, and those passed to it to await, which would stay open otherwise."""
    frame = getattr(coroutine, "cr_frame", None)
    given = () if frame is None else tuple(frame.f_locals.values())
    coroutine.close()
    for one in given:
        if iscoroutine(one) and getcoroutinestate(one) == CORO_CREATED:
            _close(one)
