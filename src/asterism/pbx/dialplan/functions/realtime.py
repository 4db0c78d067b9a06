"""REALTIME, REALTIME_FIELD, REALTIME_HASH, REALTIME_STORE, REALTIME_DESTROY: rows of databases."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import ConfigError
from asterism.data.errors import DataRefusedError, DataUnavailableError
from asterism.data.realtime.module import RealtimeModule
from asterism.data.realtime.records import Records
from asterism.pbx.dialplan.functions.common import unescape
from asterism.pbx.dialplan.functions.lists import as_hash
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.vocabulary.flow import FunctionError, needs_channel
from asterism.pbx.vocabulary.marks import waiting_function, waiting_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

T = TypeVar("T")

MAX_FIELDS = 30
_OUTSIDE = "Manager clients and the like may not use it unless live_dangerously is set."
_WHERE = (
    Argument("family", "As extconfig.conf names it.", True),
    Argument("fieldmatch", "The column to look at; with an operator behind it (LIKE, !=, <, >, <=, >=) by that.", True),
    Argument("matchvalue", "What is to be in it.", True),
)
_BETWEEN = (
    Argument("delim1", "What stands between the columns; a comma by default."),
    Argument("delim2", "What stands between a column's name and its value; = by default."),
)


class RealtimeFunctions(PbxModule):
    """Rows of databases in the dialplan."""

    name: ClassVar[str] = "func_realtime"
    description: ClassVar[str] = "Rows of databases in the dialplan"

    def load(self, server: HostServer) -> Awaitable[None] | None:
        """Register the functions."""
        self._server: Any = server
        return super().load(server)

    @waiting_function(
        "REALTIME",
        Documentation(
            "A row of a database, or write into rows.",
            "REALTIME(family,fieldmatch[,matchvalue[,delim1|field[,delim2]]])",
            "Read, it is name=value,name=value of the columns of the first row that fits, without those that are NULL; "
            f"empty without a row. Set(REALTIME(family,fieldmatch,matchvalue,field)=value) writes a column. {_OUTSIDE}",
            (*_WHERE, *_BETWEEN),
            ("REALTIME_FIELD", "REALTIME_HASH", "REALTIME_STORE", "REALTIME_DESTROY"),
        ),
        dangerous=True,
        marks=True,
    )
    async def read(self, channel: Channel | None, args: str) -> str:
        """The row."""
        parts = _parts(args, 5)
        return _row(await self._find(parts), parts)

    @waiting_writer("REALTIME", dangerous=True)
    async def write(self, channel: Channel | None, args: str, value: str) -> None:
        """Write a column."""
        family, field, match, written = _parts(args, 4)
        if not written.strip():
            raise FunctionError("it needs a field to write")
        count = await self._done(self._records(family).update([(field, match)], [(written, value)]))
        self.pbx.log.debug("REALTIME(%s): %d rows written", args, count)

    @waiting_function(
        "REALTIME_FIELD",
        Documentation(
            "One column of a row of a database.",
            "REALTIME_FIELD(family,fieldmatch,matchvalue,fieldname)",
            f"Written, it is as REALTIME. {_OUTSIDE}",
            (*_WHERE, Argument("fieldname", "The column to read.", True)),
            ("REALTIME",),
        ),
        dangerous=True,
        marks=True,
    )
    async def read_field(self, channel: Channel | None, args: str) -> str:
        """The column."""
        parts = _parts(args, 4)
        wanted = parts[3].strip().lower()
        if not wanted:
            raise FunctionError("it needs a field to read")
        return next((value for name, value in await self._find(parts) if name.lower() == wanted), "")

    @waiting_writer("REALTIME_FIELD", dangerous=True)
    async def write_field(self, channel: Channel | None, args: str, value: str) -> None:
        """As REALTIME."""
        await self.write(channel, args, value)

    @waiting_function(
        "REALTIME_HASH",
        Documentation(
            "A row of a database, for HASH.",
            "REALTIME_HASH(family,fieldmatch,matchvalue)",
            f"Set(HASH(row)=${{REALTIME_HASH(...)}}), then HASH(row,column) is each column. {_OUTSIDE}",
            _WHERE,
            ("HASH", "REALTIME"),
        ),
        dangerous=True,
        effects=True,
        marks=True,
    )
    async def read_hash(self, channel: Channel | None, args: str) -> str:
        """The row's values; their names are in a variable."""
        channel = needs_channel(channel)
        return as_hash(self.pbx, channel, await self._find(_parts(args, 3)), foreign=False)

    @waiting_writer(
        "REALTIME_STORE",
        Documentation(
            "Add a row to a database.",
            "REALTIME_STORE(family,field1,fieldN[,...],field30)=value1,valueN[,...],value30",
            f"RTSTOREID is the row's primary key, where the database tells it. {_OUTSIDE}",
            (_WHERE[0], Argument("field1", "The columns; the values are in the same order.", True)),
            ("REALTIME",),
        ),
        dangerous=True,
    )
    async def store(self, channel: Channel | None, args: str, value: str) -> None:
        """Insert."""
        family, *fields = split_arguments(args)
        values = split_arguments(value)
        if not 0 < len(fields) <= MAX_FIELDS or not family.strip():
            raise FunctionError(f"it needs a family and 1 to {MAX_FIELDS} fields")
        if len(values) > len(fields):
            raise FunctionError("there are more values than fields")
        pairs = list(zip(fields, values, strict=False))
        found = await self._done(self._records(family).insert(pairs))
        if channel is not None:
            channel.set_variable("RTSTOREID", found)

    @waiting_function(
        "REALTIME_DESTROY",
        Documentation(
            "Remove rows of a database, and give the first of them back.",
            "REALTIME_DESTROY(family,fieldmatch[,matchvalue[,delim1[,delim2]]])",
            f"All rows that fit are removed. {_OUTSIDE}",
            (*_WHERE, *_BETWEEN),
            ("REALTIME",),
        ),
        dangerous=True,
        effects=True,
        marks=True,
    )
    async def destroy(self, channel: Channel | None, args: str) -> str:
        """Read, then delete."""
        parts = _parts(args, 5)
        found = await self._find(parts)
        if found:
            await self._done(self._records(parts[0]).delete([(parts[1], parts[2])]))
        return _row(found, parts)

    @waiting_writer("REALTIME_DESTROY", dangerous=True)
    async def write_destroy(self, channel: Channel | None, args: str, value: str) -> None:
        """Delete; what is written is not looked at."""
        await self.destroy(channel, args)

    async def _find(self, parts: Sequence[str]) -> list[tuple[str, str]]:
        family, field, match = parts[:3]
        return await self._done(self._records(family).find([(field, match)])) or []

    def _records(self, family: str) -> Records:
        modules = getattr(self._server, "modules", None)
        found = None if modules is None else modules.find(RealtimeModule.name)
        instance = None if found is None else found.instance
        if not isinstance(instance, RealtimeModule):
            raise FunctionError(f"the module {RealtimeModule.name} is not loaded")
        try:
            tables = instance.tables(str(family).strip())
        except ConfigError as error:
            raise FunctionError(str(error)) from None
        if not tables:
            raise FunctionError(f"extconfig.conf does not say where the family '{family}' is")
        return Records(tables)

    @staticmethod
    async def _done(work: Awaitable[T]) -> T:
        try:
            return await work
        except KeyError as error:
            raise FunctionError(f"the table has no column '{error.args[0]}'") from None
        except (DataRefusedError, DataUnavailableError) as error:
            raise FunctionError(str(error)) from None


def _parts(args: str, count: int) -> list[str]:
    parts = [*split_arguments(args), *[""] * 5][:count]
    if not (parts[0].strip() and parts[1].strip()):
        raise FunctionError("it needs a family and a field")
    return parts


def _row(pairs: Sequence[tuple[str, str]], parts: Sequence[str]) -> str:
    between, within = unescape(str(parts[3])) or ",", unescape(str(parts[4])) or "="
    return between.join(f"{name}{within}{value}" for name, value in pairs)
