"""The queries that read objects: rows by id, and whole tables with no more columns than are in use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Dialect
    from sqlalchemy import Table as SqlTable

    from asterism.data.realtime.links import Parameters, Rows


class KeyQuery:
    """``SELECT ... WHERE id IN (...)`` in a driver's own SQL, made once for each of a few lengths of the list.

    Few different texts: databases keep what they worked out for a statement. Only those columns are read in which some
    row had a value before; the last one of a row tells whether there is a value in any of the others, too.
    """

    def __init__(self, table: SqlTable, dialect: Dialect) -> None:
        self._table = table
        self._columns = list(table.columns)
        self._dialect = dialect
        self._made: dict[tuple[int, bool], tuple[str, list[str], bool]] = {}
        self.used = [number for number, column in enumerate(self._columns) if column.name.lower() == "id"]
        """The columns that are read, by their numbers."""

    def learn(self, rows: Rows) -> None:
        """See in whole rows which columns have values."""
        found = {number for row in rows for number, value in enumerate(row) if value is not None}
        self.used = sorted(found.union(self.used))
        self._made = {key: made for key, made in self._made.items() if key[1]}

    def statement(self, ids: Sequence[str], *, whole: bool = False) -> tuple[str, Parameters]:
        """The text and the parameters for these ids, of which there must be one at least; ``whole``: every column."""
        size = 1 << (len(ids) - 1).bit_length()
        made = self._made.get((size, whole))
        if made is None:
            made = self._made[size, whole] = self._make(size, whole)
        text, names, positional = made
        values = list(ids) + [ids[-1]] * (size - len(ids))
        if positional:
            return text, tuple(values)
        return text, dict(zip(names, values, strict=True))

    def _make(self, size: int, whole: bool) -> tuple[str, list[str], bool]:
        from sqlalchemy import bindparam, select

        names = [f"k{number}" for number in range(size)]
        values: list[Any] = [bindparam(name) for name in names]
        key = self._table.c.id
        columns: list[Any] = (
            self._columns if whole else [*(self._columns[number] for number in self.used), self._rest()]
        )
        query = select(*columns).where(key == values[0] if size == 1 else key.in_(values))
        compiled = query.compile(dialect=self._dialect)
        return str(compiled), names, bool(compiled.positional)

    def _rest(self) -> Any:
        """``NULL`` unless one of the other columns has a value."""
        from sqlalchemy import func, literal_column, null

        rest: list[Any] = [column for number, column in enumerate(self._columns) if number not in self.used]
        if not rest:
            return null()
        # Databases take a hundred arguments, some a few more.
        parts = [rest[start : start + 90] for start in range(0, len(rest), 90)]
        if self._dialect.name == "postgresql":
            counts = [func.num_nonnulls(*part) for part in parts]
            return func.nullif(reduce(add, counts), literal_column("0"))
        return func.coalesce(*(func.coalesce(*part, null()) for part in parts), null())


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
