"""SHELL: what a command of the operating system writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.language import commands
from asterism.pbx.vocabulary.flow import FunctionError
from asterism.pbx.vocabulary.marks import waiting_function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

TIMEOUT = 60.0
"""Seconds that a command may take."""


class ShellFunction(PbxModule):
    """The function."""

    name: ClassVar[str] = "func_shell"
    description: ClassVar[str] = "Output of commands in the dialplan"

    timeout = TIMEOUT

    @waiting_function(
        "SHELL",
        Documentation(
            "What a command of the operating system writes.",
            "SHELL(command)",
            "Its output, with the line end that it has; at most 64 KiB. A command that writes more, or takes longer "
            "than a minute, is ended. Only with dialplan_commands = yes in asterisk.conf. Text of a caller in the "
            "command is quoted and is no syntax of the shell. Manager clients and the like may not use it unless "
            "live_dangerously is set.",
            (Argument("command", "Run by /bin/sh.", True),),
            ("System", "TrySystem"),
        ),
        dangerous=True,
        effects=True,
    )
    async def read(self, channel: Channel | None, args: str) -> str:
        """Run a command."""
        if not args.strip():
            raise FunctionError("it needs a command")
        if not commands.allowed(self.pbx):
            raise FunctionError(commands.OFF)
        try:
            found = await commands.run(args, self.timeout, output=True)
        except (OSError, ValueError) as error:
            raise FunctionError(str(error)) from None
        if found.status is None:
            why = f"writes more than {commands.MAX_OUTPUT} octets" if found.output else f"takes over {self.timeout:g} s"
            self.pbx.log.warning("SHELL: '%s' %s and was ended", args, why)
        return found.output.replace(b"\0", b"").decode("utf-8", "surrogateescape")
