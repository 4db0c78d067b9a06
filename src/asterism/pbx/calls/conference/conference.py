"""A conference: a bridge that mixes, with users, of whom some may wait for others, and its announcer and recorder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from asterism.core.containment import attempt
from asterism.media.taps import Direction
from asterism.pbx.bridges.bridge import MIXING, Bridge
from asterism.pbx.bridges.member import SPEAKS_ONLY
from asterism.pbx.bridges.mixing import MixOptions
from asterism.pbx.calls.conference import events
from asterism.pbx.calls.conference.announcer import Announcer
from asterism.pbx.calls.conference.attendance import Attendance, Change
from asterism.pbx.calls.conference.joins import Joins
from asterism.pbx.calls.conference.profiles import DEFAULT_USER, BridgeProfile, UserProfile
from asterism.pbx.calls.conference.recorder import RoomRecordings
from asterism.pbx.calls.conference.talking import ear_of
from asterism.pbx.calls.conference.testing import Tester
from asterism.pbx.calls.conference.user import RESULT, User
from asterism.pbx.calls.conference.video import ConferenceVideo
from asterism.pbx.calls.recording.settings import RecordingError
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from asterism.core.events import EventType
    from asterism.pbx.bridges.member import DigitHandler
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host

__all__ = ["AT_A_TIME", "CREATOR", "DEVICE_PREFIX", "RESULT", "WORDS", "Conference", "User"]

CREATOR = "ConfBridge"
"""The application that a conference's bridge, and the channels in it, are shown with."""
WORDS = ALL, PARTICIPANTS = ("all", "participants")
"""What stands for several users where a channel is asked for."""
DEVICE_PREFIX = "confbridge"
"""The device of a conference is ``confbridge:NAME``."""
AT_A_TIME = 10
"""Users that are let go of in one turn of the loop: each is a BYE."""
_TURN = 0.005
"""Seconds of a turn after which no other is let go of: in a large room with records each ends one for every other."""


