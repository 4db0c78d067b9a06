"""``Dial``: call one or more destinations and connect the caller with the first that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.calls.completion.parameters import KEY
from asterism.pbx.calls.dialing import MAX_DESTINATIONS, Dialer, DialResult, Leg
from asterism.pbx.calls.features.member import LETTERS, VARIABLES, keys_of
from asterism.pbx.calls.features.table import KEY as FEATURES
from asterism.pbx.calls.features.table import inherit
from asterism.pbx.channels.music.playing import stop_music
from asterism.pbx.dialplan.applications.dial_options import DialOptions, parse_options
from asterism.pbx.dialplan.language.arguments import number, split_arguments
from asterism.pbx.dialplan.language.places import Place
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import Control, DialStatus, SoftHangup
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto
from asterism.pbx.vocabulary.flow import EndDialplan
from asterism.pbx.vocabulary.marks import application, register_marked
from asterism.pbx.vocabulary.party import PartyId, parse_caller_id, parse_presentation

if TYPE_CHECKING:
    from asterism.pbx.calls.features.keys import Action
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

_RESET = dict.fromkeys(
    (
        "DIALSTATUS",
        "DIALEDPEERNUMBER",
        "DIALEDPEERNAME",
        "ANSWEREDTIME",
        "ANSWEREDTIME_MS",
        "DIALEDTIME",
        "DIALEDTIME_MS",
        "RINGTIME",
        "RINGTIME_MS",
        "PROGRESSTIME",
        "PROGRESSTIME_MS",
    ),
    "",
)
_PAUSES = {"w": 0.5, "W": 1.0}


class Call:
    """One run of Dial: from the destinations to the end of the conversation."""

    __slots__ = ("_keys", "_limit", "_next", "bridge", "caller", "dialer", "forwarded", "options", "pbx", "peer")

    def __init__(self, caller: Channel, options: DialOptions, keys: Mapping[str, Action] | None = None) -> None:
        self.caller = caller
        self._keys = keys or {}
        """Keys that the caller has besides those of the options."""
        self.pbx = caller.pbx
        self.options = options
        self.peer: Channel | None = None
        self.bridge: Bridge | None = None
        self.forwarded = False
        self._limit: asyncio.TimerHandle | None = None
        self._next = Place("", "", 1)
        """Where the called channel goes on by option F; the caller may have run its ``h`` by then."""
        dialer = self.dialer = Dialer(self.pbx, caller, caller.wake)
        letters = options.letters
        dialer.early_media = letters.isdisjoint("mrR")
        dialer.ring_until_media = "R" in letters
        dialer.ignore_forwards = "i" in letters
        dialer.ignore_updates = "I" in letters
        dialer.losers_cause = options.losers_cause
        dialer.on_answer = self._answered
        dialer.on_forward = self._forwarded

    async def run(self, destinations: str, timeout: float | None) -> DialResult:
        """Dial; returns when the call is over. Raises :class:`ChannelHangup` when the caller hung up."""
        caller = self.caller
        caller.set_variables(_RESET)
        caller.hangup_cause = caller.tech_cause = 0
        names = [found for one in destinations.split("&") if (found := one.strip())][:MAX_DESTINATIONS]
        if not names:
            self.pbx.log.warning("Dial requires an argument (technology/number)")
            return self._failed(DialStatus.INVALIDARGS)
        try:
            status = await self._dial(names, timeout)
        finally:
            self.dialer.release()
        if status is not DialStatus.ANSWER:
            return self._failed(status)
        return await self._converse()

    # -- until somebody answers ----------------------------------------------------------------------

    async def _dial(self, names: list[str], timeout: float | None) -> DialStatus:
        caller, dialer, options = self.caller, self.dialer, self.options
        dialer.single = len(names) == 1
        dialer.shows_connected = dialer.single and "I" not in options.letters
        legs: list[Leg] = []
        try:
            if options.caller_gosub is not None:
                await self._gosub(caller, options.caller_gosub)
            await dialer.pbx.prepare(names)
            for name in names:
                leg = dialer.request(name)
                if leg is not None:
                    legs.append(leg)
                    self._prepare(leg.channel)
            caller.on_new_caller = self._new_caller
            if KEY in caller.data:
                dialer.on_ringing = partial(self._rings, legs)
            if options.callee_gosub is not None:
                for leg in legs:
                    await self._gosub_on_called(leg.channel, options.callee_gosub)
            for leg in legs:
                if not dialer.finished:
                    dialer.call(leg, timeout)
            if "r" in options.letters or "R" in options.letters:
                dialer.show_ringing()
            if "m" in options.letters:
                dialer.show_music(options.music)
            dialer.called()
            over = not dialer.finished and not await caller.park(timeout)
            if over and "z" in options.letters and dialer.forwarded:
                over = not await caller.park()
            if over and dialer.winner is None:
                dialer.cancel(DialStatus.NOANSWER, 0)
                return DialStatus.NOANSWER
        except BaseException:
            self._give_up(legs)
            raise
        finally:
            caller.on_new_caller = None
            if "m" in options.letters:
                stop_music(caller)
            if KEY in caller.data:
                dialer.pbx.completion.dialed(caller, legs, dialer.winner is not None)
        return dialer.status

    def _new_caller(self) -> None:
        """Show those who are called that another party calls now: the call was transferred."""
        if "I" not in self.options.letters:
            for called in list(self.dialer.pending):
                called.set_connected(self._shown_caller(self.caller.caller))

    def _forwarded(self, called: Channel) -> None:
        """Prepare a channel that a called one forwarded to; with option f it is shown a caller ID of our own."""
        self._prepare(called)
        if "f" in self.options.letters:
            given = self.options.forwarder_id
            called.connected = parse_caller_id(given) if given else PartyId(self.caller.exten)

    def _rings(self, legs: list[Leg], called: Channel) -> None:
        for leg in legs:
            if leg.channel is called:  # another one was forwarded to: its completion is not the caller's to request
                self.pbx.completion.rings(self.caller, leg)

    def _give_up(self, legs: list[Leg]) -> None:
        """The caller is gone, or was sent elsewhere, before the outcome: end every leg."""
        cause = Cause.ANSWERED_ELSEWHERE if "c" in self.options.letters else self.caller.hangup_cause
        self.dialer.cancel(DialStatus.CANCEL, cause)
        called = [leg.channel for leg in legs]
        if self.dialer.winner is not None:
            called.append(self.dialer.winner)  # it may be one that picked the call up
        for channel in called:
            if not channel.dead:
                channel.hangup_cause = int(cause)
                channel.hang_up()
        self.caller.set_variable("DIALSTATUS", DialStatus.CANCEL)

    def _prepare(self, called: Channel) -> None:
        """Give a called channel its place, its caller and what it inherits."""
        caller, options = self.caller, self.options
        called.set_variable("DIALEDPEERNUMBER", called.data.get("dialed_resource", ""))
        called.inherit_variables(caller)
        if FEATURES in caller.data:
            inherit(called, caller)
        party = called.caller
        if "o" in options.letters:
            called.caller = parse_caller_id(options.caller_id) if options.caller_id else caller.caller
        elif not party.number:
            called.caller = party.with_number(caller.exten)
        called.connected = self._shown_caller(caller.caller)
        old = called.accountcode
        called.accountcode = old or caller.accountcode
        called.peeraccount = caller.accountcode
        caller.peeraccount = called.accountcode
        called.dialed = called.dialed or ""
        called.exten = caller.exten
        called.new_exten("AppDial", "(Outgoing Line)")
        bus = self.pbx.bus
        if called.caller is not party and bus.listeners[events.NEW_CALLERID]:
            bus.publish(events.NEW_CALLERID, called)
        if called.accountcode != old:
            bus.publish(events.NEW_ACCOUNT_CODE, called, old)
        if called.connected and bus.listeners[events.NEW_CONNECTED_LINE]:
            bus.publish(events.NEW_CONNECTED_LINE, called)

    def _shown_caller(self, party: PartyId) -> PartyId:
        options = self.options
        if options.tag is not None:
            party = party.with_(tag=options.tag)
        if options.presentation is not None:
            presentation = parse_presentation(options.presentation)
            if presentation is not None:
                party = party.with_(number_presentation=presentation, name_presentation=presentation)
        return party

    async def _gosub(self, channel: Channel, place: Place) -> str:
        context, exten = place.context or channel.context, place.exten or channel.exten
        value: str = await self.pbx.dialplan.gosub(channel, context, exten, place.priority, place.args)
        return value

    async def _gosub_on_called(self, called: Channel, place: Place) -> None:
        """Run a subroutine on a called channel; the caller's hang-up ends it."""
        self.caller.hangup_listener = lambda _: called.soft_hangup()
        try:
            await self._gosub(called, place)
        except (ChannelHangup, EndDialplan):
            if self.caller.alive:
                called.hang_up()
        finally:
            self.caller.hangup_listener = None
        self.caller.check()

    def _answered(self, peer: Channel, leg: Leg) -> None:
        caller = self.caller
        caller.set_variables(
            {"DIALSTATUS": DialStatus.ANSWER, "DIALEDPEERNAME": peer.name, "DIALEDPEERNUMBER": leg.resource}
        )
        peer.exten = ""
        self.peer = peer

    def _failed(self, status: DialStatus) -> DialResult:
        self.caller.set_variable("DIALSTATUS", status)
        return DialResult(status, int(self.caller.hangup_cause), dialed=self.pbx.loop.time() - self.dialer.started)

    # -- the conversation ----------------------------------------------------------------------------

    async def _converse(self) -> DialResult:
        caller, peer, pbx, options = self.caller, self.peer, self.pbx, self.options
        letters = options.letters
        assert peer is not None
        answered = pbx.loop.time()
        sent_on = False
        try:
            if "a" in letters:
                caller.raw_answer()
            if "D" in letters or "U" in letters:
                status = await self._after_answer(peer)
                if status is not None:
                    return self._failed(status)
            caller.raw_answer()
            answered = pbx.loop.time()
            if options.both is not None:
                self._part(peer, options.both)
            if self._bridge(peer):
                await caller.park()
        except BaseException as error:
            if self.bridge is None and not peer.moved:
                peer.hangup_cause = caller.hangup_cause or peer.hangup_cause
                peer.hang_up()
            sent_on = isinstance(error, Goto)
            raise
        finally:
            if self._limit is not None:
                self._limit.cancel()
            if self.bridge is not None and sent_on:
                caller.set_variable("DIALSTATUS", DialStatus.ANSWER)  # its call is not over: nothing else is told
            elif self.bridge is not None:
                self._tell_times(answered)
        if caller.hangup_cause == 0:
            caller.hangup_cause = peer.hangup_cause or Cause.NORMAL_CLEARING
        now = pbx.loop.time()
        return DialResult(
            DialStatus.ANSWER, int(peer.hangup_cause), peer.name, now - answered, now - self.dialer.started
        )

    async def _after_answer(self, peer: Channel) -> DialStatus | None:
        """Options D and U; what DIALSTATUS becomes when the subroutine says so."""
        caller, options = self.caller, self.options
        called, calling, _ = options.digits
        if called or calling:
            await self._send_digits(peer, called)
            await self._send_digits(caller, calling)
        place = options.answered_gosub
        if place is None:
            return None
        caller.hangup_listener = lambda _: peer.soft_hangup()
        try:
            await self._gosub(peer, place)
        except (ChannelHangup, EndDialplan):
            caller.check()
            peer.hang_up()
            return None
        finally:
            caller.hangup_listener = None
        caller.check()
        result = peer.get_variable("GOSUB_RESULT") or ""
        if not result:
            return None
        word, _, target = result.partition(":")
        if word == "GOTO":
            peer.hang_up()
            found = target.split("^")
            context, exten, priority = [*[""] * (3 - len(found)), *found][-3:]
            raise Goto(context, exten, priority or 1)
        if word in ("ABORT", "HANGUP"):
            peer.hang_up()
            raise EndDialplan
        if word in ("BUSY", "CONGESTION", "CONTINUE"):
            peer.hang_up()
            caller.hangup_cause = {"BUSY": 17, "CONGESTION": 34}.get(word, 0)
            return DialStatus(word)
        return None

    async def _send_digits(self, channel: Channel, digits: str) -> None:
        for digit in digits:
            if digit not in _PAUSES:
                channel.send_digit(digit)
            await self.caller.park(_PAUSES.get(digit, 0.2))
            if channel.dead:
                return

    def _part(self, peer: Channel, place: Place) -> None:
        """Option G: both parties go on in the dialplan, the called one a priority later."""
        caller = self.caller
        context, exten = place.context or caller.context, place.exten or caller.exten
        priority = place.priority
        if isinstance(priority, str):
            priority = self.pbx.dialplan.resolve_priority(context, exten, priority) or 1
        peer.moved = True
        peer.context, peer.exten, peer.priority = context, exten, priority + 1
        self.pbx.start(peer)
        raise Goto(context, exten, priority)

    def _bridge(self, peer: Channel) -> bool:
        """Connect the parties; ``False`` when the called one is gone already."""
        caller, options = self.caller, self.options
        bridge = self.bridge = Bridge(self.pbx)
        if "F" in options.letters:
            place = options.caller_hangup or Place("", "", caller.priority + 1)
            self._next = Place(place.context or caller.context, place.exten or caller.exten, place.priority)
        peer.new_exten("AppDial", "(Outgoing Line)")
        if not peer.alive:
            bridge.destroy()
            peer.hang_up()
            return False
        letters = options.letters
        keys = caller_keys = None
        features = not letters.isdisjoint(LETTERS)
        if features or self._keys or caller.has_any(VARIABLES, peer):
            keys = keys_of(peer, letters, called=True)
            caller_keys = keys_of(caller, letters, called=False, more=self._keys)
            features = features or keys is not None or caller_keys is not None
        if options.limit is not None:
            self._limit = self.pbx.loop.call_later(options.limit, self._end_peer)
        bridge.enter(peer, on_leave=self._peer_left, on_digit=keys, features=features)
        bridge.enter(caller, on_leave=self._caller_left, on_digit=caller_keys)
        if peer.on_hold:
            peer.indicate(Control.UNHOLD)
        return True

    def _end_peer(self) -> None:
        """Time is up: end the called party, or who is in its place by now: a Local channel leaves the call."""
        bridge, peer = self.caller.bridge, self.peer
        if peer is None or peer.dead:
            peer = bridge.peer(self.caller) if bridge is not None else None
        if peer is not None:
            peer.soft_hangup(SoftHangup.TIMEOUT)

    def _caller_left(self, bridge: Bridge, leaver: Channel) -> None:
        self.caller.wake()

    def _peer_left(self, bridge: Bridge, leaver: Channel) -> None:
        peer = self.peer
        assert peer is not None
        if leaver is not peer:
            # The caller's own end goes first, as in Asterisk 22: its task was woken before this is scheduled.
            self.pbx.loop.call_soon(self._release_peer)
            return
        if bridge.ended:
            bridge.destroy()
        if not peer.moved:
            if peer.alive and not peer.hangup_cause:
                peer.hangup_cause = Cause.NORMAL_CLEARING  # it was taken out
            peer.hang_up()

    def _release_peer(self) -> None:
        peer, caller = self.peer, self.caller
        assert peer is not None
        if peer.moved or peer.dead:
            return
        if "F" in self.options.letters and not caller.alive and peer.alive:
            place = self._next
            priority = place.priority
            peer.context, peer.exten = place.context, place.exten
            if isinstance(priority, str):
                priority = self.pbx.dialplan.resolve_priority(peer.context, peer.exten, priority) or 1
            peer.priority = priority
            peer.moved = True
            self.pbx.start(peer)
            return
        peer.hangup_cause = caller.hangup_cause or Cause.NORMAL_CLEARING
        peer.hang_up()

    def _tell_times(self, answered: float) -> None:
        now = self.pbx.loop.time()
        talked, dialed = now - answered, now - self.dialer.started
        self.caller.set_variables(
            {
                "ANSWEREDTIME": str(int(talked)),
                "ANSWEREDTIME_MS": str(int(talked * 1000)),
                "DIALEDTIME": str(int(dialed)),
                "DIALEDTIME_MS": str(int(dialed * 1000)),
                "DIALSTATUS": DialStatus.ANSWER,
            }
        )


