"""The conversation of Dial: the parties are connected, and what becomes of each when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.calls.dialing import DialResult
from asterism.pbx.calls.features.member import LETTERS, VARIABLES, keys_of
from asterism.pbx.dialplan.applications.dial.called import APPLICATION, drop
from asterism.pbx.dialplan.applications.dial.limits import Limit
from asterism.pbx.dialplan.language.places import Place
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import Control, DialStatus, SoftHangup
from asterism.pbx.vocabulary.errors import Goto

if TYPE_CHECKING:
    from asterism.pbx.calls.features.keys import Action
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.dialplan.applications.dial.options import DialOptions


class Conversation:
    """The caller and who has answered, from the answer on."""

    __slots__ = ("_began", "_keys", "_limit", "_next", "bridge", "caller", "options", "pbx", "peer")

    def __init__(
        self, caller: Channel, peer: Channel, options: DialOptions, keys: Mapping[str, Action], began: float
    ) -> None:
        """``keys`` are those that the caller has besides the options', ``began`` the time at which it began to dial."""
        self.caller = caller
        self.peer = peer
        self.options = options
        self.pbx = caller.pbx
        self.bridge: Bridge | None = None
        self._keys = keys
        self._began = began
        self._limit: Limit | None = None
        self._next = Place("", "", 1)
        """Where the called channel goes on by option F; the caller may have run its ``h`` by then."""

    async def run(self) -> DialResult:
        """Connect the parties until one leaves. Raises :class:`ChannelHangup` when the caller hung up."""
        caller, peer, loop = self.caller, self.peer, self.pbx.loop
        answered = loop.time()
        sent_on = False
        try:
            caller.raw_answer()
            answered = loop.time()
            if self._connect():
                await caller.park()
        except BaseException as error:
            if self.bridge is None and not peer.moved:
                drop(peer, caller.hangup_cause)
            sent_on = isinstance(error, Goto)
            raise
        finally:
            if self._limit is not None:
                self._limit.stop()
            if self.bridge is not None and sent_on:
                caller.set_variable("DIALSTATUS", DialStatus.ANSWER)  # its call is not over: nothing else is told
            elif self.bridge is not None:
                now = loop.time()
                talked, dialed = now - answered, now - self._began
                caller.set_variables(
                    {
                        "ANSWEREDTIME": str(int(talked)),
                        "ANSWEREDTIME_MS": str(int(talked * 1000)),
                        "DIALEDTIME": str(int(dialed)),
                        "DIALEDTIME_MS": str(int(dialed * 1000)),
                        "DIALSTATUS": DialStatus.ANSWER,
                    }
                )
        if caller.hangup_cause == 0:
            caller.hangup_cause = peer.hangup_cause or Cause.NORMAL_CLEARING
        now = loop.time()
        return DialResult(DialStatus.ANSWER, int(peer.hangup_cause), peer.name, now - answered, now - self._began)

    def _connect(self) -> bool:
        """Connect the parties; ``False`` when the called one is gone already."""
        caller, peer, options = self.caller, self.peer, self.options
        letters = options.letters
        bridge = self.bridge = Bridge(self.pbx)
        if "F" in letters:
            place = options.caller_hangup or Place("", "", caller.priority + 1)
            self._next = Place(place.context or caller.context, place.exten or caller.exten, place.priority)
        peer.new_exten(*APPLICATION)
        if not peer.alive:
            bridge.destroy()
            peer.hang_up()
            return False
        keys = caller_keys = None
        features = not letters.isdisjoint(LETTERS)
        if features or self._keys or caller.has_any(VARIABLES, peer):
            keys = keys_of(peer, letters, called=True)
            caller_keys = keys_of(caller, letters, called=False, more=self._keys)
            features = features or keys is not None or caller_keys is not None
        if options.limit is not None:
            self._limit = Limit(caller, options, self._other, self._end_peer)
        try:
            bridge.enter(peer, on_leave=self._peer_left, on_digit=keys, features=features)
            bridge.enter(caller, on_leave=self._caller_left, on_digit=caller_keys)
        except RuntimeError as error:  # a menu of a conference runs this, and the caller is in its bridge
            self.pbx.log.warning("Dial does not connect %s with %s: %s", caller.name, peer.name, error)
            bridge.dismiss()
            if not peer.dead:
                peer.hang_up()
            return False
        if peer.on_hold:
            peer.indicate(Control.UNHOLD)
        return True

    def _other(self) -> Channel | None:
        """The called party, or who is in its place by now: a Local channel leaves the call."""
        bridge, peer = self.caller.bridge, self.peer
        if not peer.dead:
            return peer
        return None if bridge is None else bridge.peer(self.caller)

    def _end_peer(self) -> None:
        """Time is up: end the called party."""
        peer = self._other()
        if peer is None:
            return
        if peer.bridge is not None:
            tests = peer.pbx.test_events
            if tests.wanted:
                tests.send("HANGUP_TIME", (("Channel", peer.name),))
            peer.bridge.depart(peer)
        else:
            peer.soft_hangup(SoftHangup.TIMEOUT)

    # -- afterwards --------------------------------------------------------------------------------

    def _caller_left(self, bridge: Bridge, leaver: Channel) -> None:
        self.caller.wake()

    def _peer_left(self, bridge: Bridge, leaver: Channel) -> None:
        peer = self.peer
        if leaver is not peer:
            # The caller's own end goes first, as in Asterisk 22: its task was woken before this is scheduled.
            self.pbx.loop.call_soon(self._release_peer)
            return
        if bridge.ended:
            bridge.destroy()
        if not peer.moved:
            if peer.alive and not peer.hangup_cause:
                peer.hangup_cause = Cause.NORMAL_CLEARING  # it was taken out
            if "e" in self.options.letters and not peer.dead:
                self._run_h()
            else:
                peer.hang_up()

    def _release_peer(self) -> None:
        """The caller has left: the called channel goes on elsewhere, or ends."""
        peer, caller = self.peer, self.caller
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
            peer.hangup_cause = caller.hangup_cause or Cause.NORMAL_CLEARING
            self.pbx.start(peer)
            return
        peer.hangup_cause = caller.hangup_cause or Cause.NORMAL_CLEARING
        if "e" in self.options.letters:
            self._run_h()
        else:
            peer.hang_up()

    def _run_h(self) -> None:
        """The called channel runs the extension ``h`` of its context before it ends: option e."""
        self.peer.moved = True
        self.pbx.start(self.peer, self.pbx.dialplan.executor.run_h)
