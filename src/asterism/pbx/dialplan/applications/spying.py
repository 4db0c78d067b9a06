"""ChanSpy, ExtenSpy: listen to a call, and speak into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.calls.spying import events
from asterism.pbx.calls.spying.choice import Choice
from asterism.pbx.calls.spying.settings import SpySettings, parse
from asterism.pbx.calls.spying.tour import Tour
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

_OPTIONS = (
    ("b", "only channels that are in a bridge"),
    ("B", "barge in: the channel's far end hears this channel, and so does everybody that it talks to"),
    ("c(digit)", "this digit, not *, looks for another channel"),
    ("d", "while spying 4 only listens, 5 whispers and 6 barges in; digits choose no channel then"),
    ("D", "with r: the file is stereo, what the channel says is left, what it hears right"),
    ("e(name[:...])", "only devices with one of these names: alice is PJSIP/alice"),
    ("E", "end when the channel that is spied on hangs up"),
    ("g(group[:...])", "only channels that have one of these groups in their variable SPYGROUP"),
    ("l", "no effect: what waits to be heard is kept as long as is useful anyhow"),
    (
        "n([mailbox][@context])",
        "instead of spelling a name, play voicemail/CONTEXT/MAILBOX/greet of the spool folder, where there is one",
    ),
    ("o", "hear only what the channel's far end says, not what it hears"),
    ("q", "no beep, and the channel's name is not spoken"),
    ("r[(name)]", "record what is heard: name.TIME.raw in the folder monitor of the spool folder; chanspy without one"),
    ("s", "leave the technology out where a channel's name is spoken"),
    ("S", "end when no channel is left to spy on"),
    ("v(volume)", "-4 to 4: the volume at first; positive multiplies, negative divides"),
    ("w", "whisper: the channel's far end hears this channel"),
    ("W", "the same, and nothing is heard here"),
    ("x(digit)", "this digit ends the application while a channel is spied on"),
    (
        "X",
        "a digit that is an extension of SPY_EXIT_CONTEXT, or of this context, goes there; SPY_CHANNEL is who was last",
    ),
)
_COMMON = (
    "Answers first. What the channel says and what it hears is heard mixed, whatever becomes of its call; several "
    "may spy on one. A channel that spies itself is never found. When the channel hangs up, the next one is looked "
    "for, and waited for where there is none.\n"
    "* goes on to another channel. # makes it louder by one step; after the loudest comes the softest. "
)


class SpyingApplications(PbxModule):
    """The applications."""

    name: ClassVar[str] = "app_chanspy"
    description: ClassVar[str] = "Listen to the audio of an active channel"

    def load(self, server: HostServer) -> None:
        """Register everything."""
        super().load(server)
        server.register_events(*events.ALL)

    @application(
        "ChanSpy",
        Documentation(
            "Listen to a channel, and speak into it",
            "ChanSpy([chanprefix][,options])",
            f"{_COMMON}Digits and # choose a channel by its name behind the prefix: with ChanSpy(PJSIP), 1234# goes to "
            "PJSIP/1234.",
            (
                Argument("chanprefix", "The beginning of the names of channels, such as PJSIP/alice; without it all."),
                Argument(
                    "options",
                    "Letters.",
                    values=(*_OPTIONS, ("u", "chanprefix is the whole name of a channel, or its uniqueid")),
                ),
            ),
            ("ExtenSpy", "MixMonitor", "BridgeAdd"),
        ),
    )
    async def chanspy(self, channel: Channel, args: str) -> None:
        """Run ChanSpy."""
        prefix, options = [*split_arguments(args, limit=2), "", ""][:2]
        settings = self._settings(channel, "ChanSpy", options)
        if settings.exact and not prefix.strip():
            channel.pbx.log.warning("ChanSpy on %s: option 'u' needs the name of a channel", channel.name)
            return
        await Tour(channel, Choice(settings, prefix.strip())).run()

    @application(
        "ExtenSpy",
        Documentation(
            "Listen to a channel that dialled an extension, and speak into it",
            "ExtenSpy(exten[@context][,options])",
            f"As ChanSpy, for channels whose place in the dialplan is that extension. {_COMMON}",
            (
                Argument("exten", "The extension; without a context, in that of this channel.", True),
                Argument("options", "Letters.", values=_OPTIONS),
            ),
            ("ChanSpy",),
        ),
    )
    async def extenspy(self, channel: Channel, args: str) -> None:
        """Run ExtenSpy."""
        place, options = [*split_arguments(args, limit=2), "", ""][:2]
        exten, _, context = place.partition("@")
        if not exten.strip():
            channel.pbx.log.warning("ExtenSpy on %s: it needs an extension", channel.name)
            return
        settings = self._settings(channel, "ExtenSpy", options)
        settings.exact = False
        await Tour(channel, Choice(settings, place=(context.strip() or channel.context, exten.strip()))).run()

    @staticmethod
    def _settings(channel: Channel, application: str, options: str) -> SpySettings:
        settings = parse(options)
        for problem in settings.problems:
            channel.pbx.log.warning("%s on %s: %s", application, channel.name, problem)
        return settings
