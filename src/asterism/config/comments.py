r"""Comments and escapes of one source text.

``;`` starts a comment that ends with the line, ``;--`` one that ends at ``--;`` (nestable, over
any number of lines; ``;---`` is an ordinary comment), and ``\;`` is a literal semicolon.
"""

from __future__ import annotations

import re

_MARKS = re.compile(r"\\;|;--(?!-)|--;|;")


class CommentStripper:
    """Removes comments line by line, remembering an open block comment between lines."""

    __slots__ = ("depth", "opened")

    def __init__(self) -> None:
        self.depth = 0
        self.opened = 0
        """Line on which the outermost open block comment began."""

    def strip(self, line: str, number: int) -> str:
        """Return ``line`` without its comments, escapes resolved, blanks trimmed."""
        if not self.depth and ";" not in line:
            return line.strip()
        kept: list[str] = []
        at = 0
        for mark in _MARKS.finditer(line):
            if mark.start() < at:
                continue
            text = mark.group()
            if self.depth:
                if text == ";--":
                    self.depth += 1
                elif text == "--;":
                    self.depth -= 1
                at = mark.end()
                continue
            kept.append(line[at : mark.start()])
            at = mark.end()
            if text == "\\;":
                kept.append(";")
            elif text == ";--":
                self.depth, self.opened = 1, number
            else:
                # A "--;" outside a block comment is text followed by a plain comment.
                kept.append("--" if text == "--;" else "")
                return "".join(kept).strip()
        if not self.depth:
            kept.append(line[at:])
        return "".join(kept).strip()
