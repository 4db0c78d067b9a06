"""Set, MSet, NoOp, Verbose, Log, DumpChan: variables, and telling the operator about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.core.log import DEBUG, DTMF, ERROR, NOTICE, WARNING, Multiline, printable
from asterism.pbx.dialplan.language.arguments import split_arguments, split_assignment
from asterism.pbx.vocabulary.controls import STATE_NAMES
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_LEVELS = {"ERROR": ERROR, "WARNING": WARNING, "NOTICE": NOTICE, "DEBUG": DEBUG, "DTMF": DTMF}


class VariableApplications(PbxModule):
    """Applications about variables and text output."""

    name = "pbx_variables"
    part_of = ("core",)
    covers = ("app_verbose", "app_dumpchan")
    description = "Variables and messages in the dialplan"

    @application("NoOp", Documentation("Do nothing.", "NoOp([text])", "The text shows in Newexten and in the log."))
    async def noop(self, channel: Channel, args: str) -> None:
        """Nothing; its arguments have been shown by then."""

    @application(
        "Set",
        Documentation(
            "Set a channel variable or write a function.",
            "Set(name=value)",
            "Commas and quotes belong to the value. A name with '_' is inherited by channels that this one calls, "
            "a name with '__' by those that they call too.",
            (Argument("name=value", "Variable, or FUNCTION(arguments), and its new value.", True),),
            ("MSet", "GLOBAL", "ENV"),
        ),
    )
    async def set(self, channel: Channel, args: str) -> None:
        """``name=value``."""
        found = split_assignment(args)
        if found is None or not found[0]:
            self.pbx.dialplan.log.warning("Set(%s) requires an '=' to be a valid assignment", args)
            return
        name, environment = found[0], self.pbx.dialplan.environment
        if "(" in name:
            await environment.assign_later(channel, name, found[1])
        else:
            environment.assign(channel, name, found[1])

    @application(
        "MSet",
        Documentation(
            "Set several variables at once.",
            "MSet(name1=value1[,name2=value2[,...]])",
            "Quotes around a value are removed, so that it may hold commas.",
            see_also=("Set",),
        ),
    )
    async def mset(self, channel: Channel, args: str) -> None:
        """``a=1,b=2``."""
        for one in split_arguments(args):
            found = split_assignment(one)
            if found is None or not found[0]:
                self.pbx.dialplan.log.warning("MSet: ignoring '%s', which has no '='", one)
                continue
            await self.pbx.dialplan.environment.assign_later(channel, found[0], found[1])

    @application(
        "Verbose",
        Documentation(
            "Print a text on the console.",
            "Verbose([level,]text)",
            arguments=(Argument("level", "Verbosity from which it shows, 0 by default."), Argument("text", "", True)),
            see_also=("Log",),
        ),
    )
    async def verbose(self, channel: Channel, args: str) -> None:
        """``[level,]text``."""
        first, comma, rest = args.partition(",")
        level = 0
        if comma and first.strip().isdecimal() and len(first) < 10:
            level, args = int(first), rest
        self.pbx.dialplan.log.verbose(level, "%s", args)

    @application(
        "Log",
        Documentation(
            "Write a text to the log.",
            "Log(level,text)",
            arguments=(
                Argument("level", "ERROR, WARNING, NOTICE, DEBUG, VERBOSE or DTMF.", True),
                Argument("text", "", True),
            ),
            see_also=("Verbose",),
        ),
    )
    async def log(self, channel: Channel, args: str) -> None:
        """``level,text``."""
        level, _, text = args.partition(",")
        log = self.pbx.dialplan.log
        name = level.strip().upper()
        place = f"Ext. {channel.exten}:{channel.priority} @ {channel.context}"
        if name == "VERBOSE":
            log.verbose(0, "%s: %s", place, text.strip())
        elif name in _LEVELS:
            log.log(_LEVELS[name], "%s: %s", place, text.strip())
        else:
            log.error("Log: unknown level '%s'", level)

    @application(
        "DumpChan",
        Documentation(
            "Show what is known of the channel on the console.",
            "DumpChan([level])",
            arguments=(Argument("level", "Verbosity from which it shows, 0 by default."),),
            see_also=("Verbose", "NoOp"),
        ),
    )
    async def dump(self, channel: Channel, args: str) -> None:
        """State and variables of the channel."""
        level = int(args) if args.strip().isdecimal() and len(args) < 10 else 0
        rows = [
            ("Name", channel.name),
            ("UniqueID", channel.uniqueid),
            ("LinkedID", channel.linkedid),
            ("CallerIDNum", channel.caller.number or "(N/A)"),
            ("CallerIDName", channel.caller.name or "(N/A)"),
            ("ConnectedLineIDNum", channel.connected.number or "(N/A)"),
            ("ConnectedLineIDName", channel.connected.name or "(N/A)"),
            ("DNIDDigits", channel.dialed or "(N/A)"),
            ("Language", channel.language),
            ("State", f"{STATE_NAMES[channel.state]} ({int(channel.state)})"),
            ("Context", channel.context),
            ("Extension", channel.exten),
            ("Priority", str(channel.priority)),
            ("Application", channel.application),
            ("Data", channel.appdata),
        ]
        lines = [f"{name + '=':<20}{printable(value)}" for name, value in rows]
        lines += ["", "Variables:", *(f"{name}={printable(value)}" for name, value in channel.variables.items())]
        self.pbx.dialplan.log.verbose(
            level,
            "Dumping Info For Channel: %s:\n%s\nInfo:\n%s\n%s",
            channel.name,
            "=" * 80,
            Multiline("\n".join(lines)),
            "=" * 80,
        )
