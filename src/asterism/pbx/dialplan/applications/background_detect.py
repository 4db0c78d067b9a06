"""BackgroundDetect: play sound files until the caller talks, or dials."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.media.soundfiles import SoundError
from asterism.pbx.channels.answering import answer
from asterism.pbx.channels.hearing import LOUD, Hearing
from asterism.pbx.channels.playing import Playing, start_play
from asterism.pbx.dialplan.language.arguments import number, split_fields, split_names
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import Goto
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_SILENCE_MS, _LEAST_MS = 1000, 100


class Talk:
    """Finds one piece of talk that is over, neither too short nor too long, and begins soon enough.

    Pure: it is given levels and lengths; times in milliseconds.
    """

    def __init__(self, silence: float, least: float, most: float, analysis: float) -> None:
        self._silence, self._least, self._most, self._analysis = silence, least, most, analysis
        self._at = self._began = self._spoke = 0.0
        self._talking = False

    def take(self, level: float, ms: float) -> float | None:
        """Take in a piece of audio; the length of the talk, once there was one."""
        self._at += ms
        if level >= LOUD:
            if not self._talking:
                self._talking, self._began = True, self._at - ms
            self._spoke = self._at
            return None
        if not self._talking or self._at - self._spoke < self._silence:
            return None
        self._talking = False
        lasted = self._spoke - self._began
        return lasted if self._least <= lasted <= self._most and self._began < self._analysis else None


class BackgroundDetectModule(PbxModule):
    """The application BackgroundDetect."""

    name: ClassVar[str] = "app_talkdetect"
    description: ClassVar[str] = "Playback with Talk Detection"

    @application(
        "BackgroundDetect",
        Documentation(
            "Play sound files until the caller talks",
            "BackgroundDetect(filename[&filename2[&...]][,sil[,min[,max[,analysistime]]]])",
            "Answers first. When the caller has said something and is silent again, the files end, TALK_DETECTED is "
            "how long it was in milliseconds, and the call goes to the extension 'talk' of its context; without one "
            "the dialplan goes on. A digit that begins an extension of the context ends the files as well, as for "
            "BackGround.",
            (
                Argument("filenames", "Names without extension, joined by '&'.", True),
                Argument("sil", f"Milliseconds of silence that end what is said; {_SILENCE_MS}."),
                Argument("min", f"Milliseconds; what is shorter is no talk; {_LEAST_MS}."),
                Argument("max", "Milliseconds; what is longer is no talk; 0 or nothing: there is no limit."),
                Argument("analysistime", "Milliseconds in which it must begin; 0 or nothing: there is no limit."),
            ),
            ("BackGround", "WaitForSilence", "AMD", "TALK_DETECT"),
        ),
    )
    async def background_detect(self, channel: Channel, args: str) -> None:
        """Run BackgroundDetect."""
        files, *words = split_fields(args, 5)
        silence, least, most, analysis = (number(word) if word else None for word in words)
        if not files:
            channel.pbx.log.warning("BackgroundDetect needs a file name")
            return
        if channel.state is not ChannelState.UP:
            await answer(channel)
        channel.stop_tone()
        talk = Talk(
            _SILENCE_MS if silence is None else silence, _LEAST_MS if least is None else least, most or math.inf,
            analysis or math.inf,
        )  # fmt: skip
        digit = ""
        with Hearing(channel) as hearing:
            for name in split_names(files):
                try:
                    playing = start_play(channel, name)
                except SoundError as error:
                    channel.pbx.log.warning("BackgroundDetect on %s: %s", channel.name, error)
                    continue
                try:
                    over, digit = await self._play(channel, playing, hearing, talk)
                finally:
                    playing.stop()
                if over:
                    break
        if digit:
            await self.pbx.dialplan.executor.wait_exten(channel, 0, "", digit)

    async def _play(self, channel: Channel, playing: Playing, hearing: Hearing, talk: Talk) -> tuple[bool, str]:
        """Play one file: whether the caller ended it, and the digit that did. Goes to ``talk`` after talk."""
        table, caller = self.pbx.dialplan, channel.caller.number
        while playing.active:
            lasted = talk.take(*await hearing.next())
            if lasted is not None:
                channel.set_variable("TALK_DETECTED", f"{lasted:.0f}")
                if table.exists(channel.context, "talk", 1, caller):
                    raise Goto(channel.context, "talk", 1)
                return True, ""
            digit = await channel.read_digit(0)
            if digit and table.executor.begins(channel.context, digit, caller):
                return True, digit
        return False, ""
