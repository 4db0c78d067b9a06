"""Transfers that a program asks for, and whose outcome it awaits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.pbx.calls.transfers.attended import attended
from asterism.pbx.calls.transfers.blind import blind, context_of
from asterism.pbx.calls.transfers.following import OK
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.pbx.channels.transfer import Transferred, TransferStatus

if TYPE_CHECKING:
    import asyncio

    from asterism.pbx.channels.channel import Channel

_REFUSED = {TransferResult.FAIL: 491, TransferResult.INVALID: 404, TransferResult.NOT_PERMITTED: 403}
"""Codes of transfers that were not begun."""


class _Awaited:
    """The :class:`Outcome` that a task awaits."""

    def __init__(self, loop: asyncio.AbstractEventLoop, heard: Callable[[int], None] | None) -> None:
        self._heard = heard
        self._known: asyncio.Future[int] = loop.create_future()

    def progress(self, status: int) -> None:
        if self._heard is not None:
            self._heard(status)

    def done(self, status: int) -> None:
        if not self._known.done():
            self._known.set_result(status)

    async def wait(self, result: TransferResult) -> Transferred:
        status = await self._known if result is TransferResult.SUCCESS else _REFUSED[result]
        return Transferred(TransferStatus.SUCCESS if status == OK else TransferStatus.FAILURE, status)


async def blind_transfer(
    transferer: Channel, exten: str, context: str = "", keep: bool = False, heard: Callable[[int], None] | None = None
) -> Transferred:
    """Transfer and wait for what becomes of it; see :meth:`asterism.pbx.assembly.channel.Channel.blind_transfer`."""
    awaited = _Awaited(transferer.pbx.loop, heard)
    result = blind(transferer, context or context_of(transferer), exten, outcome=awaited, keeps=keep)
    return await awaited.wait(result)


async def attended_transfer(first: Channel, second: Channel, heard: Callable[[int], None] | None = None) -> Transferred:
    """Transfer and wait for what becomes of it; see :meth:`asterism.pbx.assembly.channel.Channel.attended_transfer`."""
    awaited = _Awaited(first.pbx.loop, heard)
    return await awaited.wait(attended(first, second, outcome=awaited))
