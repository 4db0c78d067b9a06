"""A text message outside calls, and what a technology that carries messages looks like."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from asterism.core.errors import AsterismError

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_KEY = "message"


class SendStatus(Enum):
    """Result of handing a message over: the values of ``MESSAGE_SEND_STATUS``."""

    SUCCESS = "SUCCESS"
    INVALID_PROTOCOL = "INVALID_PROTOCOL"
    """Nobody carries messages of that prefix."""
    INVALID_URI = "INVALID_URI"
    """The destination is invalid."""
    FAILURE = "FAILURE"
    """The destination is valid but leads nowhere."""


class MessageError(AsterismError):
    """A message could not be handed over; ``status`` says what the dialplan is told."""

    def __init__(self, reason: str, status: SendStatus = SendStatus.FAILURE) -> None:
        super().__init__(reason)
        self.status = status


class Datum:
    """One named value that goes with a message: a header of the one received, or one for the one sent."""

    __slots__ = ("name", "outbound", "value")

    def __init__(self, name: str, value: str, outbound: bool) -> None:
        self.name = name
        self.value = value
        self.outbound = outbound


class Message:
    """A message, received or to be sent.

    Attributes:
        from_: an address, ``<sip:alice@127.0.0.1>``; empty: the technology's own.
        to: an address with the technology's prefix, ``pjsip:6002@127.0.0.1``.
        to_given: whether ``to`` was chosen here, and so goes into what is sent.
        body: the text.
        received: ``from_`` and ``to`` as they were when it came in; empty where it began here.
        hops: how many more hops it may make (``Max-Forwards``); ``None`` where it began here.
    """

    __slots__ = ("_data", "body", "from_", "hops", "received", "to", "to_given")

    def __init__(self, from_: str = "", to: str = "", body: str = "") -> None:
        self.from_ = from_
        self.to = to
        self.to_given = False
        self.received = (from_, to)
        self.body = body
        self.hops: int | None = None
        self._data: dict[str, Datum] = {}

    def copy(self) -> Message:
        """The same once more, to be changed for one sending."""
        other = Message(self.from_, self.to, self.body)
        other.to_given = self.to_given
        other.received = self.received
        other.hops = self.hops
        other._data = dict(self._data)
        return other

    def add_received(self, name: str, value: str) -> None:
        """Note a header of the message received; of several of one name the first counts."""
        self._data.setdefault(name.lower(), Datum(name, value, False))

    def get(self, name: str) -> str:
        """A value by name, in any case; empty when there is none."""
        found = self._data.get(name.lower())
        return "" if found is None else found.value

    def set(self, name: str, value: str) -> None:
        """Have a value go along with the message when it is sent."""
        self._data[name.lower()] = Datum(name, value, True)

    def mark_all(self, outbound: bool) -> None:
        """Have every value go along, or none."""
        self._data = {key: Datum(one.name, one.value, outbound) for key, one in self._data.items()}

    def outbound(self) -> Iterator[tuple[str, str]]:
        """Names and values that go along."""
        return ((one.name, one.value) for one in self._data.values() if one.outbound)


def message_of(channel: Channel) -> Message | None:
    """The message that a channel deals with."""
    found: Message | None = channel.data.get(_KEY)
    return found


def give_message(channel: Channel, message: Message) -> Message:
    """Have a channel deal with a message."""
    channel.data[_KEY] = message
    return message


class MessageTechnology(Protocol):
    """Carries messages; registered under the prefix of its destinations (``pjsip`` of ``pjsip:alice``)."""

    async def send(self, destination: str, message: Message) -> None:
        """Take a message for ``destination`` (without the prefix) on its way, not waiting for it to arrive.

        Raises :class:`MessageError`.
        """
