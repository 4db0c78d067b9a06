"""SayAlpha, SayAlphaCase, SayDigits, SayMoney, SayNumber, SayOrdinal, SayPhonetic: texts and numbers, said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.media.dtmf import KEYS
from asterism.pbx.channels.saying.kinds import KINDS, MOST_CHARACTERS, whole_number
from asterism.pbx.channels.saying.languages import rules_of
from asterism.pbx.channels.saying.say import order_of, say
from asterism.pbx.channels.saying.spelling import CASES, letters
from asterism.pbx.dialplan.language.arguments import split_arguments, split_fields
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host

_INTERRUPT = "SAY_DTMF_INTERRUPT"
NOTE = (
    "The channel is not answered: Answer or Progress before it. The prompts are those of the channel's language, in "
    f"the order of English, German, Spanish or French. With {_INTERRUPT}=true a digit ends them, as in BackGround."
)
"""What is true of all applications that say something."""
_GENDERS = ("c", "f", "m", "n")


async def speak(pbx: Host, channel: Channel, names: Iterable[str], *, jump: bool = False) -> None:
    """Say the prompts; with ``jump``, or where the channel's variable says so, a digit is the first of an extension."""
    jump = jump or (channel.get_variable(_INTERRUPT) or "").strip().lower() == "true"
    digit = await say(channel, names, KEYS if jump else "")
    if digit:
        await pbx.dialplan.executor.wait_exten(channel, 0, channel.context, digit)


