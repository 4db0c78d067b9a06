"""Turns the bus's events of channels into records.

Asterisk makes the records of one channel in their order, and those of different channels as its threads come to it.
Here all are in the order in which things happen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from asterism.core.registry import Owner
from asterism.pbx.calls import local_events
from asterism.pbx.calls.parking import events as parking_events
from asterism.pbx.calls.transfers import events as transfer_events
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.pbx.records.cel.rows import extra_of, record_of
from asterism.pbx.records.record import USER_DEFINED
from asterism.pbx.vocabulary import events, inner_events
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.inner_events import USER_EVENT

if TYPE_CHECKING:
    from asterism.core.events import EventType
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.records.cel.settings import CelSettings
    from asterism.pbx.vocabulary.host import ChannelBridge, Host

Handler = Callable[..., None]
_ANSWERED = "ANSWER"
_PARKING_ENDS = {
    parking_events.PARKED_CALL_TIME_OUT: "ParkedCallTimeOut",
    parking_events.PARKED_CALL_GIVE_UP: "ParkedCallGiveUp",
    parking_events.PARKED_CALL_SWAP: "ParkedCallSwap",
}


class _Life:
    """What is kept of a channel while it lives."""

    __slots__ = ("answered", "dialstatus", "linkedid")

    def __init__(self, channel: Channel) -> None:
        self.linkedid = channel.linkedid
        self.answered = channel.state is ChannelState.UP
        self.dialstatus = ""
        """How the last call that it made of others went."""


class ChannelLog:
    """Makes the records of one server.

    It listens to those events that the settings ask for, and keeps no more than a few words of each channel that there
    is.
    """

    def __init__(self, pbx: Host) -> None:
        self._pbx = pbx
        self._owner = Owner("cel")
        self._settings: CelSettings | None = None
        self._applications: frozenset[str] = frozenset()
        self._lives: dict[Channel, _Life] = {}
        self._linkedids: dict[str, int] = {}
        """How many channels have each linkedid."""

    @property
    def linkedids(self) -> dict[str, int]:
        """How many channels have each linkedid."""
        return dict(self._linkedids)

    @property
    def counts(self) -> tuple[int, int]:
        """How many channels, and how many calls, are remembered."""
        return len(self._lives), len(self._linkedids)

    def start(self, settings: CelSettings) -> None:
        """Record by these settings from now on, instead of those before."""
        self._owner.release()
        self._owner = Owner("cel")
        self._settings = settings
        self._applications = frozenset(settings.applications)
        handlers = self._handlers() if settings.enable else {}
        if not handlers:
            self._lives.clear()
            self._linkedids.clear()
            return
        living = set(self._pbx.channels)
        for channel in [channel for channel in self._lives if channel not in living]:
            self._forget(channel)
        for channel in living:
            if channel not in self._lives:
                self._remember(channel)
        for event_type, handler in handlers.items():
            self._pbx.bus.subscribe(self._owner, event_type, _unpacked(handler))

    def stop(self) -> None:
        """Record nothing more, and forget everything."""
        self._owner.release()
        self._settings = None
        self._lives.clear()
        self._linkedids.clear()

    def _handlers(self) -> dict[EventType, Handler]:
        """Who hears which event: only of what is recorded."""
        assert self._settings is not None
        wanted = self._settings.events
        found: dict[EventType, Handler] = {}
        if not wanted:
            return found
        found[events.NEWCHANNEL] = self._created
        found[events.HANGUP] = self._gone
        found[inner_events.LINKEDID] = self._linked
        if "ANSWER" in wanted:
            found[events.NEWSTATE] = self._state
        if "HANGUP" in wanted or "FORWARD" in wanted:
            found[events.DIAL_BEGIN] = self._dialled
            found[events.DIAL_END] = self._dial_ended
        if self._applications and wanted & {"APP_START", "APP_END"}:
            found[inner_events.APPLICATION] = self._application
        if wanted & {"STREAM_BEGIN", "STREAM_END"}:
            found[inner_events.SOUND_BEGIN] = self._sound_begins
            found[inner_events.SOUND_END] = self._sound_ends
            found[events.MUSIC_ON_HOLD_START] = self._music_begins
            found[events.MUSIC_ON_HOLD_STOP] = self._music_ends
        if "PARK_END" in wanted:
            found[parking_events.UNPARKED_CALL] = self._retrieved
            for event_type, reason in _PARKING_ENDS.items():
                found[event_type] = _with(self._unparked, reason)
        others: tuple[tuple[str, EventType, Handler], ...] = (
            ("BRIDGE_ENTER", events.BRIDGE_ENTER, self._entered),
            ("BRIDGE_EXIT", events.BRIDGE_LEAVE, self._left),
            ("PARK_START", parking_events.PARKED_CALL, self._parked),
            ("BLINDTRANSFER", transfer_events.BLIND_TRANSFER, self._blind),
            ("ATTENDEDTRANSFER", transfer_events.ATTENDED_TRANSFER, self._attended),
            ("PICKUP", events.PICKUP, self._picked_up),
            ("LOCAL_OPTIMIZE_BEGIN", local_events.LOCAL_OPTIMIZATION_BEGIN, self._optimisation_begins),
            ("LOCAL_OPTIMIZE", local_events.LOCAL_OPTIMIZATION_END, self._optimised),
            ("DTMF", events.DTMF_END, self._digit),
            (USER_DEFINED, USER_EVENT, self._user_defined),
        )
        return {**found, **{event_type: handler for name, event_type, handler in others if name in wanted}}

    def _put(self, channel: Channel, event: str, **details: Any) -> None:
        settings, line = self._settings, self._pbx.records.channels
        if settings is not None and event in settings.events and line.wanted:
            line.put(record_of(channel, event, **details))

    # -- channels --------------------------------------------------------------------------------------------

    def _remember(self, channel: Channel) -> _Life:
        life = self._lives[channel] = _Life(channel)
        self._linkedids[life.linkedid] = self._linkedids.get(life.linkedid, 0) + 1
        return life

    def _forget(self, channel: Channel) -> _Life | None:
        life = self._lives.pop(channel, None)
        if life is not None:
            self._drop(life.linkedid)
        return life

    def _drop(self, linkedid: str) -> bool:
        """One channel less has a linkedid; whether it was the last."""
        count = self._linkedids.get(linkedid, 0) - 1
        if count > 0:
            self._linkedids[linkedid] = count
            return False
        return self._linkedids.pop(linkedid, None) is not None

    def _created(self, channel: Channel) -> None:
        self._remember(channel)
        self._put(channel, "CHAN_START", at=channel.created, new=True)

    def _state(self, channel: Channel) -> None:
        life = self._lives.get(channel)
        if channel.state is ChannelState.UP and life is not None and not life.answered:
            life.answered = True
            self._put(channel, "ANSWER")

    def _gone(self, channel: Channel) -> None:
        life = self._lives.pop(channel, None)
        if life is None:
            return
        self._put(
            channel,
            "HANGUP",
            extra=extra_of(
                hangupcause=int(channel.hangup_cause),
                hangupsource=channel.hangup_source,
                dialstatus=life.dialstatus,
            ),
        )
        self._put(channel, "CHAN_END")
        if self._drop(life.linkedid):
            self._put(channel, "LINKEDID_END", linkedid=life.linkedid)

    def _linked(self, channel: Channel, old: str) -> None:
        life = self._lives.get(channel)
        if life is None:
            return
        life.linkedid = channel.linkedid
        self._linkedids[life.linkedid] = self._linkedids.get(life.linkedid, 0) + 1
        if self._drop(old):
            self._put(channel, "LINKEDID_END", linkedid=old)

    def _application(self, channel: Channel, name: str, data: str, place: tuple[str, str, int]) -> None:
        if name.lower() in self._applications:
            self._put(channel, "APP_END", application=(name, data), place=place)
        if channel.application.lower() in self._applications:
            self._put(channel, "APP_START")

    # -- calls -----------------------------------------------------------------------------------------------

    def _dialled(self, caller: Channel | None, _called: Channel, _destination: str) -> None:
        life = None if caller is None else self._lives.get(caller)
        if life is not None:
            life.dialstatus = ""

    def _dial_ended(self, caller: Channel | None, _called: Channel, status: str, forward: str = "") -> None:
        life = None if caller is None else self._lives.get(caller)
        if caller is None or life is None:
            return
        if forward:
            self._put(caller, "FORWARD", extra=extra_of(forward=forward))
        if life.dialstatus != _ANSWERED:
            life.dialstatus = str(status)

    def _entered(self, bridge: ChannelBridge, channel: Channel, _swapped: Channel | None) -> None:
        self._put(channel, "BRIDGE_ENTER", peer=_others(bridge, channel), extra=_bridge(bridge))

    def _left(self, bridge: ChannelBridge, channel: Channel) -> None:
        self._put(channel, "BRIDGE_EXIT", peer=_others(bridge, channel), extra=_bridge(bridge))

    def _parked(self, call: Any) -> None:
        extra = extra_of(parker_dial_string=call.parker, parking_lot=call.lot.name)
        self._put(call.channel, "PARK_START", extra=extra)

    def _retrieved(self, call: Any, retriever: Channel) -> None:
        self._put(call.channel, "PARK_END", extra=extra_of(reason="ParkedCallUnparked", retriever=retriever.name))

    def _unparked(self, reason: str, call: Any, *_more: Any) -> None:
        self._put(call.channel, "PARK_END", extra=extra_of(reason=reason))

    def _blind(
        self,
        result: TransferResult,
        transferer: Channel,
        transferee: Channel,
        bridge: ChannelBridge,
        _external: bool,
        context: str,
        exten: str,
    ) -> None:
        if result is not TransferResult.SUCCESS:
            return
        extra = extra_of(
            extension=exten,
            context=context,
            bridge_id=bridge.uniqueid,
            transferee_channel_name=transferee.name,
            transferee_channel_uniqueid=transferee.uniqueid,
        )
        self._put(transferer, "BLINDTRANSFER", extra=extra)

    def _attended(
        self, result: TransferResult, who: transfer_events.Parties, _external: bool, destination: events.FieldList
    ) -> None:
        if result is not TransferResult.SUCCESS:
            return
        told = dict((*who.fields, *destination))
        named = (
            ("bridge1_id", "OrigBridgeUniqueid"),
            ("channel2_name", "SecondTransfererChannel"),
            ("channel2_uniqueid", "SecondTransfererUniqueid"),
            ("bridge2_id", "SecondBridgeUniqueid"),
            ("app", "DestApp"),
            ("transferee_channel_name", "TransfereeChannel"),
            ("transferee_channel_uniqueid", "TransfereeUniqueid"),
            ("transfer_target_channel_name", "TransferTargetChannel"),
            ("transfer_target_channel_uniqueid", "TransferTargetUniqueid"),
        )
        extra = extra_of(**{name: told[field] for name, field in named if field in told})
        self._put(who.first, "ATTENDEDTRANSFER", extra=extra)

    def _picked_up(self, picker: Channel, target: Channel, _dialed: str) -> None:
        extra = extra_of(pickup_channel=picker.name, pickup_channel_uniqueid=picker.uniqueid)
        self._put(target, "PICKUP", extra=extra)

    def _optimisation_begins(self, one: Channel, two: Channel, *_more: Any) -> None:
        self._put(one, "LOCAL_OPTIMIZE_BEGIN", extra=_halves(two))

    def _optimised(self, one: Channel, two: Channel, *_more: Any) -> None:
        self._put(one, "LOCAL_OPTIMIZE", extra=_halves(two))

    # -- what is heard ---------------------------------------------------------------------------------------

    def _sound_begins(self, channel: Channel, name: str, kind: str, language: str) -> None:
        extra = extra_of(sound=name, format=kind, language=language)
        self._put(channel, "STREAM_BEGIN", userdeftype="FILE_STREAM_BEGIN", extra=extra)

    def _sound_ends(self, channel: Channel) -> None:
        self._put(channel, "STREAM_END", userdeftype="FILE_STREAM_END")

    def _music_begins(self, channel: Channel, music_class: str) -> None:
        self._put(channel, "STREAM_BEGIN", userdeftype="MOH_STREAM_BEGIN", extra=extra_of(**{"class": music_class}))

    def _music_ends(self, channel: Channel) -> None:
        self._put(channel, "STREAM_END", userdeftype="MOH_STREAM_END")

    def _digit(self, channel: Channel, digit: str, duration_ms: int, direction: str) -> None:
        if direction == "Received":
            self._put(channel, "DTMF", extra=extra_of(digit=digit, duration_ms=duration_ms))

    def _user_defined(self, channel: Channel, name: str, text: str) -> None:
        self._put(channel, USER_DEFINED, userdeftype=name, extra=extra_of(extra=text))


def _unpacked(handler: Handler) -> Callable[[EventType, tuple[Any, ...]], None]:
    def told(_event_type: EventType, args: tuple[Any, ...]) -> None:
        handler(*args)

    return told


def _with(handler: Handler, first: str) -> Handler:
    return lambda *args: handler(first, *args)


def _others(bridge: ChannelBridge, channel: Channel) -> str:
    return ",".join(each.name for each in bridge.channels if each is not channel)


def _bridge(bridge: ChannelBridge) -> str:
    return extra_of(bridge_id=bridge.uniqueid, bridge_technology=bridge.technology)


def _halves(two: Channel) -> str:
    return extra_of(local_two=two.name, local_two_uniqueid=two.uniqueid)
