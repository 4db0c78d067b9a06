"""EXCEPTION and RaiseException: the extension ``e``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.vocabulary.flow import EndDialplan, FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import application, function
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_REASONS = "INVALID, RESPONSETIMEOUT, ABSOLUTETIMEOUT, ERROR, or what RaiseException was given"


class ExceptionFunction(PbxModule):
    """The function and the application."""

    name: ClassVar[str] = "pbx_exceptions"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Exceptions in the dialplan"

    @function(
        "EXCEPTION",
        Documentation(
            "What led to the extension e.",
            "EXCEPTION(field)",
            "The extension e of a context is gone to where it has no i, t or T, when a line names an application that "
            "is not there, and by RaiseException.",
            (
                Argument(
                    "field",
                    "",
                    True,
                    (
                        ("reason", _REASONS),
                        ("context", "where that was"),
                        ("exten", "its extension"),
                        ("priority", "its priority"),
                    ),
                ),
            ),
            ("RaiseException",),
        ),
        marks=True,
    )
    def read(self, channel: Channel | None, args: str) -> str:
        """A field."""
        found = self.pbx.dialplan.executor.state(needs_channel(channel)).exception
        field = args.strip().lower()
        if field not in ("reason", "context", "exten", "priority"):
            raise FunctionError("it takes reason, context, exten or priority")
        if found is None:
            return ""
        fields = {"reason": found.reason, "context": found.context, "exten": found.exten}
        return fields.get(field) or str(found.priority)

    @application(
        "RaiseException",
        Documentation(
            "Go to the extension e of this context; the call ends where there is none.",
            "RaiseException(reason)",
            arguments=(Argument("reason", "What EXCEPTION(reason) reads there.", True),),
            see_also=("EXCEPTION",),
        ),
    )
    async def raise_exception(self, channel: Channel, args: str) -> None:
        """Jump."""
        self.pbx.dialplan.executor.raise_exception(channel, args)
        self.pbx.log.warning("%s: there is no extension e in '%s' for the exception '%s'", channel.name,
                             channel.context, args)  # fmt: skip
        raise EndDialplan
