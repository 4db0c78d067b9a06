"""HOLD_INTERCEPT: hold that only events tell of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


class HoldFunctions(PbxModule):
    """Hold in the dialplan."""

    name = "func_holdintercept"
    description = "Hold that is not passed on"

    @function_writer(
        "HOLD_INTERCEPT",
        Documentation(
            "Keep hold from the channel's other party.",
            "HOLD_INTERCEPT(action)",
            "While it is set, hold and its end on this channel raise the events Hold and Unhold and nothing else: the "
            "other party hears no music and is not told. What is written is not looked at.",
            (Argument("action", "", True, (("set", "intercept hold"), ("remove", "pass it on again"))),),
        ),
    )
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Set or remove."""
        action = args.strip().lower()
        if action not in ("set", "remove"):
            raise FunctionError("it takes set or remove")
        needs_channel(channel).keeps_hold = action == "set"
