"""A parking lot: its spaces, the calls in them, and the holding bridge in which they wait."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asterism.pbx.bridges.bridge import HOLDING, Bridge
from asterism.pbx.bridges.member import Waiting
from asterism.pbx.vocabulary.device_state import DeviceState

if TYPE_CHECKING:
    import asyncio

    from asterism.pbx.bridges.member import LeaveHandler
    from asterism.pbx.calls.parking.announcing import Announcement
    from asterism.pbx.calls.parking.settings import LotSettings
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.dialplan.language.places import Place
    from asterism.pbx.vocabulary.host import Host

DEVICE_PREFIX = "park"
"""Devices of spaces are called ``park:701@parkedcalls``."""
_EARLY = 0.01
"""Seconds by which a timer may be early: a call whose four seconds are over has been parked for four."""
CREATOR = "Parking"
"""What made the bridge of a lot, as it is shown."""


@dataclass(slots=True, eq=False)
class ParkedCall:
    """A call in a space.

    ``parker`` is the dial string of the device that parked it (``PJSIP/bob``), ``since`` the loop's time then,
    ``timeout`` in seconds (0: it stays). ``comeback`` is where it goes then, ``None``: as the lot says.
    """

    channel: Channel
    lot: Lot
    space: int
    parker: str
    since: float
    timeout: float
    waiting: Waiting
    comeback: Place | None = None
    timer: asyncio.TimerHandle | None = None
    announcement: Announcement | None = None
    """What tells it its own space, while that is being said."""
    before: LeaveHandler | None = None
    """Who is told when it has left the lot's bridge: whoever had it in a bridge before."""

    @property
    def duration(self) -> int:
        """Whole seconds that it has been parked."""
        return max(0, int(self.channel.pbx.loop.time() - self.since + _EARLY))

    @property
    def remaining(self) -> int:
        """Seconds until it comes back, as they are shown; 0 where it stays."""
        return max(0, int(self.timeout) - self.duration)


class Lot:
    """A lot. One that its file has no more is kept, disabled, until the last call has left it."""

    __slots__ = ("bridge", "calls", "dynamic", "enabled", "last", "remove_lines", "settings")

    def __init__(self, settings: LotSettings, dynamic: bool = False) -> None:
        self.settings = settings
        self.dynamic = dynamic
        self.enabled = True
        self.calls: dict[int, ParkedCall] = {}
        """The parked calls by space, the one parked first first."""
        self.last = 0
        """The space that was taken last."""
        self.bridge: Bridge | None = None
        self.remove_lines: Callable[[], None] | None = None
        """Removes its extensions from the dialplan."""

    def __repr__(self) -> str:
        return f"<Lot {self.name} {list(self.calls)}>"

    @property
    def name(self) -> str:
        """Its name."""
        return self.settings.name

    def device(self, space: int) -> str:
        """The name of a space as a device."""
        return f"{DEVICE_PREFIX}:{space}@{self.settings.context}"

    def has_space(self, space: int) -> bool:
        """Whether it has a space of that number, or a call there since before its file was read again."""
        return self.settings.parkpos[0] <= space <= self.settings.parkpos[1] or space in self.calls

    @property
    def spaces(self) -> list[int]:
        """The numbers of its spaces; of a lot that is disabled those with a call."""
        first, last = self.settings.parkpos
        if not self.enabled:
            return list(self.calls)
        return [*range(first, last + 1), *(space for space in self.calls if not first <= space <= last)]

    def state(self, space: int) -> DeviceState:
        """Whether a space is taken."""
        return DeviceState.INUSE if space in self.calls else DeviceState.NOT_INUSE

    def find_free(self, *, scattered: bool = False) -> int | None:
        """A free space, as ``findslot`` says, or any one where it is to be ``scattered``; ``None``: the lot is full."""
        first, last = self.settings.parkpos
        start = first
        if scattered:
            start = random.randint(first, last)
        elif self.settings.findslot == "next" and first <= self.last < last:
            start = self.last + 1
        wanted = (*range(start, last + 1), *range(first, start))
        return next((space for space in wanted if space not in self.calls), None)

    def open_bridge(self, pbx: Host) -> Bridge:
        """The bridge in which its calls wait; it stays while the lot does."""
        if self.bridge is None or self.bridge.ended:
            self.bridge = Bridge(
                pbx, kind="parking", name=self.name, creator=CREATOR, uses=HOLDING, dissolve=False, permanent=True
            )
        return self.bridge

    def close(self) -> None:
        """Forget its bridge and its extensions, once no call is in it."""
        if self.remove_lines is not None:
            self.remove_lines()
            self.remove_lines = None
        if self.bridge is not None:
            self.bridge.permanent = False
            self.bridge.destroy()
            self.bridge = None
