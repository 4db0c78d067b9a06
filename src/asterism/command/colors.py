"""Colours of the interactive console: put on when text is shown, so that the text itself is the same everywhere."""

from __future__ import annotations

import re

_RESET = "\x1b[0m"

_RULES: tuple[tuple[str, str], ...] = (
    (r"^\[[A-Z][A-Za-z ]*\]$", "title"),  # [Synopsis]
    (r"-= .* =-", "title"),
    (r"^Usage\d?:", "title"),
    (r"^No such command .*$", "bad"),
    (r"^Command '.*' failed\.$", "bad"),
    (r"\b(?:Unavail(?:able)?|Unreachable|Rejected|Stopped|Invalid|Failed)\b", "bad"),
    (r"\b(?:Ringing|Ring\+Inuse|On Hold|Hold|Busy|In use|InUse(?:&\w+)?|NonQual|Unknown|UNKNOWN)\b", "busy"),
    (r"\b(?:Avail|Not in use|Idle|Registered|Running|Enabled|Up)\b", "good"),
    (r"^ *(?:Endpoint|InAuth|OutAuth|Aor|Contact|Transport|Identify|Match|Channel|Exten|Registration):", "label"),
)

_DARK = {"title": "1;36", "bad": "1;31", "busy": "1;33", "good": "1;32", "label": "1;34"}
_LIGHT = {"title": "36", "bad": "31", "busy": "33", "good": "32", "label": "34"}


class Painter:
    """Puts terminal colours around the words that an operator looks for.

    ``light`` chooses the darker shades that are readable on a light background.
    """

    def __init__(self, light: bool = False) -> None:
        self._shades = _LIGHT if light else _DARK
        groups = "|".join(f"(?P<r{index}>{pattern})" for index, (pattern, _) in enumerate(_RULES))
        self._pattern = re.compile(groups, re.MULTILINE)

    def paint(self, text: str) -> str:
        """``text`` with colours; without the escapes it is ``text``."""
        return self._pattern.sub(self._wrap, text)

    def _wrap(self, match: re.Match[str]) -> str:
        assert match.lastgroup is not None
        shade = self._shades[_RULES[int(match.lastgroup[1:])][1]]
        return f"\x1b[{shade}m{match.group()}{_RESET}"
