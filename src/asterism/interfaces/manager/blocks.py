"""The text of a channel's fields, kept as long as nothing in it changes: most events of a call repeat it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.interfaces.manager.wire import encode_fields
from asterism.pbx.vocabulary.events import channel_fields

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_MAX_KEPT = 4096


class ChannelBlocks:
    """The lines from ``Channel`` to ``Linkedid`` of each channel."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[tuple[object, ...], str]] = {}

    def text(self, channel: Channel) -> str:
        """The lines of a channel as it is now."""
        # Everything that channel_fields() shows.
        now = (
            channel.state, channel.caller, channel.connected, channel.priority, channel.exten, channel.context,
            channel.accountcode, channel.language, channel.linkedid, channel.name,
        )  # fmt: skip
        kept = self._kept.get(channel.uniqueid)
        if kept is not None and kept[0] == now:
            return kept[1]
        text = encode_fields(channel_fields(channel))
        if len(self._kept) >= _MAX_KEPT:
            self._kept.clear()
        self._kept[channel.uniqueid] = (now, text)
        return text

    def forget(self) -> None:
        """Drop all cached blocks."""
        self._kept.clear()
