"""SayUnixTime and DateTime: a moment, said in a format."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.channels.saying.kinds import time_names
from asterism.pbx.channels.saying.say import order_of
from asterism.pbx.dialplan.applications.saying import NOTE, speak
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_FORMAT = (
    "A and a: day of the week; B, b and h: month; m: month as a number; d and e: day of the month; Y: year; I "
    "and l: hour of 12; H and k: hour of 24, H with its leading zero; M: minute; N: minute, 'hundred' for "
    "none; P and p: a.m. or p.m.; S: second; R: HM; T: HMS; Q: today, yesterday, tomorrow, the day of the week"
    " within a week, else the date; q: the same, but nothing for today; a name in single quotes: that prompt. "
    "By default what the language says, in English ABdY 'digits/at' IMp."
)
_ARGUMENTS = (
    Argument("epoch", "Seconds since 1970; now by default."),
    Argument("timezone", "Europe/Prague, UTC, ...; the system's by default."),
    Argument("format", _FORMAT),
    Argument("options", "Letters.", values=(("j", "A digit ends it, and is the first of an extension to go to."),)),
)
_ABOUT = f"Day, date and time by default, in the channel's language. {NOTE}"


class SayUnixTimeModule(PbxModule):
    """The applications SayUnixTime and DateTime."""

    name: ClassVar[str] = "app_sayunixtime"
    description: ClassVar[str] = "Say time"

    @application(
        "SayUnixTime",
        Documentation(
            "Say a date and time",
            "SayUnixTime([epoch[,timezone[,format[,options]]]])",
            _ABOUT,
            _ARGUMENTS,
            ("DateTime", "STRFTIME"),
        ),
    )
    async def say_unix_time(self, channel: Channel, args: str) -> None:
        """Run SayUnixTime."""
        await self._say(channel, "SayUnixTime", args)

    @application(
        "DateTime",
        Documentation(
            "Say a date and time",
            "DateTime([epoch[,timezone[,format[,options]]]])",
            _ABOUT,
            _ARGUMENTS,
            ("SayUnixTime", "STRFTIME"),
        ),
    )
    async def date_time(self, channel: Channel, args: str) -> None:
        """Run DateTime."""
        await self._say(channel, "DateTime", args)

    async def _say(self, channel: Channel, name: str, args: str) -> None:
        log = channel.pbx.log
        epoch, zone, form, options = [*split_arguments(args, limit=4), "", "", "", ""][:4]

        def unknown(letter: str, place: int) -> None:
            log.warning("Unknown character in datetime format %s: %s at pos %d", form[:64], letter, place)

        try:
            names = time_names(epoch, zone, form, order_of(channel), unknown)
        except ValueError as error:
            log.warning("%s on %s: %s", name, channel.name, error)
            return
        await speak(self.pbx, channel, names, jump="j" in options)
