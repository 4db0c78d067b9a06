"""STUN messages (RFC 8489) as ICE uses them, by aioice's codec: reading that never raises, writing, one transaction."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Any

from aioice.stun import Class, Message, Method, parse_message

Address = tuple[str, int]

_LONGEST = 1500
"""Octets: nobody sends longer ones, and what is read is copied."""
_MOST_ATTRIBUTES = 24
"""Attributes of one message: to decode each takes time, and anybody may send them."""
_COOKIE = b"\x21\x12\xa4\x42"
_length = struct.Struct("!H").unpack_from
RETRANSMISSION = 0.5
"""Seconds until a request is sent again, then twice as long (RTO, RFC 8445 14.3)."""
SENDS = 6
"""How often a request is sent at most. Rc is 7: the last one would come when nobody waits for the media any more."""


def read(data: bytes | memoryview) -> Message | None:
    """The message in a datagram; ``None`` if it is none, whatever it is, or has more attributes than any of ICE."""
    if not 20 <= len(data) <= _LONGEST or data[4:8] != _COOKIE:
        return None
    at = 20
    for _ in range(_MOST_ATTRIBUTES):
        if at > len(data) - 4:
            break
        at += 4 + (_length(data, at + 2)[0] + 3 & ~3)
    if at <= len(data) - 4:
        return None
    try:
        return parse_message(bytes(data))
    except (ValueError, IndexError, struct.error):
        return None


def signed(message: Message, password: bytes) -> bytes:
    """The message with its integrity and fingerprint (RFC 8489 14.5, 14.7)."""
    message.add_message_integrity(password)
    return bytes(message)


def is_signed(message: Message, password: bytes) -> bool:
    """Whether whoever sent it knows the password."""
    return message.check_message_integrity(password)


def request(attributes: dict[str, Any] | None = None) -> Message:
    """A Binding request."""
    return Message(Method.BINDING, Class.REQUEST, attributes=attributes)


def success(asked: Message, address: Address, password: bytes) -> bytes:
    """What answers a check that came from ``address``."""
    response = Message(Method.BINDING, Class.RESPONSE, asked.transaction_id, {"XOR-MAPPED-ADDRESS": address})
    return signed(response, password)


def role_conflict(asked: Message, password: bytes) -> bytes:
    """What answers a check whose sender must take the other role (RFC 8445 7.3.1.1)."""
    response = Message(Method.BINDING, Class.ERROR, asked.transaction_id, {"ERROR-CODE": (487, "Role Conflict")})
    return signed(response, password)


class Transaction:
    """A request that is sent until it is answered, at most so many times (RFC 8489 6.2.1).

    Attributes:
        identity: the transaction's identifier, by which its answer is known.
    """

    __slots__ = ("_data", "_hurries", "_left", "_loop", "_send", "_timer", "_unanswered", "_wait", "identity")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        message: Message,
        data: bytes,
        send: Callable[[bytes], None],
        unanswered: Callable[[Transaction], None],
        *,
        sends: int = SENDS,
        wait: float = RETRANSMISSION,
    ) -> None:
        """Send ``data``, which is ``message``, at once; ``unanswered`` hears when there came no answer.

        Args:
            loop: for the timer.
            message: the request.
            data: its octets.
            send: puts octets on their way; called once for each time that the request is sent.
            unanswered: called at the end of the last wait, unless :meth:`end` was called before.
            sends: how often it is sent.
            wait: seconds after the first time; twice as many after each further one.
        """
        self.identity = message.transaction_id
        self._loop = loop
        self._data = data
        self._send = send
        self._unanswered = unanswered
        self._left = self._hurries = sends
        self._wait = wait
        self._timer: asyncio.TimerHandle | None = None
        self._next()

    def _next(self) -> None:
        self._timer = None
        if not self._left:
            self._unanswered(self)
            return
        self._left -= 1
        self._send(self._data)
        self._timer = self._loop.call_later(self._wait, self._next)
        self._wait *= 2

    def hurry(self) -> None:
        """Send it once more at once; no more often than it is sent by itself, whoever asks for that how often."""
        if self._hurries:
            self._hurries -= 1
            self._send(self._data)

    def end(self) -> None:
        """Send no more: it was answered, or nobody waits for the answer."""
        self._left = self._hurries = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
