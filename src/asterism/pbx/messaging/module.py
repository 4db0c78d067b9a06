"""Messages in the dialplan and the manager: MESSAGE(), MESSAGE_DATA(), MessageSend."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.language.arguments import find_outside
from asterism.pbx.messaging.message import Message, SendStatus, give_message, message_of
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import application, function, function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

MAX_BODY = 65536
"""Bytes of a body that a manager may send."""

_DESTINATION = "Where to, with the prefix of what carries it: pjsip:endpoint, pjsip:endpoint/uri, pjsip:uri, ..."
_FROM = "The address that it is said to be from; empty: that of MESSAGE(from)."
_TO = "The address that it is said to be for; empty: that of MESSAGE(to) where it was set, else the destination's."


def _own(channel: Channel) -> Message:
    """The message of a channel; a call that sends one gets it with its first word about it."""
    return message_of(channel) or give_message(channel, Message())


class MessageModule(PbxModule):
    """Functions, application and action about messages."""

    name = "message"
    part_of = ("core",)
    covers = ("app_messagesend", "func_message")
    description = "Text messages outside calls"

    def load(self, server: HostServer) -> Awaitable[None] | None:
        """Register; unloading drops waiting messages and breaks off running ones."""
        server.owner.on_release(server.pbx.messages.close)
        return super().load(server)

    def use_count(self) -> int:
        """Number of messages waiting or being processed."""
        return len(self.pbx.messages)

    @function(
        "MESSAGE",
        Documentation(
            "A part of the text message that the channel deals with, or that it is about to send",
            "MESSAGE(part)",
            "Reading gives the parts of the message received; writing changes what MessageSend sends.",
            (
                Argument(
                    "part",
                    "Which part.",
                    True,
                    (
                        ("to", "the address that it is for"),
                        ("from", "the address that it is from"),
                        ("body", "the text"),
                        (
                            "custom_data",
                            "written only: mark_all_outbound sends all MESSAGE_DATA() along, clear_all_outbound none",
                        ),
                    ),
                ),
            ),
            ("MESSAGE_DATA", "MessageSend"),
        ),
        foreign=True,
    )
    def read_message(self, channel: Channel | None, args: str) -> str:
        """The part's text."""
        message = message_of(needs_channel(channel))
        part = args.strip().lower()
        if part not in ("to", "from", "body"):
            raise FunctionError("to, from or body expected")
        if message is None:
            return ""
        return {"to": message.to, "from": message.from_, "body": message.body}[part]

    @function_writer("MESSAGE")
    def write_message(self, channel: Channel | None, args: str, value: str) -> None:
        """Change a part of what will be sent."""
        message = _own(needs_channel(channel))
        part = args.strip().lower()
        if part == "to":
            message.to, message.to_given = value, bool(value)
        elif part == "from":
            message.from_ = value
        elif part == "body":
            message.body = value
        elif part == "custom_data":
            if value not in ("mark_all_outbound", "clear_all_outbound"):
                raise FunctionError("mark_all_outbound or clear_all_outbound expected")
            message.mark_all(value == "mark_all_outbound")
        else:
            raise FunctionError("to, from, body or custom_data expected")

    @function(
        "MESSAGE_DATA",
        Documentation(
            "A header of the text message received, or a header for the one to send",
            "MESSAGE_DATA(name)",
            "A value that is written goes along as a header of that name. A value that came with the message received "
            "does so only after MESSAGE(custom_data)=mark_all_outbound.",
            (Argument("name", "The header.", True),),
            ("MESSAGE", "MessageSend"),
        ),
        foreign=True,
    )
    def read_data(self, channel: Channel | None, args: str) -> str:
        """The value."""
        message = message_of(needs_channel(channel))
        return "" if message is None else message.get(args.strip())

    @function_writer("MESSAGE_DATA")
    def write_data(self, channel: Channel | None, args: str, value: str) -> None:
        """Have it sent along."""
        if not args.strip():
            raise FunctionError("a name expected")
        _own(needs_channel(channel)).set(args.strip(), value)

    @application(
        "MessageSend",
        Documentation(
            "Send a text message outside calls",
            "MessageSend(destination[,from[,to]])",
            "Sends the text of MESSAGE(body). MESSAGE_SEND_STATUS is then SUCCESS when it is on its way, "
            "INVALID_PROTOCOL when nobody carries messages of that prefix, INVALID_URI when the destination cannot be "
            "understood, FAILURE when it leads nowhere.",
            (Argument("destination", _DESTINATION, True), Argument("from", _FROM), Argument("to", _TO)),
            ("MESSAGE", "MESSAGE_DATA"),
        ),
    )
    async def send_message(self, channel: Channel, args: str) -> None:
        """``destination,from,to``; addresses keep their quotes."""
        destination, from_, to = _split(args)
        status = await self.pbx.messages.send(destination, _addressed(_own(channel), from_, to))
        channel.set_variable("MESSAGE_SEND_STATUS", status.value)

    @action(
        "MessageSend",
        "message",
        Documentation(
            "Send an out of call message to an endpoint.",
            description="The answer says that it is on its way, not that it arrived.",
            arguments=(
                Argument("Destination", _DESTINATION),
                Argument("To", "The address that it is said to be for. Without Destination: the destination."),
                Argument("From", _FROM),
                Argument("Body", "The text."),
                Argument("Base64Body", "The text in base64: so it may have several lines. It goes before Body."),
                Argument("Variable", "name=value[,...]: headers to send along; may be repeated."),
            ),
        ),
    )
    async def send_action(self, call: ActionCall) -> None:
        """Hand a message over."""
        destination, to = call.get("Destination"), call.get("To")
        if not destination:
            destination, to = to, ""
        if not destination:
            call.error("No 'To' address specified.")
            return
        body = call.get("Body")
        if call.get("Base64Body"):
            decoded = _decoded(call.get("Base64Body"))
            if decoded is None:
                call.error("Base64Body is not base64.")
                return
            body = decoded
        if len(body.encode("utf-8", "surrogateescape")) > MAX_BODY:
            call.error("The body is too long.")
            return
        message = Message(body=body)
        for line in call.get_all("Variable"):
            for pair in line.split(","):
                name, equals, value = pair.partition("=")
                if equals and name.strip():
                    message.set(name.strip(), value.strip())
        status = await self.pbx.messages.send(destination, _addressed(message, call.get("From"), to))
        if status is SendStatus.SUCCESS:
            call.success("Message successfully sent")
        elif status is SendStatus.INVALID_PROTOCOL or ":" not in destination:
            call.error("Message technology not found.")
        else:
            call.error("Message failed to send.")


def _addressed(message: Message, from_: str, to: str) -> Message:
    """The message with the addresses of this one sending; the channel's own stays as it is."""
    sent = message.copy()
    if from_:
        sent.from_ = from_
    if to:
        sent.to, sent.to_given = to, True
    return sent


def _split(args: str) -> tuple[str, str, str]:
    parts: list[str] = []
    rest = args
    while len(parts) < 2:
        comma = find_outside(rest, ",")
        if comma < 0:
            break
        parts.append(rest[:comma].strip())
        rest = rest[comma + 1 :]
    parts += [rest.strip(), "", ""]
    return str(parts[0]), str(parts[1]), str(parts[2])


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return None
