"""Goto, GotoIf, GotoIfTime, ExecIf, ExecIfTime, Exec, TryExec: going elsewhere, and running an application by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.language.arguments import divide, split_call, split_condition
from asterism.pbx.dialplan.language.expression import is_true
from asterism.pbx.dialplan.language.timing import parse_time_spec
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.flow import EndDialplan, Goto
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_TARGET = Argument("target", "[[context,]extension,]priority, the priority as number, label, 'n' or '+n'/'-n'.", True)


def parse_target(channel: Channel, text: str) -> Goto:
    """``[[context,]extension,]priority`` as a jump; ``n``, ``+2`` and ``-1`` count from the current priority."""
    parts = [part.strip() for part in text.split(",")]
    priority = parts[-1]
    exten = parts[-2] if len(parts) > 1 else ""
    context = parts[-3] if len(parts) > 2 else ""
    if priority == "n":
        return Goto(context, exten, channel.priority + 1)
    if priority[:1] in ("+", "-") and priority[1:].isdecimal() and len(priority) < 10:
        return Goto(context, exten, channel.priority + int(priority))
    return Goto(context, exten, priority)


class BranchingApplications(PbxModule):
    """Applications that decide where the call goes on."""

    name = "pbx_branching"
    part_of = ("core",)
    covers = ("app_exec",)
    description = "Jumps and conditions in the dialplan"

    @application(
        "Goto",
        Documentation(
            "Go on at another priority, extension or context.",
            "Goto([[context,]extension,]priority)",
            "A target that does not exist ends the call, or goes to the extension 'i' where there is one.",
            (_TARGET,),
            ("GotoIf", "GotoIfTime", "Gosub"),
        ),
    )
    async def goto(self, channel: Channel, args: str) -> None:
        """Jump."""
        if not args.strip():
            self.pbx.dialplan.log.warning("Goto requires an argument ([[context,]extension,]priority)")
            raise EndDialplan
        raise parse_target(channel, args)

    @application(
        "GotoIf",
        Documentation(
            "Go to one of two places, as a condition says.",
            "GotoIf(condition?[true]:[false])",
            "Where the branch that applies is missing, the next priority follows.",
            (Argument("condition", "False are empty text and zero.", True), _TARGET),
            ("Goto", "ExecIf", "IF"),
        ),
    )
    async def goto_if(self, channel: Channel, args: str) -> None:
        """Jump on a condition."""
        found = split_condition(args)
        if found is None:
            self.pbx.dialplan.log.warning("GotoIf(%s) has no '?'", args)
            return
        condition, yes, no = found
        target = yes if is_true(condition) else no
        if target:
            raise parse_target(channel, target)

    @application(
        "GotoIfTime",
        Documentation(
            "Go to one of two places, as the time says.",
            "GotoIfTime(times,weekdays,mdays,months[,timezone]?[true]:[false])",
            arguments=(Argument("times", "HH:MM-HH:MM or *; the other fields likewise.", True), _TARGET),
            see_also=("GotoIf", "IFTIME"),
        ),
    )
    async def goto_if_time(self, channel: Channel, args: str) -> None:
        """Jump on a time specification."""
        spec, mark, branches = args.partition("?")
        if not mark:
            self.pbx.dialplan.log.warning("GotoIfTime(%s) has no '?'", args)
            return
        yes, _, no = divide(branches, ":")
        target = (yes if self._is_now(channel, spec) else no).strip()
        if target:
            raise parse_target(channel, target)

    @application(
        "ExecIf",
        Documentation(
            "Run one of two applications, as a condition says.",
            "ExecIf(condition?app(args)[:app(args)])",
            see_also=("GotoIf", "Exec"),
        ),
    )
    async def exec_if(self, channel: Channel, args: str) -> None:
        """Run an application on a condition."""
        found = split_condition(args)
        if found is None:
            self.pbx.dialplan.log.warning("ExecIf(%s) has no '?'", args)
            return
        condition, yes, no = found
        call = yes if is_true(condition) else no
        if call:
            await self._run(channel, call)

    @application(
        "ExecIfTime",
        Documentation(
            "Run an application at certain times only.",
            "ExecIfTime(times,weekdays,mdays,months[,timezone]?app(args))",
            see_also=("ExecIf", "GotoIfTime"),
        ),
    )
    async def exec_if_time(self, channel: Channel, args: str) -> None:
        """Run an application on a time specification."""
        spec, mark, call = args.partition("?")
        if not mark:
            self.pbx.dialplan.log.warning("ExecIfTime(%s) has no '?'", args)
        elif self._is_now(channel, spec) and call.strip():
            await self._run(channel, call)

    @application(
        "Exec",
        Documentation(
            "Run an application whose name is computed; the call ends when there is none of that name.",
            "Exec(app(args))",
            see_also=("TryExec", "ExecIf"),
        ),
    )
    async def exec_(self, channel: Channel, args: str) -> None:
        """Run an application."""
        if not await self._run(channel, args):
            raise EndDialplan

    @application(
        "TryExec",
        Documentation(
            "Run an application whose name is computed; the call goes on whatever happens.",
            "TryExec(app(args))",
            "TRYSTATUS tells how it went: SUCCESS, FAILED, or NOAPP when there is no such application.",
            see_also=("Exec",),
        ),
    )
    async def try_exec(self, channel: Channel, args: str) -> None:
        """Run an application, go on in any case."""
        status = "SUCCESS"
        try:
            name, data = split_call(args)
            if not await self.pbx.dialplan.execute_application(channel, name, data):
                status = "NOAPP"
        except (ChannelHangup, Goto):
            raise
        except EndDialplan:
            status = "FAILED"
        channel.set_variable("TRYSTATUS", status)

    async def _run(self, channel: Channel, call: str) -> bool:
        name, data = split_call(call)
        done: bool = await self.pbx.dialplan.execute_application(channel, name, data)
        if not done:
            self.pbx.dialplan.log.warning("Could not find application! (%s)", name)
        return done

    def _is_now(self, channel: Channel, spec: str) -> bool:
        try:
            return parse_time_spec(spec.strip()).matches_for(channel)
        except ValueError as error:
            self.pbx.dialplan.log.warning("Wrong time specification '%s': %s", spec, error)
            return False
