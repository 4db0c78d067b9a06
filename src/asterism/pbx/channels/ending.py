"""Ending a channel: the far end hangs up, a hang-up is requested, or its dialplan is over; and redirecting it.

:class:`~asterism.pbx.vocabulary.controls.Stage` names the steps. Whoever waits on the channel hears of it at once, and
code written in Python that waits for something else is cancelled
(:mod:`asterism.pbx.channels.extension`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from asterism.pbx.channels.waiting import ChannelWaits
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import STAGE_MOVES, Control, SoftHangup, Stage
from asterism.pbx.vocabulary.errors import Goto

if TYPE_CHECKING:
    from asterism.media.player import Playback
    from asterism.media.stream import AudioStream
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.listening import Listening
    from asterism.pbx.channels.playing import ShownTone
    from asterism.pbx.channels.tapping import ChannelTaps
    from asterism.pbx.channels.technology import ChannelTechnology
    from asterism.pbx.vocabulary.host import ChannelBridge

ControlListener = Callable[["Channel", Control, object], None]
HangupListener = Callable[["Channel"], None]

PARTED = (Stage.GONE, Stage.DEAD)


class Voice(Protocol):
    """Something that speaks to the far end; one at a time."""

    def stop(self) -> None:
        """Be silent, and say so by the channel's ``silent``."""

    def follow(self, stream: AudioStream) -> None:
        """The channel's audio is another stream now."""


class Follower(Protocol):
    """Whoever is told what becomes of a channel that was sent elsewhere."""

    def indicated(self, condition: Control) -> None:
        """The channel was shown a condition."""

    def answered(self) -> None:
        """It is answered, or spoken to."""

    def entered(self) -> None:
        """It has entered a bridge."""

    def ended(self) -> bool:
        """Its dialplan is over; whether it was sent elsewhere instead of ending."""

    def hung_up(self) -> None:
        """It ends."""


class EndHandlers(Protocol):
    """What runs at a channel's end."""

    def run_before_end(self) -> bool:
        """Whether the channel is not to end yet: they run, or begin to, and end it then."""

    async def run(self) -> None:
        """Run them; none is left then."""

    def shown(self) -> list[str]:
        """As they are listed, in the order in which they run."""


