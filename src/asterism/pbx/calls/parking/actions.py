"""The manager's actions of parking."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.pbx.calls.parking.errors import ParkingError
from asterism.pbx.calls.parking.events import parked_fields
from asterism.pbx.calls.parking.parking import Wish

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host, HostServer


class ParkingActions(Module):
    """Park, ParkedCalls, Parkinglots."""

    name: ClassVar[str] = "res_parking_manager"
    part_of: ClassVar[tuple[str, ...]] = ("res_parking",)
    description: ClassVar[str] = "Call parking by the manager"

    def load(self, server: HostServer) -> None:
        """Register the actions."""
        self._pbx: Host = server.pbx
        self._parking = server.pbx.parking
        server.register_marked(self)

    @action(
        "Park",
        "call",
        Documentation(
            "Park a channel.",
            description="The channel leaves what it does and waits in a parking lot, and hears music. When its time is "
            "over it comes back to the device of TimeoutChannel, or to its own.",
            arguments=(
                Argument("Channel", "Name of the channel to park.", True),
                Argument(
                    "TimeoutChannel",
                    "Name of the channel to whose device the call comes back. If it is the other party of the call, it "
                    "hears the space and is hung up, as after a transfer.",
                ),
                Argument("AnnounceChannel", "Name of a channel in a call that hears the space."),
                Argument("Timeout", "Milliseconds until the call comes back, whole seconds count; 0: it stays."),
                Argument("Parkinglot", "Name of the lot; the channel's by default."),
                Argument("ParkingSpace", "The space; a free one by default."),
            ),
            see_also=("ParkedCalls", "Parkinglots", "ParkedCall"),
        ),
    )
    def park(self, call: ActionCall) -> None:
        """Run the action."""
        name = call.get("Channel")
        if not name:
            call.error("Channel not specified")
            return
        timeout: float | None = None
        if text := call.get("Timeout").strip():
            if not (text.isascii() and text.isdigit() and len(text) < 13):
                call.error("Invalid Timeout value.")
                return
            timeout = int(text) // 1000
        space: int | None = None
        if text := call.get("ParkingSpace").strip():
            if not (text.isascii() and text.isdigit() and len(text) < 10):
                call.error("Invalid ParkingSpace value.")
                return
            space = int(text)
        found: dict[str, Channel | None] = {}
        for field in ("Channel", "TimeoutChannel", "AnnounceChannel"):
            wanted = call.get(field)
            channel = self._pbx.channels.get(wanted) if wanted else None
            if wanted and (channel is None or not channel.alive):
                call.error(f"{'Channel' if field == 'Channel' else field} does not exist: {wanted}")
                return
            found[field] = channel
        parked = found["Channel"]
        assert parked is not None
        wish = Wish(call.get("Parkinglot"), space, timeout)
        try:
            self._parking.park(parked, found["TimeoutChannel"], wish, tell=found["AnnounceChannel"])
        except ParkingError as error:
            self._pbx.log.notice("Park of %s failed: %s", parked.name, error)
            call.error(str(error))
            return
        call.success("Park successful")

    @action(
        "ParkedCalls",
        "call",
        Documentation(
            "List parked calls.",
            description="Each is told by a ParkedCall event, those of a lot by their spaces.",
            arguments=(Argument("ParkingLot", "Name of a lot; all of them by default."),),
            see_also=("Park", "Parkinglots", "ParkedCall"),
        ),
    )
    def parked_calls(self, call: ActionCall) -> None:
        """Run the action."""
        name = call.get("ParkingLot")
        lots = [lot for lot in self._parking.lots if not name or lot.name == name]
        if name and not lots:
            call.error("Requested parking lot could not be found.")
            return
        call.begin_list("Parked calls will follow")
        found = [parked for lot in lots for parked in sorted(lot.calls.values(), key=lambda one: one.space)]
        for parked in found:
            call.item("ParkedCall", parked_fields(parked))
        call.end_list("ParkedCallsComplete", [("Total", len(found))])

    @action(
        "Parkinglots",
        "call",
        Documentation(
            "List the parking lots.",
            description="Each is a Parkinglot event with its first and last space and its time in seconds.",
            see_also=("Park", "ParkedCalls"),
        ),
    )
    def parking_lots(self, call: ActionCall) -> None:
        """Run the action."""
        call.begin_list("Parking lots will follow")
        for lot in self._parking.lots:
            first, last = lot.settings.parkpos
            call.item(
                "Parkinglot",
                [
                    ("Name", lot.name),
                    ("StartSpace", first),
                    ("StopSpace", last),
                    ("Timeout", lot.settings.parkingtime),
                ],
            )
        call.end_list("ParkinglotsComplete")
