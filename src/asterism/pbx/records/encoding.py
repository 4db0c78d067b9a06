"""A record as one line of a journal: its check sum, and its fields as JSON."""

from __future__ import annotations

import json
from binascii import crc32
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from asterism.pbx.records.record import CallRecord, ChannelRecord, Disposition

Record = TypeVar("Record", CallRecord, ChannelRecord)

MAX_LINE = 262144
"""Octets of one line."""
_SHORT = 2048
"""Characters that a field keeps in a record that would be longer."""
_EMPTY: Mapping[str, Any] = {"str": "", "int": 0, "float": 0.0, "float | None": None, "Disposition": 1}
_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=dict)
_NAMES = {kind: tuple(one.name for one in fields(kind)) for kind in (CallRecord, ChannelRecord)}


def encode(record: CallRecord | ChannelRecord) -> bytes:
    """The line of a record, its line feed included; in one that is too long each field is cut."""
    line = _line({name: getattr(record, name) for name in _NAMES[type(record)]})
    if len(line) <= MAX_LINE:
        return line
    values = {name: _cut(getattr(record, name)) for name in _NAMES[type(record)]}
    line = _line(values)
    if len(line) > MAX_LINE:
        line = _line(values | {"variables": {}})
    return line


def as_json(record: CallRecord | ChannelRecord) -> str:
    """A record's fields, for people."""
    return _ENCODER.encode({name: getattr(record, name) for name in _NAMES[type(record)]})


def _line(values: Mapping[str, Any]) -> bytes:
    text = _ENCODER.encode(values).encode("ascii")
    return b"%08x %s\n" % (crc32(text), text)


def _cut(value: Any) -> Any:
    return value[:_SHORT] if isinstance(value, str) else value


def decode(kind: type[Record], line: bytes) -> Record | None:
    """The record of a line without its line feed; ``None`` where it is not one, for it was damaged.

    A field that the line does not have (it was written by another version) is empty; others are left out.
    """
    if len(line) < 10 or line[8:9] != b" ":
        return None
    text = line[9:]
    try:
        if int(line[:8], 16) != crc32(text):
            return None
        found = json.loads(text)
        values = {one.name: _value(one, found) for one in fields(kind)}
        return kind(**values)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _value(field: Any, found: Mapping[str, Any]) -> Any:
    """A field's value; raises ``ValueError`` for one of another type."""
    if field.name not in found:
        return field.default_factory() if field.default_factory is not MISSING else _EMPTY[field.type]
    value = found[field.name]
    if field.type == "Disposition":
        return Disposition(value)
    if field.type == "str" and not isinstance(value, str):
        raise ValueError(field.name)
    if field.type == "int" and not isinstance(value, int):
        raise ValueError(field.name)
    if field.type.startswith("float"):
        return None if value is None and "None" in field.type else float(value)
    if field.type.startswith("Mapping"):
        return {str(name): str(text) for name, text in value.items()}
    return value
