"""AMD: whether a human or a machine has answered; ``amd.conf``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from asterism.config import ConfigFile
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import ConfigError
from asterism.media.answering_machine import Rhythm, Verdict
from asterism.media.soundfiles import SoundError
from asterism.pbx.channels.hearing import who_answered
from asterism.pbx.channels.playing import Playing, start_play
from asterism.pbx.dialplan.language.arguments import split_fields
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule
from asterism.pbx.vocabulary.settings_file import load_settings

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

FILE = "amd.conf"
OPTIONS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "initial_silence": ("initial_silence", "Silence before anything is said, in milliseconds: a machine."),
    "greeting": ("greeting", "Speech that is longer, in milliseconds: a machine."),
    "after_greeting_silence": ("after_greeting_silence", "Silence after something was said, in milliseconds: a human."),
    "total_analysis_time": ("total_analysis_time", "Milliseconds after which it is not known."),
    "min_word_length": ("minimum_word_length", "Milliseconds; sound that is shorter is no word."),
    "between_words_silence": ("between_words_silence", "Milliseconds of silence that end a word."),
    "maximum_number_of_words": ("maximum_number_of_words", "More words: a machine."),
    "silence_threshold": ("silence_threshold", "Mean magnitude of samples, of 32768, from which on it is sound."),
    "maximum_word_length": ("maximum_word_length", "A word that is longer, in milliseconds: a machine."),
})  # fmt: skip
"""The options of ``[general]``: which value of :class:`~asterism.media.answering_machine.Rhythm` each is, and help.

Their order is that of the application's arguments."""
SOUND = "playback_file"
MOST = 100_000
_ARGUMENTS = (
    ("initialSilence", "greeting", "afterGreetingSilence", "totalAnalysisTime", "minimumWordLength"),
    ("betweenWordsSilence", "maximumNumberOfWords", "silenceThreshold", "maximumWordLength"),
)
_NAMES = (*_ARGUMENTS[0], *_ARGUMENTS[1])


def read_settings(file: ConfigFile) -> tuple[tuple[Rhythm, str], list[ConfigError]]:
    """What ``amd.conf`` says and the sound that it has played, and what is wrong; that leaves the default."""
    values: dict[str, int] = {}
    sound = ""
    problems: list[ConfigError] = []
    for section in file:
        if section.name.lower() != "general":
            problems.append(ConfigError(f"there is no section [{section.name}]", section.position, "", "general"))
            continue
        for option in section.options:
            name, value = option.name.lower(), option.value.strip()
            if name == SOUND:
                sound = value
            elif name not in OPTIONS:
                problems.append(option.error(f"there is no option '{option.name}'", ", ".join((*OPTIONS, SOUND))))
            elif _number(value) is None:
                problems.append(option.error(f"'{value}' is no whole number", f"0 to {MOST}"))
            else:
                values[OPTIONS[name][0]] = int(value)
    return (Rhythm(**values), sound), problems


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text) <= MOST):
        return None
    return int(text)


class AmdModule(PbxModule):
    """The application AMD."""

    name: ClassVar[str] = "app_amd"
    description: ClassVar[str] = "Answering Machine Detection Application"

    def load(self, server: HostServer) -> None:
        """Read the file and register the application."""
        self._server = server
        self._rhythm, self._sound = Rhythm(), ""
        super().load(server)
        self.reload()

    def reload(self) -> None:
        """Read ``amd.conf`` again: for calls that are answered from now on."""
        settings = load_settings(self._server, FILE, read_settings)
        if settings is not None:
            self._rhythm, self._sound = settings

    @application(
        "AMD",
        Documentation(
            "Tell whether a human or an answering machine has answered",
            "AMD([initialSilence[,greeting[,afterGreetingSilence[,totalAnalysisTime[,minimumWordLength"
            "[,betweenWordsSilence[,maximumNumberOfWords[,silenceThreshold[,maximumWordLength[,audioFile]]]]]]]]]])",
            "Listens to the far end, which need not have answered. An argument that is left out has the value of "
            "amd.conf.\n"
            "AMDSTATUS is HUMAN, MACHINE, NOTSURE or HANGUP; AMDCAUSE says why: INITIALSILENCE-ms-limit, "
            "LONGGREETING-ms-limit, MAXWORDLENGTH-ms, MAXWORDS-words-limit, HUMAN-ms-limit or TOOLONG-ms.",
            (
                *(Argument(name, text) for name, (_, text) in zip(_NAMES, OPTIONS.values(), strict=True)),
                Argument("audioFile", "A sound to play meanwhile."),
            ),
            ("WaitForSilence", "BackgroundDetect"),
        ),
    )
    async def amd(self, channel: Channel, args: str) -> None:
        """Run AMD."""
        *words, sound = split_fields(args, 10)
        log = channel.pbx.log
        values: dict[str, int] = {}
        for word, (name, _) in zip(words, OPTIONS.values(), strict=True):
            value = _number(word)
            if value is not None:
                values[name] = value
            elif word:
                log.warning("AMD on %s: '%s' is no whole number up to %d", channel.name, word, MOST)
        rhythm = replace(self._rhythm, **values)
        self._begin(channel, rhythm)

        def tell(text: str) -> None:
            log.verbose(3, "AMD: Channel [%s]. %s", channel.name, text)

        playing: Playing | None = None
        try:
            if sound or self._sound:
                try:
                    playing = start_play(channel, sound or self._sound)
                except SoundError as error:
                    log.warning("AMD on %s: %s", channel.name, error)
            verdict = await who_answered(channel, rhythm, tell)
        except ChannelHangup:
            tell("HANGUP")
            self._set(channel, Verdict("HANGUP", ""))
            raise
        finally:
            if playing is not None:
                playing.stop()
        self._set(channel, verdict)

    @staticmethod
    def _begin(channel: Channel, rhythm: Rhythm) -> None:
        log, stream, redirecting = channel.pbx.log, channel.stream, channel.redirecting
        if log.verbosity < 3:
            return
        diverted = "" if redirecting is None else redirecting.from_.number
        log.verbose(
            3, "AMD: %s %s %s (Fmt: %s)", channel.name, channel.caller.number, diverted or "(N/A)",
            "none" if stream is None else stream.format.name,
        )  # fmt: skip
        shown = " ".join(
            f"{name} [{getattr(rhythm, field)}]" for name, (field, _) in zip(_NAMES, OPTIONS.values(), strict=True)
        )
        log.verbose(3, "AMD: %s", shown)

    @staticmethod
    def _set(channel: Channel, verdict: Verdict) -> None:
        channel.set_variable("AMDSTATUS", verdict.status)
        channel.set_variable("AMDCAUSE", verdict.cause)
