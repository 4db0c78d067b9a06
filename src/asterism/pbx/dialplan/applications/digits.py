"""Read, WaitDigit, SendDTMF: digits in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.media.dtmf import DIGITS
from asterism.media.soundfiles import SoundError
from asterism.pbx.channels.answering import answer
from asterism.pbx.channels.playing import play
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_KEYS = DIGITS[:16]
_MAX_READ = 255


def _number(text: str, default: float) -> float:
    try:
        value = float(text)
    except ValueError:
        return default
    return value if abs(value) < 1e10 else default  # neither infinite nor "nan"


class DigitsModule(PbxModule):
    """The applications Read, WaitDigit and SendDTMF."""

    name: ClassVar[str] = "app_read"
    covers: ClassVar[tuple[str, ...]] = ("app_senddtmf", "app_waitdigit")
    description: ClassVar[str] = "Digit Applications"

    @application(
        "Read",
        Documentation(
            "Read digits into a variable",
            "Read(variable[,filename[&filename2]][,maxdigits][,options][,attempts][,timeout])",
            "Plays the files, which a digit interrupts, and reads digits until '#' or the most there may be.\n"
            "READSTATUS is OK, TIMEOUT, HANGUP, SKIPPED or ERROR.",
            (
                Argument("variable", "Takes the digits, without the one that ended them.", True),
                Argument("filenames", "What to play first."),
                Argument("maxdigits", "Stop after this many; 0 or nothing: 255."),
                Argument(
                    "options",
                    "Letters.",
                    values=(
                        ("s", "Do nothing on a channel that has not been answered."),
                        ("n", "Read without answering."),
                        ("t(digit)", "What ends the digits in place of '#'; t() alone: nothing does."),
                    ),
                ),
                Argument("attempts", "How often to ask when nothing is entered; 1."),
                Argument("timeout", "Seconds to wait for each digit; 10 for the first and 5 for the others."),
            ),
            ("WaitDigit", "SendDTMF", "Playback"),
        ),
    )
    async def read(self, channel: Channel, args: str) -> None:
        """Run Read."""
        variable, files, count, options, attempts, timeout = (
            word.strip() for word in (args.split(",", 5) + [""] * 6)[:6]
        )
        if not variable:
            channel.pbx.log.warning("Read needs a variable")
            channel.set_variable("READSTATUS", "ERROR")
            return
        terminator = "#"
        if "t(" in options:
            terminator = options.partition("t(")[2].partition(")")[0][:1]
            options = options.partition("t(")[0] + options.partition(")")[2]
        if channel.state is not ChannelState.UP:
            if "s" in options:
                channel.set_variable(variable, "")
                channel.set_variable("READSTATUS", "SKIPPED")
                return
            if "n" not in options:
                await answer(channel)
        most = int(_number(count, 0)) or _MAX_READ
        digits = ""
        status = "TIMEOUT"
        try:
            for _ in range(max(1, min(int(_number(attempts, 1)), 100))):
                digits, ended = await self._ask(channel, files, min(most, _MAX_READ), terminator, timeout)
                if digits or ended:
                    status = "OK" if ended else "TIMEOUT"
                    break
        except ChannelHangup:
            channel.set_variable(variable, self.pbx.dialplan.environment.foreign(digits))
            channel.set_variable("READSTATUS", "HANGUP")
            raise
        channel.set_variable(variable, self.pbx.dialplan.environment.foreign(digits))
        channel.set_variable("READSTATUS", status)

    async def _ask(self, channel: Channel, files: str, most: int, terminator: str, timeout: str) -> tuple[str, bool]:
        """One attempt: the digits, and whether they were ended rather than waited for in vain."""
        digits = ""
        for name in filter(None, (one.strip() for one in files.split("&"))):
            try:
                digits = await play(channel, name, interrupt=_KEYS)
            except SoundError as error:
                channel.pbx.log.warning("Read on %s: %s", channel.name, error)
            if digits:
                break
        if digits and digits == terminator:
            return "", True
        seconds = _number(timeout, 0)
        while len(digits) < most:
            digit = await channel.read_digit(seconds or (5.0 if digits else 10.0))
            if digit is None:
                return digits, False
            if digit == terminator:
                break
            digits += digit
        return digits, True

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
        wanted = wanted or _KEYS
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
