"""The queries that read objects: rows by id, and whole tables with no more columns than are in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Dialect
    from sqlalchemy import Table as SqlTable

    from asterism.data.realtime.links import Parameters, Rows


class KeyQuery:
    """``SELECT ... WHERE id IN (...)`` in a driver's own SQL, made once for each of a few lengths of the list.

    Few different texts: databases keep what they worked out for a statement.
    """

    def __init__(self, table: SqlTable, dialect: Dialect) -> None:
        self._table = table
        self._dialect = dialect
        self._made: dict[int, tuple[str, list[str], bool]] = {}

    def statement(self, ids: Sequence[str]) -> tuple[str, Parameters]:
        """The text and the parameters for these ids, of which there must be one at least."""
        size = 1 << (len(ids) - 1).bit_length()
        made = self._made.get(size)
        if made is None:
            made = self._made[size] = self._make(size)
        text, names, positional = made
        values = list(ids) + [ids[-1]] * (size - len(ids))
        if positional:
            return text, tuple(values)
        return text, dict(zip(names, values, strict=True))

    def _make(self, size: int) -> tuple[str, list[str], bool]:
        from sqlalchemy import bindparam, select

        names = [f"k{number}" for number in range(size)]
        values: list[Any] = [bindparam(name) for name in names]
        key = self._table.c.id
        query = select(self._table).where(key == values[0] if size == 1 else key.in_(values))
        compiled = query.compile(dialect=self._dialect)
        return str(compiled), names, bool(compiled.positional)


def read_whole(connection: Connection, table: SqlTable) -> tuple[list[int], Rows]:
    """Every row, and which of the table's columns it consists of: those that have a value anywhere.

    Most columns of a table like ``ps_endpoints`` are empty, and reading them is most of the work.
    """
    from sqlalchemy import func, select

    _see_one_state(connection)
    columns = list(table.columns)
    counts = connection.execute(select(*(func.count(column) for column in columns))).one()
    used = [number for number, count in enumerate(counts) if count or columns[number].name.lower() == "id"]
    return used, connection.execute(select(*(columns[number] for number in used))).fetchall()


def _see_one_state(connection: Connection) -> None:
    """Have all queries of the transaction see the same rows (MariaDB and MySQL do so unasked)."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def is_integer(column: Column[Any]) -> bool:
    """Whether a column has whole numbers."""
    try:
        return issubclass(column.type.python_type, int)
    except NotImplementedError:
        return False


def read_sum(connection: Connection, table: SqlTable, column: str) -> tuple[int, int]:
    """How many rows there are, and the sum of a column: the database works it out without sending a row."""
    from sqlalchemy import func, select

    count, total = connection.execute(select(func.count(), func.sum(table.c[column])).select_from(table)).one()
    return int(count), int(total or 0)


def read_pairs(connection: Connection, table: SqlTable, column: str) -> Rows:
    """The id and one more column of every row."""
    from sqlalchemy import select

    return connection.execute(select(table.c.id, table.c[column])).fetchall()
