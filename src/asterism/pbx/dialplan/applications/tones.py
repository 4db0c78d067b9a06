"""Milliwatt, PlayTones, StopPlayTones: tones of our own making."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.media.tones import tone_frames
from asterism.pbx.channels.answering import answer
from asterism.pbx.channels.playing import play_frames, start_tone
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


class TonesModule(PbxModule):
    """The applications Milliwatt, PlayTones and StopPlayTones."""

    name: ClassVar[str] = "app_playtones"
    covers: ClassVar[tuple[str, ...]] = ("app_milliwatt",)
    description: ClassVar[str] = "Tone Applications"

    @application(
        "Milliwatt",
        Documentation(
            "Play a steady test tone",
            "Milliwatt()",
            "Answers and plays 1004 Hz until the caller hangs up, to check an audio path.",
            see_also=("PlayTones", "Echo"),
        ),
    )
    async def milliwatt(self, channel: Channel, args: str) -> None:
        """Run Milliwatt."""
        await answer(channel)
        await play_frames(channel, tone_frames("milliwatt"))

    @application(
        "PlayTones",
        Documentation(
            "Play a tone while the dialplan goes on",
            "PlayTones(tone)",
            "The tone plays until StopPlayTones, another sound, or the end of the call.",
            (
                Argument(
                    "tone",
                    "A name (dial, busy, ring, congestion, info, ...) or a list in the notation of indications.conf: "
                    "freq[+freq]/milliseconds, '!' for parts that are not repeated.",
                    True,
                ),
            ),
            ("StopPlayTones",),
        ),
    )
    async def play_tones(self, channel: Channel, args: str) -> None:
        """Run PlayTones."""
        try:
            start_tone(channel, args)
        except UsageError as error:
            channel.pbx.log.warning("PlayTones on %s: %s", channel.name, error)

    @application(
        "StopPlayTones",
        Documentation(
            "Stop the tone that PlayTones started",
            "StopPlayTones()",
            "Does nothing when no tone plays.",
            see_also=("PlayTones",),
        ),
    )
    async def stop_play_tones(self, channel: Channel, args: str) -> None:
        """Run StopPlayTones."""
        channel.stop_tone()
