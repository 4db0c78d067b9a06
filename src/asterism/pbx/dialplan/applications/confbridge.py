"""ConfBridge and ConfKick: be in a conference, and put users out of one."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.calls.conference.chosen import Chosen, ProfileError, choose
from asterism.pbx.calls.conference.conference import CREATOR, RESULT, Conference
from asterism.pbx.calls.conference.hearing import hear
from asterism.pbx.calls.conference.naming import Name
from asterism.pbx.calls.conference.visit import Visit, tell_why
from asterism.pbx.channels.answering import answer
from asterism.pbx.dialplan.applications.reading import Prompt, collect
from asterism.pbx.dialplan.language.arguments import split_fields
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.flow import EndDialplan
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

ATTEMPTS = 3
"""How often a PIN may be wrong."""
_LONGEST_PIN = 80
LONGEST_NAME = 80
FAILED = "FAILED"
KICK_STATUS = "CONFKICKSTATUS"


class ConferenceApplications(PbxModule):
    """The applications."""

    name: ClassVar[str] = "app_confbridge_dialplan"
    part_of: ClassVar[tuple[str, ...]] = ("app_confbridge",)
    description: ClassVar[str] = "Conferences in the dialplan"

    @application(
        "ConfBridge",
        Documentation(
            "Be in a conference.",
            "ConfBridge(conference[,bridge_profile[,user_profile[,menu]]])",
            "The conference begins with its first user and ends with the last. Afterwards CONFBRIDGE_RESULT is HANGUP, "
            "KICKED, ENDMARKED (the marked users have left), DTMF (left by the menu) or TIMEOUT. It is FAILED for who "
            "does not get in, as the conference is locked or full, the PIN was wrong, or there is no such profile; the "
            "call ends then.",
            (
                Argument("conference", "Its name.", True),
                Argument(
                    "bridge_profile",
                    "What the conference is like if it begins now. Without: what CONFBRIDGE made, or default_bridge.",
                ),
                Argument("user_profile", "What the user may do. Without: what CONFBRIDGE made, or default_user."),
                Argument("menu", "What the user's digits do. Without: what CONFBRIDGE made, or default_menu."),
            ),
            ("ConfKick", "CONFBRIDGE", "CONFBRIDGE_INFO"),
        ),
    )
    async def confbridge(self, channel: Channel, args: str) -> None:
        """Run ConfBridge."""
        name, bridge, user, menu = split_fields(args, 4)
        conferences, log = self.pbx.conferences, self.pbx.log
        if not 0 < len(name) <= LONGEST_NAME:
            log.warning("ConfBridge on %s needs the name of a conference, %d characters at most", channel.name,
                        LONGEST_NAME)  # fmt: skip
            _fail(channel)
        try:
            chosen = choose(channel, conferences.profiles, bridge, user, menu)
        except ProfileError as error:
            log.warning("ConfBridge on %s: %s", channel.name, error)
            _fail(channel)
        try:
            recorded = await self._let_in(channel, chosen)
        except ChannelHangup:
            channel.set_variable(RESULT, FAILED)
            raise
        try:
            await self._visit(channel, chosen, name, recorded)
        finally:
            if recorded is not None and not recorded.kept:
                recorded.forget()

    async def _let_in(self, channel: Channel, chosen: Chosen) -> Name | None:
        """Answer, ask for the PIN and for the name."""
        profile = chosen.user
        if profile.answer_channel and channel.state is not ChannelState.UP:
            await answer(channel)
        if profile.pin and not await _knows_pin(channel, chosen):
            _fail(channel)
        if not (profile.announce_join_leave or profile.announce_join_leave_review):
            return None
        name = Name(channel)
        await name.ask(profile.announce_join_leave_review)
        return name

    async def _visit(self, channel: Channel, chosen: Chosen, name: str, recorded: Name | None) -> None:
        channel.check()
        conference = self.pbx.conferences.get(name)
        if conference is None or conference.over or conference.closing:
            conference = Conference(self.pbx, name, chosen.bridge)
        elif conference.refusal(chosen.user):
            try:
                await hear(channel, conference.profile.sound("locked"))
            finally:
                channel.set_variable(RESULT, FAILED)
            raise EndDialplan
        visit = Visit(channel, chosen, conference, recorded)
        try:
            result = await visit.run()
        finally:
            if not conference.users:
                conference.end()  # which has not begun, if the visit failed before
        if result == FAILED:
            raise EndDialplan
        await tell_why(channel, conference, visit.user)

    @application(
        "ConfKick",
        Documentation(
            "Put users out of a conference.",
            "ConfKick(conference[,channel])",
            f"Their CONFBRIDGE_RESULT is KICKED. {KICK_STATUS} is SUCCESS, or FAILURE where there is no such "
            "conference or user.",
            (
                Argument("conference", "Its name.", True),
                Argument(
                    "channel", "Whom; all by default.", False,
                    (("all", "everybody"), ("participants", "all but admins"), ("(name)", "the one of this channel")),
                ),
            ),
            ("ConfBridge",),
        ),
    )  # fmt: skip
    async def confkick(self, channel: Channel, args: str) -> None:
        """Run ConfKick."""
        name, who = split_fields(args, 2)
        who = who or "all"
        conference = self.pbx.conferences.get(name)
        users = [] if conference is None else conference.chosen(who)
        if conference is None:
            self.pbx.log.warning("ConfKick on %s: there is no conference '%s'", channel.name, name)
        elif not users and who not in ("all", "participants"):
            self.pbx.log.warning("ConfKick on %s: there is no '%s' in conference '%s'", channel.name, who, name)
            conference = None
        else:
            conference.kick_all(users)
        channel.set_variable(KICK_STATUS, "FAILURE" if conference is None else "SUCCESS")


def _fail(channel: Channel) -> None:
    channel.set_variable(RESULT, FAILED)
    raise EndDialplan


async def _knows_pin(channel: Channel, chosen: Chosen) -> bool:
    """Ask for the PIN."""
    sounds = chosen.bridge.sound
    for _ in range(ATTEMPTS):
        channel.flush_digits()
        entered: list[str] = []
        await collect(channel, Prompt(channel, CREATOR, sounds("get_pin"), tone=False), entered, _LONGEST_PIN, "#",
                      0.0)  # fmt: skip
        if hmac.compare_digest("".join(entered).upper().encode(), chosen.user.pin.strip().upper().encode()):
            return True
        await hear(channel, sounds("invalid_pin"))
    return False
