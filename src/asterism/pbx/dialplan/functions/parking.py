"""PARK_GET_CHANNEL: who is parked in a space."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.language.arguments import split_fields
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


class ParkingFunctions(PbxModule):
    """The function."""

    name: ClassVar[str] = "func_parking"
    part_of: ClassVar[tuple[str, ...]] = ("res_parking",)
    description: ClassVar[str] = "Parked calls in the dialplan"

    @function(
        "PARK_GET_CHANNEL",
        Documentation(
            "The channel that is parked in a space.",
            "PARK_GET_CHANNEL(parking_space[,parking_lot])",
            "Its name; empty where nobody is.",
            (
                Argument("parking_space", "The space.", True),
                Argument("parking_lot", "The lot; by default that of the channel, or 'default'."),
            ),
            ("ParkedCall",),
        ),
    )
    def read(self, channel: Channel | None, args: str) -> str:
        """The channel of a space."""
        space, lot = split_fields(args, 2, rest=True)
        if not (space.isascii() and space.isdigit() and len(space) < 10):
            raise FunctionError("it needs a parking space")
        parking = self.pbx.parking
        name = lot or ("default" if channel is None else parking.lot_name(channel))
        found = parking.lots.get(name)
        call = None if found is None else found.calls.get(int(space))
        return "" if call is None else call.channel.name
