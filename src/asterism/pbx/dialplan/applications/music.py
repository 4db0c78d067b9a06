"""MusicOnHold, StartMusicOnHold, StopMusicOnHold."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.channels.music.playing import class_by_digit, start_music, stop_music
from asterism.pbx.dialplan.language.arguments import number, split_arguments
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_CLASS = Argument("class", "A class of musiconhold.conf; empty: the channel's, else 'default'.")


class MusicApplications(PbxModule):
    """The applications."""

    name: ClassVar[str] = "app_musiconhold"
    part_of: ClassVar[tuple[str, ...]] = ("res_musiconhold",)
    description: ClassVar[str] = "Music on hold in the dialplan"

    @application(
        "MusicOnHold",
        Documentation(
            "Play music until the caller hangs up",
            "MusicOnHold([class[,duration]])",
            "A key that is the 'digit' of another class changes to that. CHANNEL(musicclass) outweighs the class named "
            "here unless preferchannelclass is off.",
            (_CLASS, Argument("duration", "Seconds after which the dialplan goes on.")),
            ("StartMusicOnHold",),
        ),
    )
    async def music_on_hold(self, channel: Channel, args: str) -> None:
        """Run MusicOnHold."""
        asked, duration = [*split_arguments(args, limit=2), "", ""][:2]
        loop = channel.pbx.loop
        seconds = number(duration) if duration.strip() else None
        end = None if seconds is None else loop.time() + max(0.0, seconds)
        if not start_music(channel, asked.strip()):
            channel.pbx.log.warning("MusicOnHold on %s: there is no music to play", channel.name)
        try:
            while end is None or loop.time() < end:
                digit = await channel.read_digit(None if end is None else max(0.0, end - loop.time()))
                found = None if digit is None else class_by_digit(channel.pbx.music.settings.classes.values(), digit)
                if found is not None:
                    channel.music_class = found.name
                    start_music(channel, found.name)
        finally:
            stop_music(channel)

    @application(
        "StartMusicOnHold",
        Documentation(
            "Play music while the dialplan goes on",
            "StartMusicOnHold([class])",
            "Until StopMusicOnHold, another sound, or the end of the call.",
            (_CLASS,),
            ("MusicOnHold", "StopMusicOnHold"),
        ),
    )
    async def start_music_on_hold(self, channel: Channel, args: str) -> None:
        """Run StartMusicOnHold."""
        if not start_music(channel, args.strip()):
            channel.pbx.log.warning("StartMusicOnHold on %s: there is no music to play", channel.name)

    @application(
        "StopMusicOnHold",
        Documentation(
            "Stop the music in the background",
            "StopMusicOnHold()",
            "Does nothing when no music plays.",
            see_also=("StartMusicOnHold",),
        ),
    )
    async def stop_music_on_hold(self, channel: Channel, args: str) -> None:
        """Run StopMusicOnHold."""
        stop_music(channel)
