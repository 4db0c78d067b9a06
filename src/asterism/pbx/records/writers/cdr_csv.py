"""``cdr_csv``: records of calls as comma separated values (cdr.conf, ``[csv]``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from asterism.config.values import is_boolean, is_true
from asterism.core.module import Module
from asterism.pbx.records.record import AMA_FLAGS, CallRecord, moment
from asterism.pbx.records.writers.files import RowFiles, in_octets, is_below, on_one_line
from asterism.pbx.records.writers.sections import load_section
from asterism.pbx.records.writing import Attempt

if TYPE_CHECKING:
    from asterism.config import ConfigFile
    from asterism.core.errors import ConfigError
    from asterism.core.log import ServerLogger
    from asterism.pbx.vocabulary.host import HostServer

FILE = "cdr.conf"
NAME = "csv"
SECTION = "csv"
MASTER = "Master"
MAX_SKIPPED = 100
"""Files of accounts that cannot be written of which each is told once."""
OPTIONS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "usegmtime": ("no", "Times are written in UTC; otherwise in local time."),
    "loguniqueid": ("no", "A row has the channel's unique id as well."),
    "loguserfield": ("no", "A row has the user field as well."),
    "accountlogs": ("yes", "Each row is written to a file of its account as well, ACCOUNT.csv."),
    "newcdrcolumns": ("no", "A row has the account of the other party, the linked id and the sequence number as well."),
})  # fmt: skip
"""The options: default, and what they do."""


@dataclass(frozen=True, slots=True)
class CsvSettings:
    """The options, as :data:`OPTIONS` explains them."""

    usegmtime: bool = False
    loguniqueid: bool = False
    loguserfield: bool = False
    accountlogs: bool = True
    newcdrcolumns: bool = False


def read_csv(file: ConfigFile) -> tuple[CsvSettings | None, list[ConfigError]]:
    """What ``cdr.conf`` says of CSV files, and what is wrong with it; ``None``: they are not written."""
    if not any(section.name.lower() == SECTION for section in file):
        return None, []
    values: dict[str, bool] = {}
    problems: list[ConfigError] = []
    for option in file.options(SECTION):
        name = option.name.lower()
        if name not in OPTIONS:
            problems.append(option.error(f"unknown in [{SECTION}]", ", ".join(OPTIONS)))
        elif not is_boolean(option.value):
            problems.append(option.error(f"'{option.value}' is neither yes nor no", "yes or no"))
        else:
            values[name] = is_true(option.value)
    return CsvSettings(**values), problems


def row_of(record: CallRecord, settings: CsvSettings) -> bytes:
    """The row of a record, with its line end."""
    utc = settings.usegmtime
    start, answer, end = ["" if at is None else moment(at, utc=utc) for at in (record.start, record.answer, record.end)]
    texts = [
        record.accountcode,
        record.src,
        record.dst,
        record.dcontext,
        record.clid,
        record.channel,
        record.dstchannel,
        record.lastapp,
        record.lastdata,
        start,
        answer,
        end,
        str(record.disposition),
        AMA_FLAGS.get(record.amaflags, "Unknown"),
    ]
    if settings.loguniqueid:
        texts.append(record.uniqueid)
    if settings.loguserfield:
        texts.append(record.userfield)
    if settings.newcdrcolumns:
        texts += [record.peeraccount, record.linkedid]
    fields = ['"' + text.replace('"', '""') + '"' for text in texts]
    fields[12:12] = [str(record.duration), str(record.billsec)]
    if not answer:
        fields[10] = ""
    if settings.newcdrcolumns:
        fields.append(str(record.sequence))
    return in_octets(on_one_line(",".join(fields)) + "\n")


class CsvWriter:
    """Writes ``Master.csv`` and a file for each account."""

    name = NAME

    def __init__(self, folder: Callable[[], Path], log: ServerLogger) -> None:
        """Write to the files of a folder."""
        self.settings = CsvSettings()
        self._log = log
        self._files = RowFiles(folder)
        self._refused = ""
        self._skipped: set[str] = set()

    async def write(self, records: Sequence[CallRecord], attempt: Attempt) -> None:
        """Write the rows of these."""
        rows = []
        for record in records:
            row = row_of(record, self.settings)
            rows.append((f"{MASTER}.csv", row))
            if self.settings.accountlogs and record.accountcode and self._is_file(record.accountcode):
                rows.append((f"{record.accountcode}.csv", row))
        accounts = {name for name, _ in rows} - {f"{MASTER}.csv"}
        await self._files.append(rows, attempt, accounts, self._skip)

    def _skip(self, error: OSError) -> None:
        """An account's file cannot be written: it is no reason to have everybody's rows wait."""
        if error.filename not in self._skipped:
            if len(self._skipped) < MAX_SKIPPED:
                self._skipped.add(error.filename)
            self._log.warning("%s: calls of this account are only in %s.csv", error, MASTER)

    def _is_file(self, account: str) -> bool:
        """Whether an account can have a file. Its name may come from outside: it is never a path."""
        if "/" not in account and is_below(account) and account.lower() != MASTER.lower():
            return True
        if account != self._refused:
            self._refused = account
            self._log.warning("account code %r is no name of a file: its calls are only in %s.csv", account, MASTER)
        return False


class CdrCsv(Module):
    """CSV files of calls."""

    name: ClassVar[str] = "cdr_csv"
    requires: ClassVar[tuple[str, ...]] = ("records",)
    description: ClassVar[str] = "Call records in CSV files"

    def load(self, server: HostServer) -> None:
        """Read ``cdr.conf``; without its section ``[csv]`` nothing is written."""
        self._server = server
        self._remove: Callable[[], None] | None = None
        self._writer = CsvWriter(lambda: Path(server.paths.log) / "cdr-csv", server.log)
        self._read()

    def _read(self) -> bool:
        """Read the section; whether there is one, or it cannot be read."""
        loaded = load_section(self._server, FILE, read_csv)
        if loaded is None:
            return True
        (settings,) = loaded
        if settings is None:
            return False
        self._writer.settings = settings
        if self._remove is None:
            self._remove = self._server.pbx.records.calls.register(self._server.owner, self._writer)
        return True

    async def reload(self) -> None:
        """Read the section again: for what is not written yet; without it what waits is written still."""
        if not self._read() and self._remove is not None:
            await self._server.pbx.records.calls.remove(NAME)
            self._remove = None

    async def unload(self) -> None:
        """Write what waits."""
        if self._remove is not None:
            await self._server.pbx.records.calls.finish(NAME)
