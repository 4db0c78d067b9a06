"""Observers of all SIP messages on the wire: the trace logger, the history, and those that modules add.

Without observers, the transports have no hook at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.transport.base import Trace
    from asterism.transport.loop import TransportManager


class Traces:
    """The watchers by name, joined into the one hook that the transports have."""

    def __init__(self) -> None:
        self._watchers: dict[str, Trace] = {}

    def set(self, transports: TransportManager, name: str, watcher: Trace | None) -> None:
        """Set or, with ``None``, take away the watcher of a name: ``watcher(direction, data, flow)``."""
        if watcher is None:
            self._watchers.pop(name, None)
        else:
            self._watchers[name] = watcher
        watchers = tuple(self._watchers.values())
        if len(watchers) < 2:
            transports.on_trace = watchers[0] if watchers else None
            return

        def all_of_them(direction: str, data: bytes, flow: Flow) -> None:
            for each in watchers:
                each(direction, data, flow)

        transports.on_trace = all_of_them
