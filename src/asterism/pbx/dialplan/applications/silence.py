"""WaitForSilence, WaitForNoise: wait for what the far end does, or does not, say."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.channels.answering import answer
from asterism.pbx.channels.hearing import wait_for_silence
from asterism.pbx.dialplan.language.arguments import number, split_arguments
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_ITERATIONS = Argument("iterations", "How often in a row that must come; 1.")
_TIMEOUT = Argument("timeout", "Seconds after which to give up; without it never.")
_REQUIRED_MS = 1000
_MOST = 1000


class SilenceModule(PbxModule):
    """The applications WaitForSilence and WaitForNoise."""

    name: ClassVar[str] = "app_waitforsilence"
    description: ClassVar[str] = "Wait For Silence/Noise Applications"

    @application(
        "WaitForSilence",
        Documentation(
            "Wait until the far end is silent",
            "WaitForSilence([silencerequired[,iterations[,timeout]]])",
            "Answers first. A far end that sends nothing is silent. WAITSTATUS is SILENCE or TIMEOUT, or HANGUP.",
            (Argument("silencerequired", f"Milliseconds of silence; {_REQUIRED_MS}."), _ITERATIONS, _TIMEOUT),
            ("WaitForNoise", "BackgroundDetect", "AMD"),
        ),
    )
    async def wait_for_silence(self, channel: Channel, args: str) -> None:
        """Run WaitForSilence."""
        await self._wait(channel, args, "silence", noise=False)

    @application(
        "WaitForNoise",
        Documentation(
            "Wait until the far end makes a noise",
            "WaitForNoise([noiserequired[,iterations[,timeout]]])",
            "Answers first. WAITSTATUS is NOISE or TIMEOUT, or HANGUP.",
            (Argument("noiserequired", f"Milliseconds of noise; {_REQUIRED_MS}."), _ITERATIONS, _TIMEOUT),
            ("WaitForSilence", "BackgroundDetect", "AMD"),
        ),
    )
    async def wait_for_noise(self, channel: Channel, args: str) -> None:
        """Run WaitForNoise."""
        await self._wait(channel, args, "noise", noise=True)

    @staticmethod
    async def _wait(channel: Channel, args: str, what: str, *, noise: bool) -> None:
        words = [*split_arguments(args), "", "", ""][:3]
        required, times, limit = (number(word) for word in words)
        for word, value in zip(words, (required, times, limit), strict=True):
            if word.strip() and value is None:
                channel.pbx.log.warning(
                    "Waiting for %s on %s: '%s' is no number, and left out", what, channel.name, word
                )
        milliseconds = int(required if required is not None else _REQUIRED_MS)
        iterations = min(int(times or 1), _MOST)
        timeout = int(limit or 0)
        log, loop = channel.pbx.log, channel.pbx.loop
        if channel.state is not ChannelState.UP:
            await answer(channel)
        log.verbose(3, "Waiting %d time(s) for %dms of %s with %ds timeout", iterations, milliseconds, what, timeout)
        end = loop.time() + timeout
        status = what.upper()
        try:
            for _ in range(iterations):
                left = end - loop.time() if timeout else None
                over = left is not None and left <= 0
                lasted = 0.0 if over else await wait_for_silence(channel, milliseconds / 1000, left, noise=noise)
                if not lasted:
                    status = "TIMEOUT"
                    break
                log.verbose(3, "Exiting with %dms of %s >= %dms required", int(lasted), what, milliseconds)
        except ChannelHangup:
            channel.set_variable("WAITSTATUS", "HANGUP")
            raise
        channel.set_variable("WAITSTATUS", status)
