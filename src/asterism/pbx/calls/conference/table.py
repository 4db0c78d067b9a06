"""The conferences of a server, by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.pbx.calls.conference.profiles import Profiles

if TYPE_CHECKING:
    from asterism.pbx.calls.conference.conference import Conference


class Conferences(dict[str, "Conference"]):
    """Those that there are; each takes itself out when it is over."""

    def __init__(self) -> None:
        super().__init__()
        self.profiles = Profiles()
        """What ``confbridge.conf`` says."""
        self.on_state: Callable[[str], None] | None = None
        """Called with the name of one that has begun or ended."""
        self._made = 0
        self._recorded = 0

    def state_changed(self, name: str) -> None:
        """One has begun to be used, or has ended."""
        if self.on_state is not None:
            self.on_state(name)

    def next_number(self) -> int:
        """The number of a conference's announcer."""
        number, self._made = self._made, (self._made + 1) & 0xFFFFFFFF
        return number

    def next_recording(self) -> int:
        """The number of a conference's recorder."""
        number, self._recorded = self._recorded, (self._recorded + 1) & 0xFFFFFFFF
        return number
