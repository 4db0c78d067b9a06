"""A channel: one party's leg of a call.

A channel has a *driver* (its far end) and, when it runs dialplan, one task. The driver tells what
the far end does through ``queue_control``, ``queue_digit`` and ``queue_hangup``, plain functions;
whoever is in charge of the channel hears of it at once: the Dial that calls it, the bridge it is
in, or the task that waits on it. Any await on a channel raises :class:`ChannelHangup` once the
channel has been hung up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.core.containment import FAILED, FAILURES, report_failure
from asterism.media.stream import AUDIO
from asterism.pbx.channels.ending import PARTED, ChannelEnd
from asterism.pbx.channels.interception import CONNECTED as INTERCEPTS_CONNECTED
from asterism.pbx.channels.interception import REDIRECTING as INTERCEPTS_REDIRECTING
from asterism.pbx.channels.interception import intercept, intercepts
from asterism.pbx.channels.music.playing import start_music, stop_music
from asterism.pbx.channels.playing import ShownTone, start_tone
from asterism.pbx.channels.tapping import ChannelTaps
from asterism.pbx.vocabulary import events, inner_events
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import (
    STATE_MOVES,
    WAKE_SIGNAL,
    ChannelState,
    Control,
    SoftHangup,
    Stage,
)
from asterism.pbx.vocabulary.party import NOBODY, PartyId, Redirecting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asterism.media.stream import AudioStream, ChannelStream, Offered
    from asterism.media.taps import Direction, Tap
    from asterism.pbx.channels.ending import Voice
    from asterism.pbx.channels.technology import ChannelDriver, ChannelTechnology
    from asterism.pbx.vocabulary.host import Host

_NOT_ASKED = SoftHangup(0)
_NO_GROUPS: frozenset[str] = frozenset()
_TONES = {Control.RINGING: "ring", Control.BUSY: "busy", Control.CONGESTION: "congestion"}
"""Tones played for conditions that signalling can no longer tell, because the call has been answered."""


class Channel(ChannelEnd):
    """One leg of a call, as drivers and the core have it; made by the PBX's ``create_channel``.

    ``caller`` is who is at the far end, ``connected`` whom that party talks to, ``dialed`` the
    number it dialled. ``context``, ``exten`` and ``priority`` are its place in the dialplan,
    ``application`` and ``appdata`` what it runs. ``data`` is for modules, by their own keys.

    ``stage`` says how far its life got: ``alive`` until somebody hangs up, ``dead`` once it has been torn down and only
    waits to be forgotten. ``tone`` is what plays to it in the background.
    """

    may_call: ClassVar[bool] = True
    """Whether channels are made at its request (``Dial``)."""

    __slots__ = (
        "_place",
        "accountcode",
        "amaflags",
        "ani",
        "answered_at",
        "appdata",
        "application",
        "away",
        "call_group",
        "caller",
        "callid",
        "connected",
        "context",
        "created",
        "data",
        "device",
        "dialed",
        "dialplan_state",
        "driver",
        "exten",
        "hops",
        "keeps_hold",
        "language",
        "linkedid",
        "music_class",
        "named_call_group",
        "named_pickup_group",
        "offers_first",
        "on_hold",
        "on_new_caller",
        "out_of_hops",
        "outgoing",
        "peeraccount",
        "picked_up",
        "pickup_group",
        "priority",
        "redirecting",
        "state",
        "technology",
        "tenantid",
        "tone_zone",
        "uniqueid",
        "userfield",
    )

    runs_h: ClassVar[bool] = True
    """Whether the extension ``h`` is run at its dialplan's end; that of a message is no call, and has none."""

    def __init__(
        self, pbx: Host, technology: ChannelTechnology, name: str, uniqueid: str, linkedid: str, state: ChannelState
    ) -> None:
        self.pbx = pbx
        self._variables = {}
        self._deferred = []
        self.inheritance = None
        self.technology = technology
        self.driver: ChannelDriver | None = None
        self.callid = 0
        self.name = name
        self.device = name.rpartition("-")[0]
        """The device it belongs to: its name without the sequence ("PJSIP/alice")."""
        self.uniqueid = uniqueid
        self.linkedid = linkedid
        self.state = state
        self.caller: PartyId = NOBODY
        self.ani: PartyId = NOBODY
        self.connected: PartyId = NOBODY
        self.redirecting: Redirecting | None = None
        self.dialed = ""
        self.language = "en"
        self.accountcode = ""
        self.peeraccount = ""
        self.amaflags = 3
        self.userfield = ""
        self.call_group = 0
        self.pickup_group = 0
        self.named_call_group: frozenset[str] = _NO_GROUPS
        self.named_pickup_group: frozenset[str] = _NO_GROUPS
        self.picked_up: Callable[[Channel, Channel], None] | None = None
        """Called with this channel and the one that answers in its place (pickup); ``None``: it is not called."""
        self.music_class = ""
        self.tone_zone = ""
        self.tenantid = ""
        self.context = "default"
        self.exten = "s"
        self.priority = 1
        self.application = ""
        self.appdata = ""
        self.outgoing: tuple[str, str] | None = None
        """Application and data that a channel called by Dial is shown to run when nothing else runs on it."""
        self.data: dict[str, Any] = {}
        self.dialplan_state: Any = None
        self.hangup_cause = 0
        self.hangup_reason = ""
        self.tech_cause = 0
        self.hops: int | None = None
        """Remaining hops of the call (``Max-Forwards``); ``None`` where it began here."""
        self.out_of_hops = False
        """Whether the call could not be passed on because no hops were left."""
        self.hangup_source = ""
        self.bridge = None
        self.created = time.time()
        self.answered_at: float | None = None
        self.on_hold = False
        self.away = False
        """Whether it is by itself although it is in a bridge: it transfers, or an application runs on it."""
        self.offers_first = False
        """Whether who is called is offered the streams that its call began with, not those that it has by now."""
        self.on_new_caller: Callable[[], None] | None = None
        """Called when the far end's party has changed; set while others are called for it."""
        self.keeps_hold = False
        """Whether hold and its end are only told by events and not passed on (``HOLD_INTERCEPT``)."""
        self.moved = False
        self.stage = Stage.LIVE
        self.alive = True
        self.dead = False
        self.tone = None
        self.speaks = None
        self.listens = None
        self.taps = None
        self.control_listener = None
        self.hangup_listener = None
        self.handlers = None
        self.follower = None
        self.on_replaced = None
        self.task = None
        self._asked = _NOT_ASKED
        self._goto = None
        self._place: tuple[str, str, int] | None = None
        self.extension = None
        self._waits = []
        self._digits = []

    def __repr__(self) -> str:
        return f"<Channel {self.name} {self.state.name}>"

    @property
    def hangup_pending(self) -> bool:
        """Whether a hang-up is known but the channel has not been torn down yet."""
        return not (self.alive or self.dead)

    @property
    def streams(self) -> Sequence[ChannelStream]:
        """The far end's open streams in the order of its description; none before, and when the channel is dead."""
        if self.dead or self.driver is None:
            return ()
        try:
            return list(filter(None, self.driver.streams))
        except FAILURES:
            report_failure(self.pbx.log, f"streams of the {self.technology.name} driver")
            return ()

    @property
    def stream(self) -> AudioStream | None:
        """The first open stream of audio, once there is any and as long as the channel is not dead."""
        if self.dead or self.driver is None:
            return None
        try:
            for one in self.driver.streams:
                if one is not None and one.type == AUDIO and one.port is not None:
                    return one.port
        except FAILURES:
            report_failure(self.pbx.log, f"streams of the {self.technology.name} driver")
        return None

    def attach(self, tap: Tap, direction: Direction) -> None:
        """Put a tap on one direction of the audio, to stay until it is detached, fails, or the channel is over.

        Raises:
            ValueError: it is attached already.
        """
        if self.dead:
            tap.ended()
            return
        if self.taps is None:
            self.taps = ChannelTaps(self)
        self.taps.attach(tap, direction)

    def detach(self, tap: Tap) -> bool:
        """Take a tap off the audio; whether it was there."""
        return self.taps is not None and self.taps.detach(tap)

    @property
    def shows_simple(self) -> bool:
        """Whether a tap has the channel's bridge shown as ``simple_bridge``, even where packets are relayed."""
        return self.taps is not None and self.taps.shows_simple

    def streams_changed(self) -> None:
        """A stream has come or gone (driver to core): taps, and what plays, move to what is the audio now."""
        if self.taps is not None:
            self.taps.follow()
        if self.tone is None and self.speaks is None:
            return
        stream = self.stream
        if stream is not None:
            for one in (self.tone, self.speaks):
                if one is not None:
                    one.follow(stream)

    @property
    def offered(self) -> Offered:
        """The streams and codecs that the far end has or asks for: they are offered to the party that it calls."""
        if self.offers_first:
            first: Offered = self.ask_first_streams()
            return first
        return () if self.dead else getattr(self.driver, "offered", ())

    def ask_first_streams(self) -> Offered:
        """The streams that the far end's call began with, where its driver knows them; else those of now."""
        if self.dead or self.driver is None:
            return ()
        first: Offered | None = getattr(self.driver, "first_offered", None)
        return getattr(self.driver, "offered", ()) if first is None else first

    @property
    def call_id(self) -> str:
        """The call's identifier in the far end's protocol (the Call-ID of SIP); empty if it has none."""
        if self.driver is None:
            return ""
        try:
            return self.driver.call_id
        except FAILURES:
            report_failure(self.pbx.log, f"call_id of the {self.technology.name} driver")
            return ""

    def ask_driver(self, method: str, default: Any, *args: object) -> Any:
        """Call a method of the driver; ``default`` when it raises (which is logged), or when there is no far end."""
        driver = self.driver
        if driver is None:
            return default
        try:
            return getattr(driver, method)(*args)
        except FAILURES:
            report_failure(self.pbx.log, f"{method} of the {self.technology.name} driver")
            return default

    @property
    def duration(self) -> int:
        """Whole seconds since the channel was created."""
        return max(0, int(time.time() - self.created))

    def log_fields(self) -> dict[str, str]:
        """Fields of log records about this channel: ``call``, ``channel`` and ``call_id``."""
        fields = {"call": f"C-{self.callid:08x}", "channel": self.name}
        call_id = ""
        if self.driver is not None:
            with suppress(*FAILURES):  # whoever logs a failure of the driver must not meet another
                call_id = self.driver.call_id
        if call_id:
            fields["call_id"] = call_id
        return fields

    # -- what changes and is told ------------------------------------------------------------

    def set_state(self, state: ChannelState) -> None:
        """Change the state and publish Newstate, unless it is the state already or cannot follow it."""
        if state not in STATE_MOVES[self.state]:
            return
        self.state = state
        if state is ChannelState.UP and self.answered_at is None:
            self.answered_at = time.time()
        pbx = self.pbx
        if pbx.bus.listeners[events.NEWSTATE]:
            pbx.bus.publish(events.NEWSTATE, self)
        pbx.device_states.channel_changed(self.device)

    def set_caller(self, party: PartyId) -> None:
        """Change the caller ID and publish NewCallerid."""
        self.caller = party
        bus = self.pbx.bus
        if bus.listeners[events.NEW_CALLERID]:
            bus.publish(events.NEW_CALLERID, self)

    def set_connected(self, party: PartyId, tell: bool = True) -> None:
        """Set the connected line: publishes NewConnectedLine and, with ``tell``, shows it to the far end."""
        self.connected = party
        bus = self.pbx.bus
        if bus.listeners[events.NEW_CONNECTED_LINE]:
            bus.publish(events.NEW_CONNECTED_LINE, self)
        if tell:
            self.show_connected()

    def show_connected(self) -> None:
        """Show the far end whom it is connected to; ``CONNECTED_LINE_SEND_SUB`` may change that before."""
        if self.dead or self.driver is None:
            return
        intercept(self, INTERCEPTS_CONNECTED)
        if not intercepts(self):
            self.ask_driver("indicate", False, Control.CONNECTED_LINE, self.connected)

    def set_accountcode(self, accountcode: str) -> None:
        """Change the account code and publish NewAccountCode if it differs."""
        old, self.accountcode = self.accountcode, accountcode
        if old != accountcode:
            self.pbx.bus.publish(events.NEW_ACCOUNT_CODE, self, old)

    @property
    def told_place(self) -> tuple[str, str, int]:
        """Its place in the dialplan as the last Newexten told it."""
        return self._place or (self.context, self.exten, self.priority)

    def new_exten(self, application: str, appdata: str = "") -> None:
        """Say what the channel runs now; publishes Newexten when its place in the dialplan is new."""
        # As in Asterisk 22: a place that was told already is not told again for another application.
        place = (self.context, self.exten, self.priority)
        before = self._place
        told = place == before
        self._place = place
        bus = self.pbx.bus
        if application != self.application and bus.listeners[inner_events.APPLICATION]:
            self.run_application(application, appdata, before)
        self.application = application
        self.appdata = appdata
        if not told and bus.listeners[events.NEWEXTEN]:
            bus.publish(events.NEWEXTEN, self)

    def run_application(
        self, application: str = "", appdata: str = "", place: tuple[str, str, int] | None = None
    ) -> None:
        """Say what it runs now, nothing by default, where no Newexten tells of it.

        ``place`` is where it ran what it ran before, which is where it is as a rule.
        """
        before = self.application, self.appdata
        self.application, self.appdata = application, appdata
        bus = self.pbx.bus
        if application != before[0] and bus.listeners[inner_events.APPLICATION]:
            bus.publish(inner_events.APPLICATION, self, *before, place or self.told_place)

    def set_linkedid(self, linkedid: str) -> None:
        """Make the channel a part of another call."""
        old, self.linkedid = self.linkedid, linkedid
        if old != linkedid and self.pbx.bus.listeners[inner_events.LINKEDID]:
            self.pbx.bus.publish(inner_events.LINKEDID, self, old)

    def indicate(self, condition: Control, data: object = None) -> bool:
        """Show a condition to the far end; whether it was.

        Ringing, busy and congestion become a tone when they can only be told in audio, and hold becomes music.
        """
        if self.dead or self.driver is None:
            return False
        if self.follower is not None:
            self.follower.indicated(condition)
        if condition is Control.HOLD or condition is Control.UNHOLD:
            self.on_hold = condition is Control.HOLD
            self.pbx.device_states.channel_changed(self.device)
        elif condition is Control.REDIRECTING:
            data = self._redirected(data)
            if intercepts(self):
                return True
        if self.tone is not None and (condition in _TONES or condition is Control.STOP):
            if condition is Control.STOP and isinstance(self.tone, ShownTone):
                self.tone = None  # told right below
            else:
                self.stop_tone()
        shown: bool = self.ask_driver("indicate", False, condition, data)
        if condition is Control.HOLD and not shown:
            shown = start_music(self, data if isinstance(data, str) else "")
        elif condition is Control.UNHOLD:
            stop_music(self)
        if condition in _TONES:
            if not shown:
                shown = start_tone(self, _TONES[condition])
                tests = self.pbx.test_events
                if tests.wanted and shown and condition is Control.RINGING and self.technology.name != "PJSIP":
                    tests.send("RINGING_INBAND", (("Channel", self.name),))  # PJSIP makes it there without an event
            elif self.state is ChannelState.UP:
                self.tone = ShownTone(self)
        return shown

    def _redirected(self, data: object) -> object:
        """What the far end is told of a diversion, after ``REDIRECTING_SEND_SUB`` has seen it."""
        if self.get_variable(INTERCEPTS_REDIRECTING) is None or not isinstance(data, Redirecting):
            return data
        mine, self.redirecting = self.redirecting, data
        intercept(self, INTERCEPTS_REDIRECTING)
        told, self.redirecting = self.redirecting, mine
        return told

    def raw_answer(self) -> None:
        """Answer the far end's call unless it is answered already."""
        if self.follower is not None:
            self.follower.answered()
        if self.state is not ChannelState.UP and not self.dead:
            if self.ask_driver("answer", FAILED) is FAILED and self.driver is not None:
                self.soft_hangup(cause=Cause.INTERWORKING)
                return
            self.set_state(ChannelState.UP)

    def speak(self, voice: Voice) -> None:
        """``voice`` speaks to the far end from now on; a tone in the background ends.

        Raises:
            RuntimeError: Another one speaks.
        """
        if self.speaks is not None:
            raise RuntimeError(f"another task speaks to {self.name} already")
        if self.tone is not None:
            self.stop_tone()
        if self.follower is not None:
            self.follower.answered()
        self.speaks = voice

    def silent(self, voice: Voice) -> None:
        """``voice`` has finished speaking."""
        if self.speaks is voice:
            self.speaks = None

    def stop_tone(self) -> None:
        """Stop the tone that plays in the background, if any."""
        tone, self.tone = self.tone, None
        if tone is not None:
            tone.stop()

    # -- notifications of the driver -----------------------------------------------------------

    def refuse(self, control: Control, cause: int, reason: str, tech_cause: int) -> None:
        """The far end refused, which counts as ``control`` (busy, congestion), whatever the cause (driver to core).

        The rest is as in :meth:`queue_hangup`, which is called after it.
        """
        self.hangup_cause, self.hangup_reason, self.tech_cause = int(cause), reason, tech_cause
        self.queue_control(control, int(cause))

    def queue_control(self, control: Control, data: object = None) -> None:
        """The far end did something (driver to core): rings, answers, holds..."""
        if self.stage in PARTED:
            return
        if control is Control.ANSWER:
            self.set_state(ChannelState.UP)
        elif control is Control.RINGING:
            if self.state < ChannelState.RING:
                self.set_state(ChannelState.RINGING)
        elif control is Control.HOLD:
            self.pbx.bus.publish(events.HOLD, self, data if isinstance(data, str) else "")
        elif control is Control.UNHOLD:
            self.pbx.bus.publish(events.UNHOLD, self)
        elif control is Control.CONNECTED_LINE and isinstance(data, PartyId):
            self.set_caller(data)
        if self.keeps_hold and control in (Control.HOLD, Control.UNHOLD):
            return
        if self.control_listener is not None:
            self.control_listener(self, control, data)
        elif self.bridge is not None:
            self.bridge.pass_control(self, control, data)
        elif control is Control.CONNECTED_LINE and self.on_new_caller is not None:
            self.on_new_caller()
        if self._waits:
            self.wake(WAKE_SIGNAL)

    def queue_digit_begin(self, digit: str, passed_to: AudioStream | None = None) -> None:
        """A digit has begun at the far end (driver to core); see :meth:`queue_digit`."""
        if self.stage in PARTED:
            return
        self.pbx.bus.publish(events.DTMF_BEGIN, self, digit, "Received")
        if self.bridge is not None:
            self.bridge.pass_digit_begin(self, digit, passed_to)

    def queue_digit(self, digit: str, duration_ms: int = 100, passed_to: AudioStream | None = None) -> None:
        """A digit has ended at the far end (driver to core).

        ``passed_to`` is the audio that the media layer has already passed it on to.
        """
        if self.stage in PARTED:
            return
        self.pbx.bus.publish(events.DTMF_END, self, digit, duration_ms, "Received")
        if self.bridge is not None:
            self.bridge.pass_digit(self, digit, duration_ms, passed_to)
        else:
            self.keep_digit(digit, duration_ms)

    def send_digit(self, digit: str, duration_ms: int = 100) -> None:
        """Send a DTMF digit to the far end."""
        if self.dead or self.driver is None:
            return
        bus = self.pbx.bus
        bus.publish(events.DTMF_BEGIN, self, digit, "Sent")
        self.ask_driver("send_digit", None, digit, duration_ms)
        bus.publish(events.DTMF_END, self, digit, duration_ms, "Sent")
