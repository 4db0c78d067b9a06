"""A fax terminal on a channel's T.38 port: packets go in and out as time passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asterism.core.containment import FAILURES, report_failure
from asterism.media.fax.terminal import RATE
from asterism.pbx.channels.t38 import RateManagement

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.t38 import T38Parameters, T38Port

PERIOD = 0.020
"""Seconds after which what is due is sent."""
_LONGEST = 0.2
"""Seconds that pass at once at most, however late the loop is."""


class Agreeing(Protocol):
    """What is told the terms of T.38: a terminal, or a gateway."""

    def agree(self, *, version: int, rate: int, largest: int, local_tcf: bool = False) -> None:
        """What was negotiated."""


class PacketEnd(Agreeing, Protocol):
    """What has T.38 packets and a sense of time: a terminal."""

    def take(self, number: int, packet: bytes) -> None:
        """A packet from the far end."""

    def pass_time(self, samples: int) -> None:
        """So much time has passed, in samples of 8 kHz."""


def agree_on(end: Agreeing, parameters: T38Parameters) -> None:
    """Tell an end of T.38 what the far end can take."""
    end.agree(
        version=parameters.version,
        rate=parameters.max_bit_rate,
        largest=parameters.max_ifp,
        local_tcf=parameters.rate_management is RateManagement.LOCAL_TCF,
    )


class PacketsOnChannel:
    """An end of T.38, while it has a channel's port. ``after`` is called after each packet and each piece of time."""

    def __init__(self, channel: Channel, end: PacketEnd, port: T38Port, after: Callable[[], object]) -> None:
        """Begin."""
        self._channel, self._end, self._port, self._after = channel, end, port, after
        self._loop = channel.pbx.loop
        self._passed = self._next = self._loop.time()
        port.on_ifp = self._take
        self._timer: asyncio.TimerHandle | None = self._loop.call_at(self._next, self._step)

    def stop(self) -> None:
        """Let go of the port; harmless when it has."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        self._port.on_ifp = None

    def _take(self, number: int, packet: bytes) -> None:
        try:
            self._end.take(number, packet)
        except FAILURES:
            report_failure(self._channel.pbx.log, f"the fax of {self._channel.name}")
        self._after()

    def _step(self) -> None:
        now = self._loop.time()
        passed, self._passed = min(now - self._passed, _LONGEST), now
        try:
            self._end.pass_time(round(passed * RATE))
        except FAILURES:
            report_failure(self._channel.pbx.log, f"the fax of {self._channel.name}")
        self._next = max(self._next + PERIOD, now)
        self._timer = self._loop.call_at(self._next, self._step)
        self._after()
