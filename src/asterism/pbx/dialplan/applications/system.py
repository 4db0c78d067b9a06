"""System and TrySystem: run a command of the operating system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.language import commands
from asterism.pbx.vocabulary.flow import EndDialplan
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_COMMAND = (Argument("command", "Run by /bin/sh. Text of a caller in it is quoted, and no syntax of the shell.", True),)
_DESCRIPTION = (
    "Only with dialplan_commands = yes in asterisk.conf.\n"
    "SYSTEMSTATUS is SUCCESS, FAILURE when it could not be run, APPERROR when it ended with an error."
)


class SystemApplications(PbxModule):
    """Commands of the operating system."""

    name = "app_system"
    description = "Commands of the operating system in the dialplan"

    @application(
        "System",
        Documentation("Run a command; the call ends when it cannot be run.", "System(command)", _DESCRIPTION, _COMMAND),
    )
    async def system(self, channel: Channel, args: str) -> None:
        """Run, and give up on failure."""
        if await self._run(channel, args) == "FAILURE":
            raise EndDialplan

    @application(
        "TrySystem",
        Documentation("Run a command; the call goes on in any case.", "TrySystem(command)", _DESCRIPTION, _COMMAND),
    )
    async def try_system(self, channel: Channel, args: str) -> None:
        """Run."""
        await self._run(channel, args)

    async def _run(self, channel: Channel, command: str) -> str:
        status = "FAILURE"
        if command.strip() and not commands.allowed(self.pbx):
            self.pbx.log.warning("Unable to execute '%s': %s", command, commands.OFF)
        elif command.strip():
            try:
                found = await commands.run(command)
                status = "SUCCESS" if found.status == 0 else "APPERROR" if found.could_run else "FAILURE"
            except (OSError, ValueError) as error:
                self.pbx.log.warning("Unable to execute '%s': %s", command, error)
        channel.set_variable("SYSTEMSTATUS", status)
        return status
