"""Which channels may be spied on, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.pbx.calls.spying.settings import SpySettings
    from asterism.pbx.channels.channel import Channel

GROUPS = "SPYGROUP"
"""The variable of a channel with the groups that it belongs to, joined by colons."""
_MARK = "spying"
"""In ``channel.data`` of one that spies."""


def mark_spying(channel: Channel, on: bool) -> None:
    """Note that a channel spies: nobody finds it, or two would hear each other's echo for ever."""
    if on:
        channel.data[_MARK] = True
    else:
        channel.data.pop(_MARK, None)


def resource(channel: Channel) -> str:
    """What its device is called without the technology: ``alice`` of ``PJSIP/alice``."""
    return channel.device.partition("/")[2]


@dataclass(slots=True)
class Choice:
    """What is looked for: a beginning of names, or an extension that was dialled."""

    settings: SpySettings
    prefix: str = ""
    place: tuple[str, str] | None = None
    """Context and extension, instead of a prefix."""

    def all(self, spy: Channel) -> Iterator[Channel]:
        """Those that fit, the oldest first."""
        return (one for one in spy.pbx.channels if self._fits(one) and self._may(one, spy))

    def find(self, spy: Channel, digits: str) -> Channel | None:
        """The channel whose name goes on with these digits behind the prefix: ``PJSIP`` and 1234 are PJSIP/1234."""
        technology = self.prefix.rstrip("/").lower()
        for one in spy.pbx.channels:
            name = one.name.lower()
            fits = name.startswith(f"{technology}/{digits}") if technology else resource(one).startswith(digits)
            if fits and self._may(one, spy):
                return one
        return None

    def _fits(self, channel: Channel) -> bool:
        if self.place is not None:
            return (channel.context, channel.exten) == self.place
        name, wanted = channel.name.lower(), self.prefix.lower()
        if self.settings.exact:
            return wanted in (name, channel.uniqueid.lower())
        return name.startswith(wanted)

    def _may(self, channel: Channel, spy: Channel) -> bool:
        settings = self.settings
        if channel is spy or not channel.alive or _MARK in channel.data:
            return False
        if settings.bridged_only and channel.bridge is None:
            return False
        if settings.enforced is not None and resource(channel).lower() not in settings.enforced:
            return False
        if settings.groups:
            own = channel.get_variable(GROUPS) or ""
            return any(word.strip().lower() in settings.groups for word in own.split(":"))
        return True
