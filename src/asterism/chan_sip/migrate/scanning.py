r"""Finding the parts of a dialplan line as it stands in the file: references, parentheses, destinations, comments."""

from __future__ import annotations

import re
from collections.abc import Iterator

_REMARK = re.compile(r"(?<!\\);")


def split_comment(raw: str) -> tuple[str, str]:
    r"""A line in its text and its comment, which begins at the first ``;`` without a backslash."""
    found = _REMARK.search(raw)
    return (raw, "") if found is None else (raw[: found.start()], raw[found.start() :])


def closing(text: str, start: int) -> int:
    """Where the bracket that opens at ``start`` closes; the end of the text if it does not."""
    left = text[start]
    right = {"(": ")", "{": "}", "[": "]"}[left]
    depth = 0
    index = start
    while index < len(text):
        found = text[index]
        if found == "\\":
            index += 2
            continue
        if found == left:
            depth += 1
        elif found == right:
            depth -= 1
            if not depth:
                return index
        index += 1
    return len(text)


def atoms(text: str, start: int = 0) -> Iterator[tuple[int, str]]:
    """The characters of a text with their places; ``${...}`` and ``$[...]`` are one each."""
    index = start
    while index < len(text):
        if text[index] == "$" and text[index + 1 : index + 2] in ("{", "["):
            end = min(closing(text, index + 1) + 1, len(text))
        else:
            end = index + 1
        yield index, text[index:end]
        index = end


def divide(text: str, separators: str) -> list[str]:
    """The parts of a text between separators that are not inside of a reference."""
    parts = [""]
    for _, atom in atoms(text):
        if atom in separators:
            parts.append("")
        else:
            parts[-1] += atom
    return parts


def reach(text: str, start: int, ends: str) -> int:
    """Where the first of ``ends`` is, outside of references and of parentheses that open after ``start``."""
    depth = 0
    for index, atom in atoms(text, start):
        if atom == "(":
            depth += 1
        elif atom == ")" and depth:
            depth -= 1
        elif not depth and atom in ends:
            return index
    return len(text)


def arguments(text: str) -> list[str]:
    """Arguments between commas that are not inside of references, parentheses or quotes, as they stand."""
    parts = [""]
    depth = 0
    quoted = False
    for _, atom in atoms(text):
        if atom == '"':
            quoted = not quoted
        elif not quoted and atom == "(":
            depth += 1
        elif not quoted and atom == ")" and depth:
            depth -= 1
        if atom == "," and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += atom
    return parts
