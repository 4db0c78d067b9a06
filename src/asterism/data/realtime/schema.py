"""The tables that the option tables ask for, compared with those of a database, and brought into line.

Changes only add: tables that are missing and columns of options that are new. Nothing is dropped or retyped, so
a database that Asterisk uses too stays as Asterisk wants it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from asterism.data.kinds import Bool, Choice

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData
    from sqlalchemy import Table as SqlTable

    from asterism.data.options import ConfiguredObject, OptionSpec

KEY_LENGTH = 255


@dataclass(slots=True)
class TableState:
    """One table: whether it is there, and the columns it lacks."""

    name: str
    exists: bool
    missing: list[str] = field(default_factory=list)

    @property
    def current(self) -> bool:
        """Whether nothing is to be done."""
        return self.exists and not self.missing


def describe(types: Iterable[type[ConfiguredObject]], names: dict[str, str] | None = None) -> MetaData:
    """The tables of these types; ``names`` gives a type's table where it is not the usual one."""
    from sqlalchemy import Column, MetaData, String, Table

    metadata = MetaData()
    for cls in types:
        name = (names or {}).get(cls.TYPE) or cls.REALTIME
        if name:
            columns = [Column(spec.name, column_type(spec)) for spec in cls.OPTIONS]
            Table(name, metadata, Column("id", String(KEY_LENGTH), primary_key=True), *columns)
    return metadata


def column_type(spec: OptionSpec) -> Any:
    """The type of the column that has an option."""
    from sqlalchemy import BigInteger, Double, String, Text

    kind = spec.kind
    if isinstance(kind, Bool):
        return String(3)
    if kind.sql == "INTEGER" and kind.native:
        return BigInteger()
    if kind.sql == "REAL":
        return Double()
    return String(40) if isinstance(kind, Choice) else Text()


def compare(connection: Connection, metadata: MetaData) -> list[TableState]:
    """Compare the tables with the database: which exist there, and which columns they lack."""
    from sqlalchemy import inspect

    inspector = inspect(connection)
    states: list[TableState] = []
    for table in metadata.sorted_tables:
        if table.name not in inspector.get_table_names(table.schema):  # which remembers them
            states.append(TableState(table.key, False))
            continue
        columns = {column["name"].lower() for column in inspector.get_columns(table.name, table.schema)}
        states.append(TableState(table.key, True, [c.name for c in table.columns if c.name.lower() not in columns]))
    return states


def upgrade(connection: Connection, metadata: MetaData) -> list[str]:
    """Make the tables and columns that are missing; return what was done, a line each."""
    done: list[str] = []
    for state in compare(connection, metadata):
        table = metadata.tables[state.name]
        if not state.exists:
            table.create(connection)
            done.append(f"made table {state.name}")
        for name in state.missing:
            _add_column(connection, table, name)
            done.append(f"added column {name} to {state.name}")
    return done


def _add_column(connection: Connection, table: SqlTable, name: str) -> None:
    from sqlalchemy import text
    from sqlalchemy.schema import CreateColumn

    dialect = connection.dialect
    column = CreateColumn(table.columns[name]).compile(dialect=dialect)
    place = dialect.identifier_preparer.format_table(table)
    # A percent sign or colon in the statement would be taken for a parameter.
    connection.execute(text(f"ALTER TABLE {place} ADD COLUMN {column}".replace(":", "\\:")))
