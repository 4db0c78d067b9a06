"""MASTER_CHANNEL, EXPORT, CHANNELS, CHANNEL_EXISTS: other channels, and their variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.core.regex import RegexError, compile_regex
from asterism.pbx.dialplan.functions.common import assign, value_of
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_VARIABLE = Argument("name", "A variable, or a function with its arguments.", True)


class OtherChannelFunctions(PbxModule):
    """Other channels in the dialplan."""

    name: ClassVar[str] = "func_export"
    part_of: ClassVar[tuple[str, ...]] = ("func_channel",)
    description: ClassVar[str] = "Other channels in the dialplan"

    @function(
        "MASTER_CHANNEL",
        Documentation(
            "A variable or function of the channel that began the call.",
            "MASTER_CHANNEL(name)",
            "That is the channel whose uniqueid is this one's linkedid; this one itself when it is gone.",
            (_VARIABLE,),
            ("IMPORT", "EXPORT"),
        ),
    )
    def read_master(self, channel: Channel | None, args: str) -> str:
        """Read there."""
        return value_of(self.pbx, self._master(channel), args)

    @function_writer("MASTER_CHANNEL")
    def write_master(self, channel: Channel | None, args: str, value: str) -> None:
        """Write there."""
        if not args.strip():
            raise FunctionError("it needs a name")
        assign(self.pbx, self._master(channel), args, value)

    def _master(self, channel: Channel | None) -> Channel:
        channel = needs_channel(channel)
        return self.pbx.channels.get(channel.linkedid) or channel

    @function_writer(
        "EXPORT",
        Documentation(
            "Write a variable or function of another channel.",
            "EXPORT(channel,name)",
            arguments=(Argument("channel", "Its name.", True), _VARIABLE),
            see_also=("IMPORT", "MASTER_CHANNEL"),
        ),
    )
    def write_export(self, channel: Channel | None, args: str, value: str) -> None:
        """``channel,name``."""
        other, _, name = args.partition(",")
        if not (other.strip() and name.strip()):
            raise FunctionError("it needs a channel and a name")
        found = self.pbx.channels.get(other.strip())
        if found is None:
            raise FunctionError(f"there is no channel '{other.strip()}'")
        assign(self.pbx, found, name, value)

    @function(
        "CHANNELS",
        Documentation(
            "The names of all channels, separated by blanks.",
            "CHANNELS([regular_expression])",
            arguments=(Argument("regular_expression", "Only names that it is found in."),),
            see_also=("CHANNEL_EXISTS",),
        ),
    )
    def channels(self, channel: Channel | None, args: str) -> str:
        """All, or those that match."""
        try:
            wanted = compile_regex(str(args)) if args else None
        except RegexError as error:
            raise FunctionError(str(error)) from None
        return " ".join(one.name for one in self.pbx.channels if wanted is None or wanted.search(one.name))

    @function(
        "CHANNEL_EXISTS",
        Documentation(
            "1 if there is such a channel, else 0.",
            "CHANNEL_EXISTS(name_or_uid)",
            arguments=(Argument("name_or_uid", "Its name or uniqueid.", True),),
            see_also=("CHANNELS",),
        ),
    )
    def exists(self, channel: Channel | None, args: str) -> str:
        """1 or 0."""
        if not args.strip():
            raise FunctionError("it needs a name or uniqueid")
        return "0" if self.pbx.channels.get(args.strip()) is None else "1"
