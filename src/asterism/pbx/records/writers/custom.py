"""``cdr_custom`` and ``cel_custom``: rows as the configuration writes them (cdr_custom.conf, cel_custom.conf)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from asterism.core.module import Module
from asterism.core.restriction import restriction
from asterism.pbx.channels.technology import Uncallable
from asterism.pbx.records.record import CallRecord, ChannelRecord
from asterism.pbx.records.writers.files import RowFiles
from asterism.pbx.records.writers.templates import Carrier, Mapping, read_mappings
from asterism.pbx.records.writing import Attempt, WriteError
from asterism.pbx.vocabulary.settings_file import load_settings

if TYPE_CHECKING:
    from asterism.pbx.records.lines import Line
    from asterism.pbx.vocabulary.host import HostServer

_TURN = 20
"""Records that are made rows of before others have their turn."""


class _Technology(Uncallable):
    """Technology of the channels that carry records; it cannot be called."""

    name = "Record"
    description = "Records of calls that are over"


class CustomWriter:
    """Writes the rows of all mappings."""

    def __init__(self, name: str, server: HostServer, folder: str, eventtime: Callable[[float], str]) -> None:
        """Write to a folder below the log folder."""
        self.name = name
        self.mappings: Sequence[Mapping] | None = None
        """``None``: the file cannot be read, and what comes waits."""
        self._server = server
        self._eventtime = eventtime
        self._carrier: Carrier | None = None
        self._files = RowFiles(lambda: Path(server.paths.log) / folder)

    async def write(self, records: Sequence[CallRecord | ChannelRecord], attempt: Attempt) -> None:
        """Write the rows of these."""
        if self.mappings is None:
            raise WriteError("its file of the configuration cannot be read")
        restriction.set(0)  # the lines are the administrator's, whoever has loaded the module
        if self._carrier is None:
            channel = self._server.pbx.create_quiet_channel(_Technology(), "Record")
            self._carrier = Carrier(channel, self._eventtime)
        rows: list[tuple[str, bytes]] = []
        for number, record in enumerate(records):
            if number % _TURN == _TURN - 1:
                await asyncio.sleep(0)
            self._carrier.carry(record)
            rows += [(mapping.file, await self._carrier.row(mapping.template)) for mapping in self.mappings]
        await self._files.append(rows, attempt)


class _Custom(Module):
    """What both modules have in common."""

    requires: ClassVar[tuple[str, ...]] = ("records",)
    file: ClassVar[str]
    folder: ClassVar[str]
    writer_name: ClassVar[str]

    def load(self, server: HostServer) -> None:
        """Read the file; without one nothing is written."""
        self._server = server
        self._remove: Callable[[], None] | None = None
        self._writer = CustomWriter(self.writer_name, server, self.folder, self._eventtime)
        self._use(load_settings(server, self.file, read_mappings))

    def _line(self) -> Line[CallRecord] | Line[ChannelRecord]:
        raise NotImplementedError

    def _eventtime(self, at: float) -> str:
        return f"{at:.6f}"

    def _use(self, mappings: Sequence[Mapping] | None) -> None:
        if mappings is None and self._writer.mappings is not None:
            return
        self._writer.mappings = mappings
        if self._remove is None and mappings != []:
            self._remove = self._line().register(self._server.owner, self._writer)

    async def reload(self) -> None:
        """Read the file again: for what is not written yet; without mappings what waits is written by the old ones."""
        mappings = load_settings(self._server, self.file, read_mappings)
        if mappings == [] and self._remove is not None:
            await self._line().remove(self.writer_name)
            self._remove = None
        self._use(mappings)

    async def unload(self) -> None:
        """Write what waits."""
        if self._remove is not None:
            await self._line().finish(self.writer_name)


class CdrCustom(_Custom):
    """Records of calls."""

    name: ClassVar[str] = "cdr_custom"
    description: ClassVar[str] = "Call records in files of the configuration's own format"
    file: ClassVar[str] = "cdr_custom.conf"
    folder: ClassVar[str] = "cdr-custom"
    writer_name: ClassVar[str] = "CDR File custom bac"

    def _line(self) -> Line[CallRecord]:
        return self._server.pbx.records.calls


class CelCustom(_Custom):
    """Records of channels."""

    name: ClassVar[str] = "cel_custom"
    description: ClassVar[str] = "Channel records in files of the configuration's own format"
    file: ClassVar[str] = "cel_custom.conf"
    folder: ClassVar[str] = "cel-custom"
    writer_name: ClassVar[str] = "CEL Custom CSV Logging"

    def _line(self) -> Line[ChannelRecord]:
        return self._server.pbx.records.channels

    def _eventtime(self, at: float) -> str:
        form = self._server.pbx.records.channel_dates
        return time.strftime(form, time.localtime(at)) if form else f"{at:.6f}"
