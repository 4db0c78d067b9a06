"""Sending the far end of a channel elsewhere: it is asked to call somebody else, and leaves when it has.

In SIP that is a 302 before the answer and a REFER after it. A transfer inside the server, where the far end stays and
only talks to another one, is :mod:`asterism.pbx.calls`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from asterism.core.containment import FAILED, attempt
from asterism.pbx.vocabulary.errors import ChannelHangup

if TYPE_CHECKING:
    import asyncio

    from asterism.pbx.channels.channel import Channel

MAX_DESTINATIONS = 10
"""Destinations that one transfer names; more are ignored."""
BAD_DESTINATION = 416
"""The code of a destination that is no address (SIP: Unsupported URI Scheme)."""


class TransferStatus(StrEnum):
    """How a transfer ended: the words of TRANSFERSTATUS."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    UNSUPPORTED = "UNSUPPORTED"
    """The channel's technology cannot send its far end elsewhere."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """The outcome of a transfer; true for a success.

    ``code`` is the protocol's (SIP): 200 of the call that the far end made, 202 when it left before it told of one,
    302 before the answer, the code that ended the attempt, 0 where nothing was heard.
    """

    status: TransferStatus
    code: int = 0

    def __bool__(self) -> bool:
        return self.status is TransferStatus.SUCCESS

    @property
    def protocol(self) -> int:
        """TRANSFERSTATUSPROTOCOL: 0 for a success, else the code."""
        return 0 if self else self.code


class TransferOrder:
    """What a driver is asked: where the far end is to go, and whom to tell what becomes of it.

    ``destinations`` are without the name of the technology, the one to be tried first in front; text from outside in
    them is marked (:mod:`asterism.pbx.dialplan.language.foreign`). ``replaced`` is the channel of a call whose place
    the new call is to take; there are no destinations then.
    """

    __slots__ = ("_done", "_heard", "destinations", "log", "replaced", "result")

    def __init__(
        self,
        channel: Channel,
        destinations: tuple[str, ...],
        replaced: Channel | None = None,
        heard: Callable[[int], None] | None = None,
    ) -> None:
        self.destinations = destinations
        self.replaced = replaced
        self.log = channel.pbx.log
        self.result: Transferred | None = None
        """The outcome, once it is known."""
        self._heard = heard
        self._done: asyncio.Future[bool] | None = None

    def progress(self, code: int) -> None:
        """The far end tells how far its new call is: 100, 180, 183."""
        if self._heard is not None and self.result is None:
            attempt(self.log, "whoever hears of a transfer's progress", None, self._heard, code)

    def done(self, code: int, status: TransferStatus | None = None) -> None:
        """It is over, with a code of SIP; only the first outcome counts.

        ``status``: what that means; by default a code from 200 to 399 is a success.
        """
        if self.result is not None:
            return
        if status is None:
            status = TransferStatus.SUCCESS if 200 <= code < 400 else TransferStatus.FAILURE
        self.result = Transferred(status, code)
        if self._done is not None and not self._done.done():
            self._done.set_result(True)

    def wait(self, channel: Channel) -> asyncio.Future[bool]:
        """What ends when the outcome is known."""
        self._done = channel.pbx.loop.create_future()
        return self._done


async def transfer(
    channel: Channel,
    *destinations: str,
    replaced: Channel | None = None,
    heard: Callable[[int], None] | None = None,
) -> Transferred:
    """Send the far end of ``channel`` elsewhere, and wait for what becomes of it.

    See :meth:`asterism.pbx.assembly.channel.Channel.transfer`.
    """
    channel.check()
    places: list[str] = []
    for one in destinations[:MAX_DESTINATIONS]:
        name, slash, rest = one.partition("/")
        if not (slash and name.isalnum()):
            places.append(one.strip())
        elif name.lower() == channel.technology.name.lower():
            places.append(rest.strip())
        else:
            channel.pbx.log.notice("%s cannot be transferred to '%s': another technology", channel.name, one)
            return Transferred(TransferStatus.FAILURE, BAD_DESTINATION)
    if replaced is None and not all(places or [""]):
        raise ValueError("a transfer needs a destination")
    order = TransferOrder(channel, tuple(places), replaced, heard)
    if channel.ask_driver("transfer", FAILED, order) is FAILED:
        order.done(0, TransferStatus.UNSUPPORTED)
    if order.result is None:
        try:
            await channel.park(None, 0, order.wait(channel))
        except ChannelHangup:
            # The far end leaves as soon as it has told the outcome; the hang-up is what the next wait tells.
            if order.result is None:
                raise
    assert order.result is not None
    return order.result
