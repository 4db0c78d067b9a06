"""CALLCOMPLETION: what a channel may do about calls that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.calls.completion.parameters import NAMES, kept, parameters_of
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_OPTIONS = (
    ("cc_agent_policy", "how the channel asks for completion: never, generic (by CallCompletionRequest) or native"),
    ("cc_monitor_policy", "how it is watched: never, generic (by device state), native, always (native if it can)"),
    ("cc_offer_timer", "seconds that it has to ask"),
    ("ccnr_available_timer", "seconds that it is watched after it did not answer"),
    ("ccbs_available_timer", "seconds that it is watched after it was busy"),
    ("cc_recall_timer", "seconds that it is rung to be called back"),
    ("cc_max_agents", "how many requests it may have with native"),
    ("cc_max_monitors", "how many callers may wait for it"),
    ("cc_callback_macro", "macro that is run on the channel that calls it back, before it rings: macro-NAME,s,1"),
    ("cc_callback_sub", "subroutine that is run there: [[context,]exten,]priority[(args)]"),
    ("cc_agent_dialstring", "what to dial to call it back, instead of its device"),
)  # fmt: skip


class CompletionFunction(PbxModule):
    """The options of a channel."""

    name = "func_callcompletion"
    description = "Call Control Configuration Function"

    @function(
        "CALLCOMPLETION",
        Documentation(
            "What a channel may do about calls that fail.",
            "CALLCOMPLETION(option)",
            "The endpoint's options of the same names are the defaults; what is set here lasts as long as the channel. "
            "Policies of a called channel are set in a subroutine of Dial's option b.",
            (Argument("option", "", True, _OPTIONS),),
            ("CallCompletionRequest", "CallCompletionCancel"),
        ),
    )
    def read(self, channel: Channel | None, args: str) -> str:
        """One option."""
        try:
            return parameters_of(needs_channel(channel)).option(args.strip().lower())
        except KeyError:
            raise _unknown(args) from None

    @function_writer("CALLCOMPLETION")
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Set one option."""
        state = kept(needs_channel(channel))
        name = args.strip().lower()
        try:
            state.parameters = state.parameters.with_option(name, value)
        except KeyError:
            raise _unknown(args) from None
        except ValueError as error:
            raise FunctionError(f"{name}: {error}") from None


def _unknown(args: str) -> FunctionError:
    return FunctionError(f"unknown option '{args}'; known: {', '.join(NAMES)}")