class ChannelEnd(ChannelWaits):
    """The part of a channel that ends it."""

    __slots__ = (
        "_asked",
        "bridge",
        "control_listener",
        "dead",
        "follower",
        "handlers",
        "hangup_cause",
        "hangup_listener",
        "hangup_reason",
        "hangup_source",
        "listens",
        "moved",
        "on_replaced",
        "speaks",
        "stage",
        "taps",
        "tech_cause",
        "tone",
    )

    dead: bool
    stage: Stage
    technology: ChannelTechnology
    bridge: ChannelBridge | None
    control_listener: ControlListener | None
    hangup_listener: HangupListener | None
    handlers: EndHandlers | None
    """What runs at its end; ``None``: nothing was ever to."""
    follower: Follower | None
    """Whoever waits for the outcome of a transfer of the channel."""
    on_replaced: Callable[[], None] | None
    """Called when the channel has got another far end (:mod:`asterism.pbx.channels.replacing`)."""
    hangup_cause: int
    hangup_reason: str
    hangup_source: str
    tech_cause: int
    moved: bool
    tone: Playback | ShownTone | None
    listens: Listening | None
    """The listener by which code receives the far end's audio."""
    speaks: Voice | None
    """The source of audio that code plays to the far end: a sound, or a speaker."""
    taps: ChannelTaps | None
    """The taps on its audio; ``None`` before the first."""
    _asked: SoftHangup

    def queue_hangup(self, cause: int = Cause.NORMAL_CLEARING, reason: str = "", tech_cause: int = 0) -> None:
        """The far end hung up or refused (driver to core).

        ``cause`` is Q.850, ``tech_cause`` the protocol's code, ``reason`` its text for
        ``HANGUPCAUSE(channel,tech)`` ("SIP 486 Busy Here").
        """
        if self.stage in PARTED:
            return
        self._move(Stage.GONE)
        self.hangup_cause = int(cause)
        self.tech_cause = tech_cause
        self.hangup_reason = reason
        if not getattr(self.technology, "inside", False):
            self.hangup_source = self.name
        bus = self.pbx.bus
        if bus.listeners[events.HANGUP_REQUEST]:
            bus.publish(events.HANGUP_REQUEST, self, self.hangup_cause)
        self._ending()

    def _move(self, stage: Stage) -> bool:
        """Go on to a later stage of the channel's life; ``False`` when it is that far already."""
        if stage not in STAGE_MOVES[self.stage]:
            return False
        self.stage = stage
        self.alive = False
        self.dead = stage is Stage.DEAD
        if self._goto is not None:
            self._forget_goto()
        return True

    def _forget_goto(self) -> None:
        """The channel does not go where it was sent."""
        goto, self._goto = self._goto, None
        if goto is not None and goto.missed is not None:
            goto.missed(self)  # type: ignore[arg-type]

    def soft_hangup(self, flag: SoftHangup = SoftHangup.EXPLICIT, cause: int = 0) -> None:
        """Ask the channel to end, from outside its task; publishes SoftHangupRequest."""
        if self.dead:
            return
        if cause:
            self.hangup_cause = cause
        self._move(Stage.LEAVING)
        self._asked |= flag
        if flag is SoftHangup.TIMEOUT and self.pbx.test_events.wanted:
            self.pbx.test_events.send("HANGUP_TIME", (("Channel", self.name),))
        self.pbx.bus.publish(events.SOFT_HANGUP_REQUEST, self, int(self._asked))
        self._ending()

    def redirect(self, goto: Goto) -> None:
        """Send the channel elsewhere in the dialplan, out of whatever it does, from outside its task."""
        me: Channel = self  # type: ignore[assignment]
        if not self.alive or (self.task is None and self.control_listener is not None):
            return  # gone, or still being called by somebody
        bridge = self.bridge
        if self.task is None:
            self.moved = True
            me.context, me.exten = goto.context or me.context, goto.exten or me.exten
            priority = goto.priority
            if isinstance(priority, str):
                priority = self.pbx.dialplan.resolve_priority(me.context, me.exten, priority) or 1
            me.priority = priority
            me.new_exten(me.application, me.appdata)
            if bridge is not None:
                bridge.depart(me)
            self.pbx.start(me)
            return
        if self._goto is not None:
            self._forget_goto()
        self._goto = goto
        if bridge is not None:
            bridge.depart(me)
        if self.hangup_listener is not None:
            self.hangup_listener(me)
        self._wake_all()
        if self.extension is not None:
            self.extension.end()

    def divert(
        self, body: Callable[[Channel], Awaitable[None]], missed: Callable[[Channel], None] | None = None
    ) -> None:
        """Have the channel run ``body`` instead of whatever it does, from outside its task.

        Afterwards its dialplan goes on with the next priority; a channel without one ends. ``missed`` is called when
        it does not get to it: it has hung up before, or was sent elsewhere.
        """
        me: Channel = self  # type: ignore[assignment]
        if not self.alive or (self.task is None and self.control_listener is not None):
            return
        if self.task is not None:
            self.redirect(Goto(me.context, me.exten, me.priority + 1, body, missed))
            return
        self.moved = True
        if self.bridge is not None:
            self.bridge.depart(me)
        self.pbx.start(me, body)

    def _ending(self) -> None:
        me: Channel = self  # type: ignore[assignment]
        if self.follower is not None:
            self.follower.hung_up()
        if self.control_listener is not None and self.task is None:
            listener, self.control_listener = self.control_listener, None
            listener(me, Control.HANGUP, self.hangup_cause)
        if self.bridge is not None:
            self.bridge.depart(me)
        if self.hangup_listener is not None:
            self.hangup_listener(me)
        if self.task is not None or self._waits:
            self._wake_all()
            if self.extension is not None:
                self.extension.end()
            if self.task is None:
                self.pbx.loop.call_soon(self._abandon)  # when those who waited have done what they do
        elif self.control_listener is None:
            self.hang_up()

    def _abandon(self) -> None:
        """Tear down a channel that has no task, bridge or Dial: a task that waits for its end need not run it."""
        if self.task is None and self.bridge is None and self.control_listener is None:
            self.hang_up()

    async def hangup(self, cause: int | None = None) -> None:
        """Hang up. ``cause`` is a Q.850 cause; ``None`` keeps the channel's own, or 16 if it has none.

        From then on every await on the channel raises :class:`ChannelHangup`.
        """
        if self.dead:
            return
        if cause is not None:
            self.hangup_cause = cause
        if self.task is not None:
            task = asyncio.current_task()
            if task is not self.task and (self.extension is None or task is not self.extension.task):
                self.soft_hangup()
                return
        self.end_dialplan()

    def end_dialplan(self) -> None:
        """The channel's dialplan is over: publishes SoftHangupRequest and tears the channel down."""
        if self.dead:
            return
        if self.pbx.bus.listeners[events.SOFT_HANGUP_REQUEST]:
            self.tell_dialplan_end()
        self.hang_up()

    def tell_dialplan_end(self) -> None:
        """Publish SoftHangupRequest: nothing but ``h`` is still to run."""
        self.pbx.bus.publish(events.SOFT_HANGUP_REQUEST, self, int(SoftHangup.DIALPLAN_END))

    def hang_up(self) -> None:
        """Tear the channel down at once: the driver ends the leg; Hangup is published in the next loop pass.

        With hangup handlers that have not run yet that comes when they have.
        """
        me: Channel = self  # type: ignore[assignment]
        if self.handlers is not None and self.handlers.run_before_end():
            self._move(Stage.LEAVING)
            self.control_listener = None
            if self.bridge is not None:
                self.bridge.depart(me)
            return
        stream = me.stream
        if not self._move(Stage.DEAD):
            return
        self.control_listener = None
        if self.follower is not None:
            self.follower.hung_up()
        if self.bridge is not None:
            self.bridge.depart(me)
        if self.tone is not None:
            me.stop_tone()
        if self.speaks is not None:
            self.speaks.stop()
        if self.taps is not None:
            self.taps.end()
        if stream is not None:
            stream.sink = None
        me.ask_driver("hangup", None, self.hangup_cause)
        if self._waits:
            self._wake_all()
        if self.extension is not None and self.extension.task is not asyncio.current_task():
            self.extension.end()
        self.pbx.loop.call_soon(self._forget)

    def _forget(self) -> None:
        me: Channel = self  # type: ignore[assignment]
        pbx = self.pbx
        pbx.channels.remove(me)
        if "cc" in me.data:
            pbx.completion.ended(me)
        if pbx.bus.listeners[events.HANGUP]:
            pbx.bus.publish(events.HANGUP, self)
        pbx.device_states.channel_changed(me.device)
