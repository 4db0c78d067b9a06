"""Gosub, GosubIf, Return, StackPop and the functions of a subroutine's frame: LOCAL, LOCAL_PEEK, STACK_PEEK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.applications.branching import parse_target
from asterism.pbx.dialplan.language.arguments import split_arguments, split_condition
from asterism.pbx.dialplan.language.expression import is_true
from asterism.pbx.dialplan.language.state import Frame
from asterism.pbx.vocabulary.flow import EndDialplan, FunctionError, Goto, SubroutineReturned
from asterism.pbx.vocabulary.marks import application, function, function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


class SubroutineApplications(PbxModule):
    """Subroutines of the dialplan."""

    name = "app_stack"
    description = "Dialplan subroutines"

    @application(
        "Gosub",
        Documentation(
            "Run a subroutine.",
            "Gosub([[context,]extension,]priority[(arg1[,...][,argN])])",
            "The arguments are ARG1, ARG2, ... and ARGC in the subroutine; quotes around one keep commas together and "
            "belong to it. A target that does not exist ends the call.",
            (Argument("target", "[[context,]extension,]priority with arguments in parentheses.", True),),
            ("GosubIf", "Return", "StackPop", "LOCAL"),
        ),
    )
    async def gosub(self, channel: Channel, args: str) -> None:
        """Call."""
        self._call(channel, args)

    @application(
        "GosubIf",
        Documentation(
            "Run one of two subroutines, as a condition says.",
            "GosubIf(condition?[target[(args)]][:target[(args)]])",
            see_also=("Gosub", "GotoIf"),
        ),
    )
    async def gosub_if(self, channel: Channel, args: str) -> None:
        """Call on a condition."""
        found = split_condition(args)
        if found is None:
            self.pbx.dialplan.log.warning("GosubIf(%s) has no '?'", args)
            return
        condition, yes, no = found
        target = yes if is_true(condition) else no
        if target:
            self._call(channel, target)

    @application(
        "Return",
        Documentation(
            "Go back from a subroutine.",
            "Return([value])",
            "GOSUB_RETVAL holds the value afterwards. Without a subroutine the call ends.",
            see_also=("Gosub", "StackPop"),
        ),
    )
    async def return_(self, channel: Channel, args: str) -> None:
        """Go back."""
        executor = self.pbx.dialplan.executor
        frames = executor.state(channel).frames
        if not frames:
            self.pbx.dialplan.log.error("Return without Gosub: stack is empty")
            raise EndDialplan
        if frames[-1].boundary:
            raise SubroutineReturned(args)
        frame = executor.pop_frame(channel)
        channel.set_variable("GOSUB_RETVAL", args)
        if frame is not None:
            raise Goto(frame.context, frame.exten, frame.priority)

    @application(
        "StackPop",
        Documentation(
            "Forget where the newest Gosub was called from.",
            "StackPop()",
            see_also=("Gosub", "Return"),
        ),
    )
    async def stack_pop(self, channel: Channel, args: str) -> None:
        """Drop the newest frame."""
        executor = self.pbx.dialplan.executor
        frames = executor.state(channel).frames
        if not frames or frames[-1].boundary:
            self.pbx.dialplan.log.error("StackPop called with no more elements to pop")
            return
        executor.pop_frame(channel)

    def _call(self, channel: Channel, text: str) -> None:
        target, parenthesis, rest = text.partition("(")
        arguments: list[str] = []
        if parenthesis:
            close = rest.rfind(")")
            inside = rest if close < 0 else rest[:close]
            arguments = split_arguments(inside, raw=True) if inside else []
            # A comma may stand before the parenthesis.
            target = target.rstrip().removesuffix(",")
        if not target.strip():
            self.pbx.dialplan.log.error("Gosub requires an argument: Gosub([[context,]extension,]priority[(args)])")
            raise EndDialplan
        jump = parse_target(channel, target)
        dialplan = self.pbx.dialplan
        context = jump.context or channel.context
        exten = jump.exten or channel.exten
        number = dialplan.executor.resolve(channel, context, exten, jump.priority)
        if number is None or not dialplan.exists(context, exten, number, channel.caller.number):
            dialplan.log.error(
                "Attempt to reach a non-existent destination for Gosub: %s,%s,%s", context, exten, number
            )
            raise EndDialplan
        frame = Frame(channel.context, channel.exten, channel.priority + 1)
        dialplan.executor.push_frame(channel, frame, arguments)
        raise Goto(context, exten, number)

    @function(
        "LOCAL",
        Documentation("A variable of the current subroutine.", "LOCAL(name)", see_also=("Gosub", "LOCAL_PEEK")),
        marks=True,
    )
    def read_local(self, channel: Channel | None, args: str) -> str:
        """Read."""
        return (channel.variables.get(args.strip()) or "") if channel is not None else ""

    @function_writer("LOCAL")
    def write_local(self, channel: Channel | None, args: str, value: str) -> None:
        """Write."""
        if channel is None:
            raise FunctionError("it needs a channel")
        self.pbx.dialplan.executor.set_local(channel, args.strip(), value)

    @function(
        "LOCAL_PEEK",
        Documentation(
            "A variable as it was outside a number of subroutines.", "LOCAL_PEEK(n,name)", see_also=("LOCAL",)
        ),
        marks=True,
    )
    def read_local_peek(self, channel: Channel | None, args: str) -> str:
        """``n,name``."""
        depth, _, name = args.partition(",")
        if channel is None or not depth.strip().isdecimal():
            raise FunctionError("it takes a number of frames and a variable name")
        name = name.strip()
        value: str = channel.variables.get(name) or ""
        for frame in reversed(
            self.pbx.dialplan.executor.state(channel).frames[-int(depth[:6]) :] if int(depth[:6]) else []
        ):
            if name in frame.hidden:
                value = frame.hidden[name] or ""
        return value

    @function(
        "STACK_PEEK",
        Documentation(
            "Where a subroutine was called from.",
            "STACK_PEEK(n,c|e|l|p)",
            arguments=(
                Argument("n", "Frame, 1 being the newest.", True),
                Argument("which", "", True, (("c", "context"), ("e", "extension"), ("l", "all"), ("p", "priority"))),
            ),
        ),
    )
    def read_stack_peek(self, channel: Channel | None, args: str) -> str:
        """``n,which``."""
        depth, _, which = args.partition(",")
        which = which.strip()[:1]
        if channel is None or not depth.strip().isdecimal() or which not in ("c", "e", "l", "p"):
            raise FunctionError("it takes a frame number and one of c, e, l, p")
        frames = self.pbx.dialplan.executor.state(channel).frames
        number = int(depth[:6])
        if not 1 <= number <= len(frames):
            return ""
        frame = frames[-number]
        answers: dict[str, str] = {
            "c": frame.context,
            "e": frame.exten,
            "l": f"{frame.context},{frame.exten},{frame.priority - 1}",
            "p": str(frame.priority - 1),
        }
        return answers[which]
