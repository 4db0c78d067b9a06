"""Variables, functions and expressions in text: ``${NAME}``, ``${NAME:1:2}``, ``${FUNC(args)}``, ``$[...]``.

A text is compiled once into a :class:`Template`, or found to be literal; expanding is then a join.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from asterism.pbx.dialplan import expression

if TYPE_CHECKING:
    from asterism.pbx.channel import Channel

MAX_DEPTH = 40
MAX_RESULT = 65536
ANY_FUNCTION = "*"
"""Stands for a function whose name is known only when it is read."""
_SUBSTRING = re.compile(r"(?s)(.*?)(?::\s*(-?\d+)\s*(?::\s*(-?\d+)\s*)?)?\Z")
_OFFSETS = re.compile(r"\s*(?::\s*(-?\d+)\s*(?::\s*(-?\d+)\s*)?)?\Z")


class Lookup(Protocol):
    """Where the values come from."""

    def variable(self, channel: Channel | None, name: str) -> str | None:
        """An automatic, channel or global variable; ``None`` when unset."""

    def function(self, channel: Channel | None, name: str, args: str) -> str | None:
        """What a function reads; ``None`` when there is no such function."""

    async def prepare(self, name: str, args: str) -> None:
        """Wait for what a function needs to be read."""

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
    """``${FUNC(args)}`` with a fixed name; the arguments may hold anything."""

    __slots__ = ("args", "length", "name", "offset")

    def __init__(self, name: str, args: str | Template, offset: int | None, length: int | None) -> None:
        self.name = name
        self.args = args
        self.offset = offset
        self.length = length

    def expand(self, lookup: Lookup, channel: Channel | None) -> str:
        return self._value(lookup, channel, _expanded(self.args, lookup, channel))

    async def expand_later(self, lookup: Lookup, channel: Channel | None) -> str:
        args = self.args if isinstance(self.args, str) else await self.args.expand_later(lookup, channel)
        await lookup.prepare(self.name, args)
        return self._value(lookup, channel, args)

    @property
    def functions(self) -> tuple[str, ...]:
        return (self.name, *_functions(self.args))

    def _value(self, lookup: Lookup, channel: Channel | None, args: str) -> str:
        value = lookup.function(channel, self.name, args)
        if value is None:
            lookup.warn("There is no dialplan function '%s'", self.name)
            return ""
        return value if self.offset is None else substring(value, self.offset, self.length)


class _Dynamic:
    """``${...}`` whose very name holds variables: expanded first, then read as a name or a call."""

    __slots__ = ("inner",)

    def __init__(self, inner: Template) -> None:
        self.inner = inner

    def expand(self, lookup: Lookup, channel: Channel | None) -> str:
        text = self.inner.expand(lookup, channel)
        return _reference(text, ()).expand(lookup, channel)

    async def expand_later(self, lookup: Lookup, channel: Channel | None) -> str:
        text = await self.inner.expand_later(lookup, channel)
        return await _reference(text, ()).expand_later(lookup, channel)

    @property
    def functions(self) -> tuple[str, ...]:
        return (ANY_FUNCTION,)


class _Expression:
    """``$[...]``."""

    __slots__ = ("inner",)

    def __init__(self, inner: str | Template) -> None:
        self.inner = inner

    def expand(self, lookup: Lookup, channel: Channel | None) -> str:
        return self._value(lookup, channel, _expanded(self.inner, lookup, channel))

    async def expand_later(self, lookup: Lookup, channel: Channel | None) -> str:
        text = self.inner if isinstance(self.inner, str) else await self.inner.expand_later(lookup, channel)
        return self._value(lookup, channel, text)

    @property
    def functions(self) -> tuple[str, ...]:
        return _functions(self.inner)

    def _value(self, lookup: Lookup, channel: Channel | None, text: str) -> str:
        def call(name: str, args: str) -> str | None:
            return lookup.function(channel, name, args)

        def warn(complaint: str) -> None:
            lookup.warn("In the expression '%s': %s", text, complaint)

        return expression.evaluate(text, call, warn)


_Part = str | _Variable | _Call | _Dynamic | _Expression


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
        """The text with everything replaced; at most 64 KiB of it."""
        text = "".join(
            [part if part.__class__ is str else part.expand(lookup, channel) for part in self.parts]  # type: ignore[union-attr]
        )
        return text if len(text) <= MAX_RESULT else text[:MAX_RESULT]

    async def expand_later(self, lookup: Lookup, channel: Channel | None) -> str:
        """Like :meth:`expand`, where functions may wait for what they need; each is read once, in the same order."""
        found = [part if isinstance(part, str) else await part.expand_later(lookup, channel) for part in self.parts]
        return "".join(found)[:MAX_RESULT]


def _expanded(text: str | Template, lookup: Lookup, channel: Channel | None) -> str:
    return text if isinstance(text, str) else text.expand(lookup, channel)


def _functions(text: str | Template) -> tuple[str, ...]:
    return () if isinstance(text, str) else text.functions


@lru_cache(maxsize=8192)
def compile_text(text: str) -> str | Template:
    """The template of ``text``, or ``text`` itself when nothing in it is replaced. Never raises."""
    return _compile(text, 0)


def expand(text: str, lookup: Lookup, channel: Channel | None) -> str:
    """Replace everything in ``text``."""
    if "$" not in text:
        return text
    compiled = compile_text(text)
    return compiled if isinstance(compiled, str) else compiled.expand(lookup, channel)


def substring(value: str, offset: int, length: int | None = None) -> str:
    """``${V:offset:length}``: both may be negative, counted from the end; out of range is cut off."""
    if offset < 0:
        offset = max(len(value) + offset, 0)
    if length is None:
        return value[offset:]
    end = len(value) + length if length < 0 else offset + length
    return value[offset : max(end, offset)]


def _compile(text: str, depth: int) -> str | Template:
    if "${" not in text and "$[" not in text:
        return text
    if depth > MAX_DEPTH:
        return ""
    parts: list[_Part] = []
    position = 0
    while True:
        start = text.find("$", position)
        while start >= 0 and text[start + 1 : start + 2] not in ("{", "["):
            start = text.find("$", start + 1)
        if start < 0:
            break
        if start > position:
            parts.append(text[position:start])
        opening = text[start + 1]
        end = _closing(text, start + 2, opening, "}" if opening == "{" else "]")
        inside = text[start + 2 : end]
        compiled = _compile(inside, depth + 1)
        if opening == "[":
            parts.append(_Expression(compiled))
        elif isinstance(compiled, str):
            parts.append(_reference(compiled, ()))
        else:
            parts.append(_reference(inside, (compiled, depth)))
        position = end + 1
    if not parts:
        return text
    if position < len(text):
        parts.append(text[position:])
    return Template(tuple(parts))


def _closing(text: str, position: int, opening: str, closing: str) -> int:
    """Where the bracket that opened before ``position`` closes; the end of the text if nowhere."""
    level = 1
    for index in range(position, len(text)):
        character = text[index]
        if character == opening:
            level += 1
        elif character == closing:
            level -= 1
            if not level:
                return index
    return len(text)


def _reference(text: str, nested: tuple[()] | tuple[Template, int]) -> _Variable | _Call | _Dynamic:
    """What ``${text}`` refers to; ``nested`` is the compiled text when it holds further references."""
    head, parenthesis, rest = text.partition("(")
    if parenthesis and "$" not in head:
        close = rest.rfind(")")
        if close < 0:
            args, tail = rest, ""
        else:
            args, tail = rest[:close], rest[close + 1 :]
        found = _OFFSETS.match(tail)
        if found is not None:
            compiled: str | Template = _compile(args, nested[1] + 1) if nested else args
            return _Call(head.strip(), compiled, _integer(found.group(1)), _integer(found.group(2)))
    if nested:
        return _Dynamic(nested[0])
    found = _SUBSTRING.match(text)
    if found is None:  # pragma: no cover - the expression matches every text
        return _Variable(text, None, None)
    return _Variable(found.group(1).strip(), _integer(found.group(2)), _integer(found.group(3)))


def _integer(text: str | None) -> int | None:
    return None if text is None else max(-MAX_RESULT, min(MAX_RESULT, int(text[:12])))
