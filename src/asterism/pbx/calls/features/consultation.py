"""An attended transfer by key, from the number to its end; :mod:`~asterism.pbx.calls.features.course` is its table.

The target is called by a Local channel. Its first half is bridged with the transferer at once; the transferee stays in
the bridge of the call and waits. At the end one bridge takes in the other, or the transferer goes back, and the Local
channel leaves the call when both have answered.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from asterism.core.containment import FAILED, FAILURES, report_failure
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.calls.dialing import end_status_of_cause
from asterism.pbx.calls.features.calling_back import CallBack
from asterism.pbx.calls.features.course import COURSE, ENDS, Event, State
from asterism.pbx.calls.features.holding import hold, release
from asterism.pbx.calls.features.keys import Keys
from asterism.pbx.calls.features.number import sound
from asterism.pbx.calls.features.table import away, bridge_of, options_of
from asterism.pbx.calls.features.target import alone, ends, optimise, show, tell
from asterism.pbx.calls.local import destination, half_of
from asterism.pbx.calls.transfers.events import to_bridge, to_threeway
from asterism.pbx.calls.transfers.following import Follower
from asterism.pbx.calls.transfers.limits import allow
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import Control, DialStatus
from asterism.pbx.vocabulary.errors import RequestError

if TYPE_CHECKING:
    from asterism.pbx.bridges.member import DigitHandler, LeaveHandler, Member
    from asterism.pbx.channels.channel import Channel

_KEYS = {
    "atxferabort": Event.ABORT,
    "atxfercomplete": Event.COMPLETE,
    "atxferthreeway": Event.THREEWAY,
    "atxferswap": Event.SWAP,
}


class Consultation:
    """One attended transfer: the transferer, the bridge of the call (``home``), and the one with the target."""

    def __init__(self, transferer: Channel, context: str, exten: str) -> None:
        """Prepare to call ``exten`` for a transferer, whose bridge is the call to be transferred."""
        home = bridge_of(transferer)
        assert home is not None
        self.state = State.CALLING
        self.transferer = transferer
        self.home = home
        self._dissolve = home.dissolve
        self.consulting: Bridge | None = None
        """The bridge with the target, while it is another one than that of the call."""
        self.target: Channel | None = None
        """The half of the Local channel that stands for the target."""
        self._place = (context, exten)
        self._pbx = transferer.pbx
        self._options = options_of(transferer)
        self._digits: DigitHandler | None = None
        self._watched: list[tuple[Member, LeaveHandler | None]] = []
        self._held: list[Member] = []
        self._pending: deque[Event] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._back_call = CallBack(transferer, self._options.atxfercallbackretries, self._called_back)

    # -- the beginning ----------------------------------------------------------------------------------------

    def begin(self) -> bool:
        """Call the target; ``False`` where it cannot be called, and everything is as before.

        The transferees are on hold already.
        """
        transferer, pbx = self.transferer, self._pbx
        peer = self.home.peer(transferer)
        if peer is not None and not allow(peer):
            return False
        context, exten = self._place
        try:
            target = pbx.request(destination(exten, context), transferer)
        except RequestError as error:
            pbx.log.notice("%s cannot consult %s@%s: %s", transferer.name, exten, context, error)
            return False
        target.set_accountcode(transferer.accountcode)
        target.set_variables({"TRANSFERERNAME": transferer.name, "ATTENDEDTRANSFER": transferer.name})
        target.inherit_variables(transferer)
        half = half_of(target)
        if half is not None:
            half.other.channel.caller = transferer.caller
            Follower(half.other.channel, forget=("ATTENDEDTRANSFER",))
        bridge = Bridge(pbx, dissolve=False)
        target.control_listener = self._on_control
        if target.ask_driver("call", FAILED, None) in (False, FAILED) or not target.alive:
            target.control_listener = None
            target.hang_up()
            bridge.destroy()
            return False
        self.target, self.consulting = target, bridge
        optimise(self.target, False)
        pbx.features.transfers[transferer] = self
        target.set_connected(transferer.caller, tell=False)
        bridge.enter(target, on_leave=self._target_left)
        target.set_variable("ATTENDEDTRANSFER", None)
        self.home.dissolve = False
        for member in self.home.members.values():
            own = member.channel is transferer
            self._watch(member, Event.TRANSFERER_GONE if own else Event.TRANSFEREE_GONE)
        self._held = [member for member in self.home.members.values() if member.kept]
        self._digits = self.home.members[transferer].on_digit
        codes = {
            code: partial(self._pressed, event)
            for name, event in _KEYS.items()
            if (code := getattr(self._options, name))
        }
        self.home.set_digit_handler(transferer, Keys(codes, self._options.featuredigittimeout / 1000))
        self.home.move(transferer, bridge)
        transferer.set_connected(target.caller, tell=bool(target.caller))
        self._wait(self._options.atxfernoanswertimeout)
        return True

    def _watch(self, member: Member, event: Event) -> None:
        """Hear of it when a party is in no bridge any more."""
        before = member.on_leave
        self._watched.append((member, before))

        def left(bridge: Bridge, leaver: Channel) -> None:
            if before is not None:
                before(bridge, leaver)
            elif member.channel.task is None and not member.channel.moved:
                member.channel.soft_hangup()
            self.post(event)

        member.on_leave = left

    def _pressed(self, event: Event, _channel: Channel) -> None:
        self.post(event)

    def _wait(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._pbx.loop.call_later(seconds, self.post, Event.NO_ANSWER)

    # -- what happens -----------------------------------------------------------------------------------------

    def post(self, event: Event) -> None:
        """Something has happened; it is dealt with in the next pass of the loop, one after the other."""
        self._pending.append(event)
        if len(self._pending) == 1:
            self._pbx.loop.call_soon(self._next)

    def _next(self) -> None:
        try:
            self._take(self._pending[0])
        finally:
            self._pending.popleft()
            if self._pending:
                self._pbx.loop.call_soon(self._next)

    def _take(self, event: Event) -> None:
        if self.state in ENDS:
            return
        if event is Event.TRANSFEREE_GONE and any(
            channel is not self.transferer and channel is not self.target for channel in self.home.members
        ):
            return  # one of several
        step = COURSE[self.state].get(event)
        if step is None:
            return
        try:
            state = getattr(self, f"_{step.do}")(event) or step.then
        except FAILURES:
            report_failure(self._pbx.log, f"the attended transfer of {self.transferer.name} ({event.name})")
            self.give_up()
            return
        self.state = state
        if state in ENDS:
            self._end()

    def give_up(self) -> None:
        """End it wherever it is: the target goes; who is left alone goes too."""
        if self.state in ENDS:
            return
        self.state = State.DROPPED
        self._end()
        target = self.target
        if target is not None and not target.dead:
            target.soft_hangup()
        transferer = self.transferer
        if transferer.bridge is self.consulting and self.consulting is not None:
            self.consulting.depart(transferer)
        if len(self.home.members) == 1:
            self.home.depart(next(iter(self.home.members)))

    def _end(self) -> None:
        """Everything is as without a consultation again."""
        if self._timer is not None:
            self._timer.cancel()
        self._back_call.give_up(None, Cause.NORMAL_CLEARING)
        transferer = self.transferer
        bridge = bridge_of(transferer)
        if bridge is not None and not transferer.dead:
            bridge.set_digit_handler(transferer, self._digits)
        for member, before in self._watched:
            member.on_leave = before
        self._watched.clear()
        self.home.dissolve = self._dissolve
        if self.consulting is not None:
            self.consulting.dissolve = True
        release(self._held)
        self._held = []
        self._pbx.features.transfers.pop(transferer, None)
        if len(self.home.members) == 1 and self.state is not State.KEPT:
            self.home.depart(next(iter(self.home.members)))  # whoever was left alone meanwhile

    # -- the target -------------------------------------------------------------------------------------------

    def _on_control(self, target: Channel, control: Control, data: object) -> None:
        """What the Local channel's far end does until it answers."""
        bus = self._pbx.bus
        if control is Control.ANSWER:
            target.control_listener = None
            bus.publish(events.DIAL_END, None, target, DialStatus.ANSWER)
            self.post(Event.ANSWER)
        elif control is Control.HANGUP:
            bus.publish(events.DIAL_END, None, target, end_status_of_cause(target.hangup_cause))
            # It leaves its bridge next, which is what tells.
        elif control is Control.BUSY or control is Control.CONGESTION:
            bus.publish(
                events.DIAL_END,
                None,
                target,
                DialStatus.BUSY if control is Control.BUSY else DialStatus.CONGESTION,
            )
            target.control_listener = self._on_refusal
            show(target, control)
        elif control is Control.RINGING or control is Control.PROGRESS:
            bus.publish(events.DIAL_STATE, None, target, DialStatus[control.name])
            if control is Control.PROGRESS:
                show(target, Control.STOP)
            show(target, control)
        elif target.bridge is not None:
            target.bridge.pass_control(target, control, data)

    def _on_refusal(self, target: Channel, control: Control, _data: object) -> None:
        """It was refused, but its far end may go on: a dialplan that plays busy, or tries another phone."""
        if control is Control.ANSWER:
            target.control_listener = None
            self.post(Event.ANSWER)
        elif control is Control.RINGING:
            show(target, control)

    def _target_left(self, bridge: Bridge, _leaver: Channel) -> None:
        target = self.target
        if bridge.ended:
            bridge.destroy()
        if target is not None and not target.moved:
            target.hang_up()
        self.post(Event.TARGET_GONE)

    def _drop(self) -> None:
        """End the call of the target."""
        target, bridge = self.target, self.consulting
        if target is not None and target.bridge is not None:
            target.hangup_cause = target.hangup_cause or Cause.NORMAL_CLEARING
            target.bridge.depart(target)
        if bridge is not None and not bridge.members:
            bridge.destroy()

    # -- steps ------------------------------------------------------------------------------------------------

    def _talk(self, _event: Event) -> None:
        """The target talks to whoever is with it."""
        if self._timer is not None:
            self._timer.cancel()
        target = self.target
        if target is not None and target.bridge is not None:
            show(target, Control.STOP)
            target.bridge.connect_media()

    def _go_back(self, event: Event) -> State | None:
        """The transferer leaves the target and is back with the transferee."""
        transferer, bridge = self.transferer, self.consulting
        if bridge is None or transferer not in bridge.members:
            return None
        transferer.indicate(Control.STOP)
        bridge.move(transferer, self.home)
        self._unhold()
        self._back(event, sounds=True)
        return None

    def _drop_target(self, event: Event) -> None:
        """The transferer is with the transferee, and stays."""
        self._back(event, sounds=event is not Event.ABORT)

    def _back(self, event: Event, sounds: bool) -> None:
        self._drop()
        peer = self.home.peer(self.transferer)
        if peer is not None and peer.caller != self.transferer.connected:
            self.transferer.set_connected(peer.caller)
        if sounds:
            self._play(self.transferer, self._options.xferfailsound)

    def _to_transferee(self, _event: Event) -> None:
        """The transferer leaves the target, who waits, and talks to the transferee."""
        self._swap(self.consulting, self.home)

    def _to_target(self, _event: Event) -> None:
        """The transferer leaves the transferee, who waits, and talks to the target."""
        self._swap(self.home, self.consulting)
        target = self.target
        if target is not None and target.control_listener is not None:
            self.transferer.indicate(Control.RINGING)

    def _swap(self, left: Bridge | None, entered: Bridge | None) -> None:
        transferer, bus = self.transferer, self._pbx.bus
        assert left is not None
        assert entered is not None
        bus.publish(events.HOLD, transferer, "")
        transferer.indicate(Control.STOP)
        left.move(transferer, entered)
        released, self._held = self._held, []
        answered = self.target is not None and self.target.control_listener is None
        if left is self.home or answered:
            self._held = hold(left)
        release(released)
        bus.publish(events.UNHOLD, transferer)
        peer = entered.peer(transferer)
        if peer is not None:
            transferer.set_connected(peer.caller)

    def _hold_target(self, _event: Event) -> None:
        """The target has answered while the transferer is with the transferee."""
        if self._timer is not None:
            self._timer.cancel()
        if self.consulting is not None:
            self._held += hold(self.consulting)

    def _unhold(self) -> None:
        release(self._held)
        self._held = []
        self._pbx.bus.publish(events.UNHOLD, self.transferer)

    def _stay(self, _event: Event) -> State | None:
        """The transferee is gone: the transferer goes on with the target."""
        transferer, bridge, target = self.transferer, self.consulting, self.target
        if bridge is None or target is None or not target.alive or not transferer.alive:
            self._drop_all(_event)
            return State.DROPPED
        self._held = []
        if transferer.bridge is self.home:
            self.home.move(transferer, bridge)
            release([bridge.members[target]])
            if target.control_listener is not None:
                transferer.indicate(Control.RINGING)
        if target.control_listener is not None:
            target.control_listener = partial(alone, transferer)
        bridge.members[target].on_leave = ends(target)
        optimise(self.target, True)
        return None

    def _connect(self, event: Event) -> State | None:
        """The transferer is gone, or goes: the transferee has the target."""
        transferer, home, bridge, target = self.transferer, self.home, self.consulting, self.target
        assert bridge is not None
        assert target is not None
        if home.ended or not any(channel is not transferer for channel in home.members):
            self._drop_all(event)
            return State.DROPPED
        if not target.alive or target.bridge is not bridge:
            return self._without_target(event)
        self._release_target()
        if transferer.bridge is home:  # it talks to the transferee, and leaves
            home.depart(transferer)
        home.merge(bridge, without=transferer)
        self.consulting = None
        release(self._held)
        self._held = []
        answered = target.control_listener is None
        peer = home.peer(target)
        tell(transferer, home, to_bridge(home), bridge, peer, target if answered else None)
        if peer is not None:
            target.set_connected(peer.caller)
            peer.set_connected(target.caller)
        if answered:
            self._be_answered(event)
            return None
        if peer is not None:
            peer.indicate(Control.RINGING)
        return None

    def _without_target(self, event: Event) -> State | None:
        """The target went at the same moment: the transferer is back, or what follows is as if it had not answered."""
        transferer = self.transferer
        if transferer.alive and transferer.bridge is not None:
            if transferer.bridge is self.home:
                self._drop_target(event)
            else:
                self._go_back(event)
            return State.RETURNED
        return self._recall(event) or State.RECALLING

    def _release_target(self) -> None:
        """The target's place is one like any other from now on, except that this still hears of its end."""
        target = self.target
        if target is not None and self.consulting is not None:
            member = self.consulting.members[target]
            release([member])
            self._held = [one for one in self._held if one is not member]

    def _be_answered(self, _event: Event) -> None:
        """The target talks to the transferee."""
        target = self.target
        assert target is not None
        member = self.home.members.get(target)
        show(target, Control.STOP)
        self.home.connect_media()
        if member is not None:
            member.on_leave = ends(target)
        self._finish(target)

    def _join_all(self, _event: Event) -> State | None:
        """All three talk to each other."""
        transferer, home, bridge, target = self.transferer, self.home, self.consulting, self.target
        assert bridge is not None
        assert target is not None
        try:
            home.check_room(len(bridge.members))
        except RuntimeError as error:
            self._pbx.log.warning("%s: no conference of three: %s", transferer.name, error)
            return self.state
        if target not in bridge.members:
            return self.state  # it has just gone, and the next thing that happens tells
        self._release_target()
        transferer.indicate(Control.STOP)
        bridge.members[target].on_leave = ends(target)
        release(self._held)
        self._held = []
        home.merge(bridge)
        self.consulting = None
        if target.control_listener is not None:
            target.control_listener = partial(alone, transferer)
        others = [one for one in home.members if one is not transferer and one is not target]
        who = others[0] if len(others) == 1 else None
        tell(transferer, home, to_threeway(home, transferer), bridge, who, target)
        self._play(transferer, self._options.xfersound)
        self._finish(target)
        return None

    def _finish(self, target: Channel) -> None:
        """Tell the target by a sound, then let the Local channel leave the call."""

        async def finish() -> None:
            try:
                if target.control_listener is None:
                    with away(target):
                        await sound(target, self._options.xfersound)
            finally:
                optimise(self.target, True)

        if not self._pbx.features.start(target, finish(), "the end of the transfer"):
            optimise(self.target, True)

    def _play(self, channel: Channel, name: str) -> None:
        async def play() -> None:
            with away(channel):
                await sound(channel, name)

        if name and channel.alive:
            self._pbx.features.start(channel, play(), "the sound of the transfer")

    def _drop_all(self, _event: Event) -> None:
        """Nobody is left, or only one who has nobody to talk to."""
        self._drop()
        self._back_call.give_up(DialStatus.CANCEL, Cause.NORMAL_CLEARING)

    # -- calling the transferer back --------------------------------------------------------------------------

    def _recall(self, event: Event) -> State | None:
        """The target did not answer a transferee whose transferer is gone."""
        target = self.target
        if target is not None and not target.dead:
            if event is Event.NO_ANSWER:
                target.control_listener = None
                target.soft_hangup(cause=Cause.NORMAL_CLEARING)
            else:
                self._drop()
        if self._options.atxferdropcall or self._back_call.left < 1:
            return State.DROPPED
        return self._call_back(event)

    def _call_back(self, event: Event) -> State | None:
        """Call the transferer."""
        waiting = list(self.home.members)
        timeout = self._options.atxfernoanswertimeout
        self._wait(timeout)
        if self._back_call.begin(waiting[0].caller if len(waiting) == 1 else None, timeout):
            return None
        return self._pause(event) or State.PAUSING

    def _called_back(self, answered: bool) -> None:
        self.post(Event.RECALL_ANSWER if answered else Event.RECALL_FAILED)

    def _have_back(self, event: Event) -> State | None:
        """The transferer has answered the call back."""
        home, winner = self.home, self._back_call.take()
        if winner is None:
            return self._pause(event) or State.PAUSING
        home.enter(winner, on_leave=ends(winner), on_digit=self._digits, features=self._digits is not None)
        peer = home.peer(winner)
        if peer is not None:
            peer.indicate(Control.STOP)
            peer.set_connected(winner.caller)
        home.connect_media()
        return None

    def _pause(self, event: Event) -> State | None:
        """The transferer did not answer: wait before the next attempt, if there is one."""
        self._back_call.give_up(DialStatus.NOANSWER if event is Event.NO_ANSWER else None, Cause.NO_ANSWER)
        if self._back_call.left < 1:
            return State.DROPPED
        self._wait(self._options.atxferloopdelay)
        return None
