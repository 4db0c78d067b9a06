"""The live channels of a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

C_co = TypeVar("C_co", bound="Channel", covariant=True)


class ChannelTable(Generic[C_co]):
    """The live channels, by name, by uniqueid and by device.

    Whoever reads it gets them as the class that they are made of.
    """

    def __init__(self) -> None:
        self._by_name: dict[str, Any] = {}
        self._by_uniqueid: dict[str, Any] = {}
        self._by_device: dict[str, dict[str, Any]] = {}

    def __iter__(self) -> Iterator[C_co]:
        return iter(list(self._by_name.values()))

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, name: str) -> C_co | None:
        """The channel of that name (in any case) or uniqueid."""
        found: C_co | None = self._by_name.get(name) or self._by_uniqueid.get(name)
        if found is None:
            folded = name.lower()
            for channel in self._by_name.values():
                if channel.name.lower() == folded:
                    found = channel
                    break
        return found

    def of_device(self, device: str) -> Sequence[C_co]:
        """The channels of a device ("PJSIP/alice")."""
        found = self._by_device.get(device)
        return () if found is None else list(found.values())

    def add(self, channel: Channel) -> None:
        """Enter a channel."""
        self._by_name[channel.name] = channel
        self._by_uniqueid[channel.uniqueid] = channel
        self._by_device.setdefault(channel.device, {})[channel.name] = channel

    def exchange_names(self, one: Channel, other: Channel) -> None:
        """Have two channels take each other's name and device; their uniqueids stay."""
        names = self._by_name
        one.name, other.name = other.name, one.name
        one.device, other.device = other.device, one.device
        for channel in (one, other):
            if channel.name in names:
                names[channel.name] = channel
                self._by_device[channel.device][channel.name] = channel

    def remove(self, channel: Channel) -> None:
        """Forget a channel."""
        self._by_name.pop(channel.name, None)
        self._by_uniqueid.pop(channel.uniqueid, None)
        device = channel.device
        found = self._by_device.get(device)
        if found is not None:
            found.pop(channel.name, None)
            if not found:
                del self._by_device[device]