def dial(
    caller: Channel,
    destinations: str,
    timeout: float | None = None,
    options: str = "",
    keys: Mapping[str, Action] | None = None,
) -> Coroutine[Any, Any, DialResult]:
    """Dial for ``caller``; see :meth:`asterism.pbx.channels.channel.Channel.dial`."""
    parsed = parse_options(options)
    for problem in parsed.problems:
        caller.pbx.log.warning("Dial: %s", problem)
    return Call(caller, parsed, keys).run(destinations, timeout)


class DialApplication(Module):
    """The application ``Dial``."""

    name: ClassVar[str] = "app_dial"
    description: ClassVar[str] = "Dialing Application"

    def load(self, server: HostServer) -> None:
        """Register the application."""
        register_marked(server.pbx, self)

    @application(
        "Dial",
        Documentation(
            "Call one or more channels and connect the caller with the first that answers.",
            "Dial(Technology/Resource[&Technology2/Resource2[&...]][,timeout[,options]])",
            "Calls every destination at once. The first to answer is connected with the caller, the others "
            "are cancelled. When nobody answers within the timeout, or every destination fails, the dialplan "
            "goes on with the next priority and DIALSTATUS tells why. After a conversation the call ends, "
            "unless option g asks to go on.",
            (
                Argument("Technology/Resource", "Destinations, joined with &.", True),
                Argument("timeout", "Seconds to wait for an answer, fractions allowed; no limit when empty."),
                Argument(
                    "options",
                    "Letters, some with an argument.",
                    values=(
                        ("a", "Answer the caller as soon as a destination answers."),
                        (
                            "b([[context^]exten^]priority[(arg1[^...])])",
                            "Run a subroutine on each called channel.",
                        ),
                        ("B([[context^]exten^]priority[(arg1[^...])])", "Run a subroutine on the caller first."),
                        ("c", "Tell cancelled destinations that the call was answered elsewhere."),
                        ("D([called][:calling])", "Send digits after the answer; w pauses half a second, W a second."),
                        (
                            "f[(callerid)]",
                            "Caller ID that the target of a forward is shown; without one, the extension.",
                        ),
                        (
                            "F[([[context^]exten^]priority)]",
                            "When the caller hangs up, the called goes on there.",
                        ),
                        ("g", "Go on with the dialplan when the called party hangs up."),
                        (
                            "G([[context^]exten^]priority)",
                            "Both go on there, the called one a priority later.",
                        ),
                        ("h", "The called party may end the call by the key `disconnect` of features.conf."),
                        ("H", "The caller may."),
                        ("i", "Do not follow forwarding."),
                        ("I", "Ignore updates of who is connected, and where the call is forwarded to."),
                        ("k", "The called party may park the caller by the key `parkcall`."),
                        ("K", "The caller may park the called party."),
                        ("L(ms)", "Limit the conversation, in milliseconds."),
                        ("m[(class)]", "Play music instead of ringing."),
                        ("o[(callerid)]", "Caller ID of the called channel: the one given, or the caller's."),
                        ("Q(cause)", "Hangup cause of destinations that lose; none or 0 for no cause."),
                        ("r", "Indicate ringing at once and pass no early media."),
                        ("R", "Indicate ringing until there is early media."),
                        ("s(tag)", "Tag of the caller ID that is sent."),
                        ("S(seconds)", "Limit the conversation, in seconds."),
                        ("t", "The called party may transfer the caller by the keys `blindxfer` and `atxfer`."),
                        ("T", "The caller may transfer the called party."),
                        ("u(presentation)", "Presentation of the caller ID that is sent."),
                        ("U(context[^arg1[^...]])", "Run a subroutine on the called channel after its answer."),
                        ("w", "The called party may begin and end a recording by the key `automon`."),
                        ("W", "The caller may."),
                        ("x", "The called party may begin and end a recording by the key `automixmon`."),
                        ("X", "The caller may."),
                        ("z", "A forward ends the timeout."),
                    ),
                ),
            ),
            see_also=("Answer", "Hangup"),
        ),
    )
    async def dial(self, channel: Channel, args: str) -> None:
        """Run ``Dial``; ends the call after a conversation unless option ``g`` is given."""
        destinations, timeout_text, options = [*split_arguments(args, limit=3), "", "", ""][:3]
        timeout = number(timeout_text) if timeout_text.strip() else None
        if timeout_text.strip() and timeout is None:
            channel.pbx.log.warning("Dial: invalid timeout '%s'", timeout_text)
        options = options.partition(",")[0] if "(" not in options else options
        result = await dial(channel, destinations, timeout or None, options)
        if result.status is DialStatus.ANSWER and "g" not in parse_options(options).letters:
            raise EndDialplan
