"""Messages that wait (RFC 3842): ``application/simple-message-summary``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from asterism.applications.pubsub.api import BodyGenerator
from asterism.applications.pubsub.registry import pubsub
from asterism.core.module import Module
from asterism.pbx.states.mailboxes import MAX_COUNT, MessageCounts

if TYPE_CHECKING:
    from asterism.applications.pubsub.base import Subscription
    from asterism.applications.pubsub.module import PubSubServer

TYPE = "application/simple-message-summary"
_VOICE = re.compile(
    rb"^Voice-Message[ \t]*:[ \t]*(\d{1,9})[ \t]*/[ \t]*(\d{1,9})(?:[ \t]*\([ \t]*(\d{1,9})[ \t]*/[ \t]*(\d{1,9})"
    rb"[ \t]*\))?[ \t]*\r?$",
    re.IGNORECASE | re.MULTILINE,
)


class Summary(NamedTuple):
    """A message summary: counts, and the URI to call for listening to messages (``""`` for none)."""

    counts: MessageCounts
    account: str = ""


def summary_text(state: Summary, urgent: bool = True) -> str:
    """The body; ``urgent``: with the numbers of urgent messages."""
    counts = state.counts
    account = f"Message-Account: {state.account}\r\n" if state.account else ""
    return (
        f"Messages-Waiting: {'yes' if counts.waiting else 'no'}\r\n{account}"
        f"Voice-Message: {counts.new}/{counts.old}"
        f"{f' ({counts.urgent_new}/{counts.urgent_old})' if urgent else ''}\r\n"
    )


def counts_in(body: bytes) -> MessageCounts | None:
    """The voice messages that a body counts; ``None`` if it counts none."""
    found = _VOICE.search(body)
    return MessageCounts(*(min(int(text or 0), MAX_COUNT) for text in found.groups())) if found else None


class MessageSummaryGenerator(BodyGenerator):
    """Writes message summaries."""

    content_type: ClassVar[str] = TYPE
    states: ClassVar[type[Any]] = Summary

    def body(self, subscription: Subscription, state: Summary) -> str:
        """The text."""
        return summary_text(state, not subscription.endpoint.mwi_without_urgent)


class MessageSummaryModule(Module):
    """Registers the generator."""

    name = "pubsub_message_summary"
    aliases = ("res_pjsip_mwi_body_generator",)
    requires = ("pubsub",)
    description = "Message counts as simple-message-summary"

    def load(self, server: PubSubServer) -> None:
        """Write message summaries."""
        pubsub(server).register_body_generator(MessageSummaryGenerator())
