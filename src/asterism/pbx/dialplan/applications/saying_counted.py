"""SayCountedNoun, SayCountedAdj: the word for what was counted, in the form that its number asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.channels.saying.kinds import whole_number
from asterism.pbx.channels.saying.languages import rules_of
from asterism.pbx.dialplan.applications.saying import NOTE, speak
from asterism.pbx.dialplan.language.arguments import split_fields
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_NUMBER = Argument("number", "How many there are.", True)
_SLAVIC = "In Slavic languages"


class SayCountedModule(PbxModule):
    """The applications SayCountedNoun and SayCountedAdj."""

    name: ClassVar[str] = "app_saycounted"
    description: ClassVar[str] = "Decline words according to channel language"

    @application(
        "SayCountedNoun",
        Documentation(
            "Say the noun for what was counted",
            "SayCountedNoun(number,filename)",
            "Plays the file for one thing, and the file with an 's' added for several: SayNumber(5), then "
            f"SayCountedNoun(5,call) plays 'calls'. {_SLAVIC} 'x1' is added for two to four, 'x2' for more. {NOTE}",
            (_NUMBER, Argument("filename", "The file of the word for one thing.", True)),
            ("SayCountedAdj", "SayNumber"),
        ),
    )
    async def say_noun(self, channel: Channel, args: str) -> None:
        """Run SayCountedNoun."""
        await self._say(channel, "SayCountedNoun", args)

    @application(
        "SayCountedAdj",
        Documentation(
            "Say the adjective for what was counted",
            "SayCountedAdj(number,filename[,gender])",
            f"Plays the file. {_SLAVIC} the ending of the gender is added for one thing, and 'x' for more. {NOTE}",
            (
                _NUMBER,
                Argument("filename", "The file of the word.", True),
                Argument("gender", "Of the noun: f, m, n or c."),
            ),
            ("SayCountedNoun", "SayNumber"),
        ),
    )
    async def say_adjective(self, channel: Channel, args: str) -> None:
        """Run SayCountedAdj."""
        await self._say(channel, "SayCountedAdj", args)

    async def _say(self, channel: Channel, name: str, args: str) -> None:
        log = channel.pbx.log
        number, word, gender = split_fields(args, 3, rest=True)
        if not number or not word:
            log.warning("%s requires two arguments (number,filename)", name)
            return
        if gender and gender.lower() not in ("c", "f", "m", "n"):
            log.warning("%s: the gender is 'f', 'm', 'c' or 'n', not '%s'", name, gender[:64])
            return
        try:
            count = whole_number(number)
        except ValueError as error:
            log.warning("argument '%s' to %s %s.", number[:64], name, error)
            return
        rules = rules_of(channel.language)
        noun = name == "SayCountedNoun"
        form = rules.noun(count, word) if noun else rules.adjective(count, word, gender.lower())
        await speak(self.pbx, channel, (form,))
