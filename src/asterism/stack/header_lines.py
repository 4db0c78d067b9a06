"""Header lines: kept in order as they came, under canonical names, with an index for looking them up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asterism.stack.grammar import check_value, is_token, split_commas
from asterism.stack.headers.names import KNOWN, canonical


class HeaderLines:
    """The header lines of a message; base of :class:`~asterism.stack.message.Message`.

    Attributes:
        headers: canonical name and raw value of every line, in order. Read it freely; change it through the
            methods, which keep the parsed values right.
    """

    __slots__ = ("_first", "_parsed", "headers")

    headers: list[tuple[str, str]]
    _first: dict[str, str] | None
    """The first value of each name; ``None`` when it has to be made anew."""
    _parsed: dict[str, Any]
    """Parsed values, by keys of the caller's choice."""

    def _index(self) -> dict[str, str]:
        first = self._first = dict(reversed(self.headers))
        return first

    def get(self, name: str) -> str | None:
        """The raw value of the first header line of that name, ``None`` if there is none."""
        first = self._first
        if first is None:
            first = self._index()
        value = first.get(name)
        if value is None and KNOWN.get(name) != name:
            # A name in its canonical spelling is not there then: header lines have these in no other.
            known = canonical(name)
            value = first.get(known)
            if value is None and known not in first and known not in KNOWN:
                lower = known.lower()
                for other, value in self.headers:
                    if other.lower() == lower:
                        return value
                return None
        return value

    def get_all(self, name: str) -> list[str]:
        """The raw values of all header lines of that name, in order."""
        if KNOWN.get(name) != name:
            name = canonical(name)
            if name not in KNOWN:
                name = name.lower()
                return [value for other, value in self.headers if other.lower() == name]
        # A name in its canonical spelling: header lines have these in no other.
        first = self._first
        if first is None:
            first = self._index()
        value = first.get(name)
        if value is None:
            return []
        if len(first) == len(self.headers):
            return [value]
        return [value for other, value in self.headers if other == name]

    def get_list(self, name: str) -> list[str]:
        """The comma-separated elements of all header lines of that name, in order.

        Raises:
            ParseError: unbalanced quotes or brackets.
        """
        items: list[str] = []
        for value in self.get_all(name):
            if value:
                items.extend(item.strip() for item in split_commas(value))
        return items

    def has(self, name: str) -> bool:
        """Whether there is a header line of that name."""
        first = self._first
        if first is None:
            first = self._index()
        return name in first or (KNOWN.get(name) != name and self.get(name) is not None)

    def has_option(self, name: str, option: str) -> bool:
        """Whether a list of tokens (``Supported``, ``Require``, ``Allow``) names this one, in any case."""
        first = self._first
        if first is None:
            first = self._index()
        if name not in first and KNOWN.get(name) == name:
            return False
        option = option.lower()
        for value in self.get_all(name):
            for item in value.lower().split(","):
                if item.strip() == option:
                    return True
        return False

    @staticmethod
    def _checked(name: str, value: str) -> tuple[str, str]:
        name = canonical(name)
        if not is_token(name):
            raise ValueError(f"not a header name: {name!r}")
        return name, check_value(value)

    def add_header(self, name: str, value: str) -> None:
        """Append a header line.

        Raises:
            ValueError: the name is not a token, or the value contains CR, LF or NUL.
        """
        if KNOWN.get(name) != name or not value.isprintable():
            name, value = self._checked(name, value)
        self.headers.append((name, value))
        self._first = None
        self._parsed.clear()

    def add_lines(self, lines: Iterable[tuple[str, str]]) -> None:
        """Append header lines unchecked: canonical names, and values of our own making (never a peer's)."""
        self.headers.extend(lines)
        self._first = None
        self._parsed.clear()

    def prepend_header(self, name: str, value: str) -> None:
        """Put a header line before all others. Raises ValueError as :meth:`add_header`."""
        if KNOWN.get(name) != name or not value.isprintable():
            name, value = self._checked(name, value)
        self.headers.insert(0, (name, value))
        self._first = None
        self._parsed.clear()

    def set_header(self, name: str, value: str) -> None:
        """Replace all lines of that name by one, at the first one's place, or append it.

        Raises:
            ValueError: as :meth:`add_header`.
        """
        line = self._checked(name, value)
        lower = line[0].lower()
        headers: list[tuple[str, str]] = []
        done = False
        for other in self.headers:
            if other[0].lower() != lower:
                headers.append(other)
            elif not done:
                headers.append(line)
                done = True
        if not done:
            headers.append(line)
        self.headers = headers
        self._first = None
        self._parsed.clear()

    def remove_header(self, name: str) -> None:
        """Remove all lines of that name; none is no error."""
        lower = canonical(name).lower()
        self.headers = [line for line in self.headers if line[0].lower() != lower]
        self._first = None
        self._parsed.clear()