class SayingApplications(PbxModule):
    """What Asterisk's core says."""

    name: ClassVar[str] = "pbx_saying"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Texts and numbers, said"

    async def _say(self, channel: Channel, name: str, kind: str, text: str) -> None:
        """Say a text as a kind of the table, or tell why not."""
        log = channel.pbx.log
        if not text:
            log.warning("%s requires an argument (%s)", name, "number" if kind in ("number", "ordinal") else kind)
            return
        try:
            names = KINDS[kind](text, order_of(channel))
        except ValueError as error:
            log.warning("argument '%s' to %s %s.", text[:64], name, error)
            return
        self._cut(channel, name, text)
        await speak(self.pbx, channel, names)

    @staticmethod
    def _cut(channel: Channel, name: str, text: str) -> None:
        """Tell where a text is longer than what is said of it."""
        if len(text) > MOST_CHARACTERS:
            channel.pbx.log.warning(
                "%s on %s: of %d characters the first %d are said", name, channel.name, len(text), MOST_CHARACTERS
            )

    @application(
        "SayAlpha",
        Documentation(
            "Spell a text",
            "SayAlpha(text)",
            f"Letters, digits and signs one by one. {NOTE}",
            (Argument("text", f"Its first {MOST_CHARACTERS} characters are said.", True),),
            ("SayAlphaCase", "SayDigits", "SayPhonetic", "SAYFILES"),
        ),
    )
    async def say_alpha(self, channel: Channel, args: str) -> None:
        """Run SayAlpha."""
        await self._say(channel, "SayAlpha", "alpha", args)

    @application(
        "SayAlphaCase",
        Documentation(
            "Spell a text, with the case of its letters",
            "SayAlphaCase(case,text)",
            f"As SayAlpha, and says of letters whether they are upper or lower case. {NOTE}",
            (
                Argument(
                    "case",
                    "Of which letters.",
                    True,
                    values=(("a", "All."), ("l", "Lower case."), ("u", "Upper case."), ("n", "None.")),
                ),
                Argument("text", f"Its first {MOST_CHARACTERS} characters are said.", True),
            ),
            ("SayAlpha",),
        ),
    )
    async def say_alpha_case(self, channel: Channel, args: str) -> None:
        """Run SayAlphaCase."""
        case, text = [*split_arguments(args, limit=2), ""][:2]
        case = case.strip().lower()
        if not text or not case or case[0] not in CASES:
            channel.pbx.log.warning("SayAlphaCase requires two arguments (%s,text)", "|".join(CASES))
            return
        self._cut(channel, "SayAlphaCase", text)
        await speak(self.pbx, channel, letters(text[:MOST_CHARACTERS], case[0]))

    @application(
        "SayDigits",
        Documentation(
            "Say digits",
            "SayDigits(digits)",
            f"The digits one by one, '*', '#' and '-'; other characters are passed over. {NOTE}",
            (Argument("digits", f"The first {MOST_CHARACTERS} characters are said.", True),),
            ("SayNumber", "SayAlpha", "SAYFILES"),
        ),
    )
    async def say_digits(self, channel: Channel, args: str) -> None:
        """Run SayDigits."""
        await self._say(channel, "SayDigits", "digits", args)

    @application(
        "SayMoney",
        Documentation(
            "Say an amount of money",
            "SayMoney(amount)",
            f"An amount of dollars and cents. {NOTE}",
            (Argument("amount", "Such as 12.34; of more places than two the first two.", True),),
            ("SayNumber", "SAYFILES"),
        ),
    )
    async def say_money(self, channel: Channel, args: str) -> None:
        """Run SayMoney."""
        await self._say(channel, "SayMoney", "money", args)

    @application(
        "SayNumber",
        Documentation(
            "Say a number",
            "SayNumber(number[,gender])",
            f"A whole number of at most 12 digits. {NOTE}",
            (
                Argument("number", "", True),
                Argument(
                    "gender",
                    "Of what is counted, where the language has one.",
                    values=(("f", "feminine"), ("m", "masculine"), ("n", "neuter"), ("c", "commune")),
                ),
            ),
            ("SayDigits", "SayOrdinal", "SayCountedNoun", "SAYFILES"),
        ),
    )
    async def say_number(self, channel: Channel, args: str) -> None:
        """Run SayNumber."""
        await self._say_counted(channel, "SayNumber", args)

    @application(
        "SayOrdinal",
        Documentation(
            "Say an ordinal number",
            "SayOrdinal(number[,gender])",
            f"First, second, twenty-third: a whole number of at most 12 digits. {NOTE}",
            (
                Argument("number", "", True),
                Argument("gender", "f, m, n or c: of what is counted, where the language has one."),
            ),
            ("SayNumber", "SAYFILES"),
        ),
    )
    async def say_ordinal(self, channel: Channel, args: str) -> None:
        """Run SayOrdinal."""
        await self._say_counted(channel, "SayOrdinal", args)

    async def _say_counted(self, channel: Channel, name: str, args: str) -> None:
        """Say a number or an ordinal with the gender of what is counted."""
        log = channel.pbx.log
        text, gender = split_fields(args, 2, rest=True)
        if not text:
            log.warning("%s requires an argument (number)", name)
            return
        if gender and gender.lower() not in _GENDERS:
            log.warning("%s: the gender is 'f', 'm', 'c' or 'n', not '%s'", name, gender[:64])
            return
        rules = rules_of(order_of(channel))
        try:
            number = whole_number(text)
        except ValueError as error:
            log.warning("argument '%s' to %s %s.", text[:64], name, error)
            return
        tests = channel.pbx.test_events
        if tests.wanted and name == "SayNumber":
            headers = (("Message", f"saying number {number}"), ("Number", number), ("Channel", channel.name))
            tests.send("SAYNUM", headers)
        form = rules.ordinal if name == "SayOrdinal" else rules.number
        await speak(self.pbx, channel, form(number, gender.lower()))

    @application(
        "SayPhonetic",
        Documentation(
            "Spell a text with the phonetic alphabet",
            "SayPhonetic(text)",
            f"Alpha, bravo, charlie, ... for letters; digits and signs as in SayAlpha. {NOTE}",
            (Argument("text", f"Its first {MOST_CHARACTERS} characters are said.", True),),
            ("SayAlpha", "SAYFILES"),
        ),
    )
    async def say_phonetic(self, channel: Channel, args: str) -> None:
        """Run SayPhonetic."""
        await self._say(channel, "SayPhonetic", "phonetic", args)
