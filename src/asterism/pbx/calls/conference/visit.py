"""One user's visit to a conference: what it is told before, what happens around it, what the others are told."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from asterism.media import denoise
from asterism.media.denoise import Denoiser
from asterism.media.jitter import JitterSettings
from asterism.media.taps import Direction
from asterism.pbx.calls.conference.hearing import count_sounds, hear, hear_as
from asterism.pbx.calls.conference.menu_actions import MenuActions
from asterism.pbx.calls.conference.menu_keys import MenuKeys
from asterism.pbx.calls.conference.naming import Name
from asterism.pbx.calls.conference.options import NEVER
from asterism.pbx.calls.conference.user import User
from asterism.pbx.calls.features.table import options_of
from asterism.pbx.channels.jitter import buffer_input, is_buffered
from asterism.pbx.channels.music.playing import music_of, start_music, stop_music
from asterism.pbx.channels.volume import set_volume, volume_of
from asterism.pbx.vocabulary.controls import WAKE_CALL
from asterism.pbx.vocabulary.errors import ChannelHangup

if TYPE_CHECKING:
    from asterism.media.taps import Tap
    from asterism.pbx.calls.conference.chosen import Chosen
    from asterism.pbx.calls.conference.conference import Conference
    from asterism.pbx.channels.channel import Channel

TIMED_OUT = "TIMEOUT"
"""``CONFBRIDGE_RESULT`` of a user whose time is over."""


class Visit:
    """What goes with one user of a conference besides its being there, which is the conference's."""

    def __init__(self, channel: Channel, chosen: Chosen, conference: Conference, name: Name | None) -> None:
        self._channel = channel
        self._conference = conference
        self._profile = chosen.user
        self._name = name
        self.user = User(channel, chosen.user, chosen.menu.name, self._changed)
        pause = options_of(channel).featuredigittimeout / 1000
        self._actions = MenuActions(conference, self.user, chosen.menu, pause)
        self._keys = MenuKeys(chosen.menu, self._dialled, pause=pause, passes=chosen.user.dtmf_passthrough)
        self._timer: asyncio.TimerHandle | None = None
        self._taps: list[Tap] = []
        self._volumes = {direction: volume_of(channel, direction) for direction in (Direction.IN, Direction.OUT)}
        """How loud it was before: what its menu changes is for the conference."""
        self._waited = False
        """Whether it waited for a marked user when its state was looked at last."""
        self._buffered = self._music = self._told = False
        self._begins = False
        """Whether it is the first marked user among others."""
        self._seats = False
        """Whether others have waited for it."""

    async def run(self) -> str:
        """Be in the conference; what ``CONFBRIDGE_RESULT`` is then.

        Raises:
            ChannelHangup: The channel has hung up.
            Goto: It was sent elsewhere.
        """
        conference = self._conference
        if conference.refusal(self._profile, self._channel):
            return await conference.attend(self.user)  # which says why, and touches nothing
        if self._profile.marked and not conference.marked:
            self._begins, self._seats = bool(conference.users), bool(conference.attendance.waiting)
        try:
            self._prepare_audio()
            return await conference.attend(self.user, on_digit=self._keys, before=self._before)
        finally:
            self._end()

    # -- coming ------------------------------------------------------------------------------------------------

    async def _before(self) -> None:
        """What the user hears before it is in the mix, and what the others hear of its coming."""
        user, profile, conference = self.user, self._profile, self._conference
        sounds = conference.profile.sound
        try:
            if not profile.quiet:
                if user.waiting:
                    await self._hear(sounds("wait_for_leader"))
                elif user.alone and profile.announce_only_user:
                    await self._hear(sounds("only_person"))
            if profile.announcement:
                await self._hear(profile.announcement)
            if profile.announce_user_count:
                count = len(conference.attendance.active)
                await self._hear(*count_sounds(conference.profile, count, self._channel.language))
        except ChannelHangup:
            user.tell("FAILED")  # it has not been in the conference
            raise
        if user.out:
            return
        self._told = True
        count = len(conference.attendance.active)
        if NEVER < profile.announce_user_count_all < count:
            conference.announce_later(*count_sounds(conference.profile, count, conference.profile.language))
        await self._announce_coming()
        if profile.timeout:
            loop = self._channel.pbx.loop
            self._timer = loop.call_later(profile.timeout, conference.dismiss, user, TIMED_OUT)

    async def _hear(self, *names: str) -> None:
        """Play sounds to the user, who may have music, which goes on behind them."""
        await hear_as(self.user, names)
        self._follow_music()

    async def _announce_coming(self) -> None:
        conference, profile = self._conference, self._profile
        sounds = conference.profile.sound
        if profile.quiet:
            return
        told = [sounds("join")]
        if self._name is not None and self._name.sound:
            told += [self._name.sound, sounds("has_joined")]
        if self._begins:
            told += [*([sounds("place_into_conference")] if self._seats else []), sounds("begin")]
        said = conference.announce_later(*told)
        if not profile.hear_own_join_sound:
            await self._wait_for(said)

    async def _wait_for(self, said: asyncio.Future[bool]) -> None:
        """Stay out of the mix until the others have heard an announcement."""
        others = any(user.inside for user in self._conference.users.values())
        while others and not said.done() and not self.user.out:
            over = self._channel.pbx.loop.create_future()
            said.add_done_callback(partial(_end, over))
            await self._channel.park(None, WAKE_CALL, over)

    # -- while it is there -------------------------------------------------------------------------------------

    def _dialled(self, digits: str) -> None:
        self.user.do(partial(self._do, digits))

    async def _do(self, digits: str) -> None:
        try:
            await self._actions.run(digits)
        finally:
            self._follow_music()

    def _changed(self, user: User) -> None:
        """It waits now, or takes part, or is alone, or not any more."""
        if user.waiting and user.inside and not self._waited and not self._profile.quiet:
            user.do(self._tell_leader_has_left)
        self._waited = user.waiting
        self._follow_music()

    async def _tell_leader_has_left(self) -> None:
        await self._hear(self._conference.profile.sound("leader_has_left"))

    def _follow_music(self) -> None:
        """Have the user hear music where it is to."""
        user, channel = self.user, self._channel
        wanted = self._profile.music_on_hold_when_empty and user.alone and not user.out
        if wanted and music_of(channel) is None and channel.speaks is None and channel.alive:
            self._music = start_music(channel, self._profile.music_on_hold_class)
        elif not wanted and self._music:
            self._music = False
            stop_music(channel)

    def _prepare_audio(self) -> None:
        channel, profile = self._channel, self._profile
        if profile.denoise:
            if reason := denoise.reason():
                channel.pbx.log.warning("Noise of %s is not taken out: %s", channel.name, reason)
            else:
                tap = Denoiser()
                channel.attach(tap, Direction.IN)
                self._taps.append(tap)
        self._buffered = profile.jitterbuffer and not is_buffered(channel)
        if self._buffered:
            buffer_input(channel, JitterSettings(adaptive=True))

    # -- going -------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        """Undo what went with the visit, and tell the others who has left."""
        self._keys.stop()
        if self._timer is not None:
            self._timer.cancel()
        if self._music:
            self._music = False
            stop_music(self._channel)
        for tap in self._taps:
            self._channel.detach(tap)
        if self._buffered:
            buffer_input(self._channel, None)
        for direction, value in self._volumes.items():
            if volume_of(self._channel, direction) != value:
                set_volume(self._channel, direction, value)
        self._announce_leaving()

    def _announce_leaving(self) -> None:
        conference, profile, name = self._conference, self._profile, self._name
        sounds = conference.profile.sound
        told = []
        if self._told and not profile.quiet:
            if name is not None and name.sound:
                told += [name.sound, sounds("has_left")]
            told.append(sounds("leave"))
        # Those who wait again hear it by themselves, those for whom it is over as they leave.
        others = any(not user.out for user in conference.attendance.active)
        if profile.marked and not conference.marked and not profile.quiet and others:
            told.append(sounds("leader_has_left"))
        said = conference.announce_later(*told) if told else None
        if name is not None:
            if said is None:
                name.forget()
            else:
                name.forget_after(said)


async def tell_why(channel: Channel, conference: Conference, user: User) -> None:
    """Tell a user who was made to leave why.

    Raises:
        ChannelHangup: The channel has hung up.
        Goto: It was sent elsewhere.
    """
    sound = {"KICKED": "kicked", "ENDMARKED": "leader_has_left"}.get(user.result)
    if sound is not None and not user.profile.quiet:
        await hear(channel, conference.profile.sound(sound))


def _end(over: asyncio.Future[bool], _said: asyncio.Future[bool]) -> None:
    if not over.done():
        over.set_result(True)
