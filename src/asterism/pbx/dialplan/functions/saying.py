"""SAYFILES: the prompts that an application would play."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.channels.saying.kinds import KINDS
from asterism.pbx.channels.saying.say import order_of
from asterism.pbx.dialplan.functions.strings import MAX_TEXT
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


class SayFilesFunction(PbxModule):
    """The function SAYFILES."""

    name = "func_sayfiles"
    description = "Say application files"

    @function(
        "SAYFILES",
        Documentation(
            "The prompts that say a text, joined by '&' as Playback and BackGround take them.",
            "SAYFILES(value[,type])",
            "In the channel's language.",
            (
                Argument("value", "The text or number.", True),
                Argument(
                    "type",
                    "What it is said as; alpha by default.",
                    values=(
                        ("alpha", "As SayAlpha."),
                        ("digits", "As SayDigits."),
                        ("money", "As SayMoney."),
                        ("number", "As SayNumber."),
                        ("ordinal", "As SayOrdinal."),
                        ("phonetic", "As SayPhonetic."),
                    ),
                ),
            ),
            ("SayAlpha", "SayDigits", "SayMoney", "SayNumber", "SayOrdinal", "SayPhonetic"),
        ),
    )
    def files(self, channel: Channel | None, args: str) -> str:
        """``value[,type]``."""
        value, kind = [*split_arguments(args, limit=2), ""][:2]
        kind = kind.strip().lower() or "alpha"
        if kind not in KINDS:
            raise FunctionError(f"'{kind[:64]}' is none of {', '.join(KINDS)}")
        if not value:
            return ""
        try:
            names = KINDS[kind](value, order_of(channel) if channel is not None else "en")
        except ValueError as error:
            raise FunctionError(f"'{value[:64]}' {error}") from None
        length = 0

        def fits(name: str) -> bool:
            nonlocal length
            length += len(name) + 1
            return length <= MAX_TEXT

        return "&".join(takewhile(fits, names))
