"""One run of Dial: call the destinations, wait for an answer, and leave the parties to each other."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from asterism.pbx.calls.completion.parameters import KEY
from asterism.pbx.calls.dialing import MAX_DESTINATIONS, Dialer, DialResult, Leg
from asterism.pbx.calls.features.table import options_of
from asterism.pbx.channels.music.playing import stop_music
from asterism.pbx.dialplan.applications.dial.answered import Answered
from asterism.pbx.dialplan.applications.dial.called import gosub, gosub_before, prepare, shown_caller
from asterism.pbx.dialplan.applications.dial.conversation import Conversation
from asterism.pbx.dialplan.applications.dial.digits import send_early
from asterism.pbx.dialplan.applications.dial.limits import told_of
from asterism.pbx.dialplan.applications.dial.options import DialOptions, parse_options
from asterism.pbx.dialplan.applications.dial.screening import screening_of
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import WAKE_CALL, WAKE_DIGIT, DialStatus
from asterism.pbx.vocabulary.flow import Goto
from asterism.pbx.vocabulary.party import PartyId

if TYPE_CHECKING:
    from asterism.pbx.calls.features.keys import Action
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.dialplan.applications.dial.screening import Screening

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


class Call:
    """One run of Dial: from the destinations to the answer."""

    __slots__ = ("_disconnected", "_keys", "_screening", "caller", "dialer", "options", "pbx", "peer")

    def __init__(self, caller: Channel, options: DialOptions, keys: Mapping[str, Action] | None = None) -> None:
        self.caller = caller
        self._keys = keys or {}
        """Keys that the caller has besides those of the options."""
        self._screening: Screening | None = None
        self.pbx = caller.pbx
        self.options = options
        self.peer: Channel | None = None
        self._disconnected = False
        dialer = self.dialer = Dialer(self.pbx, caller, caller.wake)
        letters = options.letters
        dialer.early_media = letters.isdisjoint("mrR")
        dialer.ring_until_media = "R" in letters
        dialer.ignore_forwards = "i" in letters
        dialer.ignore_updates = "I" in letters
        dialer.losers_cause = options.losers_cause
        dialer.tells_answer = not options.between
        dialer.on_answer = self._answered
        dialer.on_forward = self._forwarded

    async def run(self, destinations: str, timeout: float | None) -> DialResult:
        """Dial; returns when the call is over. Raises :class:`ChannelHangup` when the caller hung up."""
        caller, options = self.caller, self.options
        caller.set_variables(_RESET)
        caller.hangup_cause = caller.tech_cause = 0
        names = [found for one in destinations.split("&") if (found := one.strip())][:MAX_DESTINATIONS]
        if not names:
            self.pbx.log.warning("Dial requires an argument (technology/number)")
            return self._failed(DialStatus.INVALIDARGS)
        if caller.bridge is not None:  # by what a menu or a key in a call runs: it is there still
            self.pbx.log.warning("Dial on %s: it is in a bridge already", caller.name)
            return self._failed(DialStatus.CHANUNAVAIL)
        if options.limit is not None:
            told_of(caller, options)
        if "C" in options.letters and (reset := self.pbx.applications.get("ResetCDR")) is not None:
            await reset(caller, "")
        if not options.letters.isdisjoint("pP"):
            self._screening = screening_of(caller, options)
            refused = await self._screening.begin()
            if refused is not None:
                return self._failed(refused)
        try:
            status = await self._dial(names, timeout)
            peer = self.peer
            if status is not DialStatus.ANSWER or peer is None:
                return self._failed(status)
            if options.between:
                refused = await Answered(caller, peer, options, self._screening).run()
                if refused is not None:
                    return self._failed(refused)
        finally:
            self.dialer.release()
            if self._screening is not None:
                self._screening.end()
        return await Conversation(caller, peer, options, self._keys, self.dialer.started).run()

    async def _dial(self, names: list[str], timeout: float | None) -> DialStatus:
        """Call the destinations until one answers, all have failed or the time is up."""
        caller, dialer, options = self.caller, self.dialer, self.options
        letters = options.letters
        dialer.single = len(names) == 1
        dialer.shows_connected = dialer.single and "I" not in letters
        legs: list[Leg] = []
        try:
            if options.caller_gosub is not None:
                await gosub(caller, options.caller_gosub)
                caller.new_exten(caller.application, caller.appdata)
            await dialer.pbx.prepare(names)
            caller.offers_first = "j" in letters
            for name in names:
                leg = dialer.request(name)
                if leg is not None:
                    legs.append(leg)
                    prepare(caller, leg.channel, options)
            caller.offers_first = False
            caller.on_new_caller = self._new_caller
            if KEY in caller.data:
                dialer.on_ringing = partial(self._rings, legs)
            if options.callee_gosub is not None:
                for leg in legs:
                    await gosub_before(caller, leg.channel, options.callee_gosub)
            if "D" in letters:
                dialer.on_progress = partial(send_early, caller, options)
            for leg in legs:
                if not dialer.finished:
                    dialer.call(leg, timeout)
            if not letters.isdisjoint("rRm"):
                self._entertain()
            dialer.called()
            wait = caller.park if letters.isdisjoint("dH") else self._wait_for_keys
            over = not dialer.finished and not await wait(timeout)
            if over and "z" in letters and dialer.forwarded:
                over = not await wait(None)
            if self._disconnected and dialer.winner is None:
                dialer.cancel(DialStatus.CANCEL, 0)
                return DialStatus.CANCEL
            if over and dialer.winner is None:
                self.pbx.log.verbose(3, "Nobody picked up in %d ms", (timeout or 0) * 1000)
                dialer.cancel(DialStatus.NOANSWER, 0)
                return DialStatus.NOANSWER
        except BaseException:
            self._give_up(legs)
            raise
        finally:
            caller.on_new_caller = None
            if "m" in letters:
                stop_music(caller)
            if options.ring_tone and not caller.dead:
                caller.stop_tone()
            if KEY in caller.data:
                dialer.pbx.completion.dialed(caller, legs, dialer.winner is not None)
        return dialer.status

    def _entertain(self) -> None:
        """Have the caller hear something at once, whatever the called ones do."""
        letters, options = self.options.letters, self.options
        if "m" in letters:
            self.dialer.show_music(options.music)
        elif options.ring_tone and "r" in letters:
            self.dialer.show_tone(options.ring_tone)
        else:
            self.dialer.show_ringing()

    async def _wait_for_keys(self, timeout: float | None) -> bool:
        """Wait as ``park`` does, while the caller may press keys.

        With option H the code of ``disconnect`` ends the dialling; with d a digit that is an extension takes the caller
        there, by raising ``Goto``.
        """
        caller, loop, letters = self.caller, self.pbx.loop, self.options.letters
        end = None if timeout is None else loop.time() + timeout
        code = options_of(caller).disconnect if "H" in letters else ""
        pressed = ""
        while not self.dialer.finished:
            while (digit := await caller.read_digit(0)) is not None:
                pressed = (pressed + digit)[-len(code) :]
                if code and pressed == code:
                    self._disconnected = True
                    return True
                context = caller.get_variable("EXITCONTEXT") or caller.context
                if "d" in letters and self.pbx.dialplan.exists(context, digit, 1, caller.caller.number):
                    raise Goto(context, digit, 1)
            left = None if end is None else end - loop.time()
            if left is not None and left <= 0:
                return False
            await caller.park(left, WAKE_CALL | WAKE_DIGIT)
        return True

    def _new_caller(self) -> None:
        """Show those who are called that another party calls now: the call was transferred."""
        if "I" not in self.options.letters:
            for called in list(self.dialer.pending):
                called.set_connected(shown_caller(self.caller.caller, self.options))

    def _forwarded(self, called: Channel) -> None:
        """Prepare a channel that a called one forwarded to; with option f it is shown a caller ID of our own."""
        prepare(self.caller, called, self.options)
        if "f" in self.options.letters and not self.options.forwarder_id:
            called.connected = PartyId(self.caller.exten)

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

    def _answered(self, peer: Channel, leg: Leg) -> None:
        caller = self.caller
        caller.set_variables(
            {"DIALSTATUS": DialStatus.ANSWER, "DIALEDPEERNAME": peer.name, "DIALEDPEERNUMBER": leg.resource}
        )
        peer.exten = ""
        self.peer = peer

    def _failed(self, status: DialStatus) -> DialResult:
        if status is not DialStatus.CONTINUE:  # the called party's subroutine let the caller go on after an answer
            self.caller.set_variable("DIALSTATUS", status)
        return DialResult(status, int(self.caller.hangup_cause), dialed=self.pbx.loop.time() - self.dialer.started)


def begin(caller: Channel, options: str, keys: Mapping[str, Action] | None = None) -> Call:
    """A run of Dial with these options, which is then told whom to call; what is wrong with them is logged."""
    parsed = parse_options(options)
    for problem in parsed.problems:
        caller.pbx.log.warning("%s", problem)
    return Call(caller, parsed, keys)


def dial(
    caller: Channel,
    destinations: str,
    timeout: float | None = None,
    options: str = "",
    keys: Mapping[str, Action] | None = None,
) -> Coroutine[Any, Any, DialResult]:
    """Dial for ``caller``; see :meth:`asterism.pbx.channels.channel.Channel.dial`."""
    return begin(caller, options, keys).run(destinations, timeout)
