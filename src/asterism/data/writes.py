"""Changes on their way to a remote backend: gathered per loop iteration, written in order, one batch at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from asterism.data.errors import DataRefusedError, DataUnavailableError

if TYPE_CHECKING:
    from asterism.data.backends import Backend
    from asterism.data.options import ConfiguredObject
    from asterism.data.table import Table


@dataclass(slots=True)
class _Waiter:
    """Callbacks waiting for the changes of some ids (``None``: for every change of the batch)."""

    ids: Collection[str] | None
    committed: Callable[[], object]
    failed: Callable[[], object]


@dataclass(slots=True)
class _Batch:
    changes: dict[str, ConfiguredObject | None] = field(default_factory=dict)
    waiters: list[_Waiter] = field(default_factory=list)

    def requests(self) -> list[list[str]]:
        """The ids in groups that are to be written all or none: those that somebody waits for together."""
        group_of = {key: [key] for key in self.changes}
        for waiter in self.waiters:
            first: list[str] | None = None
            for key in waiter.ids or ():
                group = group_of.get(key)
                if group is None or group is first:
                    continue
                if first is None:
                    first = group
                    continue
                # The smaller into the larger: however they overlap, an id moves but a few times.
                small, first = (group, first) if len(group) <= len(first) else (first, group)
                first += small
                for each in small:
                    group_of[each] = first
        return list({id(group): group for group in group_of.values()}.values())


class RemoteWrites:
    """The changes of one type that its remote backend has not confirmed.

    What is changed while a batch is being written goes into the next one. A change becomes visible, and
    the callbacks waiting for it run, when the backend has confirmed it; if that fails, it never happened.
    Where the backend does not take a value, only the request that it belongs to fails.
    """

    def __init__(self, table: Table, backend: Backend, log: logging.Logger) -> None:
        self.table = table
        self.backend = backend
        self._log = log
        self._batch: _Batch | None = None
        self._writing: _Batch | None = None
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

    def on_settled(
        self, committed: Callable[[], object], failed: Callable[[], object], ids: Collection[str] | None = None
    ) -> None:
        """Call ``committed()`` when the changes of these ids so far are confirmed, else ``failed()``.

        Without ``ids``: when everything changed so far is.
        """
        current, writing = self._batch, self._writing
        if ids is None:
            batch = current or writing
        elif writing is not None and any(
            key in writing.changes and (current is None or key not in current.changes) for key in ids
        ):
            # Then look whether something is in the next batch, too.
            writing.waiters.append(_Waiter(ids, partial(self.on_settled, committed, failed, ids), failed))
            return
        else:
            batch = current if current is not None and any(key in current.changes for key in ids) else None
        if batch is None:
            committed()
        else:
            batch.waiters.append(_Waiter(ids, committed, failed))

    async def _run(self) -> None:
        try:
            while self._batch is not None:
                batch, self._batch = self._batch, None
                self._writing = batch
                await self._write(batch)
        finally:
            self._task = self._writing = None

    async def _write(self, batch: _Batch) -> None:
        failed = await self._write_what_is_taken(batch)
        self._writing = None
        taken = [(key, item, self.backend) for key, item in batch.changes.items() if key not in failed]
        self.table.commit_staged(taken)
        if failed:
            self.table.drop_failed((key, batch.changes[key], self.backend) for key in failed)
        for waiter in batch.waiters:
            bad = bool(failed) and (waiter.ids is None or not failed.isdisjoint(waiter.ids))
            try:
                (waiter.failed if bad else waiter.committed)()
            except Exception:
                self._log.exception("a callback of the data layer failed")

    async def _write_what_is_taken(self, batch: _Batch) -> set[str]:
        """Write the batch; return the ids that were not written."""
        error = await self._try(batch, batch.changes)
        if error is None:
            return set()
        if not isinstance(error, DataRefusedError):
            return set(batch.changes)
        failed: set[str] = set()
        # Halves of it, halves of those that are refused, and so on: few that are not taken cost few tries.
        parts = _halves(batch.requests(), failed)
        while parts:
            part = parts.pop()
            error = await self._try(batch, [key for request in part for key in request])
            if isinstance(error, DataRefusedError):
                parts += _halves(part, failed)
            elif error is not None:
                failed.update(*part)
        return failed

    async def _try(self, batch: _Batch, keys: Iterable[str]) -> Exception | None:
        """Write the changes of some ids; return what went wrong."""
        try:
            await self.backend.write({key: batch.changes[key] for key in keys})
        except (DataRefusedError, DataUnavailableError) as error:
            return error
        except Exception as error:
            self._log.exception("%s objects could not be written", self.table.cls.TYPE)
            return error
        return None

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        if self._task is not None:
            await self._task


def _halves(requests: list[list[str]], failed: set[str]) -> list[list[list[str]]]:
    """Both halves of requests that were refused together; a single one has ``failed``."""
    if len(requests) == 1:
        failed.update(requests[0])
        return []
    half = len(requests) // 2
    return [requests[:half], requests[half:]]
