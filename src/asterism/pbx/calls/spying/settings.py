"""The options of ChanSpy and ExtenSpy."""

from __future__ import annotations

from dataclasses import dataclass, field

from asterism.media.dtmf import KEYS
from asterism.pbx.calls.spying.spying import LOUDEST, Mode
from asterism.pbx.dialplan.language.arguments import split_letters

NEXT = "*"
"""The digit that looks for another channel, where option ``c`` names no other."""
_LETTERS = "bBcdDeEglnoqrsSuvwWxX"
_WITH_ARGUMENT = frozenset("cegnruvx")


@dataclass(slots=True)
class SpySettings:
    """What was asked for."""

    mode: Mode = Mode.LISTEN
    bridged_only: bool = False
    exact: bool = False
    """Whether the channel is told by its whole name or its uniqueid."""
    groups: frozenset[str] = frozenset()
    """Only channels with one of these in ``SPYGROUP``; empty: all."""
    enforced: frozenset[str] | None = None
    """Only devices with one of these names; ``None``: all."""
    only_says: bool = False
    volume: int = 0
    quiet: bool = False
    says_technology: bool = True
    mailbox: tuple[str, str] | None = None
    """Mailbox, or nothing, and context of who is announced by name; ``None``: nobody is."""
    record: str | None = None
    """The beginning of the recording's name; ``None``: nothing is recorded."""
    stereo: bool = False
    switches_modes: bool = False
    next_digit: str = NEXT
    exit_digit: str = ""
    exits_to_extension: bool = False
    ends_with_channel: bool = False
    ends_without_channel: bool = False
    problems: list[str] = field(default_factory=list)
    """What of the options is wrong, and has no effect."""


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip().lower() for word in text.split(":") if word.strip())


def is_folder_name(text: str) -> bool:
    """Whether a text can be a part of a path, and leads nowhere else."""
    return not ("/" in text or ".." in text or "\0" in text)


def _mode(letters: dict[str, str]) -> Mode:
    for letter, mode in (("B", Mode.BARGE), ("W", Mode.PRIVATE), ("w", Mode.WHISPER)):
        if letter in letters:
            return mode
    return Mode.LISTEN


def parse(options: str) -> SpySettings:
    """Read the options."""
    found = SpySettings()
    letters: dict[str, str] = {}
    for letter, argument in split_letters(options, _WITH_ARGUMENT):
        if letter in _LETTERS:
            letters[letter] = (argument or "").strip()
        else:
            found.problems.append(f"option '{letter}' is unknown")
    found.mode = _mode(letters)
    found.bridged_only, found.exact, found.only_says = "b" in letters, "u" in letters, "o" in letters
    found.quiet, found.says_technology = "q" in letters, "s" not in letters
    found.stereo, found.switches_modes = "D" in letters, "d" in letters
    found.exits_to_extension = "X" in letters
    found.ends_with_channel, found.ends_without_channel = "E" in letters, "S" in letters
    found.groups = _words(letters.get("g", ""))
    if "g" in letters and not found.groups:
        found.problems.append("option 'g' needs a group")
    if "e" in letters:
        found.enforced = _words(letters["e"])
        if not found.enforced:
            found.problems.append("option 'e' names nobody: no channel is spied on")
    if "n" in letters:
        mailbox, _, context = letters["n"].partition("@")
        if is_folder_name(mailbox) and is_folder_name(context):
            found.mailbox = mailbox.strip(), context.strip() or "default"
        else:
            found.problems.append("option 'n' names no mailbox: it leads to another folder")
    if "r" in letters:
        found.record = letters["r"] or "chanspy"
    for letter, name in (("c", "next_digit"), ("x", "exit_digit")):
        if letter not in letters:
            continue
        if len(letters[letter]) == 1 and letters[letter].upper() in KEYS:
            setattr(found, name, letters[letter].upper())
        else:
            found.problems.append(f"option '{letter}' needs a digit")
    if letters.get("v"):
        try:
            volume = int(letters["v"])
        except ValueError:
            volume = LOUDEST + 1
        if abs(volume) > LOUDEST:
            found.problems.append(f"option 'v' needs a number from -{LOUDEST} to {LOUDEST}")
        else:
            found.volume = volume
    return found
