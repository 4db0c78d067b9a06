"""Incomplete: the number dialled is only the beginning of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.channels.answering import answer
from asterism.pbx.dialplan.language.arguments import option_letters
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


class IncompleteModule(PbxModule):
    """The application Incomplete."""

    name: ClassVar[str] = "pbx_incomplete"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Numbers that want more digits"

    @application(
        "Incomplete",
        Documentation(
            "Wait for the rest of the number that was dialled",
            "Incomplete([n])",
            "Answers, unless told otherwise, and waits TIMEOUT(digit) for further digits of the extension; then goes "
            "to the one that they make. Goes to 'i' where no extension is longer.",
            (Argument("options", "Letters.", values=(("n", "Do not answer."),)),),
            ("WaitExten", "Answer"),
        ),
    )
    async def incomplete(self, channel: Channel, args: str) -> None:
        """Run Incomplete."""
        options = option_letters(args)
        if channel.state is not ChannelState.UP and "n" not in options:
            await answer(channel)
        await self.pbx.dialplan.executor.complete(channel)
