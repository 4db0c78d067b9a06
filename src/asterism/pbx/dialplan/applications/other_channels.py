"""SoftHangup and ChannelRedirect: what a dialplan does to other channels than its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.vocabulary.errors import Goto
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

STATUS = "CHANNELREDIRECT_STATUS"


class SoftHangup(PbxModule):
    """The application SoftHangup."""

    name: ClassVar[str] = "app_softhangup"
    description: ClassVar[str] = "Hangs up the requested channel"

    @application(
        "SoftHangup",
        Documentation(
            "Hang up another channel.",
            "SoftHangup(Technology/Resource[,options])",
            "The channel ends as if its far end had hung up: its dialplan runs h. Nothing is told when there is none.",
            (
                Argument(
                    "Technology/Resource", "A channel's whole name, or a device, of which the oldest call ends.", True
                ),
                Argument("options", "Letters.", values=(("a", "Hang up all channels of the device."),)),
            ),
            ("Hangup", "ChannelRedirect"),
        ),
    )
    async def soft_hangup(self, channel: Channel, args: str) -> None:
        """Run SoftHangup."""
        wanted, letters, *_ = [*split_arguments(args, limit=2), ""]
        name = str(wanted).strip()
        log = self.pbx.dialplan.log
        if not name:
            log.warning("SoftHangup needs a channel: Technology/Resource")
            return
        for letter in letters.strip():
            if letter != "a":
                log.warning("SoftHangup: option '%s' is not supported", letter)
        found: list[Channel] = []
        exact = self.pbx.channels.get(name)
        if exact is not None and "a" not in letters:
            found = [exact]
        else:
            device = name if exact is None else exact.device
            folded = device.lower()
            found = list(self.pbx.channels.of_device(device)) or [
                each for each in self.pbx.channels if each.device.lower() == folded
            ]
        found = [each for each in found if each.alive]
        for each in found if "a" in letters else found[:1]:
            each.soft_hangup()
        channel.check()


class ChannelRedirect(PbxModule):
    """The application ChannelRedirect."""

    name: ClassVar[str] = "app_channelredirect"
    description: ClassVar[str] = "Redirects a given channel to a dialplan target"

    @application(
        "ChannelRedirect",
        Documentation(
            "Send another channel elsewhere in the dialplan.",
            "ChannelRedirect(channel,[[context,]extension,]priority)",
            "The channel leaves what it does; a bridge that it was in ends. What is not given stays as it is for that "
            f"channel. {STATUS} is SUCCESS, NOCHANNEL where there is no such channel, and FAILED where it "
            "cannot be sent there: it is still being called, or there is no such label.",
            (
                Argument("channel", "Name of the channel, or its uniqueid.", True),
                Argument("context", "Where it goes."),
                Argument("extension", "Where it goes."),
                Argument("priority", "Number or label.", True),
            ),
            ("Goto", "SoftHangup", "Redirect"),
        ),
    )
    async def channel_redirect(self, channel: Channel, args: str) -> None:
        """Run ChannelRedirect."""
        name, *place = [str(part).strip() for part in split_arguments(args, limit=4)]
        log = self.pbx.dialplan.log
        if not name or not place or not place[-1]:
            log.warning("ChannelRedirect needs a channel and where it is to go: channel,[[context,]extension,]priority")
            channel.set_variable(STATUS, "FAILED")
            return
        target = self.pbx.channels.get(name)
        if target is None or not target.alive:
            log.warning("ChannelRedirect: there is no channel '%s'", name)
            channel.set_variable(STATUS, "NOCHANNEL")
            return
        context, exten, label = [*[""] * (3 - len(place)), *place]
        context, exten = context or target.context, exten or target.exten
        priority = self.pbx.dialplan.resolve_priority(context, exten, label)
        called = target.task is None and target.control_listener is not None
        if not priority or called:
            why = "it is still being called" if called else "there is no such place"
            log.warning("ChannelRedirect: %s cannot go to %s,%s,%s: %s", target.name, context, exten, label, why)
            channel.set_variable(STATUS, "FAILED")
            return
        channel.set_variable(STATUS, "SUCCESS")
        goto = Goto(context, exten, priority)
        if target is channel:
            raise goto
        target.redirect(goto)
