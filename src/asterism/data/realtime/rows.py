"""Rows of a realtime table as objects, and back.

A column is an option of its name. ``NULL`` and empty text leave the default. Several values of one option are
separated by commas or, as Asterisk does it, by semicolons; a semicolon within a value is written ``^3B``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from sys import intern
from typing import TYPE_CHECKING, Any

from asterism.config.file import Option
from asterism.core.errors import Position
from asterism.data.kinds import Lines, Names, Variables

if TYPE_CHECKING:
    from sqlalchemy import Table as SqlTable

    from asterism.data.options import ConfiguredObject, OptionSpec

_ENCODED = re.compile(r"\^(3B|5E)", re.IGNORECASE)
_REMEMBERED = 200
"""Most texts of a column whose values are cached: most columns have few different ones."""
_REMEMBERED_LENGTH = 256
"""Longer ones are read each time."""
_SHAPES = 1000
"""Most combinations of columns with values that are cached."""
_BETWEEN_VARIABLES = re.compile(r";|,(?=\s*[A-Za-z_][\w()@-]*=)")


def encode(text: str) -> str:
    """``text`` with the characters that separate values written as ``^3B`` and ``^5E``."""
    return text.replace("^", "^5E").replace(";", "^3B")


def decode(text: str) -> str:
    """The reverse of :func:`encode`."""
    return _ENCODED.sub(lambda found: chr(int(found[1], 16)), text) if "^" in text else text


class _Column:
    """A column that has values of an option, and what was made of some of its texts."""

    __slots__ = ("fill", "get", "made", "name", "parse", "plain", "shared", "spec")

    def __init__(self, cls: type[ConfiguredObject], name: str, spec: OptionSpec | None) -> None:
        self.name = name
        self.spec = spec
        self.made: dict[Any, Any] = {}
        self.plain = self.shared = False
        self.get: Callable[[Any], Any] = lambda _item: None
        if spec is not None:
            slot = getattr(cls, spec.into)
            self.fill: Callable[[Any, Any], None] = slot.__set__
            self.get = slot.__get__
            self.parse = spec.kind.parse
            self.shared = isinstance(spec.kind, Names)
            alone = all(other is spec or other.into != spec.into for other in cls.OPTIONS)
            self.plain = alone and not spec.kind.repeats and not isinstance(spec.kind, Variables)
            """Whether the value depends on nothing but the text."""


Given = list[tuple[_Column, Any]]
"""The columns of a row that have a value, with their values."""


class RowReader:
    """Makes objects of a table's rows."""

    def __init__(self, cls: type[ConfiguredObject], columns: Sequence[str], place: str, log: logging.Logger) -> None:
        self.names = list(columns)
        self._cls = cls
        self._place = place
        self._id = next((index for index, name in enumerate(columns) if name.lower() == "id"), 0)
        self._required = frozenset(spec.name for spec in cls.OPTIONS if spec.required)
        self._given: dict[tuple[_Column, ...], frozenset[str]] = {}
        found: list[tuple[int, _Column]] = []
        for index, name in enumerate(columns):
            spec = cls.spec(name)
            if spec is not None or (name.startswith("@") and cls.EXTENDED):
                found.append((index, _Column(cls, name, spec)))
            elif index != self._id and name.lower() != "type":
                log.warning("column '%s' of %s is ignored: %s has no such option", name, place, cls.TYPE)
        order = {spec.name: number for number, spec in enumerate(cls.OPTIONS)}
        # What changes another option's value comes first: disallow before allow, deny before permit.
        found.sort(
            key=lambda each: (
                each[1].spec is None or each[1].spec.into == each[1].spec.attribute,
                order.get(each[1].name.lower(), 0),
            )
        )
        self._columns = found

    def narrowed(self, used: Sequence[int]) -> RowReader:
        """The same for rows that have only some of the table's columns, those with these numbers."""
        place = {index: number for number, index in enumerate(used)}
        other = copy(self)
        other._id = place[self._id]
        other._columns = [(place[index], column) for index, column in self._columns if index in place]
        return other

    def id_of(self, row: Sequence[Any]) -> str:
        """The object's id."""
        found = decode(column_text(row[self._id]))
        # Names are in several tables; contacts are in none but their own.
        return found if self._cls.RUNTIME else intern(found)

    def given(self, row: Sequence[Any]) -> Given:
        """The columns of a row that have a value."""
        return [(column, value) for index, column in self._columns if (value := row[index]) is not None and value != ""]

    def mark(self, given: Given) -> int:
        """A hash, equal for rows that would become equal objects."""
        return hash((self._place, *given))

    def make(self, key: str, given: Given) -> ConfiguredObject:
        """The object. Raises :class:`~asterism.core.errors.ConfigError` with everything that is wrong."""
        try:
            return self._make(key, given)
        except (ValueError, TypeError):
            # Slower, and able to say which value is wrong and why.
            return self._explain(key, given)

    def _make(self, key: str, given: Given) -> ConfiguredObject:
        item = self._cls.blank(key)
        for column, value in given:
            text = value if type(value) is str else column_text(value)
            if column.plain:
                after = column.made.get(text)
                if after is None:
                    after = column.parse(decode(text) if "^" in text else text, column.get(item))
                    after = self._keep(column, text, text, after, key)
            else:
                before = column.get(item)
                after = column.made.get((text, before))
                if after is None:
                    after = self._several(column, text, before, key)
            column.fill(item, after)
        shape = tuple([column for column, _ in given])
        names = self._given.get(shape)
        if names is None:
            names = frozenset(column.spec.name for column in shape if column.spec is not None)
            if len(self._given) < _SHAPES:
                self._given[shape] = names
        if not self._required <= names:
            raise ValueError("something is missing")
        item.validate(names)
        item.restored()
        return item

    def _several(self, column: _Column, text: str, before: Any, key: str) -> Any:
        spec = column.spec
        if spec is None:
            raise ValueError(column.name)
        after = before
        for part in _parts(spec, text):
            after = spec.kind.parse(part, after)
        return self._keep(column, text, (text, before), after, key)

    def _keep(self, column: _Column, text: str, made_of: object, value: Any, key: str) -> Any:
        """Remember what was made of a text, and have equal names be one object: they are in several tables."""
        if column.shared:
            value = tuple(map(intern, value))
        elif value == key:
            value = key
        if len(column.made) < _REMEMBERED and len(text) <= _REMEMBERED_LENGTH:
            column.made[made_of] = value
        return value

    def _explain(self, key: str, given: Given) -> ConfiguredObject:
        position = Position(self._place, 0)
        options: list[Option] = []
        for column, value in given:
            text, spec = column_text(value), column.spec
            if spec is None:
                options.append(Option(column.name, decode(text), position))
            else:
                options.extend(Option(column.name, part, position) for part in _parts(spec, text))
        item = self._cls.from_options(key, options)
        item.restored()
        return item


