"""``CallCompletionRequest`` and ``CallCompletionCancel``: for callers whose phones cannot ask by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Documentation
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


class CompletionApplications(PbxModule):
    """The two applications."""

    name: ClassVar[str] = "app_ccss"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Call completion in the dialplan"

    @application(
        "CallCompletionRequest",
        Documentation(
            "Ask to be called back when the party of the last call is free.",
            "CallCompletionRequest()",
            "For the call that failed last: in the same call, or in another one before its offer timer "
            "(cc_offer_timer) expires. Sets CC_REQUEST_RESULT to SUCCESS or FAIL, and then CC_REQUEST_REASON to "
            "NO_CORE_INSTANCE (nothing was offered), NOT_GENERIC (the phone asks by its own protocol), "
            "TOO_MANY_REQUESTS (cc_max_requests) or UNSPECIFIED.",
            see_also=("CallCompletionCancel", "CALLCOMPLETION"),
        ),
    )
    async def request(self, channel: Channel, args: str) -> None:
        """Run the application."""
        _tell(channel, "REQUEST", channel.pbx.completion.request(channel))

    @application(
        "CallCompletionCancel",
        Documentation(
            "Do not call back after all.",
            "CallCompletionCancel()",
            "Cancels what the caller has requested last. Sets CC_CANCEL_RESULT to SUCCESS or FAIL, and then "
            "CC_CANCEL_REASON to NO_CORE_INSTANCE (there is no request), NOT_GENERIC (the phone cancels by its own "
            "protocol) or UNSPECIFIED.",
            see_also=("CallCompletionRequest", "CALLCOMPLETION"),
        ),
    )
    async def cancel(self, channel: Channel, args: str) -> None:
        """Run the application."""
        _tell(channel, "CANCEL", channel.pbx.completion.cancel(channel))


def _tell(channel: Channel, what: str, reason: str) -> None:
    channel.set_variable(f"CC_{what}_RESULT", "FAIL" if reason else "SUCCESS")
    channel.set_variable(f"CC_{what}_REASON", reason)
