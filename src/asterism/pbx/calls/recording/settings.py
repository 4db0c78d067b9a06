"""What is to be recorded and where: settings of a recording, the names of its files, MixMonitor's options."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from asterism.core.errors import AsterismError
from asterism.core.restriction import DANGEROUS_APPLICATIONS, restriction
from asterism.media.recording.mixdown import Output, Source
from asterism.media.volume import gain_of
from asterism.pbx.dialplan.language.arguments import number, split_letters
from asterism.pbx.dialplan.language.foreign import NEUTRAL, foreign, is_foreign, shadow

BEEP_INTERVAL = 15.0
"""Seconds between the beeps of option B, where it does not say."""
SHORTEST_INTERVAL = 1.0
"""Seconds between beeps at least: each is a sound that is added to a call."""
_WITH_ARGUMENT = frozenset("BvVWrtims")
_GAINS = 4


class RecordingError(AsterismError):
    """A recording cannot begin: its file's name or kind, or what else was asked, is not possible."""


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """What a recording does; see the application MixMonitor."""

    outputs: tuple[Output, ...]
    """Its files."""
    bridged_only: bool = False
    """Whether only what is said in a bridge is recorded."""
    skip: float = 0.0
    """Seconds at the beginning that are not recorded."""
    beep: float = 0.0
    """Seconds between beeps that both parties hear, :data:`SHORTEST_INTERVAL` at least; 0: none."""
    beep_at_start: bool = False
    beep_at_end: bool = False
    gain_received: float = 1.0
    """Factor by which what the channel says is louder in the files."""
    gain_sent: float = 1.0
    """The same of what it hears."""
    delete: bool = False
    """Whether the files are deleted when the recording and its command are over."""
    variable: str = ""
    """The channel variable that gets the recording's identifier."""
    command: str = ""
    """Run by the shell when it is over."""
    mailboxes: str = ""
    """The mailboxes that were to get a copy."""
    filename: str = ""
    """The path of its mixed file as variables have it: text from outside where the name was; empty without one."""

    def path(self, *sources: Source) -> Path | None:
        """The file of one of these sources."""
        return next((one.path for one in self.outputs if one.source in sources), None)


def file_path(name: str, folder: Path, extension: str = "raw") -> Path:
    """The path of a file to record to: an absolute one as it is, another below ``folder``.

    Text from outside in a name makes it neither absolute nor lead anywhere by ``..``. What a manager client without the
    class ``system`` has begun stays below ``folder`` as well.

    Args:
        name: as the dialplan has it, with an extension.
        folder: of relative names.
        extension: for a name without.

    Raises:
        RecordingError: it is no name, or leads out of the folder where it may not.
    """
    name = name.strip()
    if not is_file_name(name):
        raise RecordingError(f"'{name}' is no name of a file" if name else "it needs the name of a file")
    if is_foreign(name) and ((shadow(name)[0] == NEUTRAL and name[0] == "/") or ".." in Path(name).parts):
        raise RecordingError(f"'{name}' is text from outside that would choose a folder")
    path = Path(name)
    if ".." in path.parts and not path.is_absolute():
        raise RecordingError(f"'{name}' leads out of {folder}")
    if path.suffix == ".wav49":
        path = path.with_suffix(".WAV")
    elif not path.suffix:
        path = path.with_name(f"{path.name}.{extension}")
    if path.is_absolute():
        if restriction.get() & DANGEROUS_APPLICATIONS and not path.resolve().is_relative_to(folder.resolve()):
            raise RecordingError(f"'{name}' is not below {folder}: a manager client needs the class system for that")
        return path
    return folder / path


def is_file_name(name: str) -> bool:
    """Whether a file can have that name; ``"."`` and ``".."`` are folders', and not every text can be one at all."""
    try:
        return b"\0" not in os.fsencode(name) and not name.endswith("/") and Path(name).name not in ("", "..")
    except UnicodeEncodeError:
        return False


def as_named(path: Path, name: str) -> str:
    """A path as a text, from outside if the name was that it was made of."""
    return foreign(str(path)) if is_foreign(name) else str(path)


def parse_mixmonitor(file: str, options: str, command: str, folder: Path) -> tuple[RecordingSettings, list[str]]:
    """Read the arguments of MixMonitor; the settings, and what is to be warned of.

    Raises:
        RecordingError: there is no file, or a name is not possible.
    """
    letters: dict[str, str] = {}
    problems: list[str] = []
    for letter, argument in split_letters(options, _WITH_ARGUMENT):
        if letter in "abBcdDimnpPrsStvVW":
            letters[letter] = (argument or "").strip()
        else:
            problems.append(f"option '{letter}' is unknown")
    append = "a" in letters
    outputs: list[Output] = []
    filename = ""
    if file.strip():
        source = Source.STEREO if "D" in letters else Source.MIXED
        path = file_path(file, folder)
        filename = as_named(path, file)
        outputs.append(Output(path, source, append))
    for letter, source in (("r", Source.RECEIVED), ("t", Source.SENT)):
        if letters.get(letter):
            outputs.append(Output(file_path(letters[letter], folder), source, append, sparse="n" in letters))
        elif letter in letters:
            problems.append(f"option '{letter}' needs a file")
    if not outputs:
        raise RecordingError("it needs the name of a file")

    def seconds(letter: str, default: float) -> float:
        if letter not in letters:
            return 0.0
        found = number(letters[letter]) if letters[letter] else default
        if not found:
            problems.append(f"option '{letter}' needs seconds")
            return default
        return found

    def gain(letter: str) -> float:
        both = letters.get("W", letters.get(letter))
        if both is None:
            return 1.0
        try:
            return gain_of(max(-_GAINS, min(_GAINS, int(both))))
        except ValueError:
            problems.append(f"option '{letter}' needs a number from -{_GAINS} to {_GAINS}")
            return 1.0

    if letters.get("m"):
        problems.append(f"no copy goes to {letters['m']}: there are no mailboxes for messages here")
    settings = RecordingSettings(
        tuple(outputs),
        bridged_only="b" in letters,
        skip=seconds("s", 0.0),
        beep=seconds("B", BEEP_INTERVAL),
        beep_at_start="p" in letters,
        beep_at_end="P" in letters,
        gain_received=gain("V"),
        gain_sent=gain("v"),
        delete="d" in letters,
        variable=letters.get("i", ""),
        command=command.strip(),
        mailboxes=letters.get("m", ""),
        filename=filename,
    )
    return settings, problems
