"""Messages outside calls in the PBX: who carries them, and the queue that runs dialplan for those received."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from asterism.core.events import EventBus
from asterism.core.registry import Registry
from asterism.pbx.causes import Cause
from asterism.pbx.channel import Channel
from asterism.pbx.controls import ChannelState
from asterism.pbx.device_state import DeviceState
from asterism.pbx.errors import RequestError
from asterism.pbx.messaging.message import Message, MessageError, MessageTechnology, SendStatus, give_message

if TYPE_CHECKING:
    from asterism.media.formats import Format
    from asterism.pbx.core import Pbx

CHANNEL_NAME = "Message/ast_msg_queue"
MAX_WAITING = 1000
"""How many messages may wait for their turn."""
MAX_SECONDS = 300
"""How long the dialplan may deal with one message while others wait."""


class Delivery(NamedTuple):
    """A message received and the extension that it is for."""

    message: Message
    context: str
    exten: str
    language: str = ""
    accountcode: str = ""


class _Technology:
    """What the channel of messages belongs to: nothing that could be called."""

    name = "Message"
    description = "Text messages outside calls"

    def request(self, destination: str, requestor: Channel | None, formats: Sequence[Format]) -> Channel:
        """Nobody can be called."""
        raise RequestError(Cause.CHAN_NOT_IMPLEMENTED, "messages are not called")

    def device_state(self, resource: str) -> DeviceState:
        """There are no devices."""
        return DeviceState.INVALID


class MessageChannel(Channel):
    """The channel that runs dialplan for one message.

    It is no call: it is in no listing, and no event tells that it comes, changes or goes.
    """

    __slots__ = ()

    def _forget(self) -> None:
        """Nobody has known of it."""


class Messages:
    """``pbx.messages``: the carriers by prefix, and the queue; one message is dealt with at a time."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx
        self._technology = _Technology()
        self.technologies: Registry[MessageTechnology] = Registry("message technology", str.lower)
        self._waiting: deque[Delivery] = deque()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many messages wait or are being dealt with."""
        return len(self._waiting) + (self._task is not None)

    @property
    def full(self) -> bool:
        """Whether no further message can wait."""
        return len(self._waiting) >= MAX_WAITING

    def submit(self, delivery: Delivery) -> None:
        """Have the dialplan deal with a message when those before it are done; one too many is dropped."""
        if self.full:
            self._pbx.log.warning("%d messages are waiting: one for %s is dropped", MAX_WAITING, delivery.exten)
            return
        self._waiting.append(delivery)
        if self._task is None:
            self._next()

    def close(self) -> None:
        """Drop what waits and break off what runs."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    async def send(self, destination: str, message: Message) -> SendStatus:
        """Give a message to whoever carries those to ``destination`` (``pjsip:alice``)."""
        prefix, colon, rest = destination.strip().partition(":")
        if not colon or not rest.strip():
            self._pbx.log.warning("%r is no destination of a message", destination)
            return SendStatus.INVALID_URI
        technology = self.technologies.get(prefix)
        if technology is None:
            self._pbx.log.warning("nobody carries messages to %r", prefix)
            return SendStatus.INVALID_PROTOCOL
        try:
            await technology.send(rest.strip(), message)
        except MessageError as error:
            self._pbx.log.warning("a message to %r was not sent: %s", destination, error)
            return error.status
        return SendStatus.SUCCESS

    def _next(self) -> None:
        channel = self._channel(self._waiting.popleft())
        self._timer = self._pbx.loop.call_later(MAX_SECONDS, self._overdue, channel)
        self._task = self._pbx.start(channel)
        self._task.add_done_callback(self._done)

    def _overdue(self, channel: Channel) -> None:
        self._pbx.log.warning(
            "extension %s@%s takes more than %d s for one message: it is ended",
            channel.exten, channel.context, MAX_SECONDS,
        )  # fmt: skip
        channel.soft_hangup()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if self._timer is not None:
            self._timer.cancel()
        if self._waiting:
            self._next()

    def _channel(self, delivery: Delivery) -> Channel:
        pbx = self._pbx
        quiet = pbx.bound(pbx.owner)
        quiet.bus = EventBus(pbx.log)
        unique = pbx.next_uniqueid()
        channel = MessageChannel(quiet, self._technology, CHANNEL_NAME, unique, unique, ChannelState.UP)
        channel.callid = pbx.next_callid()
        channel.context, channel.exten = delivery.context, delivery.exten
        channel.language = delivery.language or getattr(pbx.server.options, "defaultlanguage", "") or "en"
        channel.accountcode = delivery.accountcode
        give_message(channel, delivery.message)
        return channel
