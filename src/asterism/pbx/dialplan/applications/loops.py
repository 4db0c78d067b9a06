"""While, EndWhile, ExitWhile, ContinueWhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.language.expression import is_true
from asterism.pbx.vocabulary.flow import EndDialplan, Goto
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

MAX_SCAN = 1000
"""Priorities looked at for the EndWhile of a loop."""


class LoopApplications(PbxModule):
    """Loops. A While and its EndWhile stand in the same extension."""

    name = "app_while"
    description = "Loops in the dialplan"

    @application(
        "While",
        Documentation(
            "Repeat the priorities up to EndWhile while a condition holds.",
            "While(condition)",
            arguments=(Argument("condition", "False are empty text and zero.", True),),
            see_also=("EndWhile", "ExitWhile", "ContinueWhile"),
        ),
    )
    async def while_(self, channel: Channel, args: str) -> None:
        """Enter the loop or skip it."""
        if not is_true(args):
            raise Goto("", "", self._end_of(channel, channel.priority) + 1)

    @application("EndWhile", Documentation("End of a loop.", "EndWhile()", see_also=("While",)))
    async def end_while(self, channel: Channel, args: str) -> None:
        """Go back to the While."""
        raise Goto("", "", self._start_of(channel))

    @application("ExitWhile", Documentation("Leave a loop.", "ExitWhile()", see_also=("While",)))
    async def exit_while(self, channel: Channel, args: str) -> None:
        """Go on behind the EndWhile."""
        raise Goto("", "", self._end_of(channel, self._start_of(channel)) + 1)

    @application(
        "ContinueWhile", Documentation("Begin the next round of a loop.", "ContinueWhile()", see_also=("While",))
    )
    async def continue_while(self, channel: Channel, args: str) -> None:
        """Go back to the While."""
        raise Goto("", "", self._start_of(channel))

    def _name_at(self, channel: Channel, priority: int) -> str | None:
        found = self.pbx.dialplan.find(channel.context, channel.exten, priority, channel.caller.number)
        return None if found is None else found.application.lower()

    def _end_of(self, channel: Channel, start: int) -> int:
        """The priority of the EndWhile that belongs to the While at ``start``."""
        depth = 0
        for priority in range(start + 1, start + MAX_SCAN):
            name = self._name_at(channel, priority)
            if name is None:
                break
            if name == "while":
                depth += 1
            elif name == "endwhile":
                if not depth:
                    return priority
                depth -= 1
        self.pbx.dialplan.log.warning("While at %s@%s has no EndWhile", channel.exten, channel.context)
        raise EndDialplan

    def _start_of(self, channel: Channel) -> int:
        """The priority of the While around the current one."""
        depth = 0
        for priority in range(channel.priority - 1, max(0, channel.priority - MAX_SCAN), -1):
            name = self._name_at(channel, priority)
            if name == "endwhile":
                depth += 1
            elif name == "while":
                if not depth:
                    return priority
                depth -= 1
        self.pbx.dialplan.log.warning(
            "%s outside a While at %s@%s", channel.application, channel.exten, channel.context
        )
        raise EndDialplan
