"""Messages outside calls in the PBX: their technologies, and the queues that run dialplan for received ones.

Those of one sender are dealt with one after the other, in the order in which they came; those of others do not wait for
them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from asterism.core.containment import FAILURES, report_failure, task_ends
from asterism.core.registry import Registry
from asterism.pbx.channels.technology import Uncallable
from asterism.pbx.messaging.message import Message, MessageError, MessageTechnology, SendStatus, give_message

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host

CHANNEL_NAME = "Message/ast_msg_queue"
MAX_WAITING = 1000
"""Maximum number of messages waiting for their turn."""
MAX_WAITING_OF_ONE = 100
"""Maximum number of messages waiting from one sender."""
MAX_AT_ONCE = 50
"""Maximum number of messages processed at the same time."""
MAX_SECONDS = 300
"""Maximum time in seconds that the dialplan may spend on one message."""


class Delivery(NamedTuple):
    """A message received and the extension that it is for; ``sender`` is the endpoint it is counted for."""

    message: Message
    context: str
    exten: str
    language: str = ""
    accountcode: str = ""
    sender: str = ""


class _Technology(Uncallable):
    """Technology of the channels that run dialplan for messages; it cannot be called."""

    name = "Message"
    description = "Text messages outside calls"


class _Lane:
    """The messages of one sender: one is dealt with, the others wait."""

    __slots__ = ("task", "timer", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Delivery] = deque()
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None


class Messages:
    """``pbx.messages``: the carriers by prefix, and a lane for each sender whose messages are not all dealt with."""

    def __init__(self, pbx: Host) -> None:
        self._pbx = pbx
        self._technology = _Technology()
        self.technologies: Registry[MessageTechnology] = Registry("message technology", str.lower)
        self._lanes: dict[str, _Lane] = {}
        self._idle: deque[_Lane] = deque()
        """Lanes with messages whose turn has not come."""
        self._running = 0
        self._waiting = 0

    def __len__(self) -> int:
        """Number of messages waiting or being processed."""
        return self._waiting + self._running

    def full(self, sender: str) -> bool:
        """Whether no further message of a sender can wait."""
        if self._waiting >= MAX_WAITING:
            return True
        lane = self._lanes.get(sender)
        return lane is not None and len(lane.waiting) >= MAX_WAITING_OF_ONE

    def submit(self, delivery: Delivery) -> None:
        """Have the dialplan deal with a message when those of its sender are done; one too many is dropped."""
        if self.full(delivery.sender):
            self._pbx.log.warning("too many messages are waiting: one for %s is dropped", delivery.exten)
            return
        lane = self._lanes.get(delivery.sender)
        if lane is None:
            lane = self._lanes[delivery.sender] = _Lane()
            self._idle.append(lane)
        lane.waiting.append(delivery)
        self._waiting += 1
        self._go_on()

    def close(self) -> None:
        """Drop what waits and break off what runs."""
        self._idle.clear()
        for lane in self._lanes.values():
            self._waiting -= len(lane.waiting)
            lane.waiting.clear()
            if lane.task is not None:
                lane.task.cancel()

    async def send(self, destination: str, message: Message) -> SendStatus:
        """Pass a message to the technology for ``destination`` (``pjsip:alice``)."""
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
        except FAILURES as error:
            if task_ends(error):
                raise
            report_failure(self._pbx.log, f"the message technology '{prefix}'")
            return SendStatus.FAILURE
        return SendStatus.SUCCESS

    def _go_on(self) -> None:
        while self._idle and self._running < MAX_AT_ONCE:
            lane = self._idle.popleft()
            delivery = lane.waiting.popleft()
            self._waiting -= 1
            self._running += 1
            channel = self._channel(delivery)
            lane.timer = self._pbx.loop.call_later(MAX_SECONDS, self._overdue, channel)
            lane.task = self._pbx.start(channel)
            lane.task.add_done_callback(partial(self._done, delivery.sender, lane))

    def _overdue(self, channel: Channel) -> None:
        self._pbx.log.warning(
            "extension %s@%s takes more than %d s for one message: it is ended",
            channel.exten, channel.context, MAX_SECONDS,
        )  # fmt: skip
        channel.soft_hangup()

    def _done(self, sender: str, lane: _Lane, task: asyncio.Task[None]) -> None:
        self._running -= 1
        lane.task = None
        if lane.timer is not None:
            lane.timer.cancel()
        if lane.waiting:
            # Behind those of others whose turn has not come.
            self._idle.append(lane)
        else:
            del self._lanes[sender]
        self._go_on()

    def _channel(self, delivery: Delivery) -> Channel:
        pbx = self._pbx
        channel = pbx.create_quiet_channel(self._technology, CHANNEL_NAME)
        channel.context, channel.exten = delivery.context, delivery.exten
        channel.language = delivery.language or getattr(pbx.server.options, "defaultlanguage", "") or "en"
        channel.accountcode = delivery.accountcode
        give_message(channel, delivery.message)
        return channel
