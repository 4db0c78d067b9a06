"""VARIABLE_EXISTS, DELETE, GLOBAL_EXISTS, GLOBAL_DELETE: whether there is a variable, and that there be none."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_NAME = (Argument("varname", "Its name, without ${}.", True),)


class ExistenceFunctions(PbxModule):
    """Which variables there are."""

    name: ClassVar[str] = "func_variables"
    part_of: ClassVar[tuple[str, ...]] = ("func_global",)
    description: ClassVar[str] = "Whether there are variables"

    @function(
        "VARIABLE_EXISTS",
        Documentation("1 if the channel has a variable, even an empty one, else 0.", "VARIABLE_EXISTS(varname)",
                      arguments=_NAME, see_also=("GLOBAL_EXISTS", "DELETE")),
    )  # fmt: skip
    def exists(self, channel: Channel | None, args: str) -> str:
        """1 or 0."""
        return "1" if needs_channel(channel).variables.get(_name(args)) is not None else "0"

    @function_writer(
        "DELETE",
        Documentation("Delete a variable of the channel.", "DELETE(varname)=", "What is written is not looked at.",
                      _NAME, ("VARIABLE_EXISTS", "GLOBAL_DELETE")),
    )  # fmt: skip
    def delete(self, channel: Channel | None, args: str, value: str) -> None:
        """Delete."""
        needs_channel(channel).set_variable(_name(args), None)

    @function(
        "GLOBAL_EXISTS",
        Documentation("1 if there is a global variable, else 0.", "GLOBAL_EXISTS(varname)", arguments=_NAME,
                      see_also=("GLOBAL", "GLOBAL_DELETE")),
    )  # fmt: skip
    def global_exists(self, channel: Channel | None, args: str) -> str:
        """1 or 0."""
        return "1" if _name(args) in self.pbx.dialplan.globals else "0"

    @function_writer(
        "GLOBAL_DELETE",
        Documentation("Delete a global variable.", "GLOBAL_DELETE(varname)=", "What is written is not looked at.",
                      _NAME, ("GLOBAL", "GLOBAL_EXISTS")),
    )  # fmt: skip
    def global_delete(self, channel: Channel | None, args: str, value: str) -> None:
        """Delete."""
        self.pbx.dialplan.set_global(_name(args), "")


def _name(args: str) -> str:
    name = str(args).strip()
    if not name:
        raise FunctionError("it needs a name")
    return name
