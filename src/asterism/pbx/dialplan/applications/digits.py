"""WaitDigit, SendDTMF: digits in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.media.dtmf import DIGITS, KEYS
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


def _number(text: str, default: float) -> float:
    try:
        value = float(text)
    except ValueError:
        return default
    return value if abs(value) < 1e10 else default  # neither infinite nor "nan"


class DigitsModule(PbxModule):
    """The applications WaitDigit and SendDTMF."""

    name: ClassVar[str] = "app_senddtmf"
    covers: ClassVar[tuple[str, ...]] = ("app_waitdigit",)
    description: ClassVar[str] = "Digit Applications"

    @application(
        "WaitDigit",
        Documentation(
            "Wait for a digit",
            "WaitDigit([seconds][,digits])",
            "WAITDIGITSTATUS is DTMF, TIMEOUT, ERROR or HANGUP; WAITDIGITRESULT the digit.",
            (
                Argument("seconds", "How long to wait, fractions allowed; without it for ever."),
                Argument("digits", "The digits to wait for; all by default."),
            ),
            ("Read",),
        ),
    )
    async def wait_digit(self, channel: Channel, args: str) -> None:
        """Run WaitDigit."""
        seconds, _, wanted = (word.strip() for word in args.partition(","))
        wanted = wanted or KEYS
        loop = channel.pbx.loop
        limit = _number(seconds, -1.0) if seconds else None
        if limit is not None and limit < 0:
            channel.pbx.log.warning("WaitDigit: '%s' is not a time", seconds)
            channel.set_variable("WAITDIGITSTATUS", "ERROR")
            return
        end = None if limit is None else loop.time() + limit
        digit: str | None = None
        try:
            while True:
                digit = await channel.read_digit(None if end is None else max(0.0, end - loop.time()))
                if digit is None or digit in wanted:
                    break
        except ChannelHangup:
            channel.set_variable("WAITDIGITSTATUS", "HANGUP")
            raise
        channel.set_variable("WAITDIGITRESULT", self.pbx.dialplan.environment.foreign(digit or ""))
        channel.set_variable("WAITDIGITSTATUS", "TIMEOUT" if digit is None else "DTMF")

    @application(
        "SendDTMF",
        Documentation(
            "Send digits",
            "SendDTMF(digits[,timeout_ms][,duration_ms][,channel])",
            "Sends the digits to the channel, or to the named one.",
            (
                Argument("digits", "0-9 * # A-D; 'w' waits half a second, 'W' a second, 'f' is flash.", True),
                Argument("timeout_ms", "Between digits; 250."),
                Argument("duration_ms", "Of each digit; 100."),
                Argument("channel", "Another channel's name."),
            ),
            ("Read",),
        ),
    )
    async def send_dtmf(self, channel: Channel, args: str) -> None:
        """Run SendDTMF."""
        digits, gap, duration, name = (word.strip() for word in (args.split(",", 3) + [""] * 4)[:4])
        target = channel.pbx.channels.get(name) if name else channel
        if target is None:
            channel.pbx.log.warning("SendDTMF: there is no channel '%s'", name)
            return
        pause = min(max(0.0, _number(gap, 250.0)), 60_000.0) / 1000
        length = int(min(max(40.0, _number(duration, 100.0)), 8000.0))
        for digit in digits:
            if digit in "wW":
                await channel.wait(0.5 if digit == "w" else 1.0)
                continue
            digit = "!" if digit in "fF" else digit.upper()
            if digit in DIGITS:
                target.send_digit(digit, length)
                await channel.wait(length / 1000 + pause)