class Conference:
    """It begins when it is made, and ends with the last user; then it is forgotten, and another may have its name.

    Made by ``server.pbx.conference("name")``, which gives the one that there is. All of it is called from the server's
    loop.

    ::

        conference = server.pbx.conference("support")
        conference.locked = True
        async for user in conference.joins():
            conference.mute(user)
            await conference.announce("hello-world")
    """

    def __init__(self, pbx: Host, name: str, profile: BridgeProfile | None = None) -> None:
        """Begin one, by default with the profile ``default_bridge``; publishes BridgeCreate and ConfbridgeStart."""
        table = pbx.conferences
        self.pbx = pbx
        self.name = name
        self.profile = profile = profile or table.profiles.default_bridge
        self.users: dict[Channel, User] = {}
        """The users by their channels, in the order in which they came."""
        self.attendance: Attendance = Attendance()
        """Who takes part and who waits."""
        self.over = False
        """Whether it has ended: nobody comes in any more."""
        self.closing = False
        """Whether it is to end: nobody comes in any more, and another may have its name; not all have left yet."""
        self._locked = self._participants_muted = False
        self._recordings = RoomRecordings(self)
        self._joins: list[Joins] = []
        self.tester = Tester(self)
        table[name] = self
        self.bridge = Bridge(
            pbx,
            kind="base",
            name=name,
            creator=CREATOR,
            uses=MIXING,
            dissolve=False,
            permanent=True,
            mixing=MixOptions(profile.internal_sample_rate, profile.maximum_sample_rate, profile.mixing_interval),
        )
        self.video = ConferenceVideo(self.bridge, profile)
        """Whose video is shown."""
        self.announcer = Announcer(pbx, f"{name}-{table.next_number():08x}", profile.language)
        self.bridge.enter(self.announcer.member, roles=frozenset({SPEAKS_ONLY}))
        self.publish(events.CONFBRIDGE_START)

    def __repr__(self) -> str:
        return f"<Conference {self.name} {self.attendance.state.value}>"

    # -- what there is to see ----------------------------------------------------------------------------------

    @property
    def marked(self) -> int:
        """Number of marked users."""
        return self.attendance.marked

    @property
    def admins(self) -> int:
        """Number of admins."""
        return sum(user.admin for user in self.users.values())

    def chosen(self, word: str) -> list[User]:
        """The users that a word means: ``all``, ``participants`` (who are no admins), or the one of that channel."""
        if word == ALL:
            return list(self.attendance)
        if word == PARTICIPANTS:
            return [user for user in self.attendance if not user.admin]
        return [user for user in self.attendance if user.channel.name.lower() == word.lower()]

    def refusal(self, profile: UserProfile, channel: Channel | None = None) -> str:
        """Why somebody with that profile does not get in: ``over``, ``locked``, ``full``; empty: they do.

        ``bridged``: the channel is in a bridge, or in this conference, and nobody is at two places.
        """
        if self.over or self.closing:
            return "over"
        if channel is not None and (channel.bridge is not None or channel in self.users):
            return "bridged"
        if profile.admin:
            return ""
        if self._locked:
            return "locked"
        most = self.profile.max_members
        return "full" if most and len(self.users) >= most else ""

    # -- coming and going --------------------------------------------------------------------------------------

    async def attend(
        self,
        user: User,
        *,
        on_digit: DigitHandler | None = None,
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        """Be in the conference, from the channel's own task, until the user has left.

        Args:
            user: who; the channel is answered or not as it is.
            on_digit: gets the user's digits, except while it does some :attr:`~User.work`; without it they are dropped.
            before: done when the user counts already and is not in the bridge yet: what is played to it first.

        Returns:
            What ``CONFBRIDGE_RESULT`` is then: KICKED, ENDMARKED, or what :meth:`dismiss` was given; FAILED for one
            that does not get in (:meth:`refusal`). It is HANGUP where this raises.

        Raises:
            ChannelHangup: the channel has hung up.
            Goto: it was sent elsewhere.
        """
        channel = user.channel
        if reason := self.refusal(user.profile, channel):
            if reason == "bridged":  # by what a menu or a key in a call runs: it is there still
                self.pbx.log.warning(
                    "%s does not come into conference %s: it is in a bridge already", channel.name, self.name
                )
            user.tell("FAILED")
            return user.result
        if channel.application != CREATOR:
            channel.new_exten(CREATOR, self.name)
        try:
            self._come(user)
            if before is not None:
                await before()
            if not user.out and self._try_enter(user, on_digit or _keep):
                await self._stay(user)
        except (ChannelHangup, Goto):
            user.tell("HANGUP")
            raise
        finally:
            self._go(user)
        user.tell("KICKED")
        return user.result

    async def join(
        self, channel: Channel, *, admin: bool = False, marked: bool = False, muted: bool = False, waits: bool = False
    ) -> str:
        """Answer a channel and be in the conference with it, from the channel's own task, without prompts or menu.

        Args:
            channel: who.
            admin: gets into a locked conference, and is no participant.
            marked: those who wait for marked users may begin.
            muted: is not heard at first.
            waits: waits for marked users, and leaves with the last one.

        Returns and raises as :meth:`attend`.
        """
        channel.check()
        channel.raw_answer()
        channel.check()
        profile = UserProfile(
            DEFAULT_USER, admin=admin, marked=marked, startmuted=muted, wait_marked=waits, end_marked=waits
        )
        return await self.attend(User(channel, profile))

    def joins(self) -> Joins:
        """Asynchronous iterator of the users that come from now on, until the conference is over."""
        joins = Joins(self._forget_joins)
        if self.over:
            joins.end()
        else:
            self._joins.append(joins)
        return joins

    def _forget_joins(self, joins: Joins) -> None:
        if joins in self._joins:
            self._joins.remove(joins)

    def kick(self, user: User) -> None:
        """Have a user leave; its ``CONFBRIDGE_RESULT`` is KICKED."""
        self.dismiss(user, "KICKED")

    def kick_all(self, users: Iterable[User] | None = None) -> None:
        """Have users leave, by default everybody."""
        self._dismiss_all(list(self.users.values() if users is None else users), "KICKED")

    def kick_last(self) -> User | None:
        """Have the user leave that came last; ``None``: it is an admin, or there is nobody."""
        user = next(reversed(self.users.values()), None)
        if user is None or user.admin:
            return None
        self.kick(user)
        return user

    def end(self) -> None:
        """It is over: everybody leaves, as many at a time as the loop has time for, and nobody comes in."""
        self.closing = True
        self.kick_all()
        self._end_if_empty()

    def dismiss(self, user: User, result: str) -> None:
        """Have a user leave; its task goes on with that result."""
        if user.out or self.users.get(user.channel) is not user:
            return
        user.tell(result)
        user.count = self.bridge.reported_count
        user.stop()
        if user.channel.bridge is self.bridge:
            self.bridge.depart(user.channel)

    def _dismiss_all(self, users: list[User], result: str) -> None:
        """Have users leave, the last one first; the loop's other work goes on between some of them and others."""
        loop = self.pbx.loop
        until = loop.time() + _TURN
        for _ in range(min(AT_A_TIME, len(users))):
            self.dismiss(users.pop(), result)
            if loop.time() >= until:
                break
        if users:
            loop.call_soon(self._dismiss_all, users, result)

    def _come(self, user: User) -> None:
        first = not self.users
        self.users[user.channel] = user
        sole = self.attendance.sole
        change = self.attendance.join(user)
        if first:
            self.pbx.conferences.state_changed(self.name)
            if self.profile.record_conference:
                self._record_from_the_beginning()
        self._follow(change, sole, user)

    def _try_enter(self, user: User, on_digit: DigitHandler) -> bool:
        try:
            self._enter(user, on_digit)
        except RuntimeError as error:
            user.tell("FAILED")
            self.pbx.log.warning("%s does not come into conference %s: %s", user.channel.name, self.name, error)
            return False
        return True

    def _enter(self, user: User, on_digit: DigitHandler) -> None:
        channel = user.channel
        ear = user.ear = ear_of(user.profile, partial(self._is_heard, user), partial(self._talk, user))
        if ear is not None:
            channel.attach(ear, Direction.IN)
        self.bridge.enter(
            channel,
            on_leave=partial(self._left_bridge, user),
            on_digit=on_digit,
            muted=self._silenced(user),
            deaf=user.waiting,
        )
        self.bridge.members[channel].texts = user.profile.text_messaging
        user.inside = True
        self.publish(events.CONFBRIDGE_JOIN, user)
        self.video.come(user)
        self.tester.mute_updated(user, self._silenced(user))
        for joins in tuple(self._joins):
            joins.put(user)

    async def _stay(self, user: User) -> None:
        channel = user.channel
        while not user.out:
            if not user.work:
                await channel.park()
                continue
            work = user.work.popleft()
            self.bridge.set_away(channel, True)
            try:
                await work()
            finally:
                if channel.bridge is self.bridge:
                    self.bridge.set_away(channel, False)
                channel.away = False

    def _left_bridge(self, user: User, bridge: Bridge, _leaver: Channel) -> None:
        if bridge.ended:
            bridge.destroy()
        user.stop()

    def _go(self, user: User) -> None:
        channel = user.channel
        user.out = True
        if channel.bridge is self.bridge:
            self.bridge.depart(channel)
        if user.ear is not None:
            channel.detach(user.ear)
            user.ear = None
        # As in Asterisk 22: as many as there were before it left.
        count = user.count or self.bridge.reported_count + 1
        self.users.pop(channel, None)
        sole = self.attendance.sole
        change = self.attendance.leave(user)
        for other in reversed(change.ending):  # all know why before the first has left
            other.tell("ENDMARKED")
        self._dismiss_all(change.ending, "ENDMARKED")
        if user.inside:
            user.inside = False
            self.publish(events.CONFBRIDGE_LEAVE, user, count=count)
            self.video.leave(user)
        self._follow(change, sole, None)
        self._end_if_empty()

    def _end_if_empty(self) -> None:
        if self.users or self.over:
            return
        self.over = True
        self.stop_recording()
        self.publish(events.CONFBRIDGE_END)
        if self.pbx.conferences.get(self.name) is self:
            del self.pbx.conferences[self.name]
        self.bridge.dismiss()
        self.announcer.end()
        for joins in tuple(self._joins):
            joins.end()
        self.pbx.conferences.state_changed(self.name)

    def _follow(self, change: Change, sole: User | None, come: User | None) -> None:
        """Do what a coming or leaving has changed for others, and tell them."""
        changed = dict.fromkeys((*change.seated, *change.waiting))
        self._set_voices(changed)
        told = dict(changed)
        for user in (sole, self.attendance.sole, come):
            if user is not None and not user.out:
                told[user] = None
        for user in told:
            alone = user.waiting or user is self.attendance.sole
            if alone is not user.alone or user in changed or user is come:
                user.alone = alone
                if user.on_change is not None:
                    attempt(self.pbx.log, f"conference {self.name}", None, user.on_change, user)
        self.tester.state_changed()

    # -- who is heard ------------------------------------------------------------------------------------------

    @property
    def participants_muted(self) -> bool:
        """Whether nobody is heard but admins, also of those who come later; setting it publishes who is (un)muted."""
        return self._participants_muted

    @participants_muted.setter
    def participants_muted(self, muted: bool) -> None:
        if muted is not self._participants_muted:
            self._participants_muted = muted
            self._changed_mute([user for user in self.attendance if not user.admin and not user.muted])

    def mute(self, user: User, muted: bool = True) -> None:
        """Have a user not be heard, or be heard again; publishes it."""
        self.mute_all(muted, (user,))

    def mute_all(self, muted: bool = True, users: Iterable[User] | None = None) -> None:
        """The same for several users, by default everybody."""
        those = list(self.attendance if users is None else users)
        for user in those:
            user.muted = muted
        self._changed_mute(those)

    def is_muted(self, user: User) -> bool:
        """Whether a user is muted, by itself or with the participants."""
        return user.muted or (self._participants_muted and not user.admin)

    def _silenced(self, user: User) -> bool:
        return user.waiting or self.is_muted(user)

    def _is_heard(self, user: User) -> bool:
        return user.inside and not user.channel.away and not self._silenced(user)

    def _changed_mute(self, users: list[User]) -> None:
        self._set_voices(users)
        for user in users:
            muted = self.is_muted(user)  # with the participants it may be so still
            self.tester.mute_updated(user, self._silenced(user))
            self.tester.muted(user, muted)
            self.publish(events.CONFBRIDGE_MUTE if muted else events.CONFBRIDGE_UNMUTE, user)

    def _set_voices(self, users: Iterable[User]) -> None:
        """Have the bridge know who of these is heard, and hears."""
        inside = [user for user in users if user.inside]
        for user in inside:
            if user.ear is not None and not self._is_heard(user):
                user.ear.silence()
        self.bridge.set_voices((user.channel, self._silenced(user), user.waiting) for user in inside)

    def _talk(self, user: User, talks: bool) -> None:
        user.talking = talks
        if user.profile.talk_detection_events:
            self.publish(events.CONFBRIDGE_TALKING, user, talks)

    def set_video_source(self, channel: Channel | None) -> None:
        """Have all be shown the video of one user; ``None``: whose the profile says. Publishes BridgeVideoSourceUpdate.

        Raises:
            ValueError: the channel is not in the conference.
        """
        if channel is not None and channel.bridge is not self.bridge:
            raise ValueError(f"{channel.name} is not in conference {self.name}")
        self.video.set_source(channel)

    # -- the whole room ----------------------------------------------------------------------------------------

    @property
    def locked(self) -> bool:
        """Whether only admins get in."""
        return self._locked

    @locked.setter
    def locked(self, locked: bool) -> None:
        self._locked = locked
        self.tester.locked(locked)

    async def announce(self, *sounds: str) -> bool:
        """Play sounds to everybody in the conference; returns when they have been heard, or could not be.

        Announcements follow each other. ``False``: the conference has ended, or too many wait already.
        """
        return await self.announce_later(*sounds)

    def announce_later(self, *sounds: str) -> asyncio.Future[bool]:
        """The same without waiting: it goes on by itself."""
        return self.announcer.say(sounds)

    @property
    def recording(self) -> Path | None:
        """The file to which it is being recorded; ``None``: it is not."""
        return self._recordings.path

    def start_recording(self, file: str = "") -> Path:
        """Record what everybody says; publishes ConfbridgeRecord.

        Args:
            file: its name with an extension, relative to the folder of recordings; empty: as the profile says. The
                time is put into the name unless the profile says otherwise.

        Returns:
            The file.

        Raises:
            RecordingError: it is recorded already, or cannot be recorded to that file.
        """
        if self.over:
            raise RecordingError("the conference is over")
        return self._recordings.start(file)

    def stop_recording(self) -> bool:
        """End the recording; publishes ConfbridgeStopRecord. Whether there was one."""
        return self._recordings.stop()

    def _record_from_the_beginning(self) -> None:
        try:
            self.start_recording()
        except RecordingError as error:
            self.pbx.log.warning("Conference %s is not recorded: %s", self.name, error)

    # -- telling -----------------------------------------------------------------------------------------------

    def publish(self, kind: EventType, *args: object, count: int | None = None) -> None:
        """Publish an event of the conference, with so many channels in its bridge, by default those that there are."""
        bus = self.pbx.bus
        if bus.listeners[kind]:
            bus.publish(kind, self, *args, self.bridge.reported_count if count is None else count)


def _keep(_channel: Channel, _digit: str, _duration_ms: int) -> bool:
    """Digits are for menus of the conference, and are not passed on."""
    return True
