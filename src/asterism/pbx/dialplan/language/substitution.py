"""Variables, functions and expressions in text: ``${NAME}``, ``${NAME:1:2}``, ``${FUNC(args)}``, ``$[...]``.

A text is compiled once into a :class:`Template`, or found to be literal; expanding is then a join. Compiling takes
time that grows with the length of the text, and no more.

What is put in stays what it is: it names no function, and text from outside is marked as such in the result
(:mod:`~asterism.pbx.dialplan.language.foreign`). :attr:`Lookup.plain_text` gives that up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from asterism.pbx.dialplan.language import expression
from asterism.pbx.dialplan.language.foreign import joined

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

MAX_DEPTH = 40
MAX_RESULT = 65536
ANY_FUNCTION = "*"
"""Stands for a function whose name is known only when it is read."""
_CACHED_LENGTH = 512
"""Longer texts are compiled again each time, so that what is kept for short ones stays below some 8 MB."""
_SUBSTRING = re.compile(r"(?s)(.*?)(?::\s*(-?\d+)\s*(?::\s*(-?\d+)\s*)?)?\Z")
_BRACES = re.compile("[{}]")
_BRACKETS = re.compile(r"[\[\]]")
_OFFSETS = re.compile(r"\s*(?::\s*(-?\d+)\s*(?::\s*(-?\d+)\s*)?)?\Z")


class Lookup(Protocol):
    """Source of the values of variables and functions."""

    plain_text: bool
    """Whether text that is put in is syntax again, as in Asterisk: it may call functions and end quotes."""

    def variable(self, channel: Channel | None, name: str) -> str | None:
        """An automatic, channel or global variable; ``None`` when unset."""

    def function(self, channel: Channel | None, name: str, args: str) -> str | None:
        """The value that a function returns when read; ``None`` when there is no such function."""

    def function_in_expression(self, channel: Channel | None, name: str, args: str) -> str | None:
        """Like :meth:`function`, by bare name in an expression; those with side effects are refused."""

    async def wait_function(self, channel: Channel | None, name: str, args: str) -> str | None:
        """Like :meth:`function`, where the function may take its time."""

    def warn(self, message: str, *args: object) -> None:
        """Report a mistake in the dialplan."""


class _Variable:
    """``${NAME}`` with a fixed name and substring."""

    __slots__ = ("length", "name", "offset")

    def __init__(self, name: str, offset: int | None, length: int | None) -> None:
        self.name = name
        self.offset = offset
        self.length = length

    def expand(self, lookup: Lookup, channel: Channel | None) -> str:
        value = lookup.variable(channel, self.name) or ""
        return value if self.offset is None else substring(value, self.offset, self.length)

    async def expand_later(self, lookup: Lookup, channel: Channel | None) -> str:
        return self.expand(lookup, channel)

    @property
    def functions(self) -> tuple[str, ...]:
        return ()


class _Call:
    """``${FUNC(args)}`` with a fixed name; the arguments, and the substring behind them, may hold anything."""

    __slots__ = ("args", "name", "tail")

    def __init__(self, name: str, args: str | Template, tail: str | Template) -> None:
        self.name = name
        self.args = args
        self.tail = tail

    def expand(self, lookup: Lookup, channel: Channel | None) -> str:
        value = self._known(lookup, lookup.function(channel, self.name, _expanded(self.args, lookup, channel)))
        return _tail(value, _expanded(self.tail, lookup, channel)) if self.tail else value

    async def expand_later(self, lookup: Lookup, channel: Channel | None) -> str:
        args = self.args if isinstance(self.args, str) else await self.args.expand_later(lookup, channel)
        value = self._known(lookup, await lookup.wait_function(channel, self.name, args))
        tail = self.tail if isinstance(self.tail, str) else await self.tail.expand_later(lookup, channel)
        return _tail(value, tail)

    @property
    def functions(self) -> tuple[str, ...]:
        return (self.name, *_functions(self.args), *_functions(self.tail))

    def _known(self, lookup: Lookup, value: str | None) -> str:
        if value is None:
            lookup.warn("There is no dialplan function '%s'", self.name)
            return ""
        return value


class _Dynamic:
    """``${...}`` whose very name holds variables: expanded first, then read as a name."""

    __slots__ = ("inner",)

    def __init__(self, inner: Template) -> None:
        self.inner = inner

    def expand(self, lookup: Lookup, channel: Channel | None) -> str:
        found = self._reference(lookup, self.inner.expand(lookup, channel))
        return "" if found is None else found.expand(lookup, channel)

    async def expand_later(self, lookup: Lookup, channel: Channel | None) -> str:
        found = self._reference(lookup, await self.inner.expand_later(lookup, channel))
        return "" if found is None else await found.expand_later(lookup, channel)

    @staticmethod
    def _reference(lookup: Lookup, text: str) -> _Variable | _Call | None:
        name, parenthesis, rest = str(text).partition("(")
        if not parenthesis:
            return _variable(name)
        if lookup.plain_text:
            args, _, tail = rest.rpartition(")")
            return _Call(name.strip(), args, tail)
        lookup.warn("'%s': a function is not called by text that was put in for a variable", text)
        return None

    @property
    def functions(self) -> tuple[str, ...]:
        return (ANY_FUNCTION,)


class _Expression:
    """``$[...]``."""

    __slots__ = ("inner",)

    def __init__(self, inner: str | Template) -> None:
        self.inner = inner

    def expand(self, lookup: Lookup, channel: Channel | None) -> str:
        if isinstance(self.inner, str):
            return self._value(lookup, channel, ((self.inner, True),))
        pieces = [
            (part, True) if isinstance(part, str) else (part.expand(lookup, channel), lookup.plain_text)
            for part in self.inner.parts
        ]
        return self._value(lookup, channel, pieces)

    async def expand_later(self, lookup: Lookup, channel: Channel | None) -> str:
        if isinstance(self.inner, str):
            return self._value(lookup, channel, ((self.inner, True),))
        pieces = [
            (part, True) if isinstance(part, str) else (await part.expand_later(lookup, channel), lookup.plain_text)
            for part in self.inner.parts
        ]
        return self._value(lookup, channel, pieces)

    @property
    def functions(self) -> tuple[str, ...]:
        return _functions(self.inner)

    def _value(self, lookup: Lookup, channel: Channel | None, pieces: Sequence[tuple[str, bool]]) -> str:
        def call(name: str, args: str) -> str | None:
            return lookup.function_in_expression(channel, name, args)

        def warn(complaint: str) -> None:
            lookup.warn("In the expression '%s': %s", "".join(piece for piece, _ in pieces)[:200], complaint)

        return expression.evaluate_pieces(pieces, call, warn)


class _TooDeep:
    """A reference inside of more than :data:`MAX_DEPTH` others."""

    __slots__ = ()
    functions: tuple[str, ...] = ()

    def expand(self, lookup: Lookup, channel: Channel | None) -> str:
        lookup.warn("More than %d references are nested; the innermost are empty", MAX_DEPTH)
        return ""

    async def expand_later(self, lookup: Lookup, channel: Channel | None) -> str:
        return self.expand(lookup, channel)


_Part = str | _Variable | _Call | _Dynamic | _Expression | _TooDeep


class Template:
    """A compiled text with something to replace in it."""

    __slots__ = ("functions", "parts")

    def __init__(self, parts: tuple[_Part, ...]) -> None:
        self.parts = parts
        self.functions: tuple[str, ...] = tuple(
            name for part in parts if not isinstance(part, str) for name in part.functions
        )
        """The functions that are read, as far as they can be told beforehand; else ``*``."""

    def expand(self, lookup: Lookup, channel: Channel | None) -> str:
        """The text with everything replaced; at most 64 KiB of it. Its foreign parts are marked."""
        found: list[str] = [
            part if part.__class__ is str else part.expand(lookup, channel)  # type: ignore[union-attr]
            for part in self.parts
        ]
        return _together(found)

    async def expand_later(self, lookup: Lookup, channel: Channel | None) -> str:
        """Like :meth:`expand`, where functions may wait for what they need; each is read once, in the same order."""
        found = [part if isinstance(part, str) else await part.expand_later(lookup, channel) for part in self.parts]
        return _together(found)


def _together(parts: list[str]) -> str:
    if len(parts) > 1 and sum(map(len, parts)) > MAX_RESULT:
        left = MAX_RESULT
        for index, part in enumerate(parts):
            parts[index] = part[:left]
            left -= len(parts[index])
    for part in parts:
        if part.__class__ is not str:
            return joined(parts)[:MAX_RESULT]
    return "".join(parts)[:MAX_RESULT]


def _expanded(text: str | Template, lookup: Lookup, channel: Channel | None) -> str:
    return text if isinstance(text, str) else text.expand(lookup, channel)


def _functions(text: str | Template) -> tuple[str, ...]:
    return () if isinstance(text, str) else text.functions


def compile_text(text: str) -> str | Template:
    """The template of ``text``, or ``text`` itself when nothing in it is replaced. Never raises."""
    return _compile_cached(text) if len(text) <= _CACHED_LENGTH else _Compiler(text).compile(0, len(text), 0)


@lru_cache(maxsize=512)
def _compile_cached(text: str) -> str | Template:
    return _Compiler(text).compile(0, len(text), 0)


def expand(text: str, lookup: Lookup, channel: Channel | None) -> str:
    """Replace everything in ``text``."""
    if "$" not in text:
        return text
    compiled = compile_text(text)
    return compiled if isinstance(compiled, str) else compiled.expand(lookup, channel)


async def expand_later(text: str, lookup: Lookup, channel: Channel | None) -> str:
    """Like :func:`expand`, where functions may take their time."""
    if "$" not in text:
        return text
    compiled = compile_text(text)
    return compiled if isinstance(compiled, str) else await compiled.expand_later(lookup, channel)


def substring(value: str, offset: int, length: int | None = None) -> str:
    """``${V:offset:length}``: both may be negative, counted from the end; out of range is cut off."""
    if offset < 0:
        offset = max(len(value) + offset, 0)
    if length is None:
        return value[offset:]
    end = len(value) + length if length < 0 else offset + length
    return value[offset : max(end, offset)]


def _tail(value: str, tail: str) -> str:
    """The part of a function's value that a trailing ``:offset:length`` selects."""
    found = _OFFSETS.match(tail)
    offset = None if found is None else _integer(found.group(1))
    return value if offset is None or found is None else substring(value, offset, _integer(found.group(2)))


