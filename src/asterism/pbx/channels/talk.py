"""TALK_DETECT: events when a channel's far end begins to talk, and when it has stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.media.loudness import Loudness, Speech, SpeechDetector
from asterism.media.taps import Direction, Tap
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.media.stream import Frame
    from asterism.pbx.channels.channel import Channel

_KEY = "talk_detect"
"""Where ``channel.data`` keeps the tap."""
_SILENCE_MS, _THRESHOLD = 2500, 256


class TalkTap(Tap):
    """Tells the bus when the far end of ``channel`` begins to talk, and when it has stopped."""

    def __init__(self, channel: Channel, silence_ms: int, threshold: int) -> None:
        self._channel = channel
        self._began = 0.0
        self._loudness = Loudness()
        self.detector = SpeechDetector(silence_ms, threshold)

    def take(self, frame: Frame) -> None:
        """Hear one frame."""
        heard = self._loudness.take(frame)
        if heard is None:
            return
        change = self.detector.take(*heard)
        if change is None:
            return
        channel = self._channel
        now = channel.pbx.loop.time()
        if change is Speech.BEGAN:
            self._began = now
            channel.pbx.bus.publish(events.CHANNEL_TALKING_START, channel)
        else:
            duration = max(0, round((now - self._began) * 1000 - self.detector.silence_ms))
            channel.pbx.bus.publish(events.CHANNEL_TALKING_STOP, channel, duration)


class TalkDetection(PbxModule):
    """The function TALK_DETECT."""

    name: ClassVar[str] = "func_talkdetect"
    description: ClassVar[str] = "Detection of talk on a channel"

    @function_writer(
        "TALK_DETECT",
        Documentation(
            "Raise events when the channel's far end begins to talk and when it stops.",
            "TALK_DETECT(action)",
            "ChannelTalkingStart and ChannelTalkingStop. The value of set is the silence in milliseconds after which "
            f"talk is over ({_SILENCE_MS}), and the mean magnitude of the samples that counts as talk ({_THRESHOLD} of "
            "32768): Set(TALK_DETECT(set)=1000,300).",
            (Argument("action", "", True, (("set", "begin, or change the values"), ("remove", "end"))),),
        ),
    )
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Begin or end."""
        channel = needs_channel(channel)
        action = args.strip().lower()
        tap: TalkTap | None = channel.data.get(_KEY)
        if action == "remove":
            if tap is None or not channel.detach(channel.data.pop(_KEY)):
                raise FunctionError("nothing is detected on this channel")
            return
        if action != "set":
            raise FunctionError("it takes set or remove")
        silence_ms, threshold = _numbers(value)
        if tap is not None and channel.taps is not None and tap in channel.taps.taps:
            tap.detector.silence_ms, tap.detector.threshold = silence_ms, threshold
            return
        tap = channel.data[_KEY] = TalkTap(channel, silence_ms, threshold)
        channel.attach(tap, Direction.IN)


def _numbers(value: str) -> tuple[int, int]:
    found = [_SILENCE_MS, _THRESHOLD]
    for index, text in enumerate(value.split(",")[:2]):
        word = text.strip()
        if not word:
            continue
        if not (word.isascii() and word.isdigit() and int(word[:9]) > 0 and len(word) < 10):
            raise FunctionError(f"'{word}' is no number above 0")
        found[index] = int(word)
    return found[0], found[1]
