"""Running one console command: finding it by its words, its usage, its failures, its completion."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from functools import partial

from asterism.core.commands import Command, CommandCall, ConsoleView
from asterism.core.containment import FAILURES, report_failure, task_ends
from asterism.core.errors import AsterismError, CommandError, UsageError
from asterism.core.module import CoreServer
from asterism.core.registry import Entry

_INDENT = " " * 7
_WIDTH = 79
_SYNOPSIS_COLUMN = 30


_CONTROLS = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
_PLAIN = re.compile(f"(?P<control>{_CONTROLS})")
_WITH_COLOR = re.compile(rf"\x1b\[[0-9;]*m|(?P<control>{_CONTROLS})")


def _shown(found: re.Match[str]) -> str:
    """A control character of a command's text, written out: what a caller sent must not drive the terminal."""
    control = found["control"]
    return found[0] if control is None else control.encode("unicode_escape").decode()


def _write(write: Callable[[str], None], unsafe: re.Pattern[str], text: str) -> None:
    write(text if text.isprintable() else unsafe.sub(_shown, text))


def split_words(line: str) -> list[str]:
    """The words of a command line; double quotes hold blanks, a backslash takes the next character as it is."""
    words: list[str] = []
    word = ""
    quoted = escaped = started = False
    for character in line:
        if escaped:
            word, escaped = word + character, False
        elif character == "\\":
            escaped = started = True
        elif character == '"':
            quoted, started = not quoted, True
        elif character.isspace() and not quoted:
            if started:
                words.append(word)
            word, started = "", False
        else:
            word, started = word + character, True
    if started:
        words.append(word)
    return words


def usage_of(entry: Entry[Command]) -> str:
    """The usage text printed for a wrong call: the syntax, then the description, indented as the console shows it."""
    documentation = entry.documentation
    lines = [f"Usage: {documentation.syntax or entry.name}"]
    for line in (documentation.description or documentation.synopsis).splitlines():
        lines += textwrap.wrap(line, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT) or [""]
    return "\n".join(lines) + "\n"


class CommandRunner:
    """Runs and completes the commands registered with one server."""

    def __init__(self, server: CoreServer) -> None:
        self._server = server

    def find(self, words: list[str]) -> tuple[Entry[Command], list[str]] | None:
        """The command with the longest match at the start of ``words``, and its arguments."""
        for count in range(len(words), 0, -1):
            entry = self._server.commands.entry(" ".join(words[:count]))
            if entry is not None:
                return entry, words[count:]
        return None

    async def run(
        self,
        line: str,
        write: Callable[[str], None],
        *,
        columns: int = 0,
        color: bool = False,
        console: ConsoleView | None = None,
    ) -> int:
        """Run one line, giving its text to ``write``; returns 0, or 1 when there is no such command or it failed.

        What is written holds no control characters but line ends, tabs, and colours where ``color`` allows them.
        """
        write = partial(_write, write, _WITH_COLOR if color else _PLAIN)
        words = split_words(line)
        if not words:
            return 0
        found = self.find(words)
        if found is None:
            write(
                f"No such command '{line.strip()}' "
                f"(type 'core show help {self._nearest(words)}' for other possible commands)\n"
            )
            return 1
        entry, args = found
        try:
            result = entry.item.run(CommandCall(args, write, columns, color, console))
            text = await result if inspect.isawaitable(result) else result
            write(text)
        except UsageError:
            write(usage_of(entry))
            return 1
        except CommandError as error:
            write(f"{error}\nCommand '{line.strip()}' failed.\n")
            return 1
        except AsterismError as error:
            write(f"{error}\n")
            return 1
        except FAILURES as error:
            if task_ends(error):
                raise
            report_failure(self._server.log, f"console command '{line.strip()}'")
            write(f"Command '{line.strip()}' failed: see the log.\n")
            return 1
        return 0

    def help(self, words: list[str]) -> str:
        """The usage of a command, or one line for each command that starts with ``words``."""
        entry = self._server.commands.entry(" ".join(words))
        if entry is not None:
            return usage_of(entry)
        found = sorted(
            (each for each in self._server.commands if each.name.split()[: len(words)] == words),
            key=lambda each: each.name,
        )
        if not found:
            return f"No such command '{' '.join(words)}'.\n"
        return "".join(
            f"{each.name:<{_SYNOPSIS_COLUMN}} -- {each.documentation.synopsis.removesuffix('.')}\n" for each in found
        )

    def complete(self, line: str) -> list[str]:
        """The words that may stand where the line's last word is (empty after a blank)."""
        words = split_words(line)
        if not line or line[-1].isspace():
            words.append("")
        candidates = set(self._next_words(words))
        found = self.find(words[:-1])
        if found is not None and found[0].item.complete is not None:
            candidates.update(found[0].item.complete(words[len(found[0].name.split()) :]))
        return sorted(word for word in candidates if word.startswith(words[-1]))

    def _next_words(self, words: list[str]) -> Iterable[str]:
        depth = len(words) - 1
        for entry in self._server.commands:
            parts = entry.name.split()
            if len(parts) > depth and parts[:depth] == words[:-1]:
                yield parts[depth]

    def _nearest(self, words: list[str]) -> str:
        """The words to ask help for: up to the first that no command has in its place, at least two.

        Behind words that only a choice can follow, no further.
        """
        known = 0
        names = [(entry.name.split(), entry.item.choice) for entry in self._server.commands]

        def begins(name: list[str], choice: bool) -> bool:
            return name[: known + 1] == words[: known + 1] and not (choice and known == len(name) - 2)

        while known < len(words) and any(begins(*each) for each in names):
            known += 1
        return " ".join(words[: max(2, known + 1)])
