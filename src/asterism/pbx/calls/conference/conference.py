"""A conference: a bridge that mixes, with users, some of whom are marked: it is over for the others when they leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asterism.pbx.bridges.bridge import MIXING, Bridge
from asterism.pbx.calls.bridging import stay
from asterism.pbx.calls.conference import events
from asterism.pbx.calls.conference.announcer import Announcer
from asterism.pbx.calls.conference.profiles import Profiles
from asterism.pbx.vocabulary.errors import ChannelHangup

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host

CREATOR = "ConfBridge"
"""The application that a conference's bridge, and the channels in it, are shown with."""
RESULT = "CONFBRIDGE_RESULT"
AT_A_TIME = 10
"""Users that are let go of in one turn of the loop: each is a BYE."""


@dataclass(slots=True, eq=False)
class User:
    """A channel in a conference."""

    channel: Channel
    admin: bool = False
    marked: bool = False
    end_marked: bool = False
    """Whether it is over for the channel when the last marked user has left."""
    muted: bool = False
    """Whether it only hears."""
    count: int = 0
    """How many channels there were in the bridge when it was asked to leave."""
    result: str = ""
    """What ``CONFBRIDGE_RESULT`` was set to, once it was."""


class Conferences(dict[str, "Conference"]):
    """The conferences of a server by their names."""

    def __init__(self) -> None:
        super().__init__()
        self.made = 0
        """How many there have been; the number is part of the names of their own channels."""
        self.profiles = Profiles()


class Conference:
    """It begins when it is made, and ends with the last user; then it is forgotten."""

    def __init__(self, pbx: Host, name: str) -> None:
        """Begin one; publishes BridgeCreate and ConfbridgeStart."""
        self.pbx = pbx
        self.name = name
        self.users: dict[Channel, User] = {}
        self.over = False
        self._told_state = "EMPTY"
        number, pbx.conferences.made = pbx.conferences.made, pbx.conferences.made + 1
        pbx.conferences[name] = self
        self.bridge = Bridge(pbx, kind="base", name=name, creator=CREATOR, uses=MIXING, dissolve=False, permanent=True)
        self.announcer = Announcer(pbx, f"{name}-{number:08x}")
        self.bridge.enter(self.announcer.member)
        pbx.bus.publish(events.CONFBRIDGE_START, self, self.bridge.reported_count)

    @property
    def marked(self) -> int:
        """Number of marked users."""
        return sum(user.marked for user in self.users.values())

    async def attend(self, user: User) -> None:
        """Be in the conference, from the channel's own task, until it has left.

        Afterwards ``CONFBRIDGE_RESULT`` is HANGUP, ENDMARKED, KICKED, or FAILED for one that could not enter.

        Raises:
            ChannelHangup: The channel has hung up.
            Goto: It was sent elsewhere.
        """
        channel = user.channel
        if self.over:
            self._tell(user, "FAILED")
            return
        channel.new_exten(CREATOR, self.name)

        def entered() -> None:
            self.users[channel] = user
            self.pbx.bus.publish(events.CONFBRIDGE_JOIN, self, user, self.bridge.reported_count)
            self._tell_state()

        result = ""
        try:
            await stay(channel, self.bridge, entered=entered, on_digit=_keep, muted=user.muted)
            result = "KICKED"
        except ChannelHangup:
            result = "HANGUP"
            raise
        except RuntimeError as error:
            result = "FAILED"
            self.pbx.log.warning("%s does not come into conference %s: %s", channel.name, self.name, error)
        finally:
            if result:
                self._tell(user, result)
            if self.users.pop(channel, None) is not None:
                self._left(user)

    def end(self) -> None:
        """It is over: everybody leaves, as many at a time as the loop has time for."""
        self._dismiss_all(list(self.users.values()), "KICKED")
        self._end_if_empty()

    def _dismiss_all(self, users: list[User], result: str) -> None:
        """Have users leave, the last one first; the loop's other work goes on between some of them and others."""
        for user in reversed(users[-AT_A_TIME:]):
            self.dismiss(user, result)
        del users[-AT_A_TIME:]
        if users:
            self.pbx.loop.call_soon(self._dismiss_all, users, result)

    def dismiss(self, user: User, result: str) -> None:
        """Have a user leave; its task goes on with that result."""
        channel = user.channel
        if channel.bridge is self.bridge:
            self._tell(user, result)
            user.count = self.bridge.reported_count
            self.bridge.depart(channel)

    @staticmethod
    def _tell(user: User, result: str) -> None:
        if not user.result:
            user.result = result
            user.channel.set_variable(RESULT, result)

    def _left(self, user: User) -> None:
        count = user.count or self.bridge.reported_count + 1
        if user.marked and not self.marked:
            ending = [other for other in self.users.values() if other.end_marked]
            for other in reversed(ending):  # all know why before the first has left
                self._tell(other, "ENDMARKED")
            self._dismiss_all(ending, "ENDMARKED")
        # As in Asterisk 22: as many as there were before it left.
        self.pbx.bus.publish(events.CONFBRIDGE_LEAVE, self, user, count)
        self._tell_state()
        self._end_if_empty()

    def _end_if_empty(self) -> None:
        if self.users or self.over:
            return
        self.over = True
        self.pbx.bus.publish(events.CONFBRIDGE_END, self, self.bridge.reported_count)
        if self.pbx.conferences.get(self.name) is self:
            del self.pbx.conferences[self.name]
        self.bridge.dismiss()
        self.announcer.end()

    def _tell_state(self) -> None:
        """Tell testers the state of the conference, when it has changed."""
        tests = self.pbx.test_events
        if not tests.wanted:
            return
        count = len(self.users)
        state = "EMPTY" if not count else ("SINGLE" if count == 1 else "MULTI") + ("_MARKED" if self.marked else "")
        if state != self._told_state:
            tests.send(
                "CONF_CHANGE_STATE",
                (("Conference", self.name), ("OldState", self._told_state), ("NewState", state)),
                function="conference state",
            )
            self._told_state = state


def _keep(_channel: Channel, _digit: str, _duration_ms: int) -> bool:
    """Digits are for menus of the conference, and are not passed on."""
    return True
