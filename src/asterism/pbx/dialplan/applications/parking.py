"""Park, ParkedCall, ParkAndAnnounce."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.calls.originate import OriginateRequest, originate, start
from asterism.pbx.calls.parking.announcing import FAILED, NOBODY_THERE, tell
from asterism.pbx.calls.parking.errors import LotFullError, ParkingError
from asterism.pbx.calls.parking.parking import Wish
from asterism.pbx.channels.answering import answer
from asterism.pbx.dialplan.language.arguments import number, split_arguments, split_fields, split_letters
from asterism.pbx.dialplan.language.places import parse_place
from asterism.pbx.vocabulary.flow import EndDialplan
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.calls.parking.lots import ParkedCall
    from asterism.pbx.channels.channel import Channel

_WITH_ARGUMENT = frozenset("ct")
_LETTERS = "rRsct"
MOST_CALLS = 100
"""Announcing calls of ``ParkAndAnnounce`` at a time."""
_ANNOUNCED_WITHIN = 30.0
"""Seconds that the device that hears the announcement may ring."""
_LOT = Argument("parking_lot_name", "The lot; by default PARKINGLOT, CHANNEL(parkinglot), or 'default'.")
_OPTIONS = Argument(
    "options",
    "Letters, some with an argument.",
    values=(
        ("r", "The call hears ringing instead of music."),
        ("R", "It comes to any free space instead of the next one."),
        ("s", "Its space is not said."),
        ("c(context,extension,priority)", "Where it goes when its time is over; what is left out is where it is."),
        ("t(seconds)", "Its time, instead of the lot's; 0: no limit."),
    ),
)


class ParkingApplications(PbxModule):
    """The applications that park and retrieve calls."""

    name: ClassVar[str] = "app_parking"
    part_of: ClassVar[tuple[str, ...]] = ("res_parking",)
    description: ClassVar[str] = "Call parking in the dialplan"

    def load(self, server: object) -> None:
        """Register the applications."""
        self._announcing: set[asyncio.Task[None]] = set()
        super().load(server)  # type: ignore[arg-type]

    def unload(self) -> None:
        """Give up the calls that announce."""
        for task in list(self._announcing):
            task.cancel()

    @application(
        "Park",
        Documentation(
            "Park the channel.",
            "Park([parking_lot_name[,options]])",
            "The channel is answered, hears the number of its space, and waits there with music until somebody dials "
            "the space; then the two talk, and the call ends afterwards. One that was transferred here comes back to "
            "who did that when its time is over, any other to its own device. PARKING_SPACE, PARKEDLOT, PARKER and "
            "PARKER_FLAT tell about it then.\n"
            "PARKINGEXTEN may name the space; if that is taken, the dialplan goes on. If the channel cannot be parked "
            "otherwise, it hears pbx-parkingfailed and the dialplan goes on.",
            (_LOT, _OPTIONS),
            ("ParkedCall", "ParkAndAnnounce"),
        ),
    )
    async def park(self, channel: Channel, args: str) -> None:
        """Run Park."""
        lot, letters = [*split_arguments(args, limit=2), ""][:2]
        wish, silent = self._wish(channel, "Park", lot, letters)
        try:
            await self.pbx.parking.stay(channel, wish, silent=silent)
        except ParkingError as error:
            await self._failed(channel, wish, error)
            return
        raise EndDialplan

    @application(
        "ParkAndAnnounce",
        Documentation(
            "Park the channel and announce it to a device.",
            "ParkAndAnnounce([parking_lot_name,[options,]]announce_template,dial)",
            "The device is called. It hears the sounds of the template one after another, and is hung up then. It has "
            "the space in the variable PARKEDAT too. Otherwise as Park; the channel itself is told nothing.",
            (
                _LOT,
                _OPTIONS,
                Argument(
                    "announce_template",
                    "Sounds joined by ':'. PARKED stands for the digits of the space.",
                    True,
                ),
                Argument("dial", "The device: technology/resource.", True),
            ),
            ("Park", "ParkedCall"),
        ),
    )
    async def park_and_announce(self, channel: Channel, args: str) -> None:
        """Run ParkAndAnnounce."""
        parts = [part.strip() for part in split_arguments(args)]
        lot, letters, template, destination = ["", "", *parts] if len(parts) == 2 else [*parts, *[""] * 4][:4]
        if not template or not destination:
            self.pbx.log.warning("ParkAndAnnounce needs a template and a device to announce to")
            return
        wish, _ = self._wish(channel, "ParkAndAnnounce", lot, letters)
        parking = self.pbx.parking
        try:
            call, _ = parking.prepare(channel, wish)
            self._announce(call, template, destination)
            await parking.wait(call)
        except ParkingError as error:
            await self._failed(channel, wish, error)
            return
        raise EndDialplan

    @application(
        "ParkedCall",
        Documentation(
            "Talk to a parked call.",
            "ParkedCall([parking_lot_name[,parking_space]])",
            "The channel is answered. The call ends when either leaves. Where nobody is parked, the channel hears "
            "pbx-invalidpark and the dialplan goes on.",
            (
                _LOT,
                Argument("parking_space", "The space; by default that of the call that has been parked longest."),
            ),
            ("Park",),
        ),
    )
    async def parked_call(self, channel: Channel, args: str) -> None:
        """Run ParkedCall."""
        lot, space = split_fields(args, 2, rest=True)
        channel.raw_answer()
        channel.check()
        wanted = int(space) if space.isascii() and space.isdigit() and len(space) < 10 else None
        try:
            if space and wanted is None:
                raise ParkingError(f"'{space}' is no parking space")
            await self.pbx.parking.retrieve(channel, lot, wanted)
        except ParkingError as error:
            self.pbx.log.notice("ParkedCall of %s: %s", channel.name, error)
            await tell(channel, NOBODY_THERE)
            return
        raise EndDialplan

    def _wish(self, channel: Channel, name: str, lot: str, letters: str) -> tuple[Wish, bool]:
        """How a channel is to be parked, by an application's arguments and PARKINGEXTEN; whether it is told nothing."""
        options: dict[str, str] = {}
        for letter, argument in split_letters(letters, _WITH_ARGUMENT):
            if letter in _LETTERS:
                options[letter] = argument or ""
            else:
                self.pbx.log.warning("%s: option '%s' is not supported", name, letter)
        timeout = number(options["t"]) if "t" in options else None
        if "t" in options and timeout is None:
            self.pbx.log.warning("%s: option t needs seconds", name)
        place = parse_place(options["c"]) if options.get("c") else None
        if place is not None and not place.context:
            place = type(place)(channel.context, place.exten or channel.exten, place.priority)
        asked = (channel.get_variable("PARKINGEXTEN") or "").strip()
        space = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else None
        if asked and space is None:
            self.pbx.log.warning("%s: PARKINGEXTEN is no parking space: '%s'", name, asked)
        return Wish(lot.strip(), space, timeout, "r" in options, "R" in options, place), "s" in options

    async def _failed(self, channel: Channel, wish: Wish, error: ParkingError) -> None:
        self.pbx.log.warning("%s is not parked: %s", channel.name, error)
        if wish.space is None or not isinstance(error, LotFullError):
            await tell(channel, FAILED)

    # -- announcing to a device --------------------------------------------------------------------

    def _announce(self, call: ParkedCall, template: str, destination: str) -> None:
        if len(self._announcing) >= MOST_CALLS:
            self.pbx.log.warning("%s is not announced: too many calls announce at present", call.channel.name)
            return
        task = self.pbx.loop.create_task(self._call(call, template, destination))
        self._announcing.add(task)
        task.add_done_callback(self._announcing.discard)

    async def _call(self, call: ParkedCall, template: str, destination: str) -> None:
        sounds: list[str] = []
        for word in filter(None, (part.strip() for part in template.split(":"))):
            sounds += [f"digits/{digit}" for digit in str(call.space)] if word == "PARKED" else [word]

        async def announce(channel: Channel) -> None:
            await answer(channel)
            for name in sounds:
                await tell(channel, name)
            channel.hang_up()

        request = OriginateRequest(
            destination,
            timeout=_ANNOUNCED_WITHIN,
            caller=call.channel.caller or None,
            variables=[("_PARKEDAT", str(call.space))],
            run=announce,
        )
        result = await originate(self.pbx, request)
        if result.channel is None:
            self.pbx.log.notice("%s is not announced: %s does not answer", call.channel.name, destination)
            return
        start(self.pbx, result.channel, request)
