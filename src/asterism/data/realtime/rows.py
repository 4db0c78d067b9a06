"""Rows of a realtime table as objects, and back.

A column is an option of its name. ``NULL`` and empty text leave the default. Several values of one option are
separated by commas or, as Asterisk does it, by semicolons; a semicolon within a value is written ``^3B``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from asterism.config.file import Option
from asterism.core.errors import Position
from asterism.data.kinds import Lines, Variables

if TYPE_CHECKING:
    from sqlalchemy import Table as SqlTable

    from asterism.data.options import ConfiguredObject, OptionSpec

_ENCODED = re.compile(r"\^(3B|5E)", re.IGNORECASE)
_BETWEEN_VARIABLES = re.compile(r";|,(?=\s*[A-Za-z_][\w()@-]*=)")


def encode(text: str) -> str:
    """``text`` with the characters that separate values written as ``^3B`` and ``^5E``."""
    return text.replace("^", "^5E").replace(";", "^3B")


def decode(text: str) -> str:
    """The reverse of :func:`encode`."""
    return _ENCODED.sub(lambda found: chr(int(found[1], 16)), text) if "^" in text else text


class RowReader:
    """Makes objects of a table's rows."""

    def __init__(self, cls: type[ConfiguredObject], columns: Sequence[str], place: str, log: logging.Logger) -> None:
        self._cls = cls
        self._place = place
        self._id = next((index for index, name in enumerate(columns) if name.lower() == "id"), 0)
        found: list[tuple[int, OptionSpec | None, str]] = []
        for index, name in enumerate(columns):
            spec = cls.spec(name)
            if spec is not None or (name.startswith("@") and cls.EXTENDED):
                found.append((index, spec, name))
            elif index != self._id and name.lower() != "type":
                log.warning("column '%s' of %s is ignored: %s has no such option", name, place, cls.TYPE)
        order = {spec.name: number for number, spec in enumerate(cls.OPTIONS)}
        # What changes another option's value comes first: disallow before allow, deny before permit.
        found.sort(
            key=lambda each: (each[1] is None or each[1].into == each[1].attribute, order.get(each[2].lower(), 0))
        )
        self._columns = found

    def id_of(self, row: Sequence[Any]) -> str:
        """The object's id."""
        return decode(_text(row[self._id]))

    def read(self, row: Sequence[Any]) -> ConfiguredObject:
        """The object. Raises :class:`~asterism.core.errors.ConfigError` with everything that is wrong."""
        position = Position(self._place, 0)
        options: list[Option] = []
        for index, spec, name in self._columns:
            value = row[index]
            if value is None or value == "":
                continue
            text = _text(value)
            if spec is None:
                options.append(Option(name, decode(text), position))
            else:
                options.extend(Option(name, part, position) for part in _parts(spec, text))
        item = self._cls.from_options(self.id_of(row), options)
        item.restored()
        return item


def _text(value: Any) -> str:
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
