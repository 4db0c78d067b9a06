"""The conferences of a server, by their names."""

from __future__ import annotations

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
        self._made = 0
        self._recorded = 0

    def next_number(self) -> int:
        """The number of a conference's announcer."""
        number, self._made = self._made, (self._made + 1) & 0xFFFFFFFF
        return number

    def next_recording(self) -> int:
        """The number of a conference's recorder."""
        number, self._recorded = self._recorded, (self._recorded + 1) & 0xFFFFFFFF
        return number
