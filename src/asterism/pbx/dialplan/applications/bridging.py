"""Bridge, BridgeAdd, BridgeWait."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.bridges.bridge import ANNOUNCER, HOLDING, Bridge
from asterism.pbx.bridges.member import Waiting
from asterism.pbx.calls.bridging import Guest, Meeting, join, may_be_fetched
from asterism.pbx.calls.features.member import LETTERS, keys_of
from asterism.pbx.dialplan.applications.dial.limits import Limit
from asterism.pbx.dialplan.applications.dial.options import BRIDGE, parse_options
from asterism.pbx.dialplan.language.arguments import number, split_arguments, split_fields, split_letters
from asterism.pbx.dialplan.language.places import Place
from asterism.pbx.vocabulary.controls import SoftHangup
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.core.log import ServerLogger
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.dialplan.applications.dial.options import DialOptions

RESULT = "BRIDGERESULT"
_CREATOR = "BridgeWait"
_KINDS = "mrshn"
_ROLES = ("participant", ANNOUNCER)
_WITH_ARGUMENT = frozenset("meS")
_OTHERS = frozenset("x")
"""Letters that mean something else here than a key."""
_TARGET = Argument("channel", "Name of the channel, the beginning of its name, or its uniqueid.", True)
_RESULTS = (
    "BRIDGERESULT is SUCCESS, FAILURE where the two cannot come together, LOOP for the channel itself, or NONEXISTENT."
)


class _Call:
    """One run of Bridge: the two channels, and the effects of its options."""

    def __init__(self, channel: Channel, target: Channel, options: DialOptions) -> None:
        self._channel = channel
        self._target = target
        self._options = options
        self._next = channel.context, channel.exten, channel.priority + 1
        letters = options.letters
        keyed = letters - _OTHERS
        keys = keys_of(target, keyed, called=True, ends=self._end)
        own_keys = keys_of(channel, keyed, called=False, ends=self._end)
        features = not keyed.isdisjoint(LETTERS) or keys is not None or own_keys is not None
        self.meeting = Meeting(
            channel.pbx,
            Guest(
                target,
                answers=not target.get_variable("BRIDGE_NOANSWER"),
                tone="p" in letters,
                on_digit=keys,
                features=features,
                afterwards=self._go_on,
            ),
            Guest(channel, answers="n" not in letters, on_digit=own_keys, features=features),
        )

    async def run(self) -> None:
        """Fetch the other channel and stay with it."""
        channel, target, options = self._channel, self._target, self._options
        self.meeting.invite(target)
        limit = None
        if options.limit is not None:
            limit = Limit(channel, options, lambda: target, partial(target.soft_hangup, SoftHangup.TIMEOUT))
        try:
            await self.meeting.attend(channel)
        finally:
            if limit is not None:
                limit.stop()
            channel.set_variable(RESULT, "FAILURE" if self.meeting.bridge is None else "SUCCESS")

    def _end(self, _by: Channel) -> None:
        """The key that ends the call: it is the other channel that ends, this one goes on in its dialplan."""
        self._target.soft_hangup()

    def _go_on(self, target: Channel) -> None:
        """Continue the other channel after the bridge: hang up, jump elsewhere, or go on with its own dialplan."""
        letters = self._options.letters
        if "F" in letters and self.meeting.bridge is not None and not self._channel.alive:
            context, exten, _ = self._next  # where it was: it may have run its h by now
            place = self._options.caller_hangup or Place(*self._next)
            raise Goto(place.context or context, place.exten or exten, place.priority)
        if "x" in letters:
            raise ChannelHangup


class BridgingApplications(PbxModule):
    """The applications that let a channel into a bridge."""

    name: ClassVar[str] = "app_bridgewait"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    covers: ClassVar[tuple[str, ...]] = ("app_bridgeaddchan",)
    description: ClassVar[str] = "Bridging in the dialplan"

    @property
    def _log(self) -> ServerLogger:
        return self.pbx.dialplan.log

    def _target(self, application_name: str, channel: Channel, name: str) -> Channel | None:
        """The other channel; without one the result is set and the log says why."""
        name = name.strip()
        found: Channel | None = self.pbx.channels.get(name)
        if found is None and name:
            folded = name.lower()
            found = next((each for each in self.pbx.channels if each.name.lower().startswith(folded)), None)
        if found is channel:
            self._log.warning("%s: %s cannot be bridged with itself", application_name, channel.name)
            channel.set_variable(RESULT, "LOOP")
            return None
        if found is None or not found.alive:
            self._log.warning("%s: there is no channel '%s'", application_name, name)
            channel.set_variable(RESULT, "NONEXISTENT")
            return None
        return found

    @application(
        "Bridge",
        Documentation(
            "Bridge two channels.",
            "Bridge(channel[,options])",
            "The other channel leaves what it does and talks to this one. Then its dialplan goes on. " + _RESULTS,
            (
                _TARGET,
                Argument(
                    "options",
                    "Letters, some with an argument.",
                    values=(
                        ("p", "The other channel hears a courtesy tone before."),
                        (
                            "F[([[context^]exten^]priority)]",
                            "When this channel hangs up, the other goes on there, or at the next priority of this one.",
                        ),
                        ("h", "The other party may end the call by the key `disconnect` of features.conf."),
                        ("H", "This party may."),
                        ("k", "The other party may park this one by the key `parkcall`."),
                        ("K", "This party may park the other."),
                        ("L(ms[:left[:every]])", "Hang the other channel up after that, with warnings as Dial's."),
                        ("n", "Do not answer this channel. The other is not answered if it has BRIDGE_NOANSWER set."),
                        ("S(seconds)", "Hang the other channel up after that, in seconds."),
                        ("t", "The other party may transfer this one by the keys `blindxfer` and `atxfer`."),
                        ("T", "This party may transfer the other."),
                        ("w", "The other party may begin and end a recording by the key `automon`."),
                        ("W", "This party may."),
                        ("x", "Hang the other channel up afterwards."),
                    ),
                ),
            ),
            ("BridgeAdd", "BridgeWait", "Dial"),
        ),
    )
    async def bridge(self, channel: Channel, args: str) -> None:
        """Run Bridge."""
        name, letters = [*split_arguments(args, limit=2), "", ""][:2]
        options = parse_options(letters, BRIDGE)
        for problem in options.problems:
            self._log.warning("Bridge: %s", problem)
        target = self._target("Bridge", channel, name)
        if target is None:
            return
        if not may_be_fetched(target):
            self._log.warning("Bridge: %s is still being called", target.name)
            channel.set_variable(RESULT, "FAILURE")
            return
        await _Call(channel, target, options).run()

    @application(
        "BridgeAdd",
        Documentation(
            "Join the bridge that another channel is in.",
            "BridgeAdd(channel)",
            f"Everybody in the bridge then hears everybody. {_RESULTS}",
            (_TARGET,),
            ("Bridge", "BridgeWait"),
        ),
    )
    async def bridge_add(self, channel: Channel, args: str) -> None:
        """Run BridgeAdd."""
        target = self._target("BridgeAdd", channel, args)
        if target is None:
            return
        bridge = None if target.bridge is None else self.pbx.bridges.get(target.bridge.uniqueid)
        result = "FAILURE"
        try:
            if bridge is None:
                self._log.warning("BridgeAdd: %s is in no bridge", target.name)
            else:
                bridge.check_room()
                result = "SUCCESS"
                await join(channel, bridge)
        except RuntimeError as error:
            result = "FAILURE"
            self._log.warning("BridgeAdd: %s", error)
        finally:
            channel.set_variable(RESULT, result)

    @application(
        "BridgeWait",
        Documentation(
            "Wait in a holding bridge.",
            "BridgeWait([name[,role[,options]]])",
            "Participants wait each by itself until somebody takes them out. While an announcer is there, all of them "
            "hear it. The bridge of that name is made with the first and forgotten with the last.",
            (
                Argument("name", "Name of the holding bridge; 'default' when empty."),
                Argument(
                    "role",
                    "What the channel is, in small letters.",
                    values=(
                        ("participant", "It waits; so it does without a role."),
                        (ANNOUNCER, "It is heard by all who wait, and their waiting is suspended meanwhile."),
                    ),
                ),
                Argument(
                    "options",
                    "Letters, some with an argument.",
                    values=(
                        ("m(class)", "The class of music, for e(m) and e(h)."),
                        (
                            "e(kind)",
                            "What is heard, by its first letter: music, ringing, silence, what hold does, nothing.",
                        ),
                        ("S(seconds)", "Go on with the dialplan after that."),
                        ("n", "Do not answer."),
                    ),
                ),
            ),
            ("Bridge", "BridgeAdd", "MusicOnHold"),
        ),
    )
    async def bridge_wait(self, channel: Channel, args: str) -> None:
        """Run BridgeWait."""
        name, role, letters = split_fields(args, 3, rest=True)
        if role and role not in _ROLES:
            self._log.warning("BridgeWait: '%s' is no role: participant or announcer", role)
            return
        options: dict[str, str] = {}
        for letter, argument in split_letters(letters, _WITH_ARGUMENT):
            if letter not in "meSn":
                self._log.warning("BridgeWait: option '%s' is not supported", letter)
            options[letter] = (argument or "").strip()
        kind = options.get("e", "m")[:1]
        if kind not in _KINDS or not kind:
            self._log.warning("BridgeWait: '%s' is no way to wait: music it is", options["e"])
            kind = "m"
        seconds = number(options["S"]) if "S" in options else None
        if "S" in options and seconds is None:
            self._log.warning("BridgeWait: option S needs seconds")
        waiting = Waiting(kind, options.get("m", ""))
        roles = frozenset({role}) if role else frozenset()
        bridge = self._room(name or "default")
        try:
            await join(
                channel, bridge, roles=roles, waiting=waiting, timeout=seconds or None, answer="n" not in options
            )
        finally:
            if not bridge.members:
                bridge.destroy()

    def _room(self, name: str) -> Bridge:
        """The holding bridge of that name, made if there is none."""
        for bridge in self.pbx.bridges.values():
            if bridge.name == name and bridge.creator == _CREATOR and not bridge.ended:
                return bridge
        return Bridge(self.pbx, kind="base", name=name, creator=_CREATOR, uses=HOLDING, dissolve=False)
