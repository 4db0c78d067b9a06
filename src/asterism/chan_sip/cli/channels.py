"""``sip show channels|channel|channelstats|subscriptions|history``: dialogs and their media."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from asterism.applications.session.uac import OutgoingSession
from asterism.chan_sip import words
from asterism.chan_sip.cli import tables
from asterism.chan_sip.cli.legs import (
    GUEST,
    Leg,
    Legs,
    audio_of,
    outgoing_call,
    quality_of,
    subscription_kind,
    subscription_state,
)
from asterism.chan_sip.words import yes_no
from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.hostport import format_host_port
from asterism.media.stream import AUDIO
from asterism.pbx.channels.listing import formats_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asterism.applications.session.session import Session
    from asterism.chan_sip.dialogs import SipDialogs
    from asterism.chan_sip.peers import Peers
    from asterism.media.statistics import Quality

_CALL_ID = Argument("call-id", "The Call-ID, or its beginning.", required=True)
_NOTHING = "(nothing)"


class DialogCommands:
    """The commands; ``dialogs`` is the table of what is seen on the wire."""

    def __init__(self, legs: Legs, dialogs: SipDialogs, peers: Peers) -> None:
        self._legs = legs
        self._dialogs = dialogs
        self._peers = peers

    def complete(self, typed: list[str]) -> Iterable[str]:
        """The Call-IDs there are."""
        return [leg.call_id for leg in self._legs.all(self._dialogs)] if len(typed) < 2 else []

    def _found(self, call: CommandCall) -> list[Leg]:
        if len(call.args) != 1:
            raise UsageError("one Call-ID")
        return [leg for leg in self._legs.all(self._dialogs) if leg.call_id.startswith(call.args[0])]

    @command("sip show channels", Documentation(
        "List the dialogs of calls and requests", "sip show channels",
        "Each call and each request outside of calls is a dialog, and is listed for some seconds after its end too."
        " Subscriptions have a list of their own.",
    ))  # fmt: skip
    def show_channels(self, call: CommandCall) -> str:
        """One line for each."""
        call.takes_nothing()
        rows = [self._channel(leg) for leg in self._legs.all(self._dialogs) if not leg.is_subscription]
        return f"{tables.CHANNELS_HEAD}{''.join(rows)}{len(rows)} active SIP dialog{'' if len(rows) == 1 else 's'}\n"

    def _channel(self, leg: Leg) -> str:
        session = leg.session
        formats = _spoken(session)
        held = session is not None and session.remote_hold
        last = leg.last if session is not None or leg.seen is None or leg.seen.incoming or _shown(leg) else ""
        return tables.channel_row(
            leg.remote[0], self._legs.user_of(leg), leg.call_id, formats, yes_no(held), last, "",
            self._legs.peer_of(leg),
        )  # fmt: skip

    @command("sip show channelstats", Documentation(
        "List the packets of SIP calls", "sip show channelstats",
        "Packets that came and went, those lost and the jitter, for each call and for some seconds after its end."
        " What the peer receives is known from its reports (RTCP).",
    ))  # fmt: skip
    def show_channelstats(self, call: CommandCall) -> str:
        """One line for each call with media."""
        call.takes_nothing()
        rows = []
        for leg in self._legs.all(self._dialogs):
            quality = quality_of(leg)
            if quality is not None:
                rows.append(_stats(leg, quality))
        return f"{tables.STATS_HEAD}{''.join(rows)}{len(rows)} active SIP channel{'' if len(rows) == 1 else 's'}\n"

    @command("sip show subscriptions", Documentation(
        "List the subscriptions of phones, and ours at other servers", "sip show subscriptions",
        "Who watches which extension or mailbox, and what it was told last.",
    ))  # fmt: skip
    def show_subscriptions(self, call: CommandCall) -> str:
        """One line for each."""
        call.takes_nothing()
        rows = [self._subscription(leg) for leg in self._legs.all(self._dialogs) if leg.is_subscription]
        plural = "" if len(rows) == 1 else "s"
        return f"{tables.SUBSCRIPTIONS_HEAD}{''.join(rows)}{len(rows)} active SIP subscription{plural}\n"

    def _subscription(self, leg: Leg) -> str:
        kind = subscription_kind(leg)
        extension, state, mailbox, seconds = "--", "<none>", "<none>", 0
        if leg.incoming is not None:
            found = leg.incoming
            seconds = found.machine.seconds
            state = subscription_state(found)
            if kind != "mwi":
                endpoint = found.endpoint
                extension = f"{found.resource}@{endpoint.subscribe_context or endpoint.context}"
            elif isinstance(found.data, tuple) and found.data and isinstance(found.data[0], tuple):
                mailbox = ",".join(found.data[0])
        elif leg.outgoing is not None:
            seconds = leg.outgoing.seconds
        user = self._legs.user_of(leg)
        return tables.subscription_row(
            leg.remote[0], user, leg.call_id, extension, state, kind, mailbox, seconds
        )  # fmt: skip

    @command("sip show channel", Documentation(
        "Show dialogs in full", "sip show channel <call-id>",
        "Shows each dialog whose Call-ID begins so: addresses, tags, codecs, media.", (_CALL_ID,),
    ), "complete")  # fmt: skip
    def show_channel(self, call: CommandCall) -> str:
        """Some thirty lines for each."""
        found = self._found(call)
        if not found:
            return f"No such SIP Call ID starting with '{call.args[0]}'\n"
        return "".join(self._details(leg) for leg in found)

    @command("sip show history", Documentation(
        "Show what happened in dialogs", "sip show history <call-id>",
        "Shows the history of each dialog whose Call-ID begins so, as far as it was recorded (sip set history on).",
        (_CALL_ID,),
    ), "complete")  # fmt: skip
    def show_history(self, call: CommandCall) -> str:
        """The lines of each, numbered."""
        found = self._found(call)
        off = (
            "" if self._dialogs.recording
            else "\n***Note: History recording is currently DISABLED.  Use 'sip set history on' to ENABLE.\n"
        )  # fmt: skip
        if not found:
            return f"{off}No such SIP Call ID starting with '{call.args[0]}'\n"
        return off + "".join(_history(leg) for leg in found)

    @command("sip set history on", Documentation(
        "Record the history of SIP dialogs", "sip set history {on|off}",
        "Begins to record, or ends it. Each dialog keeps its latest 50 lines: sip show history.",
    ), choice=True)  # fmt: skip
    def history_on(self, call: CommandCall) -> str:
        """Begin."""
        call.takes_nothing()
        self._dialogs.recording = True
        return "SIP History Recording Enabled (use 'sip show history')\n"

    @command("sip set history off", Documentation(
        "Record no history of SIP dialogs", "sip set history {on|off}",
        "Begins to record, or ends it. What was recorded stays as long as its dialog is listed.",
    ), choice=True)  # fmt: skip
    def history_off(self, call: CommandCall) -> str:
        """End."""
        call.takes_nothing()
        self._dialogs.recording = False
        return "SIP History Recording Disabled\n"

    # One dialog.

    def _details(self, leg: Leg) -> str:
        session, seen = leg.session, leg.seen
        head = f"Subscription (type: {subscription_kind(leg)})" if leg.is_subscription else "SIP Call"
        ours = outgoing_call(session) if session is not None else leg.outgoing is not None or (
            seen is not None and not seen.incoming
        )  # fmt: skip
        general = self._legs.general
        name = self._legs.peer_of(leg)
        peer = self._peers.get(name) or self._peers.user(name)
        options = peer or general
        dialog = next((one.dialog for one in (session, leg.incoming, leg.outgoing) if one is not None), None)
        capability, theirs, joint, used = _codecs(session, () if options is None else tuple(options.allow))
        channel = None if session is None else session.channel
        address = format_host_port(*leg.remote)
        rows: list[tuple[str, object]] = [
            ("Call-ID:", leg.call_id),
            ("Owner channel ID:", "<none>" if channel is None else channel.name),
            ("Our Codec Capability:", words.codecs(capability)),
            ("Non-Codec Capability (DTMF):  ", 1 if _events(session, options) else 0),
            ("Their Codec Capability:  ", words.codecs(theirs)),
            ("Joint Codec Capability:  ", words.codecs(joint)),
            ("Format:", used),
            ("T.38 support", yes_no(options is not None and options.t38pt_udptl.enabled)),
            ("Video support", yes_no(options is not None and yes_no(options.videosupport) == "Yes")),
            ("MaxCallBR:", f"{384 if options is None else options.maxcallbitrate} kbps"),
            ("Theoretical Address:", address),
            ("Received Address:", address),
            ("SIP Transfer mode:", "open" if options is None else words.transfer_mode(options)),
            ("Force rport:", "No" if options is None else words.forced_rport(options, False)),
            ("Audio IP:", _audio_address(leg)),
            ("Our Tag:", "" if dialog is None else dialog.local_tag),
            ("Their Tag:", "" if dialog is None else dialog.remote_tag or ""),
            ("SIP User agent:", "" if seen is None else seen.agent),
        ]  # fmt: skip
        username = "" if peer is None else self._peers.username(peer) or peer.name
        if username:
            rows.append(("Username:", username))
        if name != GUEST:
            rows.append(("Peername:", name))
        if session is not None and dialog is not None:
            rows.append(("Original uri:", str(dialog.remote_target)))
        party = channel.caller if channel is not None else None
        number = peer.callerid.number if party is None and peer is not None else "" if party is None else party.number
        if number:
            rows.append(("Caller-ID:", number))
        target = None if dialog is None else dialog.remote_target
        rows += [
            ("Need Destroy:", "No"),
            ("Last Message:", leg.last),
            ("Promiscuous Redir:", yes_no(options is not None and options.promiscredir)),
            ("Route:", "N/A" if target is None else _route(dialog)),
            ("DTMF Mode:", "rfc2833" if options is None else options.dtmfmode),
            ("SIP Options:", "(none)"),
            *_session_timer(session),
            ("Transport:", _transport(leg)),
            ("Media:", "RTP" if audio_of(session) is not None else "None"),
        ]
        direction = "Outgoing" if ours else "Incoming"
        return (
            f"\n  * {head}\n  {'Curr. trans. direction:':<24} {direction}\n"
            + "".join(f"  {label:<23} {value}\n" for label, value in rows)
            + "\n"
        )


def _shown(leg: Leg) -> bool:
    """Whether the last message of a dialog of ours is told: not of our registrations."""
    return leg.seen is not None and leg.seen.method != "REGISTER"


def _history(leg: Leg) -> str:
    lines = leg.seen.lines if leg.seen is not None else []
    head = f"\n  * {'Subscription' if leg.is_subscription else 'SIP Call'}\n"
    if not lines:
        return f"{head}Call '{leg.call_id}' has no history\n"
    return head + "".join(f"{number}. {line}\n" for number, line in enumerate(lines, 1))


def _stats(leg: Leg, quality: Quality) -> str:
    channel = None if leg.session is None else leg.session.channel
    began = None if channel is None else channel.answered_at or channel.created
    lasted = "" if began is None else tables.duration(time.time() - began)
    return tables.stats_row(
        leg.remote[0], leg.call_id, lasted,
        tables.Counts(quality.rx_count, quality.rx_lost, quality.rx_jitter),
        tables.Counts(quality.tx_count, quality.tx_lost, quality.tx_jitter),
    )  # fmt: skip


def _codecs(
    session: Session | None, allowed: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], str]:
    """Our codecs, the peer's, the shared ones, and what is spoken."""
    if session is None:
        return allowed, (), allowed, _NOTHING
    ours = tuple(one.name for one in session.formats) or allowed
    theirs = tuple(one.name for kind, agreed in session.offered if kind == AUDIO for one, _ in agreed)
    return ours, theirs, theirs or ours, _spoken(session)


