"""Option types: how a value is read, what is accepted, how it is written and shown.

A kind never logs and never looks at other options; it raises ``ValueError`` with the reason. A kind that
accumulates is given what earlier lines of the same object made of the option.
"""

# Overriding methods are documented, and their arguments named, by the base class.
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from asterism.config.values import is_true

T = TypeVar("T")


class Kind(Generic[T]):
    """One type of value.

    ``accepted`` says in a few words what may be written; ``sql`` is the column type of the
    embedded store.
    """

    accepted = "any text"
    sql = "TEXT"
    native = False
    """Whether a value is its own column value."""
    repeats = False
    """Whether several lines of the option add up."""

    def parse(self, text: str, current: T) -> T:
        """The value of ``text``; ``current`` is the value so far. Raises ``ValueError``."""
        raise TypeError(f"{type(self).__name__} reads no text")

    def format(self, value: T) -> str:
        """``value`` as it would stand in a file or a realtime column."""
        return str(value)

    def show(self, value: T) -> str:
        """``value`` as console and manager print it."""
        return self.format(value)

    def lines(self, name: str, value: T) -> list[tuple[str, str]]:
        """The console's lines for an option; more than one where Asterisk repeats the name."""
        return [(name, self.show(value))]

    def to_column(self, value: T) -> Any:
        """``value`` for the embedded store."""
        return self.format(value)

    def from_column(self, value: Any, empty: T) -> T:
        """The value of a stored column; ``empty`` is the kind's default."""
        return self.parse(value, empty) if value else empty


class Text(Kind[str]):
    """Any text."""

    native = True

    def __init__(self, accepted: str = "any text", refused: str = "", blank_becomes: str = "") -> None:
        self.accepted = accepted
        self._refused = refused
        self._blank = blank_becomes

    def parse(self, text: str, current: str) -> str:
        for char in self._refused:
            if char in text:
                raise ValueError(f"{char!r} may not occur in it")
        return self._clean(text)

    def _clean(self, text: str) -> str:
        return text.replace(" ", self._blank) if self._blank else text

    def from_column(self, value: Any, empty: str) -> str:
        return value if type(value) is str else empty if value is None else str(value)


class Bool(Kind[bool]):
    """Asterisk's boolean: what is not one of the words for true is false, without an error.

    ``words`` are how listings print false and true.
    """

    accepted = "yes, no"
    sql = "INTEGER"

    def __init__(self, words: tuple[str, str] = ("false", "true")) -> None:
        self._words = words

    def parse(self, text: str, current: bool) -> bool:
        return is_true(text)

    def format(self, value: bool) -> str:
        return "yes" if value else "no"

    def show(self, value: bool) -> str:
        return self._words[value]

    def to_column(self, value: bool) -> int:
        return int(value)

    def from_column(self, value: Any, empty: bool) -> bool:
        return bool(value) if type(value) is int else is_true(str(value))


class Integer(Kind[int]):
    """A whole number from ``low`` to ``high``; ``0x`` starts a hexadecimal one."""

    sql = "INTEGER"
    native = True

    def __init__(self, low: int = 0, high: int = 0xFFFFFFFF, accepted: str = "") -> None:
        self._low, self._high = low, high
        ends = "0 or more" if (low, high) == (0, 0xFFFFFFFF) else f"{low} to {high}"
        if low > 0 and high == 0xFFFFFFFF:
            ends = f"{low} or more"
        self.accepted = accepted or f"a whole number, {ends}"

    def parse(self, text: str, current: int) -> int:
        try:
            number = int(text, 16) if text.lower().startswith("0x") else int(text)
        except ValueError:
            raise ValueError("it is not a whole number") from None
        if not self._low <= number <= self._high:
            raise ValueError("it is out of range")
        return number

    def to_column(self, value: int) -> int:
        return value

    def from_column(self, value: Any, empty: int) -> int:
        return value if type(value) is int else int(value or empty)


class Decimal(Kind[float]):
    """A number with a fraction, shown with six digits as Asterisk does."""

    accepted = "a number"
    sql = "REAL"
    native = True

    def parse(self, text: str, current: float) -> float:
        try:
            number = float(text)
        except ValueError:
            raise ValueError("it is not a number") from None
        if number != number or number in (float("inf"), float("-inf")):
            raise ValueError("it is not a finite number")
        return number

    def format(self, value: float) -> str:
        return f"{value:.6f}"

    def to_column(self, value: float) -> float:
        return value

    def from_column(self, value: Any, empty: float) -> float:
        return value if type(value) is float else float(value or empty)


