"""Keeps the records: told by events what channels and bridges do, it says whose record that begins, changes or ends.

Every channel has a record from its creation. By being called, or in a bridge, two channels become a pair, whose record
is the one's who called or is older: its own as long as that has no other party, another one afterwards. A pair's record
ends when one of them leaves. All records of a channel are handed on when it ends, the first one first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from asterism.pbx.bridges.bridge import HOLDING, Bridge
from asterism.pbx.calls.parking.events import PARKED_CALL
from asterism.pbx.records.cdr.detail import Detail, Party, disposition_of_status
from asterism.pbx.records.cdr.settings import Settings
from asterism.pbx.records.record import Disposition
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.controls import DialStatus, SoftHangup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asterism.core.events import EventBus, EventType
    from asterism.core.log import ServerLogger
    from asterism.core.registry import Owner
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.records.record import CallRecord

Arguments = tuple[Any, ...]

MAX_KEPT = 64
"""Records of a channel that have ended and wait for its end; with more of them they are handed on."""
MAX_OPEN = 64
"""Records of a channel that ``ForkCDR`` has made and that have not ended."""
_APP_DIAL = "AppDial"


class Engine:
    """The records of a server's calls; hears of nothing until it is started."""

    def __init__(
        self,
        bus: EventBus,
        put: Callable[[CallRecord], None],
        log: ServerLogger,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``put`` gets each record that is to be written; ``clock`` gives seconds since the epoch."""
        self.settings = Settings()
        self.debug = False
        self.parties: dict[Channel, Party] = {}
        self._bus = bus
        self._put = put
        self._log = log
        self._clock = clock
        self._sequence = 0
        self._deaf: list[Callable[[], None]] = []

    @property
    def running(self) -> bool:
        """Whether records are kept."""
        return bool(self._deaf)

    def start(self, owner: Owner, settings: Settings, channels: Iterable[Channel] = ()) -> None:
        """Keep records from now on, by these settings; ``channels`` are those that there are already."""
        self.stop_listening()
        self.settings, self.debug = settings, settings.debug
        subscribed: list[tuple[EventType, Callable[[EventType, Arguments], None]]] = [
            (events.NEWCHANNEL, self._created),
            (events.NEWEXTEN, self._executes),
            (events.DIAL_BEGIN, self._begins),
            (events.SOFT_HANGUP_REQUEST, self._ends_dialplan),
            (events.HANGUP, self._gone),
            (events.PICKUP, self._picked_up),
        ]
        if not settings.ignoredialchanges:
            subscribed.append((events.DIAL_END, self._dialed))
        if not settings.ignorestatechanges:
            subscribed += [
                (events.BRIDGE_ENTER, self._entered), (events.BRIDGE_LEAVE, self._left), (PARKED_CALL, self._parked),
            ]  # fmt: skip
        self._deaf = [self._bus.subscribe(owner, kind, hear) for kind, hear in subscribed]
        self._catch_up([channel for channel in channels if channel not in self.parties])

    def stop_listening(self) -> None:
        """Hear of nothing any more; what is kept stays."""
        deaf, self._deaf = self._deaf, []
        for undo in deaf:
            undo()

    def stop(self) -> None:
        """Keep no records any more: what is open ends, and all are handed on."""
        self.stop_listening()
        now = self._clock()
        for channel, party in list(self.parties.items()):
            self._end_all(party, now)
            self._forget(channel, party)

    def _catch_up(self, channels: Iterable[Channel]) -> None:
        """Take notice of the calls that are up: they count from their beginning."""
        known = sorted(channels, key=lambda channel: channel.created)
        for channel in known:
            if not channel.dead:
                self._begin(channel, channel.created)
                self.parties[channel].called = channel.outgoing is not None
                self.parties[channel].details[0].only_called = channel.outgoing is not None
        if not self.settings.ignorestatechanges:
            bridges = {bridge.uniqueid: bridge for channel in known if (bridge := channel.bridge) is not None}
            for bridge in bridges.values():
                if isinstance(bridge, Bridge):
                    there: list[Channel] = []
                    for channel in bridge.members:
                        there.append(channel)
                        self._enters(bridge, channel, there)

    # -- what happens ------------------------------------------------------------------------------------------

    def _created(self, _type: EventType, published: Arguments) -> None:
        channel = published[0]
        self._begin(channel, channel.created)

    def _begin(self, channel: Channel, now: float) -> None:
        self._sequence = number = self._sequence + 1
        party = Party(Detail(channel, now, number), not self.settings.channeldefaultenabled)
        self.parties[channel] = party
        if self.debug:
            self._tell(party.details[0], "begins")

    def _executes(self, _type: EventType, published: Arguments) -> None:
        """Who goes on in the dialplan after its call has ended has another record."""
        channel: Channel = published[0]
        party = self.parties.get(channel)
        if party is None:
            return
        if channel.application != _APP_DIAL:
            party.ran = (channel.application, channel.appdata)
        if party.details[-1].record is None or party.open():
            return
        if party.dialplan_over:
            if self.settings.endbeforehexten or channel.application == _APP_DIAL:
                return
        elif channel.task is None and not channel.moved:
            return  # it is shown to be called, which is no application
        self._append(party, channel, self._clock())

    def _begins(self, _type: EventType, published: Arguments) -> None:
        caller, called, _ = published
        callee = self.parties.get(called)
        if callee is None:
            return
        if caller is None:
            for detail in callee.open():
                detail.originated = True
            return
        callee.called = True
        for detail in callee.details:
            if detail.record is None:
                detail.only_called = True
        party = self.parties.get(caller)
        if party is None or self.settings.ignoredialchanges:
            return
        now = self._clock()
        free = [one for one in party.details if one.record is None and one.peer is None and one.bridge is None]
        for detail in free or (self._append(party, caller, now),):
            self._pair(detail, called, callee, now)

    def _dialed(self, _type: EventType, published: Arguments) -> None:
        caller, called, status = published[:3]
        if status == DialStatus.ANSWER:
            return
        party = self.parties.get(called)
        if party is None:
            return
        disposition = disposition_of_status(status)
        if disposition is Disposition.CANCEL and not self.settings.canceldispositionenabled:
            disposition = Disposition.NO_ANSWER
        if caller is None:
            for detail in party.open():
                detail.disposition = disposition
            return
        now = self._clock()
        for detail in party.as_peer[:]:
            if detail.channel is caller:
                detail.disposition = disposition
                self.close(detail, now)

    def _picked_up(self, _type: EventType, published: Arguments) -> None:
        """Who answers for another is the one that was called, from now on."""
        picker, target = self.parties.get(published[0]), self.parties.get(published[1])
        for party, called in ((picker, True), (target, False)):
            if party is not None:
                party.called = called
                for detail in party.details:
                    if detail.record is None:
                        detail.only_called = called

    def _entered(self, _type: EventType, published: Arguments) -> None:
        bridge, channel = published[:2]
        if channel in self.parties:
            self._enters(bridge, channel, bridge.members)

    def _enters(self, bridge: Bridge, channel: Channel, members: Iterable[Channel]) -> None:
        parties = self.parties
        party = parties.get(channel)
        if party is None:
            return
        now = self._clock()
        mine = party.open() or [self._append(party, channel, now, party.called)]
        for detail in mine:
            if detail.peer is None:
                detail.bridge = bridge
                detail.changed = now
        if bridge.uses is HOLDING:
            return  # they hear nobody
        for other in members:
            if other is not channel:
                theirs = parties.get(other)
                if theirs is not None:
                    self._meet(bridge, channel, party, other, theirs, now)

    def _meet(self, bridge: Bridge, one: Channel, party: Party, other: Channel, theirs: Party, now: float) -> None:
        """Two channels are in a bridge: whichever record is theirs is of this bridge now."""
        for first, second, peer in ((party, theirs, other), (theirs, party, one)):
            known = [detail for detail in first.details if detail.peer is peer and detail.record is None]
            if known:
                for detail in known:
                    detail.bridge = bridge
                    detail.changed = now
                self._second(second, bridge, now)
                return
        first, channel, second, peer = party, one, theirs, other
        if not party.comes_before(theirs):
            first, channel, second, peer = theirs, other, party, one
        free = [one for one in first.details if one.record is None and one.peer is None and one.bridge is bridge]
        if not free:
            # As in Asterisk: the record of a further pair counts from when the first party's last one changed.
            free = [self._append(first, channel, first.details[-1].changed, first.called)]
            free[0].bridge = bridge
        for detail in free:
            detail.left_at = None
            self._pair(detail, peer, second, now)
        self._second(second, bridge, now)

    @staticmethod
    def _second(party: Party, bridge: Bridge, now: float) -> None:
        """A channel is the second party in a bridge: a record of its own has ended, unless somebody comes later."""
        for detail in party.details:
            if detail.peer is None and detail.bridge is bridge and detail.left_at is None:
                detail.left_at = now

    def _left(self, _type: EventType, published: Arguments) -> None:
        bridge, channel = published
        party = self.parties.get(channel)
        if party is None:
            return
        now = self._clock()
        for detail in party.details:
            if detail.record is None and detail.bridge is bridge:
                self.close(detail, now)
        for detail in party.as_peer[:]:
            if detail.bridge is bridge:
                self.close(detail, now)

    def _parked(self, _type: EventType, published: Arguments) -> None:
        call = published[0]
        party = self.parties.get(call.channel)
        if party is not None:
            for detail in party.open():
                detail.application = ("Park", f"{call.lot.name}:{call.space}")
                detail.only_called = False

    def _ends_dialplan(self, _type: EventType, published: Arguments) -> None:
        channel, asked = published
        if asked != SoftHangup.DIALPLAN_END:
            return
        party = self.parties.get(channel)
        if party is not None:
            party.dialplan_over = True
            if self.settings.endbeforehexten:
                self._end_all(party, self._clock())
                self._send(party)

    def _gone(self, _type: EventType, published: Arguments) -> None:
        channel = published[0]
        party = self.parties.get(channel)
        if party is not None:
            self._end_all(party, self._clock())
            self._forget(channel, party)

    # -- records -----------------------------------------------------------------------------------------------

    def number(self, detail: Detail) -> int:
        """The sequence number of a record."""
        if not detail.number:
            self._sequence = detail.number = self._sequence + 1
        return detail.number

    def _append(self, party: Party, channel: Channel, start: float, only_called: bool = False) -> Detail:
        details = party.details
        if len(details) > MAX_KEPT:
            self._send(party, past_open=True)
            # The last one stays: what is set for it is inherited.
            details[:] = [one for one in details if not one.sent or one is details[-1]]
        detail = Detail(channel, start, 0, only_called)
        detail.inherit(details[-1])
        details.append(detail)
        if self.debug:
            self._tell(detail, "begins")
        return detail

    def _pair(self, detail: Detail, peer: Channel, party: Party, now: float) -> None:
        detail.peer = peer
        detail.changed = now
        if not detail.number:
            self.number(detail)
        party.as_peer.append(detail)
        if self.debug:
            self._tell(detail, "has a second party")

    def fork(
        self, channel: Channel, *, answer: bool = False, end: bool = False, reset: bool = False, clean: bool = False
    ) -> bool:
        """Begin a record that goes on beside the channel's present one; whether there are not too many already.

        ``answer``: its answer counts from now. ``end``: the present ones end. ``reset``: it starts now.
        ``clean``: what was set for the present one is not set for it.
        """
        party = self.parties[channel]
        present, now = party.open(), self._clock()
        if len(present) >= MAX_OPEN:
            return False
        last = present[-1] if present else party.details[-1]  # what was begun last may have ended first
        if end:
            for detail in present:
                self.close(detail, now)
        new = self._append(party, channel, now if reset or not present else last.start)
        self.number(new)
        new.inherit(Detail(channel, now) if clean else last)
        if (answer or reset) and channel.answered_at is not None:
            new.counted_from = now
        else:
            new.counted_from = last.counted_from
        if present and not end:
            new.disposition, new.bridge = last.disposition, last.bridge
            new.left_at = None if last.left_at is None else max(last.left_at, new.start)
            if last.peer is not None:
                self._pair(new, last.peer, self.parties[last.peer], now)
        return True

    def reset(self, channel: Channel, keep: bool = False) -> None:
        """Have the channel's present records begin now; with ``keep`` what was set for them stays."""
        now = self._clock()
        for detail in self.parties[channel].open():
            detail.start = detail.changed = now
            if detail.left_at is not None:
                detail.left_at = now
            if not keep:
                detail.inherit(Detail(channel, now))
            if self.debug:
                self._tell(detail, "begins anew")

    def close(self, detail: Detail, now: float) -> None:
        """End a record."""
        end = now if detail.left_at is None else detail.left_at
        settings = self.settings
        if not detail.number:
            self.number(detail)
        ended_as = detail.ended_as(detail.answer(end), settings.congestion)
        own = self.parties[detail.channel]
        detail.dropped = own.disabled
        if detail.application is None and not detail.channel.application:
            detail.application = own.ran  # as a channel's end has been told, it runs nothing any more
        peer = detail.peer
        if peer is None:
            detail.record = detail.snapshot(end, ended_as, None, settings.initiatedseconds)
        else:
            party = self.parties[peer]
            detail.record = detail.snapshot(end, ended_as, party.details[-1], settings.initiatedseconds)
            party.as_peer.remove(detail)
        if self.debug:
            self._tell(detail, f"ends: {ended_as}")

    def _end_all(self, party: Party, now: float) -> None:
        for detail in party.details:
            if detail.record is None:
                self.close(detail, now)
        for detail in party.as_peer[:]:
            self.close(detail, now)

    def _send(self, party: Party, past_open: bool = False) -> None:
        """Hand on the records that have ended, as long as none before them goes on, or ``past_open`` ones too."""
        for detail in party.details:
            record = detail.record
            if record is None:
                if not past_open:
                    return
            elif not detail.sent:
                detail.sent = True
                if not detail.dropped and self._wanted(detail, record):
                    self._put(record)

    def _wanted(self, detail: Detail, record: CallRecord) -> bool:
        if record.dstchannel:
            return True
        return not detail.only_called and (self.settings.unanswered or record.disposition is Disposition.ANSWERED)

    def _forget(self, channel: Channel, party: Party) -> None:
        self._send(party)
        del self.parties[channel]

    def _tell(self, detail: Detail, what: str) -> None:
        peer = detail.peer
        self._log.verbose(
            0, "CDR %d of %s%s %s",
            detail.number, detail.channel.name, "" if peer is None else f" and {peer.name}", what,
        )  # fmt: skip
