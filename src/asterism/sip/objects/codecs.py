"""The ordered codec list of ``allow`` and ``disallow``.

Names are Asterisk's format names; which of them can be transcoded is the media engine's business.
"""

# Overriding methods are documented, and their arguments named, by the base class.
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asterism.data.kinds import Kind

AUDIO = (
    "opus", "codec2", "g723", "ulaw", "alaw", "gsm", "g726", "g726aal2", "adpcm", "slin", "slin12", "slin16", "slin24",
    "slin32", "slin44", "slin48", "slin96", "slin192", "lpc10", "g729", "speex", "speex16", "speex32", "ilbc", "g722",
    "siren7", "siren14", "g719", "silk8", "silk12", "silk16", "silk24", "testlaw", "none",
)  # fmt: skip
VIDEO = ("h261", "h263", "h263p", "h264", "h265", "mpeg4", "vp8", "vp9", "av1")
OTHER = ("jpeg", "png", "red", "t140", "t38")
NAMES = (*AUDIO, *VIDEO, *OTHER)
_LIST = str.maketrans("|", ",", "()")
_ALIASES = {"slin8": "slin", "silk": "silk8", "h263+": "h263p", "codec2_2400": "codec2"}


class CodecList:
    """Codec names in order of preference, each with its packet time if one was given."""

    __slots__ = ("_ptimes", "names")

    def __init__(self, names: tuple[str, ...] = (), ptimes: Mapping[str, int] | None = None) -> None:
        self.names = names
        self._ptimes = dict(ptimes or {})

    def ptime(self, name: str) -> int | None:
        """Milliseconds per packet asked for with ``name:ptime``."""
        return self._ptimes.get(name)

    @property
    def ptimes(self) -> Mapping[str, int]:
        """The packet times that were asked for."""
        return self._ptimes

    def plus(self, name: str, ptime: int | None = None) -> CodecList:
        """With ``name`` at the end, or where it is already."""
        ptimes = {**self._ptimes, name: ptime} if ptime else self._ptimes
        return CodecList(self.names if name in self.names else (*self.names, name), ptimes)

    def minus(self, name: str) -> CodecList:
        """Without ``name``."""
        left = tuple(known for known in self.names if known != name)
        return CodecList(left, {key: value for key, value in self._ptimes.items() if key != name})

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, index: int) -> str:
        return self.names[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, CodecList):
            return self.names == other.names and self._ptimes == other._ptimes
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.names)

    def __str__(self) -> str:
        return ",".join(f"{name}:{self._ptimes[name]}" if name in self._ptimes else name for name in self.names)

    def __repr__(self) -> str:
        return f"<CodecList {self}>"


class Codecs(Kind[CodecList]):
    """``allow`` and ``disallow``: names with commas or bars, ``all``, ``!name``, ``name:ptime``.

    Parentheses around the list, as listings print it, are left out. Every line changes the list made so far, so the
    order of lines counts.
    """

    accepted = f"all, {', '.join(NAMES)}; name:ptime; !name removes"

    def __init__(self, allow: bool) -> None:
        self._allow = allow

    def parse(self, text: str, current: CodecList) -> CodecList:
        result = current
        for part in text.translate(_LIST).split(","):
            word = part.strip().lower()
            if not word:
                continue
            add = self._allow is not word.startswith("!")
            name, _, framing = word.lstrip("!").partition(":")
            if name == "all":
                # Those that the list has already keep their place.
                result = CodecList(tuple(dict.fromkeys((*result.names, *NAMES))), result.ptimes) if add else CodecList()
                continue
            name = _ALIASES.get(name, name)
            if name not in NAMES:
                raise ValueError(f"'{name}' is not a codec")
            if framing and not (framing.isascii() and framing.isdigit() and 0 < int(framing) <= 1000):
                raise ValueError(f"'{framing}' is not a packet time")
            result = result.plus(name, int(framing) if framing else None) if add else result.minus(name)
        return result

    def format(self, value: CodecList) -> str:
        return str(value)

    def show(self, value: CodecList) -> str:
        return f"({'|'.join(value)})" if value else "(nothing)"

    def from_column(self, value: Any, empty: CodecList) -> CodecList:
        return self.parse(str(value), CodecList()) if value else empty


ALLOW = Codecs(True)
DISALLOW = Codecs(False)
