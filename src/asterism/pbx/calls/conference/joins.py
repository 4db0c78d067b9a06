"""The users that come into a conference, as an asynchronous iterator."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from asterism.pbx.calls.conference.user import User

MOST = 1000
"""Users kept for a reader; the oldest are dropped."""


class Joins:
    """Users as they come in; see :meth:`asterism.pbx.calls.conference.conference.Conference.joins`.

    One task reads it. A reader that is slow loses the users that came first (:attr:`dropped`). It ends with the
    conference, or by :meth:`end`; leave the loop early within ``with conference.joins() as joins``, or call that.
    """

    def __init__(self, forget: Callable[[Joins], None]) -> None:
        self._forget: Callable[[Joins], None] | None = forget
        self._came: deque[User] = deque(maxlen=MOST)
        self._over = False
        self._waiting: asyncio.Future[None] | None = None
        self.dropped = 0
        """Users that were not read in time."""

    def put(self, user: User) -> None:
        """One has come."""
        self.dropped += len(self._came) == MOST
        self._came.append(user)
        self._wake()

    def end(self) -> None:
        """Nobody comes any more: the iteration ends when those that came were read."""
        self._over = True
        if self._forget is not None:
            forget, self._forget = self._forget, None
            forget(self)
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.end()

    def __aiter__(self) -> Self:
        """Itself."""
        return self

    async def __anext__(self) -> User:
        """The next user.

        Raises:
            RuntimeError: another task reads it.
        """
        while not self._came:
            if self._over:
                raise StopAsyncIteration
            if self._waiting is not None:
                raise RuntimeError("another task reads this")
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        return self._came.popleft()
