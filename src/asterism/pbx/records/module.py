"""The module of the records' lines: lets their writers begin once all are there, and closes the journals."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.module import Module

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import HostServer


class RecordsModule(Module):
    """What whoever writes records requires; it is loaded before them, and unloaded after them."""

    name: ClassVar[str] = "records"
    core: ClassVar[bool] = True
    description: ClassVar[str] = "Journals of call records"

    def load(self, server: HostServer) -> None:
        """Remember the lines."""
        self._records = server.pbx.records

    def start(self) -> None:
        """Every writer is there: they may begin."""
        self._records.calls.start()
        self._records.channels.start()

    def unload(self) -> None:
        """Close the journals."""
        self._records.calls.close()
        self._records.channels.close()