def _spoken(session: Session | None) -> str:
    """The codec of a call's audio; before it is agreed on the one that it comes to."""
    channel = None if session is None else session.channel
    if session is None or channel is None:
        return _NOTHING
    if channel.stream is not None:
        return formats_of(channel)[0]
    return words.codecs(one.name for kind, agreed in session.offered if kind == AUDIO for one, _ in agreed[:1])


def _events(session: Session | None, options: object) -> bool:
    audio = audio_of(session)
    if audio is not None:
        return audio.sends_events
    return getattr(options, "dtmfmode", "rfc2833") in ("rfc2833", "auto")


def _audio_address(leg: Leg) -> str:
    """Where the audio of the call ends: here, or at the other phone."""
    session = leg.session
    if session is None:
        return f"{_local(leg)} (local)"
    for stream in session.media.streams:
        if stream is not None and stream.sends_to is not None and stream.type == AUDIO:
            return f"{stream.sends_to.host} (Outside bridge)"
    return f"{session.media_address} (local)"


def _local(leg: Leg) -> str:
    for owner in (leg.incoming, leg.outgoing):
        flow = None if owner is None else owner.flow
        if flow is not None:
            return str(flow.local[0])
    return leg.remote[0]


def _route(dialog: object) -> str:
    routes = getattr(dialog, "route_set", ())
    return ", ".join(str(one) for one in routes) if routes else f"<{getattr(dialog, 'remote_target', '')}>"


def _session_timer(session: Session | None) -> list[tuple[str, object]]:
    state = None if session is None else session.datastores.get("timers")
    timer = getattr(state, "timer", None)
    if timer is None or not timer.active:
        return [("Session-Timer:", "Inactive")]
    return [
        ("Session-Timer:", "Active"),
        ("S-Timer Interval:", getattr(state, "interval", 0)),
        ("S-Timer Refresher:", _refresher(session, bool(getattr(state, "refresher_is_us", False)))),
    ]


def _refresher(session: Session | None, us: bool) -> str:
    return "uac" if us == isinstance(session, OutgoingSession) else "uas"


def _transport(leg: Leg) -> str:
    for owner in (leg.session, leg.incoming, leg.outgoing):
        flow = None if owner is None else getattr(owner, "flow", None)
        if flow is not None:
            return str(flow.transport).upper()
    return "" if leg.seen is None else leg.seen.transport.upper()