class _Compiler:
    """One pass finds which brackets belong together, a second makes the parts."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.closing: dict[int, int] = {}
        for pattern in (_BRACES, _BRACKETS):
            opened: list[int] = []
            for found in pattern.finditer(text):
                if found.group() in "{[":
                    opened.append(found.start())
                elif opened:
                    self.closing[opened.pop()] = found.start()

    def compile(self, position: int, end: int, depth: int) -> str | Template:
        """Compile the text from ``position`` to ``end``."""
        text = self.text
        parts: list[_Part] = []
        while True:
            start = self.reference(position, end)
            if start < 0:
                break
            if start > position:
                parts.append(text[position:start])
            close = min(self.closing.get(start + 1, end), end)
            if depth > MAX_DEPTH:
                parts.append(_TooDeep())
            elif text[start + 1] == "[":
                parts.append(_Expression(self.compile(start + 2, close, depth + 1)))
            else:
                parts.append(self.value(start + 2, close, depth + 1))
            position = min(close + 1, end)
        if not parts:
            return text[position:end]
        if position < end:
            parts.append(text[position:end])
        return Template(tuple(parts))

    def reference(self, position: int, end: int) -> int:
        """Index of the next ``${`` or ``$[``; -1 if there is none."""
        start = self.text.find("$", position, end)
        while start >= 0 and (start + 1 >= end or self.text[start + 1] not in "{["):
            start = self.text.find("$", start + 1, end)
        return start

    def value(self, position: int, end: int, depth: int) -> _Variable | _Call | _Dynamic:
        """Compile one ``${...}``; ``position`` and ``end`` delimit the text between the braces."""
        text = self.text
        parenthesis = text.find("(", position, end)
        first = self.reference(position, end)
        if parenthesis >= 0 and (first < 0 or parenthesis < first):
            close = self.last_parenthesis(parenthesis, end)
            args = self.compile(parenthesis + 1, close, depth)
            return _Call(text[position:parenthesis].strip(), args, self.compile(min(close + 1, end), end, depth))
        inner = self.compile(position, end, depth)
        return _variable(inner) if isinstance(inner, str) else _Dynamic(inner)

    def last_parenthesis(self, position: int, end: int) -> int:
        """The last ``)`` that is not inside of a further reference; ``end`` if there is none."""
        found = -1
        while position < end:
            start = self.reference(position, end)
            stop = end if start < 0 else start
            found = max(found, self.text.rfind(")", position, stop))
            position = end if start < 0 else min(self.closing.get(start + 1, end), end) + 1
        return end if found < 0 else found


def _variable(text: str) -> _Variable:
    found = _SUBSTRING.match(text)
    if found is None:  # pragma: no cover - the expression matches every text
        return _Variable(text, None, None)
    return _Variable(found.group(1).strip(), _integer(found.group(2)), _integer(found.group(3)))


def _integer(text: str | None) -> int | None:
    return None if text is None else max(-MAX_RESULT, min(MAX_RESULT, int(text[:12])))
