"""The lines in a server: writers begin once all modules are there, and the journal waits for the next start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from records_kit import call

from asterism import Server
from asterism.core.module import Module
from asterism.pbx.records.record import CallRecord
from asterism.pbx.records.writing import Attempt, WriteError
from asterism.testing import until

WRITTEN: list[tuple[bool, int]] = []


class Writing(Module):
    """Writes down whether the server had booted."""

    name = "test_writer"
    requires = ("records",)
    broken = False

    def load(self, server: Any) -> None:
        self.server = server
        server.pbx.records.calls.register(server.owner, self)

    async def write(self, records: Sequence[CallRecord], attempt: Attempt) -> None:
        if self.broken:
            raise WriteError("no")
        WRITTEN.extend((self.server.modules.is_loaded("core"), record.sequence) for record in records)


class Broken(Writing):
    broken = True


async def test_what_a_stop_leaves_is_written_after_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "modules.conf").write_text("[modules]\nautoload=no\nload=test_writer\n")
    WRITTEN.clear()
    for module, numbers in ((Broken, (1, 2)), (Writing, (3,))):
        server = Server.from_config(tmp_path)
        server.modules.add(module)
        async with server:
            for number in numbers:
                server.pbx.records.calls.put(call(sequence=number))
            if module is Writing:
                await until(lambda: len(WRITTEN) == 3)
    assert [number for _, number in WRITTEN] == [1, 2, 3]
