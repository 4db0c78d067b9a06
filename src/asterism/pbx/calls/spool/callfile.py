"""Reading a call file: lines ``Key: value``, and those that tell of attempts so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from asterism.config.values import is_boolean, is_true

MAX_SIZE = 64 * 1024
"""Bytes of a call file."""
_MAX_PROBLEMS = 20
_ENDS = ("endretry", "abortretry")


class CallFileError(ValueError):
    """The file is no call file at all: it is binary."""


@dataclass(slots=True)
class CallFile:
    """What a call file asks for; times in seconds."""

    channel: str = ""
    caller_id: str = ""
    wait_time: int = 45
    """How long to wait for the answer."""
    max_retries: int = 0
    """How many times to try again."""
    retry_time: int = 300
    """Time between the end of one attempt and the next."""
    account: str = ""
    context: str = "default"
    exten: str = ""
    priority: str = "1"
    application: str = ""
    data: str = ""
    codecs: str = ""
    early_media: bool = False
    always_delete: bool = False
    archive: bool = False
    variables: list[tuple[str, str]] = field(default_factory=list)
    attempts: int = 0
    """Attempts that have been made, and ended."""
    unfinished: bool = False
    """Whether an attempt was begun that has not ended."""
    problems: list[str] = field(default_factory=list)
    """What is wrong, each with its line."""

    def missing(self) -> str:
        """What is missing for a call; empty when nothing is."""
        technology, slash, resource = self.channel.partition("/")
        if not (slash and technology and resource):
            return "it needs Channel: Technology/Resource"
        if not (self.application or self.exten):
            return "it needs Application, or Context, Extension and Priority"
        return ""


def parse(data: bytes) -> CallFile:
    r"""Read a call file. What cannot be used is left out and listed in ``problems``.

    A line may end in a comment: ``;`` (``\;`` is a semicolon), or ``#`` at its begin or after a blank.

    Raises:
        CallFileError: it is not text.
    """
    if b"\0" in data:
        raise CallFileError("it is not text")
    text = data.decode("utf-8-sig", "replace")
    found = CallFile()
    for number, line in enumerate(text.split("\n"), 1):
        line = _without_comment(line).strip()
        if line:
            problem = _take(found, line)
            if problem and len(found.problems) < _MAX_PROBLEMS:
                found.problems.append(f"line {number}: {problem}")
    return found


def _without_comment(line: str) -> str:
    kept: list[str] = []
    before = ""
    for character in line:
        if character == ";":
            if before != "\\":
                break
            kept[-1] = ";"
        elif character == "#" and before in ("", " ", "\t"):
            break
        else:
            kept.append(character)
        before = character
    return "".join(kept)


def _take(found: CallFile, line: str) -> str:
    """Take one line in; what is wrong with it."""
    key, colon, value = line.partition(":")
    word, value = key.strip().lower(), value.strip()
    if not colon:
        return f"'{line[:80]}' has no colon: a line is 'Key: value'"
    if word in _ENDS:
        found.attempts += 1
        found.unfinished = False
    elif word == "startretry":
        found.unfinished = True
    elif word in ("delayedretry", "status"):
        pass
    elif word in ("set", "setvar"):
        name, equals, content = value.partition("=")
        if not equals or not name.strip():
            return f"'{value[:80]}' is no variable: {key.strip()} needs name=value"
        found.variables.append((name.strip(), content))
    elif word in _KEYS:
        name, read = _KEYS[word]
        try:
            setattr(found, name, read(value))
        except ValueError as error:
            return f"{key.strip()}: {error}"
    else:
        return f"unknown key '{key.strip()[:80]}'"
    return ""


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise ValueError(f"'{text[:80]}' is no number")
    return int(text)


def _boolean(text: str) -> bool:
    if not is_boolean(text):
        raise ValueError(f"'{text[:80]}' is neither yes nor no")
    return is_true(text)


_KEYS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "channel": ("channel", str),
    "callerid": ("caller_id", str),
    "waittime": ("wait_time", _number),
    "maxretries": ("max_retries", _number),
    "retrytime": ("retry_time", _number),
    "account": ("account", str),
    "context": ("context", str),
    "extension": ("exten", str),
    "priority": ("priority", str),
    "application": ("application", str),
    "data": ("data", str),
    "codecs": ("codecs", str),
    "earlymedia": ("early_media", _boolean),
    "alwaysdelete": ("always_delete", _boolean),
    "archive": ("archive", _boolean),
}
