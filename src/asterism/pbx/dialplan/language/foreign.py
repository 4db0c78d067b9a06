"""Text that came from outside, and stays data wherever the dialplan puts it.

A caller's name, the number that was dialled, a header or a message's body is :func:`foreign`. When such a text is put
into the arguments of an application or function, the result remembers which of its characters are foreign, and no
separator among them counts: ``Dial(PJSIP/${EXTEN},20)`` has one destination and one time-out whatever was dialled.

:class:`Foreign` is a ``str`` whose ``split``, ``partition`` and ``rpartition`` pass over foreign separators: most code
need not know of it. Code that looks at single characters reads :func:`shadow`. Every other operation gives plain
text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self, SupportsIndex

Spans = tuple[tuple[int, int], ...]

SEPARATORS = frozenset(',&|^?()/"')
"""Characters by which applications and functions divide their arguments."""
NEUTRAL = "\ue000"
"""Placeholder for a foreign character in a :func:`shadow`: no separator, blank, digit or operator."""


class Foreign(str):
    """A text, of which the characters in ``spans`` (pairs of start and end, in order) came from outside."""

    __slots__ = ("spans",)
    spans: Spans

    def __new__(cls, text: str, spans: Spans) -> Self:
        """A text with its foreign parts."""
        self = super().__new__(cls, text)
        self.spans = spans
        return self

    def _part(self, start: int, end: int) -> str:
        text = str.__getitem__(self, slice(start, end))
        if not text or text.isalnum():
            return text
        spans = tuple((max(one, start) - start, min(other, end) - start) for one, other in self.spans
                      if one < end and other > start)  # fmt: skip
        return Foreign(text, spans) if spans else text

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        """A character as plain text, a slice with its foreign parts."""
        if isinstance(key, slice):
            start, end, step = key.indices(len(self))
            if step == 1:
                return self._part(start, max(start, end))
        return str.__getitem__(self, key)

    def split(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        """The parts between separators that are not foreign."""
        if sep is None:
            return str.split(self, sep, maxsplit)
        text = shadow(self) if sep in SEPARATORS else self
        parts: list[str] = []
        position = 0
        for plain in str.split(text, sep, maxsplit):
            parts.append(self._part(position, position + len(plain)))
            position += len(plain) + len(sep)
        return parts

    def partition(self, sep: str) -> tuple[str, str, str]:
        """The text before and after the first separator that is not foreign."""
        return self._divided(sep, str.find(shadow(self) if sep in SEPARATORS else self, sep), at_end=False)

    def rpartition(self, sep: str) -> tuple[str, str, str]:
        """The text before and after the last separator that is not foreign."""
        return self._divided(sep, str.rfind(shadow(self) if sep in SEPARATORS else self, sep), at_end=True)

    def _divided(self, sep: str, index: int, at_end: bool) -> tuple[str, str, str]:
        if index < 0:
            return ("", "", self) if at_end else (self, "", "")
        return self._part(0, index), sep, self._part(index + len(sep), len(self))

    def strip(self, chars: str | None = None) -> str:
        """Without blanks (or ``chars``) at both ends."""
        return self.lstrip(chars).rstrip(chars)

    def lstrip(self, chars: str | None = None) -> str:
        """Without blanks (or ``chars``) at the start."""
        return self._part(len(self) - len(str.lstrip(self, chars)), len(self))

    def rstrip(self, chars: str | None = None) -> str:
        """Without blanks (or ``chars``) at the end."""
        return self._part(0, len(str.rstrip(self, chars)))

    def pick(self, indices: Sequence[int]) -> str:
        """The characters at ``indices``, in order, foreign where they were."""
        return joined([self._part(index, index + 1) for index in indices])


def foreign(text: str) -> str:
    """``text`` as text from outside. Letters and digits cannot be mistaken for syntax and stay as they are."""
    if not text or text.isalnum():
        return text
    return Foreign(text, ((0, len(text)),))


def is_foreign(text: str) -> bool:
    """Whether something in ``text`` came from outside and could be mistaken for syntax."""
    return text.__class__ is Foreign


def shadow(text: str) -> str:
    """``text`` with every foreign character replaced by one that means nothing; of the same length."""
    if not isinstance(text, Foreign):
        return text
    parts: list[str] = []
    position = 0
    for start, end in text.spans:
        parts += (str.__getitem__(text, slice(position, start)), NEUTRAL * (end - start))
        position = end
    parts.append(str.__getitem__(text, slice(position, None)))
    return "".join(parts)


def joined(parts: Iterable[str]) -> str:
    """The parts as one text, foreign where they were."""
    parts = list(parts)
    spans: list[tuple[int, int]] = []
    position = 0
    for part in parts:
        if isinstance(part, Foreign):
            for start, end in part.spans:
                if spans and spans[-1][1] == start + position:
                    spans[-1] = spans[-1][0], end + position
                else:
                    spans.append((start + position, end + position))
        position += len(part)
    text = "".join(parts)
    return Foreign(text, tuple(spans)) if spans else text


def pick(text: str, indices: Sequence[int]) -> str:
    """The characters of ``text`` at ``indices``, in order, foreign where they were."""
    return text.pick(indices) if isinstance(text, Foreign) else "".join([text[index] for index in indices])
