"""Read, ReadExten: digits of the caller into a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.media.dtmf import KEYS
from asterism.pbx.channels.answering import answer
from asterism.pbx.channels.playing import play_or_tell, start_tone
from asterism.pbx.dialplan.language.arguments import number, option_letters, split_fields, split_letters, split_names
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_MOST = 255
_MOST_ATTEMPTS = 100
_FIRST, _FURTHER = 10.0, 5.0
"""Seconds that the first digit, and each further one, may take."""
_WITH_ARGUMENT = frozenset("t")


_OPTIONS = (
    ("s", "Do nothing on a channel that has not been answered."),
    ("i", "filename is a tone: its name in indications.conf, or a list as for PlayTones."),
    ("n", "Read without answering."),
)


class Prompt:
    """What the caller hears before, and until, the first digit: files, or a tone."""

    def __init__(self, channel: Channel, application: str, names: str, tone: bool) -> None:
        self._channel, self._application, self._tone = channel, application, tone
        self._names = names

    async def first(self, seconds: float) -> str:
        """The first digit, ``""`` when none comes in time after the files, or while the tone plays."""
        channel = self._channel
        if self._tone and self._names:
            try:
                start_tone(channel, self._names)
            except UsageError as error:
                channel.pbx.log.warning("%s on %s: %s", self._application, channel.name, error)
            try:
                return await channel.read_digit(seconds) or ""
            finally:
                channel.stop_tone()
        for name in split_names(self._names):
            digit = await play_or_tell(channel, self._application, name, KEYS)
            if digit:
                return digit
        return await channel.read_digit(seconds) or ""


async def collect(channel: Channel, prompt: Prompt, digits: list[str], most: int, ends: str, seconds: float) -> str:
    """Put the digits of one attempt into ``digits``; what ended them, ``""`` when they were waited for in vain.

    ``seconds`` is how long each may take; 0: 10 seconds for the first, and 5 for each further one.
    """
    digit = await prompt.first(seconds or _FIRST)
    while digit and digit not in ends:
        digits.append(digit)
        if len(digits) == most:
            break
        digit = await channel.read_digit(seconds or _FURTHER) or ""
    return digit


class ReadingModule(PbxModule):
    """The applications Read and ReadExten."""

    name: ClassVar[str] = "app_read"
    covers: ClassVar[tuple[str, ...]] = ("app_readexten",)
    description: ClassVar[str] = "Read Variable Applications"

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
                        *_OPTIONS,
                        ("t(digits)", "What ends the digits in place of '#'; t() alone: nothing does."),
                        ("e", "The digit that ended them is the variable's value when it is the only one."),
                    ),
                ),
                Argument("attempts", "How often to ask when nothing is entered; 1."),
                Argument("timeout", "Seconds to wait for each digit; 10 for the first and 5 for the others."),
            ),
            ("ReadExten", "WaitDigit", "SendDTMF", "Playback"),
        ),
    )
    async def read(self, channel: Channel, args: str) -> None:
        """Run Read."""
        variable, files, count, letters, attempts, timeout = split_fields(args, 6)
        log, foreign = channel.pbx.log, self.pbx.dialplan.environment.foreign
        channel.set_variable("READSTATUS", "ERROR")
        if not variable:
            log.warning("Read needs a variable")
            return
        options = dict(split_letters(letters, _WITH_ARGUMENT))
        ends = (options["t"] or "") if "t" in options else "#"
        most = min(int(number(count) or 0), _MOST)
        if most:
            log.verbose(3, "Accepting a maximum of %d digit%s.", most, "" if most == 1 else "s")
        if channel.state is not ChannelState.UP:
            if "s" in options:
                channel.set_variable(variable, "")
                channel.set_variable("READSTATUS", "SKIPPED")
                return
            if "n" not in options:
                await answer(channel)
        tries = max(1, min(int(number(attempts) or 1), _MOST_ATTEMPTS))
        prompt = Prompt(channel, "Read", files, "i" in options)
        digits: list[str] = []
        ended = ""
        try:
            while tries and not digits and not ended:
                tries -= 1
                ended = await collect(channel, prompt, digits, most or _MOST, ends, number(timeout) or 0.0)
                if not digits and tries and not ended:
                    log.verbose(3, "User entered nothing, %d chance%s left", tries, "" if tries == 1 else "s")
        except ChannelHangup:
            channel.set_variable(variable, foreign("".join(digits)))
            channel.set_variable("READSTATUS", "HANGUP")
            log.verbose(3, "User disconnected")
            raise
        value = "".join(digits)
        if not value and "e" in options and ended in ends:
            value = ended
        channel.set_variable(variable, foreign(value))
        channel.set_variable("READSTATUS", "OK" if ended else "TIMEOUT")
        if value:
            log.verbose(3, "User entered '%s'", value)
        else:
            log.verbose(3, "User entered nothing.")

    @application(
        "ReadExten",
        Documentation(
            "Read an extension into a variable",
            "ReadExten(variable[,filename[,context[,options[,timeout]]]])",
            "Plays the files, which a digit interrupts, and reads digits until they are an extension that no other "
            "begins with, or TIMEOUT(digit) has passed. The dialplan goes on in any case.\n"
            "READEXTENSTATUS is OK, TIMEOUT (the variable is 't'), INVALID (it is 'i', INVALID_EXTEN what was "
            "dialled), SKIP, ERROR or HANGUP.",
            (
                Argument("variable", "Takes the extension.", True),
                Argument("filename", "What to play first: names joined by '&', or a tone with the option i."),
                Argument("context", "Where the extension is looked for; by default the channel's context."),
                Argument(
                    "options",
                    "Letters.",
                    values=(
                        *_OPTIONS,
                        ("p", "'#' ends the extension."),
                    ),
                ),
                Argument("timeout", "Seconds to wait for the first digit; TIMEOUT(response) by default."),
            ),
            ("Read", "WaitExten", "BackGround"),
        ),
    )
    async def read_exten(self, channel: Channel, args: str) -> None:
        """Run ReadExten."""
        variable, files, context, letters, timeout = split_fields(args, 5)
        if not variable:
            channel.pbx.log.warning("ReadExten needs a variable")
            channel.set_variable("READEXTENSTATUS", "ERROR")
            return
        options = option_letters(letters)
        if channel.state is not ChannelState.UP:
            if "s" in options:
                channel.set_variable(variable, "")
                channel.set_variable("READEXTENSTATUS", "SKIP")
                return
            if "n" not in options:
                await answer(channel)
        prompt = Prompt(channel, "ReadExten", files, "i" in options)
        try:
            value, status = await self._extension(
                channel, prompt, context or channel.context, "#" if "p" in options else "", number(timeout) or 0.0
            )
        except ChannelHangup:
            channel.set_variable(variable, "")
            channel.set_variable("READEXTENSTATUS", "HANGUP")
            raise
        channel.set_variable(variable, value)
        channel.set_variable("READEXTENSTATUS", status)

    async def _extension(
        self, channel: Channel, prompt: Prompt, context: str, ends: str, seconds: float
    ) -> tuple[str, str]:
        """The variable's value, and the status."""
        executor, dialplan = self.pbx.dialplan.executor, self.pbx.dialplan
        state, caller = executor.state(channel), channel.caller.number
        digits = ""
        digit = await prompt.first(seconds or state.response_timeout)
        while digit and not (ends and digit in ends):
            digits += digit
            if not executor.begins(context, digits, caller, longer=True):
                break
            digit = await channel.read_digit(seconds or state.digit_timeout) or ""
        if not digits:
            channel.pbx.log.verbose(3, "User entered nothing.")
            return "t", "TIMEOUT"
        if dialplan.exists(context, digits, 1, caller):
            channel.pbx.log.verbose(3, "User entered extension '%s'", digits)
            return dialplan.environment.foreign(digits), "OK"
        channel.pbx.log.verbose(3, "User dialed invalid extension '%s' in context '%s' on %s", digits, context,
                                channel.name)  # fmt: skip
        channel.set_variable("INVALID_EXTEN", dialplan.environment.foreign(digits))
        return "i", "INVALID"
