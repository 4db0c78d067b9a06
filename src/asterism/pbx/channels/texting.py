"""Texts within a call: to the far end, and from it to whoever waits for one."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

PLAIN = "text/plain"
MAX_TYPE = 200
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_TYPE = re.compile(rf'{_TOKEN}/{_TOKEN}(?:\s*;\s*{_TOKEN}=(?:{_TOKEN}|"[^"\\\r\n]*"))*')
_KEY = "receive_text"
"""Where ``channel.data`` keeps the one who waits for a text."""


def is_content_type(text: str) -> bool:
    """Whether a text is a media type (RFC 3261 25.1), and nothing else."""
    return len(text) <= MAX_TYPE and _TYPE.fullmatch(text) is not None


def sends_text(channel: Channel) -> bool:
    """Whether the channel's technology sends texts at all."""
    return not channel.dead and hasattr(channel.driver, "send_text")


def send_text(channel: Channel, text: str, content_type: str = PLAIN) -> bool:
    """Send a text to the far end, in its call; whether it could be sent.

    Raises:
        ValueError: ``content_type`` is no media type.
    """
    if not is_content_type(content_type):
        raise ValueError(f"'{content_type}' is no content type")
    if content_type == PLAIN:
        return bool(channel.ask_driver("send_text", False, text))
    return bool(channel.ask_driver("send_text", False, text, content_type))


async def receive_text(channel: Channel, timeout: float | None = None) -> str | None:
    """The next text that the far end sends in the call, ``None`` when none came within ``timeout`` seconds.

    Texts that come while nobody waits are not kept. Raises ``RuntimeError`` where another task waits for one, and
    :class:`ChannelHangup`.
    """
    if _KEY in channel.data:
        raise RuntimeError(f"another task waits for a text of {channel.name} already")
    waiting = channel.data[_KEY] = _Waiting(channel.pbx.loop.create_future())
    try:
        await channel.park(timeout, 0, waiting.future)
    finally:
        del channel.data[_KEY]
    return waiting.text


def take_text(channel: Channel, text: str) -> bool:
    """The far end has sent a text (driver to core); whether anybody waited for one."""
    waiting: _Waiting | None = channel.data.get(_KEY)
    if waiting is None or waiting.future.done():
        return False
    waiting.text = text
    waiting.future.set_result(True)
    return True


class _Waiting:
    """The one who waits."""

    def __init__(self, future: asyncio.Future[bool]) -> None:
        self.future = future
        self.text: str | None = None
