"""A channel in a conference: what it is there, and what it is to do in its own task."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asterism.pbx.calls.conference.profiles import DEFAULT_MENU, DEFAULT_USER, UserProfile

if TYPE_CHECKING:
    from asterism.pbx.calls.conference.talking import Ear
    from asterism.pbx.channels.channel import Channel

RESULT = "CONFBRIDGE_RESULT"
"""The variable that tells a channel why it has left."""
MOST_WORK = 50
"""Actions of one user that may wait for each other; further ones are dropped."""
PLAIN = UserProfile(DEFAULT_USER)

Work = Callable[[], Awaitable[None]]
"""Something that a user's own task does, while the user is taken out of the mix."""


@dataclass(slots=True, eq=False)
class User:
    """A channel in a conference, and the profile with which it entered."""

    channel: Channel
    profile: UserProfile = PLAIN
    menu: str = DEFAULT_MENU
    """Name of its menu, as listings show it."""
    on_change: Callable[[User], None] | None = None
    """Called when it comes to wait or to take part, or to be :attr:`alone` or not any more, also as it enters."""
    muted: bool = field(init=False)
    """Whether it was asked not to be heard."""
    waiting: bool = field(default=False, init=False)
    """Whether it waits for a marked user, and neither hears the others nor is heard."""
    alone: bool = field(default=False, init=False)
    """Whether it has nobody to talk to: it waits, or is the only one who takes part."""
    talking: bool = field(default=False, init=False)
    """Whether it talks now, as far as that is detected."""
    inside: bool = field(default=False, init=False)
    """Whether it is in the bridge."""
    out: bool = field(default=False, init=False)
    """Whether it has left, or is to: what its task does in the conference comes to an end."""
    count: int = field(default=0, init=False)
    """How many channels there were in the bridge when it was asked to leave."""
    result: str = field(default="", init=False)
    """The value that ``CONFBRIDGE_RESULT`` was given, once it was."""
    ear: Ear | None = field(default=None, init=False)
    """What hears whether it talks."""
    work: deque[Work] = field(default_factory=deque, init=False)
    """What its task is to do next; see :meth:`do`."""

    def __post_init__(self) -> None:
        self.muted = self.profile.startmuted

    def __repr__(self) -> str:
        return f"<User {self.channel.name}>"

    @property
    def admin(self) -> bool:
        """Whether it is an admin."""
        return self.profile.admin

    @property
    def marked(self) -> bool:
        """Whether others may wait for it."""
        return self.profile.marked

    @property
    def wait_marked(self) -> bool:
        """Whether it waits while nobody marked is there."""
        return self.profile.wait_marked

    @property
    def end_marked(self) -> bool:
        """Whether it is over for it when the last marked user has left."""
        return self.profile.end_marked

    @property
    def end_marked_any(self) -> bool:
        """Whether it is over for it when any marked user has left."""
        return self.profile.end_marked_any

    def do(self, work: Work) -> bool:
        """Have the user's own task do something, in its turn; whether it will.

        Meanwhile the user neither hears the others nor is heard, and its digits are kept for a reader. When the user
        is made to leave, a sound that plays to it is stopped and no other work is begun.
        """
        if self.out or len(self.work) >= MOST_WORK:
            return False
        self.work.append(work)
        self.channel.wake()
        return True

    def tell(self, result: str) -> None:
        """Set ``CONFBRIDGE_RESULT``, unless it was."""
        if not self.result:
            self.result = result
            self.channel.set_variable(RESULT, result)

    def stop(self) -> None:
        """Have the user's task leave whatever it does in the conference."""
        self.out = True
        self.work.clear()
        # Code written in Python may speak to it in the conference; that is not ended.
        if self.channel.speaks is not None and (self.channel.away or not self.inside):
            self.channel.speaks.stop()
        self.channel.wake()
