"""Parking by transfer and by key."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from asterism.pbx.calls.features.table import away
from asterism.pbx.calls.parking.announcing import FAILED, tell
from asterism.pbx.calls.parking.errors import ParkingError
from asterism.pbx.calls.parking.parking import Wish

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host, Takes


class Requests:
    """What transfers and keys ask of the parking of one server."""

    def __init__(self, pbx: Host) -> None:
        self._pbx = pbx

    def transfer_target(self, context: str, exten: str) -> Takes | None:
        """Whoever takes calls that are transferred to an extension that parks: see ``Host.transfer_targets``."""
        lot = self._pbx.parking.parking_extension(context, exten)
        return None if lot is None else partial(self._take, lot)

    def _take(
        self, lot: str, channel: Channel, parker: Channel, begun: Callable[[], None], done: Callable[[], None]
    ) -> bool:
        try:
            self._pbx.parking.park(channel, parker, Wish(lot), on_begin=begun, on_told=done)
        except ParkingError as error:
            self._pbx.log.notice("%s cannot park %s: %s", parker.name, channel.name, error)
            return False
        return True

    def park_by_key(self, parker: Channel) -> None:
        """Park the other party of a call of two; a parker that cannot hears ``pbx-parkingfailed``."""
        bridge = parker.bridge
        other = None if bridge is None else bridge.peer(parker)
        try:
            if other is None:
                raise ParkingError("it does not talk to one other party")
            self._pbx.parking.park(other, parker)
        except ParkingError as error:
            self._pbx.log.notice("%s cannot park its call: %s", parker.name, error)
            self._pbx.features.start(parker, _hear_failure(parker), "what it hears of parking")


async def _hear_failure(channel: Channel) -> None:
    with away(channel):
        await tell(channel, FAILED)
