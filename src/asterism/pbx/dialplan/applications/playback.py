"""Playback: play sound files one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.media.soundfiles import SoundError
from asterism.pbx.channels.answering import answer
from asterism.pbx.channels.playing import play
from asterism.pbx.channels.saying.kinds import is_text
from asterism.pbx.channels.saying.say import say_text
from asterism.pbx.dialplan.language.arguments import split_arguments, split_names
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


class PlaybackModule(PbxModule):
    """The application Playback."""

    name: ClassVar[str] = "app_playback"
    description: ClassVar[str] = "Sound File Playback Application"

    @application(
        "Playback",
        Documentation(
            "Play sound files",
            "Playback(filename[&filename2[&...]][,options])",
            "Plays the files in order, without extension: the one that needs the least conversion is taken from the "
            "sounds of the channel's language. The channel is answered first unless told otherwise.\n"
            "PLAYBACKSTATUS is SUCCESS, or FAILED when a file was missing or could not be read; the others are played.",
            (
                Argument("filenames", "Names without extension, joined by '&'.", True),
                Argument(
                    "options",
                    "Words joined by commas.",
                    values=(
                        ("skip", "Play nothing on a channel that has not been answered."),
                        ("noanswer", "Do not answer; the files are early media where there is any."),
                        (
                            "say",
                            "Names are texts to say: num:21, enum:21 (ordinal), digits:12, char:ab, phonetic:ab, "  # noqa: ISC004
                            "money:1.5; date:, time: and datetime:[format:]epoch, with the format of SayUnixTime.",
                        ),
                        ("mix", "Names may be such texts or files."),
                    ),
                ),
            ),
            ("Echo", "Read"),
        ),
    )
    async def playback(self, channel: Channel, args: str) -> None:
        """Run Playback."""
        names, text = ([*split_arguments(args, limit=2), ""])[:2]
        options = {word.strip().lower() for word in text.split(",")}
        status = "SUCCESS"
        if not names.strip():
            channel.pbx.log.warning("Playback needs a file name")
            status = "FAILED"
        elif channel.state is ChannelState.UP or "skip" not in options:
            if "noanswer" not in options:
                await answer(channel)
            for name in split_names(names):
                try:
                    if "say" in options or ("mix" in options and is_text(name)):
                        await say_text(channel, name)
                    else:
                        await play(channel, name)
                except SoundError as error:
                    channel.pbx.log.warning("Playback on %s: %s", channel.name, error)
                    status = "FAILED"
        channel.set_variable("PLAYBACKSTATUS", status)
