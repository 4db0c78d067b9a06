"""Channels that talk to each other.

A bridge is its members and the *technology* that carries their audio, which is chosen again whenever a member comes or
goes, or a stream changes. A technology that was chosen shows only in the events after it, as in Asterisk 22.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from asterism.core.identifiers import random_uuid
from asterism.pbx.bridges.member import DigitHandler, LeaveHandler, Member, Waiting
from asterism.pbx.bridges.mixing import USUAL, MixOptions
from asterism.pbx.bridges.peer_names import PEER_VARIABLES, forget_peers, name_peers
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.linkedid import oldest_of

if TYPE_CHECKING:
    from asterism.media.stream import AudioStream
    from asterism.pbx.bridges.table import Technology
    from asterism.pbx.bridges.video import BridgeVideo
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host

_PASSED_ON = frozenset(
    {
        Control.HOLD,
        Control.UNHOLD,
        Control.FLASH,
        Control.RINGING,
        Control.STOP,
        Control.PROGRESS,
        Control.SOURCE_UPDATE,
    }
)
SMART = frozenset({"native_rtp", "simple_bridge", "softmix"})
"""Technologies for a call with any number of parties."""
HOLDING = frozenset({"holding_bridge"})
"""Technologies for a holding bridge, in which each member waits by itself."""
MIXING = frozenset({"softmix"})
"""Technologies for a conference."""

ANNOUNCER = "announcer"
"""The role of a member that all who wait in a holding bridge hear."""


class Bridge:
    """A bridge, in the table of the PBX from the beginning.

    ``on_end`` is called once with the channel whose leaving ended the bridge, when nobody is in it any more; it is
    forgotten right after that, in the next turn of the loop.
    """

    __slots__ = (
        "_destroyed",
        "_ended",
        "_mixer",
        "created",
        "creator",
        "dissolve",
        "members",
        "mixing",
        "name",
        "on_end",
        "pbx",
        "permanent",
        "reported_count",
        "technology",
        "type",
        "uniqueid",
        "uses",
        "video",
    )

    def __init__(
        self,
        pbx: Host,
        on_end: Callable[[Channel], None] | None = None,
        *,
        kind: str = "basic",
        name: str = "",
        creator: str = "",
        uses: frozenset[str] = SMART,
        dissolve: bool = True,
        permanent: bool = False,
        mixing: MixOptions = USUAL,
    ) -> None:
        """Make a bridge without members; publishes BridgeCreate.

        Args:
            pbx: where it lives.
            on_end: see above.
            kind: its type, as it is shown: ``basic`` for a call, ``base`` for others.
            name: what it is called; need not be unique.
            creator: which application made it, as it is shown.
            uses: the names of the technologies it may have.
            dissolve: whether the last but one who leaves ends it for the last one too.
            permanent: whether it stays when everybody has left, until :meth:`destroy`.
            mixing: how it mixes.
        """
        self.pbx = pbx
        self.uniqueid = random_uuid()
        self.type = kind
        self.creator = creator
        self.name = name
        self.uses = uses
        self.dissolve = dissolve
        self.permanent = permanent
        self.mixing = mixing
        self.created = time.time()
        self.video: BridgeVideo | None = None
        """Whose video goes to whom, where more than two are shown some."""
        self.members: dict[Channel, Member] = {}
        self.reported_count = 0
        self.on_end = on_end
        self._ended = False
        self._destroyed = False
        self._mixer: Technology | None = None
        bridges = pbx.bridges
        technologies = bridges.technologies
        self.technology = technologies.initial.get(uses) or technologies.choose_initial(self)
        """The name of the technology that was chosen last."""
        bridges[self.uniqueid] = self
        if pbx.bus.listeners[events.BRIDGE_CREATE]:
            pbx.bus.publish(events.BRIDGE_CREATE, self)

    def __repr__(self) -> str:
        return f"<Bridge {self.uniqueid} {self.technology} {[channel.name for channel in self.members]}>"

    @property
    def channels(self) -> list[Channel]:
        """The channels in it, in the order of arrival."""
        return list(self.members)

    @property
    def duration(self) -> int:
        """Whole seconds since the bridge was created."""
        return max(0, int(time.time() - self.created))

    @property
    def ended(self) -> bool:
        """Whether the bridge accepts no further members."""
        return self._ended

    @property
    def relayed(self) -> bool:
        """Whether packets go from party to party inside the media layer."""
        return getattr(self._mixer, "relayed", False)

    @property
    def video_mode(self) -> str:
        """Whose video is shown: ``none``, ``single``, ``talker`` or ``sfu``."""
        return "none" if self.video is None else self.video.mode.value

    @property
    def video_source(self) -> str:
        """The uniqueid of the channel whose video all others are shown; empty without one."""
        return "" if self.video is None else self.video.source_id

    def peer(self, channel: Channel) -> Channel | None:
        """The other channel of two; ``None`` alone, among more, in a conference, or where each waits by itself."""
        members = self.members
        if len(members) != 2 or channel not in members or self.uses is not SMART:
            return None
        first, second = members
        return second if first is channel else first

    # -- who is in it ------------------------------------------------------------------------------------------

    def enter(
        self,
        channel: Channel,
        *,
        roles: frozenset[str] = frozenset(),
        swap: Channel | None = None,
        on_leave: LeaveHandler | None = None,
        on_digit: DigitHandler | None = None,
        features: bool = False,
        waiting: Waiting | None = None,
        muted: bool = False,
        deaf: bool = False,
    ) -> None:
        """Let a channel in; see :class:`Member`. All members become one call (linkedid).

        In a conference, or where each waits by itself, the calls stay what they are. ``swap`` is the member whose place
        it takes; that one leaves, and the bridge is not over by that.

        Raises:
            RuntimeError: the bridge is over, no technology takes one more, or the channel is in a bridge already.
        """
        self._enter(Member(channel, roles, on_leave, on_digit, features, waiting, muted=muted, deaf=deaf), swap)

    def depart(self, leaver: Channel) -> None:
        """Take a channel out. With ``dissolve`` the last remaining member leaves with it."""
        members = self.members
        if leaver not in members:
            return
        if leaver.on_hold:
            leaver.indicate(Control.UNHOLD)
        count = len(members)
        leavers = list(members.values()) if count == 1 or (self.dissolve and count == 2) else [members[leaver]]
        if leavers[0].channel is not leaver:
            leavers.reverse()
        if self.uses is not HOLDING:
            for member in leavers:
                if count == 2 and self.dissolve:
                    member.channel.delete_variables(PEER_VARIABLES)
                else:
                    forget_peers(member.channel)
        empty = len(leavers) == count
        if empty and self._mixer is not None:
            self._stop()
        for member in leavers[1:]:
            member.channel.hangup_source = member.channel.hangup_source or leaver.hangup_source
        over = empty and not self.permanent
        if over:
            self._ended = True
        for member in leavers:
            self._take_out(member)
        if not empty:
            self._settle()
        for member in leavers:
            if member.channel.on_hold:
                member.channel.indicate(Control.UNHOLD)
        for member in leavers:
            if member.on_leave is not None:
                member.on_leave(self, leaver)
            else:
                abandon(member.channel)
        if over:
            self._end(leaver)

    def move(self, channel: Channel, other: Bridge, swap: Channel | None = None) -> None:
        """Move a channel to another bridge; the others stay, even a single one. Without members this bridge ends.

        ``swap`` is the member there whose place it takes, see :meth:`enter`.

        Raises:
            RuntimeError: it is not in this bridge, or the other one takes no more.
        """
        member = self.members.get(channel)
        if member is None or other is self:
            raise RuntimeError(f"{channel.name} is not in bridge {self.uniqueid}, or there already")
        if swap is None:
            other.check_room()
        self._carry_over(member, other, swap)
        if self.members:
            self._settle()
        elif not self.permanent:
            self._ended = True
            self._end(channel)

    def merge(self, other: Bridge, without: Channel | None = None) -> None:
        """Take everybody in from another bridge, which is over then; publishes BridgeMerge.

        ``without`` is a member of it that leaves instead.

        Raises:
            RuntimeError: this bridge is over, or has no technology for so many.
        """
        if other is self:
            raise RuntimeError("a bridge cannot be merged with itself")
        moved = [member for channel, member in other.members.items() if channel is not without]
        self.check_room(len(moved))
        other._stop()
        if self.pbx.bus.listeners[events.BRIDGE_MERGE]:
            self.pbx.bus.publish(events.BRIDGE_MERGE, self, other)
        for member in moved:
            other._carry_over(member, self)
        if without is not None and without in other.members:
            other.depart(without)
            return
        other._ended = True
        if moved:
            other._end(moved[-1].channel)
        else:
            other.destroy()

    def dismiss(self) -> None:
        """Take everybody out, whatever becomes of them, and forget the bridge."""
        self.permanent = False
        if not self.members:
            self.destroy()
        while self.members:
            self.depart(next(reversed(self.members)))

    def destroy(self) -> None:
        """Forget the bridge, which has no members; publishes BridgeDestroy. It comes by itself when one is over."""
        if self._destroyed:
            return
        self._destroyed = self._ended = True
        if self._mixer is not None:
            self._stop()
        pbx = self.pbx
        pbx.bridges.pop(self.uniqueid, None)
        if pbx.bus.listeners[events.BRIDGE_DESTROY]:
            pbx.bus.publish(events.BRIDGE_DESTROY, self)
        if self.video is not None:
            self.video.stop()
            self.video = None

    def check_room(self, more: int = 1) -> None:
        """Raise RuntimeError if the bridge has ended or has no room for that many more members."""
        count = len(self.members) + more
        if self._ended or (count > 2 and not self.pbx.bridges.technologies.have_room(self, count)):
            raise RuntimeError(f"bridge {self.uniqueid} takes no more channels")

    # -- what one party does and the others hear of ------------------------------------------------------------

    def pass_control(self, source: Channel, control: Control, data: object) -> None:
        """Show the peer what ``source`` did; with more than two members, or in a holding bridge, nothing is shown."""
        if control is Control.HOLD or control is Control.UNHOLD:
            member = self.members.get(source)
            if member is not None:
                member.holds = control is Control.HOLD
                member.hold_class = data
        other = self.peer(source)
        if other is None:
            return
        if control in _PASSED_ON:
            other.indicate(control, data)
        elif control is Control.CONNECTED_LINE:
            other.set_connected(source.caller)

    def pass_streams(self, source: Channel) -> None:
        """Have the peer offered the streams that ``source`` has now: it has added or removed some."""
        other = self.peer(source)
        if other is not None:
            other.ask_driver("offer_streams", None, source.offered)

    def pass_digit_begin(self, source: Channel, digit: str, passed_to: AudioStream | None) -> None:
        """A digit has begun: tell that it goes out to the peer when that gets its packets."""
        other = self.peer(source)
        if passed_to is not None and other is not None and other.stream is passed_to:
            self.pbx.bus.publish(events.DTMF_BEGIN, other, digit, "Sent")

    def pass_digit(self, source: Channel, digit: str, duration_ms: int, passed_to: AudioStream | None) -> None:
        """A digit has ended: a feature of the member may take it, else the others get it."""
        member = self.members.get(source)
        if member is None:
            return
        if source.away:
            source.keep_digit(digit, duration_ms)
        elif member.on_digit is None or not member.on_digit(source, digit, duration_ms):
            self.send_on(source, digit, duration_ms, passed_to)

    def send_on(self, source: Channel, digit: str, duration_ms: int, passed_to: AudioStream | None = None) -> None:
        """Send a digit of a member to the others, except where its packets were passed on already."""
        if self.uses is HOLDING:
            return
        for other in list(self.members):
            if other is source or other.away:
                continue
            if passed_to is not None and other.stream is passed_to:
                self.pbx.bus.publish(events.DTMF_END, other, digit, duration_ms, "Sent")
            else:
                other.send_digit(digit, duration_ms)

    def set_digit_handler(self, channel: Channel, handler: DigitHandler | None) -> None:
        """Have another one get the digits of a member from now on, ``None``: the others."""
        member = self.members[channel]
        member.on_digit = handler
        _hear_digits(channel, handler is not None)

    # -- audio -------------------------------------------------------------------------------------------------

    def set_away(self, channel: Channel, away: bool) -> None:
        """Let a member be by itself: it hears nobody here and nobody hears it, and its digits are kept for a reader."""
        if channel.away is not away:
            channel.away = away
            self.reconnect(channel)

    def reconnect(self, channel: Channel) -> None:
        """A member begins or ceases to be by itself, or to hear music: a conference does not look at all others."""
        mixed = getattr(self._mixer, "reconnect", None) if self.uses is MIXING else None
        if mixed is None:
            self.connect_media()
        else:
            mixed(channel)

    def set_voices(self, voices: Iterable[tuple[Channel, bool, bool]]) -> None:
        """Say of members of a bridge that mixes whether each is muted, and whether it is deaf."""
        adjust = getattr(self._mixer, "adjust", None)  # technologies that do not mix have none
        for channel, muted, deaf in voices:
            member = self.members.get(channel)
            if member is not None:
                member.muted, member.deaf = muted, deaf
                if adjust is not None:
                    adjust(channel)

    def connect_media(self) -> None:
        """Choose the technology anew: called when a stream, its formats or its taps changed."""
        if self.members and not self._ended:
            for member in self.members.values():
                if member.on_digit is not None:
                    _hear_digits(member.channel, True)
            self._rearrange(changed=True)

    def disconnect_media(self) -> None:
        """Let go of everybody's audio until :meth:`connect_media`: one of the members gets another far end."""
        self._stop()

    def forget_mixer(self, mixer: Technology) -> None:
        """A technology has failed: :meth:`connect_media`, or who comes next, has a new one begin."""
        if self._mixer is mixer:
            self._mixer = None

    # -- details -----------------------------------------------------------------------------------------------

    def _enter(self, member: Member, swap: Channel | None = None) -> None:
        channel, members = member.channel, self.members
        swapped = None if swap is None else members.get(swap)
        if channel.bridge is not None:  # it would stay a member there for ever
            where = f"bridge {self.uniqueid} already" if channel in members else "another bridge"
            raise RuntimeError(f"{channel.name} is in {where}")
        if swapped is not None:
            forget_peers(swapped.channel)
            self._take_out(swapped)
        elif self._ended or len(members) > 1:
            self.check_room()
        members[channel] = member
        channel.bridge = self
        if member.on_digit is not None:
            _hear_digits(channel, True)
        count = self.reported_count = len(members)
        if count > 1 and self.uses is SMART:  # who meets in a conference has called it, not the others
            if next(iter(members)).linkedid != channel.linkedid:
                self._merge_linkedid()
            if not channel.accountcode:
                # As in Asterisk 22: who comes without an account gets the one that a member knows of its peer.
                for each in members:
                    if each.peeraccount:
                        channel.set_accountcode(each.peeraccount)
                        break
            if count == 2:
                first = next(iter(members))
                first.peeraccount = channel.accountcode or first.peeraccount
                channel.peeraccount = first.accountcode or channel.peeraccount
        if self.video is not None:
            self.video.tell()
        bus = channel.pbx.bus  # that of a quiet channel tells nobody
        if bus.listeners[events.BRIDGE_ENTER]:
            bus.publish(events.BRIDGE_ENTER, self, channel, None if swapped is None else swapped.channel)
        if self.pbx.log.verbosity >= 3:
            how = "joined" if swapped is None else f"swapped with {swapped.channel.name} into"
            self._tell_member(channel, how)
        if channel.follower is not None:
            channel.follower.entered()
        if count > 2 or swapped is not None:
            self._show_hold()  # also of who put the others on hold, and has gone
        if count > 1 or self.uses is not SMART:
            self._rearrange(channel)
            self._name_peers()
        if swapped is not None:
            if swapped.channel.on_hold:
                swapped.channel.indicate(Control.UNHOLD)
            if swapped.on_leave is not None:
                swapped.on_leave(self, swapped.channel)
            else:
                abandon(swapped.channel)

    def _take_out(self, member: Member) -> None:
        """Remove a member, whose audio has been disconnected before."""
        channel = member.channel
        if self._mixer is not None:
            self._mixer.leave(channel)
        del self.members[channel]
        self.reported_count -= 1
        channel.bridge = None
        if member.on_digit is not None:
            _hear_digits(channel, False)
        if self.video is not None:
            self.video.tell()
        bus = channel.pbx.bus
        if bus.listeners[events.BRIDGE_LEAVE]:
            bus.publish(events.BRIDGE_LEAVE, self, channel)
        if self.pbx.log.verbosity >= 3:
            self._tell_member(channel, "left")

    def _tell_member(self, channel: Channel, how: str) -> None:
        self.pbx.log.verbose(
            3, "Channel %s %s '%s' %s-bridge <%s>", channel.name, how, self.technology, self.type, self.uniqueid
        )

    def _carry_over(self, member: Member, other: Bridge, swap: Channel | None = None) -> None:
        if swap is None:
            forget_peers(member.channel)
        self._take_out(member)
        other._enter(member, swap)

    def _end(self, leaver: Channel) -> None:
        # Whoever made the bridge holds it: they must not hold each other, or only the collector frees them.
        on_end, self.on_end = self.on_end, None
        if on_end is not None:
            on_end(leaver)
        if not self._destroyed:
            self.pbx.loop.call_soon(self.destroy)

    def _stop(self) -> None:
        if self._mixer is not None:
            self._mixer.stop()  # music that stops by that looks at the bridge's audio anew: it finds this one
            self._mixer = None

    def _rearrange(self, joined: Channel | None = None, changed: bool = False) -> None:
        """Choose the technology for the members as they are now, and have it carry their audio."""
        chosen = self.pbx.bridges.technologies.choose(self)
        mixer = self._mixer
        if chosen is None and mixer is None and len(self.members) > 1:
            names = ", ".join(channel.name for channel in self.members)
            self.pbx.log.warning("%s hear nothing: every bridge technology that suits them is suspended", names)
        if chosen is None or (mixer is not None and type(mixer) is chosen):
            if mixer is not None and joined is not None:
                mixer.join(joined)
            elif mixer is not None and changed:
                mixer.changed()
            return
        if mixer is not None:
            mixer.stop()
        if self.technology != chosen.name and self.pbx.log.verbosity >= 4:
            self.pbx.log.verbose(
                4, "Bridge %s: switching from %s technology to %s", self.uniqueid, self.technology, chosen.name
            )
        self.technology = chosen.name
        self._mixer = chosen(self)
        self._mixer.start()

    def _name_peers(self) -> None:
        if self.uses is not HOLDING:
            name_peers(self.members, as_they_came=self.uses is MIXING)

    def _settle(self) -> None:
        """A member has left, others are still in the bridge."""
        self._rearrange()
        self._name_peers()
        self._show_hold()

    def _show_hold(self) -> None:
        """Update hold: with two members, each is on hold while the other one holds it; otherwise nobody is on hold."""
        members = self.members
        if self.uses is HOLDING:
            return
        pair = len(members) == 2
        for channel in list(members):
            if members[channel].kept or not (pair or channel.on_hold):
                continue
            other = self.peer(channel)
            holder = None if other is None else members[other]
            if holder is not None and holder.holds:
                if not channel.on_hold:
                    channel.indicate(Control.HOLD, holder.hold_class)
            elif channel.on_hold:
                channel.indicate(Control.UNHOLD)

    def _merge_linkedid(self) -> None:
        members = self.members
        oldest = oldest_of(each.linkedid for each in members)
        for each in members:
            each.set_linkedid(oldest)


def _hear_digits(channel: Channel, heard: bool) -> None:
    """Have the digits of a far end heard here first, or passed on as the packets that they came in."""
    stream: Any = channel.stream
    if hasattr(stream, "relay_digits"):  # others relay no packets
        stream.relay_digits = not heard


def abandon(channel: Channel) -> None:
    """End a channel that has left the bridge and that neither a task nor a Dial takes over."""
    if channel.task is None and channel.alive and not channel.moved and channel.control_listener is None:
        channel.soft_hangup()
