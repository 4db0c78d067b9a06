"""Changes on their way to a remote backend: gathered per loop iteration, written in order, one batch at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asterism.data.errors import DataUnavailableError

if TYPE_CHECKING:
    from asterism.data.backends import Backend
    from asterism.data.options import ConfiguredObject
    from asterism.data.table import Table


@dataclass(slots=True)
class _Batch:
    changes: dict[str, ConfiguredObject | None] = field(default_factory=dict)
    committed: list[Callable[[], object]] = field(default_factory=list)
    failed: list[Callable[[], object]] = field(default_factory=list)


class RemoteWrites:
    """The changes of one type that its remote backend has not confirmed.

    What is changed while a batch is being written goes into the next one. A change becomes visible, and
    the callbacks waiting for it run, when the backend has confirmed its batch; if that fails, it never happened.
    """

    def __init__(self, table: Table, backend: Backend, log: logging.Logger) -> None:
        self.table = table
        self.backend = backend
        self._log = log
        self._batch: _Batch | None = None
        self._task: asyncio.Task[None] | None = None

    def add(self, key: str, item: ConfiguredObject | None) -> None:
        """Make a change, ``None`` being a removal."""
        if self._batch is None:
            self._batch = _Batch()
            if self._task is None:
                # A task's first step runs after what is ready now: one drain of the socket is one batch.
                loop = asyncio.get_running_loop()
                self._task = loop.create_task(self._run(), name=f"write {self.table.cls.TYPE}")
        self.table.staged[key] = item
        self._batch.changes[key] = item

    def on_settled(self, committed: Callable[[], object], failed: Callable[[], object]) -> None:
        """Call ``committed()`` when everything changed so far is confirmed, else ``failed()``."""
        if self._batch is None:
            committed()
        else:
            self._batch.committed.append(committed)
            self._batch.failed.append(failed)

    async def _run(self) -> None:
        try:
            while self._batch is not None:
                batch, self._batch = self._batch, None
                await self._write(batch)
        finally:
            self._task = None

    async def _write(self, batch: _Batch) -> None:
        error: Exception | None = None
        try:
            await self.backend.write(batch.changes)
        except DataUnavailableError as failure:
            error = failure
        except Exception as failure:
            self._log.exception("%s objects could not be written", self.table.cls.TYPE)
            error = failure
        changes = [(key, item, self.backend) for key, item in batch.changes.items()]
        if error is None:
            self.table.commit_staged(changes)
        else:
            self.table.drop_failed(changes)
        for callback in batch.committed if error is None else batch.failed:
            try:
                callback()
            except Exception:
                self._log.exception("a callback of the data layer failed")

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        if self._task is not None:
            await self._task