class Choice(Kind[str]):
    """One of several words, in any case.

    ``aliases`` are other accepted words and what they mean; ``fallback`` is taken for unknown
    text where Asterisk raises no error; ``shown`` maps a word to its form in listings.
    """

    def __init__(
        self,
        *words: str,
        aliases: Mapping[str, str] | None = None,
        fallback: str | None = None,
        shown: Mapping[str, str] | None = None,
    ) -> None:
        self.words = words
        self._by_text = {word.lower(): word for word in words}
        self._by_text.update({key.lower(): value for key, value in (aliases or {}).items()})
        self._fallback = fallback
        self._shown = dict(shown or {})
        self.accepted = ", ".join([*words, *(aliases or ())])

    def parse(self, text: str, current: str) -> str:
        found = self._by_text.get(text.lower(), self._fallback)
        if found is None:
            raise ValueError("it is not one of the accepted words")
        return found

    def show(self, value: str) -> str:
        return self._shown.get(value, value)


Strings = tuple[str, ...]


class Names(Kind[Strings]):
    """Names with commas between them; a later line replaces an earlier one.

    With ``accumulates`` later lines add to earlier ones, and the console repeats the option's name.
    """

    def __init__(self, accepted: str = "names, comma separated", accumulates: bool = False) -> None:
        self.accepted = accepted
        self._accumulates = self.repeats = accumulates

    def check(self, name: str) -> str:
        """One name as it is stored; raises ``ValueError`` for one that is not acceptable."""
        return name

    def parse(self, text: str, current: Strings) -> Strings:
        found = tuple(self.check(part.strip()) for part in text.split(",") if part.strip())
        return (*current, *found) if self._accumulates else found

    def format(self, value: Strings) -> str:
        return ",".join(value)

    def lines(self, name: str, value: Strings) -> list[tuple[str, str]]:
        if self._accumulates and value:
            return [(name, item) for item in value]
        return [(name, self.show(value))]

    def from_column(self, value: Any, empty: Strings) -> Strings:
        return self.parse(value, ()) if value else empty


class Choices(Names):
    """Several words of a set, comma separated; ``accumulates`` as in :class:`Names`."""

    def __init__(self, *words: str, joined: str = ",") -> None:
        super().__init__(f"{', '.join(words)}; comma separated")
        self._by_text = {word.lower(): word for word in words}
        self._joined = joined

    def check(self, name: str) -> str:
        found = self._by_text.get(name.lower())
        if found is None:
            raise ValueError(f"'{name}' is not one of the accepted words")
        return found

    def show(self, value: Strings) -> str:
        return self._joined.join(value)


class Lines(Names):
    """One text per line, commas kept; every line adds one."""

    def __init__(self, accepted: str = "one value per line") -> None:
        super().__init__(accepted, accumulates=True)

    def parse(self, text: str, current: Strings) -> Strings:
        return (*current, self.check(text)) if text else current

    def to_column(self, value: Strings) -> str:
        return "\n".join(value)

    def from_column(self, value: Any, empty: Strings) -> Strings:
        return tuple(value.split("\n")) if value else empty


Pairs = tuple[tuple[str, str], ...]


class Variables(Kind[Pairs]):
    """``name=value`` per line; every line adds a variable."""

    accepted = "name=value"
    repeats = True

    def parse(self, text: str, current: Pairs) -> Pairs:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ValueError("it is not name=value")
        return (*current, (name.strip(), value.strip()))

    def format(self, value: Pairs) -> str:
        return ",".join(f"{name}={text}" for name, text in value)

    def lines(self, name: str, value: Pairs) -> list[tuple[str, str]]:
        # Asterisk lists each variable under its own name.
        return list(value) or [(name, "")]

    def to_column(self, value: Pairs) -> str:
        return "\n".join(f"{name}={text}" for name, text in value)

    def from_column(self, value: Any, empty: Pairs) -> Pairs:
        result = empty
        for line in str(value or "").split("\n"):
            if line:
                result = self.parse(line, result)
        return result


TEXT = Text()
BOOL = Bool()
YES_NO = Bool(("no", "yes"))
CAPITAL_YES_NO = Bool(("No", "Yes"))
UINT = Integer()
INT = Integer(-0x80000000, 0x7FFFFFFF)
DECIMAL = Decimal()
NAME = Text("a name")
NAMES = Names()
SECONDS = Integer(accepted="seconds, 0 or more")
MILLISECONDS = Integer(accepted="milliseconds, 0 or more")
