"""BackGround: play sound files while the caller may dial an extension."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.media.dtmf import KEYS
from asterism.pbx.channels.answering import answer
from asterism.pbx.channels.playing import play_or_tell
from asterism.pbx.dialplan.language.arguments import option_letters, split_fields, split_names
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

"""What a phone can dial."""


class BackgroundModule(PbxModule):
    """The application BackGround."""

    name: ClassVar[str] = "pbx_background"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Sounds that an extension may be dialled into"

    @application(
        "BackGround",
        Documentation(
            "Play sound files while the caller may dial an extension",
            "BackGround(filename[&filename2[&...]][,options[,language[,context]]])",
            "Plays the files in order. A digit ends them: it is the first of an extension of the context, and the "
            "others may follow as for WaitExten. Without a digit the dialplan goes on. The channel is answered first "
            "unless told otherwise.\n"
            "BACKGROUNDSTATUS is SUCCESS, or FAILED when a file was missing or could not be read; the others are "
            "played.",
            (
                Argument("filenames", "Names without extension, joined by '&'.", True),
                Argument(
                    "options",
                    "Letters.",
                    values=(
                        ("s", "Play nothing on a channel that has not been answered."),
                        ("n", "Do not answer; the files are early media where there is any."),
                        ("m", "Only a digit that is an extension of the context by itself ends the files."),
                        ("p", "No digit ends the files."),
                    ),
                ),
                Argument("language", "Language of the files; by default the channel's."),
                Argument("context", "Where the extension is looked for; by default the channel's context."),
            ),
            ("Playback", "WaitExten", "BackgroundDetect", "Read"),
        ),
    )
    async def background(self, channel: Channel, args: str) -> None:
        """Run BackGround."""
        files, letters, language, context = split_fields(args, 4, rest=True)
        options = option_letters(letters)
        executor, table = self.pbx.dialplan.executor, self.pbx.dialplan
        context = context or channel.context
        keys = "" if "p" in options else KEYS
        if "m" in options:
            keys = "".join(key for key in keys if table.exists(context, key, 1, channel.caller.number))
        status, digit = "SUCCESS", None
        if not files:
            channel.pbx.log.warning("BackGround needs a file name")
            status = "FAILED"
        elif channel.state is ChannelState.UP or "s" not in options:
            if "n" not in options:
                await answer(channel)
            channel.stop_tone()
            try:
                for name in split_names(files):
                    digit = await play_or_tell(channel, "BackGround", name, keys, language)
                    if digit is None:
                        status = "FAILED"
                    elif digit:
                        break
            except ChannelHangup:
                channel.set_variable("BACKGROUNDSTATUS", status)
                raise
        channel.set_variable("BACKGROUNDSTATUS", status)
        if digit:
            await executor.wait_exten(channel, 0, context, digit)
