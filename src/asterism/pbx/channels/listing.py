"""Pieces of channel listings that console and manager have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


def clock(seconds: int) -> str:
    """``00:00:09``; hours grow beyond two digits."""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def formats_of(channel: Channel) -> tuple[str, str, str]:
    """Native, read and write formats: ``("(ulaw)", "ulaw", "ulaw")``, ``none`` without audio."""
    stream = channel.stream
    if stream is None:
        return "(nothing)", "none", "none"
    name = stream.format.name
    return f"({name})", name, name


def count_lines(channels: int, calls: int, processed: int) -> list[str]:
    """``2 active channels``, ``1 active call``, ``2 calls processed``."""
    return [f"{channels} active channel{'' if channels == 1 else 's'}", *call_lines(calls, processed)]


def call_lines(calls: int, processed: int) -> list[str]:
    """``1 active call``, ``2 calls processed``."""
    return [
        f"{calls} active call{'' if calls == 1 else 's'}",
        f"{processed} call{'' if processed == 1 else 's'} processed",
    ]
