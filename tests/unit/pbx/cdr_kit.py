"""An engine of call detail records on a clock of its own, and channels and bridges as far as it looks at them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from asterism.core.events import EventBus, EventType
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner
from asterism.pbx.bridges.bridge import HOLDING, MIXING
from asterism.pbx.records.cdr.detail import Detail
from asterism.pbx.records.cdr.engine import Engine
from asterism.pbx.records.cdr.settings import Settings
from asterism.pbx.records.record import CallRecord
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.controls import DialStatus, SoftHangup
from asterism.pbx.vocabulary.party import PartyId


@dataclass(eq=False)
class Leg:
    """A channel."""

    name: str
    created: float
    caller: PartyId = field(default_factory=lambda: PartyId("6001", "Alice"))
    exten: str = "100"
    context: str = "internal"
    application: str = ""
    appdata: str = ""
    amaflags: int = 3
    accountcode: str = ""
    answered_at: float | None = None
    hangup_cause: int = 0
    outgoing: tuple[str, str] | None = None
    task: object = True
    moved: bool = False
    dead: bool = False
    bridge: Room | None = None
    uniqueid: str = ""
    linkedid: str = "1"
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Room:
    """A bridge."""

    uses: object = MIXING
    uniqueid: str = "b"
    members: dict[Leg, None] = field(default_factory=dict)


class Kept:
    """An engine, what it hands on, and what happens to channels, a second later each."""

    def __init__(self, **settings: Any) -> None:
        log = ServerLogger("cdr-test")
        log.addHandler(logging.NullHandler())
        self.now = 1000.0
        self.bus = EventBus(log)
        self.owner = Owner("test")
        self.records: list[CallRecord] = []
        self.engine = Engine(self.bus, self.records.append, log, lambda: self.now)
        self.engine.start(self.owner, Settings(**{"enable": True, "unanswered": True, "congestion": True, **settings}))
        self.seen: dict[int, Detail] = {}
        self._legs = 0

    def look(self) -> None:
        """Remember every record that goes on now."""
        for party in self.engine.parties.values():
            self.seen.update((id(detail), detail) for detail in party.details)

    def _tell(self, kind: EventType, *args: object) -> None:
        self.now += 1
        self.bus.publish(kind, *args)

    def channel(self, name: str = "", *, up: bool = False, task: bool = True) -> Leg:
        self.now += 1
        self._legs += 1
        leg = Leg(name or f"T/{self._legs}", self.now, uniqueid=str(self._legs), task=task or None)
        if up:
            leg.answered_at = self.now
        self.bus.publish(events.NEWCHANNEL, leg)
        return leg

    def runs(self, leg: Leg, application: str, data: str = "", exten: str = "100") -> None:
        leg.application, leg.appdata, leg.exten = application, data, exten
        self._tell(events.NEWEXTEN, leg)

    def calls(self, caller: Leg | None, called: Leg) -> None:
        called.application, called.task = "AppDial", None
        if caller is not None:
            called.outgoing = ("AppDial", "(Outgoing Line)")
        self._tell(events.DIAL_BEGIN, caller, called, "x")

    def outcome(self, caller: Leg | None, called: Leg, status: DialStatus) -> None:
        self._tell(events.DIAL_END, caller, called, status)
        if status is DialStatus.ANSWER:
            for leg in (called, caller):
                if leg is not None and leg.answered_at is None:
                    leg.answered_at = self.now

    def enters(self, room: Room, *legs: Leg) -> None:
        for leg in legs:
            room.members[leg] = None
            leg.bridge = room
            self._tell(events.BRIDGE_ENTER, room, leg, None)

    def leaves(self, leg: Leg) -> None:
        room = leg.bridge
        if room is not None:
            del room.members[leg]
            leg.bridge = None
            self._tell(events.BRIDGE_LEAVE, room, leg)

    def ends_dialplan(self, leg: Leg) -> None:
        self._tell(events.SOFT_HANGUP_REQUEST, leg, int(SoftHangup.DIALPLAN_END))

    def ends(self, leg: Leg, cause: int = 16) -> None:
        self.leaves(leg)
        leg.hangup_cause = leg.hangup_cause or cause
        leg.dead = True
        self._tell(events.HANGUP, leg)

    def pairs(self) -> list[tuple[str, str, str]]:
        """Both channels and the disposition of each record."""
        return [(one.channel, one.dstchannel, str(one.disposition)) for one in self.records]


def holding() -> Room:
    """A bridge whose members hear nobody."""
    return Room(HOLDING)


def numbers(records: Iterable[CallRecord]) -> list[int]:
    """Their sequence numbers."""
    return [one.sequence for one in records]