def column_text(value: Any) -> str:
    """A column's value as the text of an option."""
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)


def _parts(spec: OptionSpec, text: str) -> list[str]:
    """The lines that a column's text stands for."""
    kind = spec.kind
    if isinstance(kind, Variables):
        return [decode(part) for part in _BETWEEN_VARIABLES.split(text) if part.strip()]
    if kind.repeats and ";" in text:
        parts = [decode(part.strip()) for part in text.split(";") if part.strip()]
        # A URI with parameters that somebody wrote as it is, is one value.
        if all(_readable(spec, part) for part in parts):
            return parts
    return [decode(text)]


def _readable(spec: OptionSpec, text: str) -> bool:
    try:
        spec.kind.parse(text, spec.default)
    except ValueError:
        return False
    return True


class RowWriter:
    """Makes rows of objects, with the columns that the table has."""

    def __init__(self, cls: type[ConfiguredObject], table: SqlTable) -> None:
        self._columns: list[tuple[str, OptionSpec, type]] = []
        for column in table.columns:
            spec = cls.spec(column.name)
            if spec is not None and spec.into == spec.attribute:
                try:
                    kind = column.type.python_type
                except NotImplementedError:
                    kind = str
                self._columns.append((column.name, spec, kind))

    def row(self, item: ConfiguredObject) -> Mapping[str, Any]:
        """Column values of an object; text is empty as ``NULL``, numbers and booleans fit their column's type."""
        row: dict[str, Any] = {"id": encode(item.id)}
        for name, spec, kind in self._columns:
            row[name] = _column_value(spec, getattr(item, spec.attribute), kind)
        row.update({f"@{name}": value for name, value in item.fields.items() if f"@{name}" in row})
        return row


def _column_value(spec: OptionSpec, value: Any, kind: type) -> Any:
    if isinstance(value, bool):
        if kind is bool:
            return value
        return int(value) if kind is int else ("yes" if value else "no")
    if isinstance(value, (int, float)) and spec.kind.native:
        return value if kind in (int, float) else str(value)
    if isinstance(spec.kind, (Lines, Variables)):
        text = ";".join(encode(line) for line in str(spec.kind.to_column(value)).split("\n"))
    else:
        text = encode(spec.kind.format(value))
    if kind in (int, float):
        return kind(text) if text else None
    return text or None
