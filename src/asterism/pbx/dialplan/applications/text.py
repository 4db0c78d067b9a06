"""SendText, ReceiveText: texts within a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.channels.texting import PLAIN, is_content_type, receive_text, send_text, sends_text
from asterism.pbx.dialplan.language.arguments import number
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


class TextModule(PbxModule):
    """The applications SendText and ReceiveText."""

    name: ClassVar[str] = "app_sendtext"
    covers: ClassVar[tuple[str, ...]] = ("app_receivetext",)
    description: ClassVar[str] = "Text Applications"

    @application(
        "SendText",
        Documentation(
            "Send a text to the far end, in its call",
            "SendText([text])",
            "The channel's variable SENDTEXT_BODY replaces the text, SENDTEXT_CONTENT_TYPE its type, text/plain.\n"
            "SENDTEXTSTATUS is SUCCESS, FAILURE or UNSUPPORTED; SENDTEXTTYPE is ENHANCED where the content type was "
            "sent, BASIC where there is none (SIP), NONE when nothing was sent.",
            (Argument("text", "What to send."),),
            ("ReceiveText", "MessageSend"),
        ),
    )
    async def send_text(self, channel: Channel, args: str) -> None:
        """Run SendText."""
        text = channel.get_variable("SENDTEXT_BODY") or args
        content_type = (channel.get_variable("SENDTEXT_CONTENT_TYPE") or PLAIN).strip()
        log = channel.pbx.log
        kind = getattr(channel.technology, "text_kind", "ENHANCED")
        status = "SUCCESS"
        if not text:
            log.warning("SendText needs a text")
            status = "FAILURE"
        elif not sends_text(channel):
            status = "UNSUPPORTED"
        elif not is_content_type(content_type):
            log.warning("SendText on %s: '%s' is no content type", channel.name, content_type)
            status = "FAILURE"
        elif not send_text(channel, text, PLAIN if kind == "BASIC" else content_type):
            status = "FAILURE"
        channel.set_variable("SENDTEXTTYPE", kind if status == "SUCCESS" else "NONE")
        channel.set_variable("SENDTEXTSTATUS", status)

    @application(
        "ReceiveText",
        Documentation(
            "Wait for a text of the far end, in its call",
            "ReceiveText([timeout])",
            "RECEIVETEXTSTATUS is SUCCESS, and RECEIVETEXTMESSAGE the text, or it is FAILURE when none came.",
            (Argument("timeout", "Seconds to wait; 0 or nothing: for ever."),),
            ("SendText",),
        ),
    )
    async def receive_text(self, channel: Channel, args: str) -> None:
        """Run ReceiveText."""
        try:
            text = await receive_text(channel, number(args) or None)
        except ChannelHangup:
            channel.set_variable("RECEIVETEXTSTATUS", "FAILURE")
            raise
        if text is not None:
            channel.set_variable("RECEIVETEXTMESSAGE", self.pbx.dialplan.environment.foreign(text))
        channel.set_variable("RECEIVETEXTSTATUS", "FAILURE" if text is None else "SUCCESS")
