"""Whether a human or a machine has answered, by the rhythm of what is said; pure: it is given levels and lengths.

A human says a short greeting and waits. A machine says a long one, or many words, or nothing for a while. Time is
counted in audio, not by the clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What tells the one from the other; times in milliseconds."""

    initial_silence: int = 2500
    """Silence before anything is said: a machine."""
    greeting: int = 1500
    """Speech that is longer: a machine."""
    after_greeting_silence: int = 800
    """Silence after something was said: a human."""
    total_analysis_time: int = 5000
    """It is not known after so long."""
    minimum_word_length: int = 100
    """Sound that is shorter is no word."""
    between_words_silence: int = 50
    """Silence that ends a word."""
    maximum_number_of_words: int = 2
    """More words: a machine."""
    silence_threshold: int = 256
    """Mean magnitude of samples from which on it is sound."""
    maximum_word_length: int = 5000
    """A longer word: a machine."""


class Verdict(NamedTuple):
    """What it is."""

    status: str
    """``HUMAN``, ``MACHINE`` or ``NOTSURE``."""
    cause: str
    """Why: ``LONGGREETING-1500-1500``."""


class AnsweringMachineDetector:
    """Takes in one piece of audio after another until it knows."""

    __slots__ = ("_greeting", "_initial", "_quiet", "_rhythm", "_silence", "_tell", "_total", "_voice", "_word",
                 "_word_ms", "words")  # fmt: skip

    def __init__(self, rhythm: Rhythm, tell: Callable[[str], object]) -> None:
        """``tell`` is given lines for the log that say what was found."""
        self._rhythm = rhythm
        self._tell = tell
        self._word = True
        """Whether it is within a word; the first moment counts as one."""
        self._initial = True
        self._greeting = False
        self._total = self._quiet = self._silence = self._voice = self._word_ms = 0.0
        self.words = 0
        """Words so far."""

    def take(self, level: float, ms: float) -> Verdict | None:
        """Take in a piece of that loudness and length; what it is, once that is known."""
        self._total += ms
        if self._total >= self._rhythm.total_analysis_time:
            self._tell(f"Too long: {self._total:.0f} ms")
            return Verdict("NOTSURE", f"TOOLONG-{self._total:.0f}")
        return self._loud(ms) if level >= self._rhythm.silence_threshold else self._silent(ms)

    def _silent(self, ms: float) -> Verdict | None:
        rhythm = self._rhythm
        self._quiet += ms
        if self._quiet < rhythm.between_words_silence:
            return None
        if self._word:
            self._tell("Changed state to STATE_IN_SILENCE")
        self._word, self._word_ms, self._silence = False, 0.0, self._quiet
        if self._initial and self._silence >= rhythm.initial_silence:
            figures = f"{self._silence:.0f}", rhythm.initial_silence
            self._tell("ANSWERING MACHINE: silenceDuration:{} initialSilence:{}".format(*figures))
            return Verdict("MACHINE", "INITIALSILENCE-{}-{}".format(*figures))
        if self._greeting and self._silence >= rhythm.after_greeting_silence:
            figures = f"{self._silence:.0f}", rhythm.after_greeting_silence
            self._tell("HUMAN: silenceDuration:{} afterGreetingSilence:{}".format(*figures))
            return Verdict("HUMAN", "HUMAN-{}-{}".format(*figures))
        return None

    def _loud(self, ms: float) -> Verdict | None:
        rhythm = self._rhythm
        self._quiet = 0.0
        self._word_ms += ms
        self._voice += ms
        if self._word_ms >= rhythm.minimum_word_length and not self._word:
            self.words += 1
            self._word = True
            self._tell(f"Word detected. iWordsCount:{self.words}")
        if self._word_ms >= rhythm.maximum_word_length:
            self._tell(f"Maximum Word Length detected. [{self._word_ms:.0f}]")
            return Verdict("MACHINE", f"MAXWORDLENGTH-{self._word_ms:.0f}")
        if self.words > rhythm.maximum_number_of_words:
            self._tell(f"ANSWERING MACHINE: iWordsCount:{self.words}")
            return Verdict("MACHINE", f"MAXWORDS-{self.words}-{rhythm.maximum_number_of_words}")
        if self._greeting and self._voice >= rhythm.greeting:
            self._tell(f"ANSWERING MACHINE: voiceDuration:{self._voice:.0f} greeting:{rhythm.greeting}")
            return Verdict("MACHINE", f"LONGGREETING-{self._voice:.0f}-{rhythm.greeting}")
        if self._voice >= rhythm.minimum_word_length and self._silence:
            self._tell(f"Detected Talk, previous silence duration: {self._silence:.0f}")
            self._silence = 0.0
        if self._word_ms >= rhythm.minimum_word_length:
            self._initial, self._greeting = False, True
        return None
