"""Parking, retrieving and giving calls back: the operations, the same whoever asks.

A parked call waits in the holding bridge of its lot. One that runs dialplan waits there in its own task (``Park``, a
channel that was fetched from what it did); one that comes out of a call of two is moved from bridge to bridge, and its
Dial goes on waiting for its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from asterism.pbx.bridges.bridge import Bridge, abandon
from asterism.pbx.bridges.member import Waiting
from asterism.pbx.calls.bridging import may_be_fetched
from asterism.pbx.calls.parking import events
from asterism.pbx.calls.parking.announcing import Announcement
from asterism.pbx.calls.parking.comeback import PARK_DIAL, Comebacks, flat, letters
from asterism.pbx.calls.parking.errors import LotFullError, ParkingError
from asterism.pbx.calls.parking.extensions import parking_extension
from asterism.pbx.calls.parking.lots import Lot, ParkedCall
from asterism.pbx.calls.parking.retrieving import retrieve
from asterism.pbx.calls.parking.settings import CALLEE, DEFAULT, LOT_KEY
from asterism.pbx.calls.parking.table import LotTable
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto
from asterism.pbx.vocabulary.flow import EndDialplan

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.dialplan.language.places import Place
    from asterism.pbx.vocabulary.host import Host

_TRANSFERRED = ("BLINDTRANSFER", "ATTENDEDTRANSFER")
"""Variables that name the channel that sent a call here."""
_MINUTE = 60.0
MOST_COMEBACKS = 10
"""Times that one call comes back within a minute; then it ends: its time-outs lead from one lot to the next."""
_COMEBACKS_KEY = "parking comebacks"


@dataclass(frozen=True, slots=True)
class Wish:
    """How a call is to be parked; what is not said is the lot's.

    ``timeout`` in seconds, 0: no limit. ``comeback`` is where it goes then. ``parker`` is the dial string of the device
    that it comes back to. ``ringing``: it hears that instead of music; ``scattered``: any free space.
    """

    lot: str = ""
    space: int | None = None
    timeout: float | None = None
    ringing: bool = False
    scattered: bool = False
    comeback: Place | None = None
    parker: str = ""


class Parking:
    """The lots of a server and the calls in them, ``pbx.parking``."""

    def __init__(self, pbx: Host) -> None:
        self._pbx = pbx
        self.lots = LotTable(pbx)
        self.calls: dict[Channel, ParkedCall] = {}
        """Every parked call by its channel."""
        self.comebacks = Comebacks(pbx.dialplan)
        self._tasks: set[asyncio.Task[None]] = set()

    # -- which lot ---------------------------------------------------------------------------------

    def lot_name(self, channel: Channel) -> str:
        """The lot of a channel: its variable PARKINGLOT, ``CHANNEL(parkinglot)``, or the default one."""
        return channel.get_variable("PARKINGLOT") or channel.data.get(LOT_KEY) or DEFAULT

    def lot(self, name: str, channel: Channel) -> Lot:
        """The lot of that name, else the channel's own; it is made if ``parkeddynamic`` allows it.

        Raises:
            ParkingError: there is none.
        """
        name = name or self.lot_name(channel)
        found = self.lots.get(name)
        if found is None and self.lots.settings.dynamic:
            found = self.lots.make(name, channel)
        if found is None or not found.enabled:
            raise ParkingError(f"Could not find parking lot: '{name}'")
        return found

    def parking_extension(self, context: str, exten: str, callerid: str = "") -> str | None:
        """The lot of an extension that parks, empty for that of the call; ``None``: the extension does not park."""
        return parking_extension(self._pbx.dialplan, context, exten, callerid)

    # -- parking -----------------------------------------------------------------------------------

    def park(
        self,
        channel: Channel,
        parker: Channel | None = None,
        wish: Wish | None = None,
        *,
        tell: Channel | None = None,
        keeps: bool = False,
        on_begin: Callable[[], None] | None = None,
        on_told: Callable[[], None] | None = None,
    ) -> ParkedCall:
        """Park a channel, out of whatever it does.

        Where ``parker`` is the other party of a call of two, it hears the space and is hung up then, unless somebody
        ``keeps`` it; ``on_told`` is called when it has heard it. Without a parker the channel comes back to itself.

        Args:
            channel: the call to park.
            parker: who parks it; the call comes back to its device.
            wish: how; see :class:`Wish`.
            tell: another channel that hears the space, if it is in a bridge.
            keeps: see above.
            on_begin: called when it is sure that the channel will be parked, before anything changes.
            on_told: see above.

        Raises:
            ParkingError: it cannot be parked; nothing has changed.
        """
        wish = wish or Wish()
        self._check(channel)
        bridge = None if channel.bridge is None else self._pbx.bridges.get(channel.bridge.uniqueid)
        if bridge is not None and self._pbx.features.transfers_in(bridge):
            raise ParkingError(f"{channel.name} is being transferred")
        together = bridge is not None and parker is not None and bridge.peer(channel) is parker
        call = self._reserve(channel, parker or channel, wish)
        if together and bridge is not None and parker is not None:
            self._move(call, bridge, parker, on_begin)
            self._start(self._tell_parker(call, bridge, parker, keeps, on_told))
        else:
            if on_begin is not None:
                on_begin()
            self._fetch(call)
            if on_told is not None:
                on_told()
        if tell is not None and tell is not parker and tell is not channel and tell.bridge is not None:
            self._start(_say(tell, call.space))
        return call

    def swap(self, parked: Channel, other: Channel) -> bool:
        """Have a channel take the place of one that is parked, which leaves; ``False`` where that is not possible.

        For an attended transfer to somebody who is on hold in a space: the other one is of a call of two.
        """
        call = self.calls.get(parked)
        bridge = None if other.bridge is None else self._pbx.bridges.get(other.bridge.uniqueid)
        waits = None if call is None else call.lot.bridge
        if call is None or bridge is None or waits is None or parked not in waits.members or other in self.calls:
            return False
        if call.announcement is not None:
            call.announcement.stop()
            call.announcement = None
        waits.members[parked].on_leave = call.before
        del self.calls[parked]
        call.channel = other
        self.calls[other] = call
        if other.on_hold:
            other.indicate(Control.UNHOLD)
        member = bridge.members[other]
        call.before, member.on_leave = member.on_leave, partial(self._left, call)
        member.on_digit, member.features, member.kept = None, False, False
        member.waiting = call.waiting
        bridge.move(other, waits, swap=parked)
        self._pbx.bus.publish(events.PARKED_CALL_SWAP, call)
        return True

    async def stay(self, channel: Channel, wish: Wish | None = None, *, silent: bool = False) -> None:
        """Park the channel whose task this is, until it is in no bridge any more: ``Park``.

        It is answered. A channel that was transferred here comes back to who did that; any other one hears its space,
        unless ``silent``.

        Raises:
            ParkingError: it cannot be parked.
            ChannelHangup: it has hung up.
            Goto: it comes back, or was sent elsewhere.
        """
        call, own = self.prepare(channel, wish)
        await self.wait(call, announce=own and not silent)

    def prepare(self, channel: Channel, wish: Wish | None = None) -> tuple[ParkedCall, bool]:
        """Take a space for the channel whose task this is; whether it parks itself. To be waited in by :meth:`wait`.

        Raises:
            ParkingError: it cannot be parked.
            ChannelHangup: it has hung up.
        """
        channel.raw_answer()
        channel.check()
        if channel.bridge is not None or channel.speaks is not None:
            raise ParkingError(f"{channel.name} is spoken to, or in a bridge")
        wish = wish or Wish()
        sender = next(filter(None, (channel.get_variable(name) for name in _TRANSFERRED)), "")
        if sender and not wish.parker:
            wish = replace(wish, parker=sender.rpartition("-")[0])
        call = self._reserve(channel, channel, wish)
        return call, not sender

    async def wait(self, call: ParkedCall, *, announce: bool = False) -> None:
        """Have a channel wait in its space, and in whatever bridge it comes to from there; from its own task."""
        channel = call.channel
        out = False

        def left(bridge: Bridge, _leaver: Channel) -> None:
            nonlocal out
            out = True
            if bridge.ended:
                bridge.destroy()
            channel.wake()

        call.before = left
        try:
            channel.check()
            bridge = call.lot.open_bridge(self._pbx)
            bridge.check_room()
            self._begin(call)
            waiting = Waiting("n") if announce else call.waiting
            bridge.enter(channel, on_leave=partial(self._left, call), waiting=waiting)
        except BaseException as error:
            self.release(call)
            if isinstance(error, RuntimeError):
                raise ParkingError(str(error)) from error
            raise
        try:
            if announce:
                call.announcement = Announcement(channel, call.space)
                await call.announcement.say()
                call.announcement = None
                self._entertain(call)
            while not out:
                await channel.park()
        finally:
            if not out and channel.bridge is not None:
                channel.bridge.depart(channel)

    def _check(self, channel: Channel) -> None:
        if channel in self.calls:
            raise ParkingError(f"{channel.name} is parked already")
        if channel.leaving or not may_be_fetched(channel):
            raise ParkingError(f"{channel.name} has hung up, is on its way elsewhere, or is still being called")

    def _reserve(self, channel: Channel, parker: Channel, wish: Wish) -> ParkedCall:
        """Take a space for a channel."""
        self._check(channel)
        lot = self.lot(wish.lot, parker)
        space = wish.space if wish.space is not None else lot.find_free(scattered=wish.scattered)
        if space is None:
            raise LotFullError(f"Parking lot '{lot.name}' is full")
        if not lot.has_space(space):
            raise ParkingError(f"Parking lot '{lot.name}' has no space {space}")
        if space in lot.calls:
            raise LotFullError(f"Space {space} of parking lot '{lot.name}' is taken")
        settings = lot.settings
        waiting = Waiting("r") if wish.ringing else Waiting("m", settings.parkedmusicclass)
        timeout = settings.parkingtime if wish.timeout is None else wish.timeout
        call = ParkedCall(
            channel, lot, space, wish.parker or parker.device, self._pbx.loop.time(), timeout, waiting, wish.comeback
        )
        lot.calls[space] = call
        lot.last = space
        self.calls[channel] = call
        return call

    def _begin(self, call: ParkedCall, *, resumed: bool = False) -> None:
        """The call is on its way to its space: from now on its time counts, or it goes on counting."""
        pbx = self._pbx
        if not resumed:
            call.since = pbx.loop.time()
        if call.timeout > 0:
            rest = max(0.0, call.since + call.timeout - pbx.loop.time())
            call.timer = pbx.loop.call_later(rest, self._timed_out, call)
        pbx.log.verbose(3, "Parking '%s' in '%s' at space %d", call.channel.name, call.lot.name, call.space)
        pbx.bus.publish(events.PARKED_CALL, call)
        pbx.device_states.changed(call.lot.device(call.space))

    def _move(self, call: ParkedCall, bridge: Bridge, parker: Channel, on_begin: Callable[[], None] | None) -> None:
        """Bring a channel from its bridge into the lot's."""
        channel = call.channel
        waits = call.lot.open_bridge(self._pbx)
        try:
            waits.check_room()
        except RuntimeError as error:
            self.release(call)
            raise ParkingError(str(error)) from error
        if on_begin is not None:
            on_begin()
        channel.set_variable("BLINDTRANSFER", parker.name)
        self._begin(call)
        if channel.on_hold:
            channel.indicate(Control.UNHOLD)
        self._carry(call, bridge)
        channel.set_variable("BLINDTRANSFER", None)

    def _carry(self, call: ParkedCall, bridge: Bridge) -> None:
        member = bridge.members[call.channel]
        call.before, member.on_leave = member.on_leave, partial(self._left, call)
        member.on_digit, member.features, member.kept = None, False, False
        member.waiting = call.waiting
        bridge.move(call.channel, call.lot.open_bridge(self._pbx))

    def _fetch(self, call: ParkedCall) -> None:
        """Have a channel leave what it does and wait in the lot."""
        channel = call.channel
        has_task = channel.task is not None

        async def body(_channel: Channel) -> None:
            try:
                await self.wait(call)
            except ParkingError as error:
                self._pbx.log.warning("%s is not parked: %s", channel.name, error)
            if has_task:
                raise EndDialplan  # its conversation is over, and what it did before was left

        channel.raw_answer()

        def missed(_channel: Channel) -> None:
            self.release(call)

        channel.divert(body, missed)

    def _entertain(self, call: ParkedCall) -> None:
        """Let a call that has heard its space hear what it waits with."""
        channel = call.channel
        bridge = call.lot.bridge
        if self.calls.get(channel) is call and bridge is not None and channel.bridge is bridge:
            bridge.members[channel].waiting = call.waiting
            bridge.connect_media()

    # -- retrieving --------------------------------------------------------------------------------

    async def retrieve(self, channel: Channel, lot: str = "", space: int | None = None) -> None:
        """Have the channel whose task this is talk to a parked call, until either leaves: ``ParkedCall``.

        Without a ``space`` it is the call that has been parked longest. The channel is answered.

        Raises:
            ParkingError: nobody is parked there.
            ChannelHangup: the channel has hung up.
            Goto: it was sent elsewhere.
        """
        found = self.lots.get(lot or self.lot_name(channel))
        if found is None:
            raise ParkingError(f"Could not find parking lot: '{lot or self.lot_name(channel)}'")
        await retrieve(self, channel, found, space)

    def put_back(self, call: ParkedCall) -> None:
        """Park a call again that was taken out and that nobody talks to: in its space, or in another one."""
        channel, lot = call.channel, call.lot
        bridge = None if channel.bridge is None else self._pbx.bridges.get(channel.bridge.uniqueid)
        if bridge is None or channel.leaving or channel in self.calls:
            return
        space = call.space if call.space not in lot.calls else lot.find_free()
        if space is None or self.lots.get(lot.name) is not lot:
            bridge.dismiss()
            return
        call.space = space
        lot.calls[space] = self.calls[channel] = call
        self._begin(call, resumed=True)
        self._carry(call, bridge)

    # -- the end of parking ------------------------------------------------------------------------

    def release(self, call: ParkedCall) -> bool:
        """Free the space of a call; ``False`` when it was free already."""
        if self.calls.get(call.channel) is not call:
            return False
        del self.calls[call.channel]
        lot = call.lot
        lot.calls.pop(call.space, None)
        if call.timer is not None:
            call.timer.cancel()
            call.timer = None
        if call.announcement is not None:
            call.announcement.stop()
            call.announcement = None
        self._pbx.device_states.changed(lot.device(call.space))
        if not lot.enabled:
            self._pbx.loop.call_soon(self.lots.drop_unused, lot)
        return True

    def _left(self, call: ParkedCall, bridge: Bridge, leaver: Channel) -> None:
        """A call has left the lot's bridge: it hung up, or goes elsewhere."""
        if self.calls.get(call.channel) is call:
            self._pbx.bus.publish(events.PARKED_CALL_GIVE_UP, call)
            self.release(call)
        if call.before is not None:
            call.before(bridge, leaver)
        else:
            abandon(call.channel)

    def _timed_out(self, call: ParkedCall) -> None:
        call.timer = None
        channel = call.channel
        if channel.leaving or self.calls.get(channel) is not call:
            return
        place = self.comebacks.place(call)
        label = place.priority
        if isinstance(label, str):
            number = self._pbx.dialplan.resolve_priority(place.context, place.exten, label, channel.caller.number)
            place = type(place)(place.context, place.exten, number or 1)
        channel.set_variables(
            {
                "PARKING_SPACE": str(call.space),
                "PARKEDLOT": call.lot.name,
                "PARKER": call.parker,
                "PARKER_FLAT": flat(call.parker),
                "BRIDGE_FEATURES": "".join(sorted(letters(call.lot.settings, CALLEE))),
            }
        )
        channel.variables["PARKINGSLOT"] = str(call.space)  # its old name: no event tells of it
        self._pbx.bus.publish(events.PARKED_CALL_TIME_OUT, call, place)
        self.release(call)
        if self._loops(channel):
            self._pbx.log.warning("%s came back %d times within a minute: it ends", channel.name, MOST_COMEBACKS)
            channel.soft_hangup()
            return
        self._send(call, place)

    def _loops(self, channel: Channel) -> bool:
        now = self._pbx.loop.time()
        recent = [at for at in channel.data.get(_COMEBACKS_KEY, ()) if now - at < _MINUTE]
        channel.data[_COMEBACKS_KEY] = [*recent, now]
        return len(recent) >= MOST_COMEBACKS

    def _send(self, call: ParkedCall, place: Place) -> None:
        """Have a call go on at a place, which is told with the application that it ran."""
        channel = call.channel
        told = channel.application, channel.appdata

        async def before(one: Channel) -> None:
            if place.context == PARK_DIAL:
                self.comebacks.prepare(call)
            one.new_exten(*told)

        goto = Goto(place.context, place.exten, place.priority, before)
        if channel.task is not None:
            channel.redirect(goto)
            return

        async def go(_channel: Channel) -> None:
            raise goto

        channel.divert(go)

    # -- telling the parker ------------------------------------------------------------------------

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._pbx.loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell_parker(
        self, call: ParkedCall, bridge: Bridge, parker: Channel, keeps: bool, on_told: Callable[[], None] | None
    ) -> None:
        try:
            await _say(parker, call.space)
        finally:
            if on_told is not None:
                on_told()
            if not keeps and parker.alive and parker.bridge is bridge:
                parker.hangup_cause = parker.hangup_cause or Cause.NORMAL_CLEARING
                if parker.task is None:
                    parker.hang_up()
                else:
                    parker.soft_hangup()

    def close(self) -> None:
        """Nothing is parked any more: end what is being said, and every parked call."""
        for task in list(self._tasks):
            task.cancel()
        for call in list(self.calls.values()):
            call.channel.soft_hangup()
            self.release(call)
        self.comebacks.clear()
        self.lots.clear()


async def _say(channel: Channel, space: int) -> None:
    try:
        channel.check()
        await Announcement(channel, space).say()
    except (ChannelHangup, Goto):
        return  # it does not wait for it
