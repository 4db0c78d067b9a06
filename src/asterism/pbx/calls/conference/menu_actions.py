"""The actions of a menu, done in the user's own task: the user is taken out of the mix meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.media.dtmf import KEYS
from asterism.media.taps import Direction
from asterism.pbx.calls.conference.hearing import count_sounds, hear_as
from asterism.pbx.calls.conference.menus import ADMIN_ACTIONS, Action
from asterism.pbx.channels.volume import change_volume, set_volume
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.flow import EndDialplan

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from asterism.pbx.calls.conference.conference import Conference
    from asterism.pbx.calls.conference.menus import Menu
    from asterism.pbx.calls.conference.user import User

LEFT = "DTMF"
"""``CONFBRIDGE_RESULT`` of a user who left by the menu."""


class MenuActions:
    """The actions of one user's menu."""

    def __init__(self, conference: Conference, user: User, menu: Menu, pause: float) -> None:
        """``pause`` is how long, in seconds, a further digit of an entry may take."""
        self._conference = conference
        self._user = user
        self._menu = menu
        self._pause = pause
        listening, talking = Direction.OUT, Direction.IN
        self._actions: Mapping[str, Callable[[Action], Awaitable[None]]] = {
            "playback": self._playback,
            "toggle_mute": self._toggle_mute,
            "no_op": self._nothing,
            "decrease_listening_volume": self._volume(listening, -1),
            "increase_listening_volume": self._volume(listening, 1),
            "reset_listening_volume": self._volume(listening, 0),
            "decrease_talking_volume": self._volume(talking, -1),
            "increase_talking_volume": self._volume(talking, 1),
            "reset_talking_volume": self._volume(talking, 0),
            "dialplan_exec": self._dialplan,
            "leave_conference": self._leave,
            "admin_kick_last": self._kick_last,
            "admin_toggle_conference_lock": self._toggle_lock,
            "admin_toggle_mute_participants": self._toggle_participants,
            "participant_count": self._count,
            "set_as_single_video_src": self._show,
            "release_as_single_video_src": self._hide,
        }

    async def run(self, digits: str) -> None:
        """Do what an entry says, and what is dialled while sounds of it play.

        Raises:
            ChannelHangup: The channel has hung up.
            Goto: It was sent elsewhere.
            EndDialplan: What ``dialplan_exec`` ran has ended the call.
        """
        channel = self._user.channel
        channel.flush_digits()
        try:
            while digits:
                digits = await self._entry(digits)
        finally:
            channel.flush_digits()

    async def _entry(self, digits: str) -> str:
        """Do the actions of an entry; the digits of another one that was dialled meanwhile."""
        for action in self._menu.entries.get(digits, ()):
            if self._user.out:
                break
            if action.name in ADMIN_ACTIONS and not self._user.admin:
                await self._fail()
            elif action.name == "playback_and_continue":
                digit = await hear_as(self._user, action.sounds, KEYS)
                if digit:
                    return await self._further(digits + digit)
            else:
                await self._actions[action.name](action)
        return ""

    async def _further(self, digits: str) -> str:
        """Wait for what is still to come of an entry."""
        while self._menu.begins(digits) and not self._user.out:
            digit = await self._user.channel.read_digit(self._pause)
            if not digit:
                break
            digits += digit
        return digits

    def _sound(self, name: str) -> str:
        return self._conference.profile.sound(name)

    async def _hear(self, name: str) -> None:
        await hear_as(self._user, (self._sound(name),))

    async def _fail(self) -> None:
        await self._hear("error_menu")

    # -- one by one --------------------------------------------------------------------------------------------

    async def _nothing(self, _action: Action) -> None:
        pass

    async def _playback(self, action: Action) -> None:
        await hear_as(self._user, action.sounds)

    async def _toggle_mute(self, _action: Action) -> None:
        conference, user = self._conference, self._user
        conference.mute(user, not user.muted)
        await self._hear("muted" if conference.is_muted(user) else "unmuted")

    def _volume(self, direction: Direction, step: int) -> Callable[[Action], Awaitable[None]]:
        async def change(_action: Action) -> None:
            if step:
                change_volume(self._user.channel, direction, step)
            else:
                set_volume(self._user.channel, direction, 0.0)

        return change

    async def _dialplan(self, action: Action) -> None:
        context, exten, priority = action.place
        channel = self._user.channel
        try:
            await channel.pbx.dialplan.run_aside(channel, context, exten, priority)
        except (EndDialplan, ChannelHangup):
            self._user.tell("HANGUP")
            raise

    async def _leave(self, _action: Action) -> None:
        self._conference.dismiss(self._user, LEFT)

    async def _kick_last(self, _action: Action) -> None:
        if self._conference.kick_last() is None:
            await self._fail()

    async def _toggle_lock(self, _action: Action) -> None:
        locked = self._conference.locked = not self._conference.locked
        await self._hear("locked_now" if locked else "unlocked_now")

    async def _toggle_participants(self, _action: Action) -> None:
        conference = self._conference
        muted = conference.participants_muted = not conference.participants_muted
        conference.announce_later(self._sound("participants_muted" if muted else "participants_unmuted"))

    async def _count(self, _action: Action) -> None:
        count = len(self._conference.attendance.active)
        await hear_as(self._user, count_sounds(self._conference.profile, count, self._user.channel.language))

    async def _show(self, _action: Action) -> None:
        channel = self._user.channel
        if channel.bridge is self._conference.bridge:
            self._conference.set_video_source(channel)

    async def _hide(self, _action: Action) -> None:
        if self._conference.video.source is self._user.channel:
            self._conference.set_video_source(None)
