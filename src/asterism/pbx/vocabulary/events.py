"""Channel, dial and bridge events: each with the manager's fields in Asterisk's order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType
from asterism.pbx.vocabulary.causes import cause_text
from asterism.pbx.vocabulary.controls import STATE_NAMES
from asterism.pbx.vocabulary.party import presentation_text

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import ChannelBridge

FieldList = list[tuple[str, object]]

UNKNOWN = "<unknown>"


def channel_fields(channel: Channel, prefix: str = "") -> FieldList:
    """The fields that stand for a channel, ``Channel`` to ``Linkedid``, each with ``prefix``."""
    state = channel.state
    caller = channel.caller
    connected = channel.connected
    return [
        (prefix + "Channel", channel.name),
        (prefix + "ChannelState", int(state)),
        (prefix + "ChannelStateDesc", STATE_NAMES[state]),
        (prefix + "CallerIDNum", caller.number or UNKNOWN),
        (prefix + "CallerIDName", caller.name or UNKNOWN),
        (prefix + "ConnectedLineNum", connected.number or UNKNOWN),
        (prefix + "ConnectedLineName", connected.name or UNKNOWN),
        (prefix + "Language", channel.language),
        (prefix + "AccountCode", channel.accountcode),
        (prefix + "Context", channel.context),
        (prefix + "Exten", channel.exten),
        (prefix + "Priority", channel.priority),
        (prefix + "Uniqueid", channel.uniqueid),
        (prefix + "Linkedid", channel.linkedid),
    ]


def bridge_fields(bridge: ChannelBridge, prefix: str = "") -> FieldList:
    """The fields that stand for a bridge, each with ``prefix``."""
    fields = [
        (prefix + "BridgeUniqueid", bridge.uniqueid),
        (prefix + "BridgeType", bridge.type),
        (prefix + "BridgeTechnology", bridge.technology),
        (prefix + "BridgeCreator", bridge.creator or UNKNOWN),
        (prefix + "BridgeName", bridge.name or UNKNOWN),
        (prefix + "BridgeNumChannels", bridge.reported_count),
        (prefix + "BridgeVideoSourceMode", bridge.video_mode),
    ]
    if bridge.video_source:
        fields.append((prefix + "BridgeVideoSource", bridge.video_source))
    return fields


def _plain(channel: Channel) -> FieldList:
    return channel_fields(channel)


def _plain_tail(_channel: Channel) -> FieldList:
    return []


def _new_exten_tail(channel: Channel) -> FieldList:
    return [("Extension", channel.exten), ("Application", channel.application), ("AppData", channel.appdata)]


def _new_exten(channel: Channel) -> FieldList:
    return [*channel_fields(channel), *_new_exten_tail(channel)]


def _new_caller_id(channel: Channel) -> FieldList:
    return [*channel_fields(channel), ("CID-CallingPres", presentation_text(channel.caller.presentation))]


def _new_account_code(channel: Channel, old: str) -> FieldList:
    return [*channel_fields(channel), ("OldAccountCode", old)]


def _var_set(channel: Channel | None, variable: str, value: str) -> FieldList:
    who = [("Channel", "none"), ("Uniqueid", "none")] if channel is None else channel_fields(channel)
    return [*who, ("Variable", variable), ("Value", value)]


def _var_set_tail(_channel: Channel, variable: str, value: str) -> FieldList:
    return [("Variable", variable), ("Value", value)]


def _dial(caller: Channel | None, called: Channel) -> FieldList:
    fields = [] if caller is None else channel_fields(caller)
    fields += channel_fields(called, "Dest")
    return fields


def _dial_begin(caller: Channel | None, called: Channel, dial_string: str) -> FieldList:
    return [*_dial(caller, called), ("DialString", dial_string)]


def _dial_status(caller: Channel | None, called: Channel, status: str, forward: str = "") -> FieldList:
    fields = [*_dial(caller, called), ("DialStatus", status)]
    if forward:
        fields.append(("Forward", forward))
    return fields


def _with_tech_cause(channel: Channel, fields: FieldList) -> FieldList:
    if channel.tech_cause:
        fields.append(("TechCause", channel.tech_cause))
    return fields


def _hangup_request(channel: Channel, cause: int) -> FieldList:
    return _with_tech_cause(channel, [*channel_fields(channel), ("Cause", int(cause))])


def _hangup(channel: Channel) -> FieldList:
    cause = int(channel.hangup_cause)
    fields = [*channel_fields(channel), ("Cause", cause), ("Cause-txt", cause_text(cause))]
    return _with_tech_cause(channel, fields)


def _bridge(bridge: ChannelBridge) -> FieldList:
    return bridge_fields(bridge)


def _bridge_video(bridge: ChannelBridge, previous: str) -> FieldList:
    return [*bridge_fields(bridge), ("BridgePreviousVideoSource", previous)]


def _bridge_channel(bridge: ChannelBridge, channel: Channel) -> FieldList:
    return [*bridge_fields(bridge), *channel_fields(channel)]


def _bridge_enter(bridge: ChannelBridge, channel: Channel, swapped: Channel | None = None) -> FieldList:
    fields = _bridge_channel(bridge, channel)
    if swapped is not None:
        fields.append(("SwapUniqueid", swapped.uniqueid))
    return fields


def _bridge_merge(to: ChannelBridge, from_: ChannelBridge) -> FieldList:
    return [*bridge_fields(to, "To"), *bridge_fields(from_, "From")]


def _hold(channel: Channel, music_class: str) -> FieldList:
    fields = channel_fields(channel)
    if music_class:
        fields.append(("MusicClass", music_class))
    return fields


def _dtmf_begin(channel: Channel, digit: str, direction: str) -> FieldList:
    return [*channel_fields(channel), ("Digit", digit), ("Direction", direction)]


def _dtmf_end(channel: Channel, digit: str, duration_ms: int, direction: str) -> FieldList:
    return [*channel_fields(channel), ("Digit", digit), ("DurationMs", duration_ms), ("Direction", direction)]


def _music(channel: Channel, music_class: str) -> FieldList:
    return [*channel_fields(channel), ("Class", music_class)]


def _pickup(channel: Channel, target: Channel, dialed: str) -> FieldList:
    # The channel has its new place already; told is what it had dialled.
    own = [(name, dialed if name == "Exten" else value) for name, value in channel_fields(channel)]
    return [*own, *channel_fields(target, "Target")]


def _originate_response(
    action_id: str,
    success: bool,
    dialled: str,
    target: tuple[str, str, str, str],
    reason: int,
    channel: Channel | None,
    caller: tuple[str, str],
) -> FieldList:
    context, exten, application, data = target
    fields: FieldList = [("ActionID", action_id)] if action_id else []
    fields += [
        ("Response", "Success" if success else "Failure"),
        ("Channel", dialled if channel is None else channel.name),
    ]
    # An application target is reported with its own fields, an extension with its place.
    fields += (
        [("Application", application), ("Data", data)] if application else [("Context", context), ("Exten", exten)]
    )
    fields += [
        ("Reason", reason),
        ("Uniqueid", UNKNOWN if channel is None else channel.uniqueid),
        ("CallerIDNum", caller[0] or UNKNOWN),
        ("CallerIDName", caller[1] or UNKNOWN),
    ]
    return fields


def _device_state(device: str, state: str) -> FieldList:
    return [("Device", device), ("State", state)]


def _extension_status(exten: str, context: str, hint: str, status: int, text: str) -> FieldList:
    return [("Exten", exten), ("Context", context), ("Hint", hint), ("Status", status), ("StatusText", text)]


_CHANNEL = (
    ("Channel", "Name of the channel."),
    ("ChannelState", "Its state, a number: 0 down, 4 ring, 5 ringing, 6 up."),
    ("ChannelStateDesc", "The state in words."),
    ("CallerIDNum", "Number of the party at its end; <unknown> when there is none."),
    ("CallerIDName", "Name of that party."),
    ("ConnectedLineNum", "Number of whom it is connected to, or being connected."),
    ("ConnectedLineName", "Name of the same."),
    ("Language", "Language of its sounds."),
    ("AccountCode", "Account code of the call."),
    ("Context", "Where it is in the dialplan: the context,"),
    ("Exten", "the extension,"),
    ("Priority", "and the priority."),
    ("Uniqueid", "What tells the channel from all others, of other times too."),
    ("Linkedid", "Uniqueid of the oldest channel that belongs to the same call."),
)
CHANNEL_ARGUMENTS = tuple(Argument(name, text) for name, text in _CHANNEL)
"""The documentation of what :func:`channel_fields` gives."""
_BRIDGE = (
    ("BridgeUniqueid", "Id of the bridge."),
    ("BridgeType", "Its type: basic for a call, base for others."),
    ("BridgeTechnology", "What carries its audio, such as native_rtp."),
    ("BridgeCreator", "What made it; <unknown> for the dialplan."),
    ("BridgeName", "Its name; <unknown> without one."),
    ("BridgeNumChannels", "How many channels are in it."),
    (
        "BridgeVideoSourceMode",
        "Whose video is shown: none, single (one member's), talker (who talks), sfu (everybody's).",
    ),
    ("BridgeVideoSource", "Uniqueid of the channel whose video all others are shown; there with a source only."),
)


def _doc(
    synopsis: str, description: str = "", *arguments: tuple[str, str], see_also: tuple[str, ...] = ()
) -> Documentation:
    return Documentation(
        synopsis,
        description=description,
        arguments=tuple(Argument(name, text) for name, text in arguments),
        see_also=see_also,
    )


NEWCHANNEL = EventType("Newchannel", "call", _plain, _doc("A channel was created.", "", *_CHANNEL), _plain_tail)
NEWSTATE = EventType("Newstate", "call", _plain, _doc("A channel's state changed.", "", *_CHANNEL), _plain_tail)
NEW_CALLERID = EventType(
    "NewCallerid",
    "call",
    _new_caller_id,
    _doc("A channel's caller ID changed.", "", *_CHANNEL, ("CID-CallingPres", "The presentation, number and text.")),
)
NEW_CONNECTED_LINE = EventType(
    "NewConnectedLine", "call", _plain, _doc("A channel learned whom it is connected to.", "", *_CHANNEL), _plain_tail
)
NEW_ACCOUNT_CODE = EventType(
    "NewAccountCode",
    "call",
    _new_account_code,
    _doc("A channel's account code changed.", "", *_CHANNEL, ("OldAccountCode", "Before.")),
)
NEWEXTEN = EventType(
    "Newexten",
    "dialplan",
    _new_exten,
    _doc(
        "A channel entered an application at a priority of an extension.",
        "",
        *_CHANNEL,
        ("Extension", "The extension; kept beside Exten for old programs."),
        ("Application", "The application's name."),
        ("AppData", "Its arguments, variables replaced."),
    ),
    _new_exten_tail,
)
VAR_SET = EventType(
    "VarSet",
    "dialplan",
    _var_set,
    _doc(
        "A variable was set.",
        "The channel is 'none' for a global variable.",
        *_CHANNEL,
        ("Variable", "Name."),
        ("Value", "New value."),
    ),
    _var_set_tail,
)
DIAL_BEGIN = EventType(
    "DialBegin",
    "call",
    _dial_begin,
    _doc("A channel is being called.", "Dest... is the called channel.", ("DialString", "The resource dialled.")),
)
DIAL_STATE = EventType(
    "DialState",
    "call",
    _dial_status,
    _doc("A call that was begun has progressed.", "", ("DialStatus", "RINGING, PROCEEDING or PROGRESS.")),
)
DIAL_END = EventType(
    "DialEnd",
    "call",
    _dial_status,
    _doc(
        "A call that was begun is over, by an answer or without one.",
        "",
        ("DialStatus", "ABORT, ANSWER, BUSY, CANCEL, CHANUNAVAIL, CONGESTION, CONTINUE, GOTO or NOANSWER."),
        ("Forward", "Where the call went on, if it was forwarded."),
    ),
)
HANGUP_REQUEST = EventType(
    "HangupRequest",
    "call",
    _hangup_request,
    _doc(
        "The far end of a channel hung up.",
        "",
        *_CHANNEL,
        ("Cause", "Q.850 cause."),
        ("TechCause", "The protocol's code (SIP status)."),
    ),
)
SOFT_HANGUP_REQUEST = EventType(
    "SoftHangupRequest",
    "call",
    _hangup_request,
    _doc(
        "The server wants a channel to end.",
        "",
        *_CHANNEL,
        ("Cause", "Flags that say who asked: 16 the dialplan, 32 a user."),
    ),
)
HANGUP = EventType(
    "Hangup",
    "call",
    _hangup,
    _doc(
        "A channel is gone.",
        "",
        *_CHANNEL,
        ("Cause", "Q.850 cause."),
        ("Cause-txt", "The cause in words."),
        ("TechCause", "The protocol's code (SIP status)."),
    ),
)
RENAME = EventType(
    "Rename",
    "call",
    lambda channel, old: [("Channel", old), ("Newname", channel.name), ("Uniqueid", channel.uniqueid)],
    _doc(
        "A channel has another name: it has got the far end of another one.",
        "",
        ("Channel", "The name before."),
        ("Newname", "The name from now on."),
        ("Uniqueid", "Its uniqueid, which stays."),
    ),
)
BRIDGE_CREATE = EventType("BridgeCreate", "call", _bridge, _doc("A bridge was created.", "", *_BRIDGE))
BRIDGE_DESTROY = EventType("BridgeDestroy", "call", _bridge, _doc("A bridge is gone.", "", *_BRIDGE))
BRIDGE_ENTER = EventType(
    "BridgeEnter",
    "call",
    _bridge_enter,
    _doc(
        "A channel entered a bridge.",
        "",
        *_BRIDGE,
        *_CHANNEL,
        ("SwapUniqueid", "The channel whose place it took; absent when it took nobody's."),
    ),
)
BRIDGE_MERGE = EventType(
    "BridgeMerge",
    "call",
    _bridge_merge,
    _doc(
        "Two bridges become one: everybody goes from one to the other.",
        "",
        *(("To" + name, "The bridge that stays: " + text) for name, text in _BRIDGE),
        *(("From" + name, "The bridge that ends: " + text) for name, text in _BRIDGE),
    ),
)
BRIDGE_VIDEO_SOURCE_UPDATE = EventType(
    "BridgeVideoSourceUpdate",
    "call",
    _bridge_video,
    _doc(
        "Everybody in a bridge is shown the video of another channel.",
        "",
        *_BRIDGE,
        ("BridgePreviousVideoSource", "Uniqueid of the channel whose video was shown before; empty: nobody's was."),
    ),
)
BRIDGE_LEAVE = EventType(
    "BridgeLeave", "call", _bridge_channel, _doc("A channel left a bridge.", "", *_BRIDGE, *_CHANNEL)
)
HOLD = EventType(
    "Hold",
    "call",
    _hold,
    _doc("A channel put its peer on hold.", "", *_CHANNEL, ("MusicClass", "Music the channel suggests.")),
)
UNHOLD = EventType("Unhold", "call", _plain, _doc("A channel took its peer back from hold.", "", *_CHANNEL))
DTMF_BEGIN = EventType(
    "DTMFBegin",
    "dtmf",
    _dtmf_begin,
    _doc("A digit has begun.", "", *_CHANNEL, ("Digit", "Which."), ("Direction", "Received or Sent.")),
)
DTMF_END = EventType(
    "DTMFEnd",
    "dtmf",
    _dtmf_end,
    _doc(
        "A digit has ended.",
        "",
        *_CHANNEL,
        ("Digit", "Which."),
        ("DurationMs", "Length."),
        ("Direction", "Received or Sent."),
    ),
)
CHANNEL_TALKING_START = EventType(
    "ChannelTalkingStart", "call", _plain, _doc("The far end of a channel begins to talk (TALK_DETECT).", "", *_CHANNEL)
)
CHANNEL_TALKING_STOP = EventType(
    "ChannelTalkingStop",
    "call",
    lambda channel, duration: [*channel_fields(channel), ("Duration", duration)],
    _doc(
        "The far end of a channel has stopped talking (TALK_DETECT).",
        "",
        *_CHANNEL,
        ("Duration", "How long it talked, in milliseconds."),
    ),
)
MUSIC_ON_HOLD_START = EventType(
    "MusicOnHoldStart",
    "call",
    _music,
    _doc("Music on hold started on a channel.", "", *_CHANNEL, ("Class", "The music class.")),
)
MUSIC_ON_HOLD_STOP = EventType(
    "MusicOnHoldStop", "call", _plain, _doc("Music on hold stopped on a channel.", "", *_CHANNEL)
)
PICKUP = EventType(
    "Pickup",
    "call",
    _pickup,
    _doc(
        "A call that rang was answered by another channel.",
        "Target... is the channel that rang, and is hung up.",
        *_CHANNEL,
        see_also=("BlindTransfer",),
    ),
)
ORIGINATE_RESPONSE = EventType(
    "OriginateResponse",
    "call",
    _originate_response,
    _doc(
        "An asynchronous Originate is decided.",
        "",
        ("Response", "Success or Failure."),
        ("Reason", "0 no such extension or failed, 1 hung up, 3 no answer, 4 answered, 5 busy, 8 congestion."),
        see_also=("Originate",),
    ),
)
DEVICE_STATE_CHANGE = EventType(
    "DeviceStateChange",
    "call",
    _device_state,
    _doc("The state of a device changed.", "", ("Device", "Technology/resource."), ("State", "The new state.")),
)
EXTENSION_STATUS = EventType(
    "ExtensionStatus",
    "call",
    _extension_status,
    _doc(
        "The state of an extension with a hint changed.",
        "",
        ("Hint", "The devices that the hint names."),
        (
            "Status",
            "-2 removed, -1 no hint, 0 idle, 1 in use, 2 busy, 4 unavailable, 8 ringing, 9 ringing in use, 16 hold.",
        ),
        ("StatusText", "The same in words."),
    ),
)

ALL: tuple[EventType, ...] = (
    NEWCHANNEL,
    NEWSTATE,
    NEW_CALLERID,
    NEW_CONNECTED_LINE,
    NEW_ACCOUNT_CODE,
    NEWEXTEN,
    VAR_SET,
    DIAL_BEGIN,
    DIAL_STATE,
    DIAL_END,
    HANGUP_REQUEST,
    SOFT_HANGUP_REQUEST,
    HANGUP,
    RENAME,
    BRIDGE_CREATE,
    BRIDGE_DESTROY,
    BRIDGE_ENTER,
    BRIDGE_LEAVE,
    BRIDGE_MERGE,
    BRIDGE_VIDEO_SOURCE_UPDATE,
    HOLD,
    UNHOLD,
    DTMF_BEGIN,
    DTMF_END,
    CHANNEL_TALKING_START,
    CHANNEL_TALKING_STOP,
    MUSIC_ON_HOLD_START,
    MUSIC_ON_HOLD_STOP,
    PICKUP,
    ORIGINATE_RESPONSE,
    DEVICE_STATE_CHANGE,
    EXTENSION_STATUS,
)
"""Every event type of this layer."""

MESSAGE_WAITING = EventType(
    "MessageWaiting",
    "call",
    lambda mailbox, counts: [
        ("Mailbox", mailbox),
        ("Waiting", int(counts.waiting)),
        ("New", counts.new),
        ("Old", counts.old),
    ],
    Documentation(
        "The messages of a mailbox changed in number.",
        arguments=(
            Argument("Mailbox", "Its name, mailbox@context."),
            Argument("Waiting", "1 while new messages wait, else 0."),
            Argument("New", "Messages that were not listened to, urgent ones left out."),
            Argument("Old", "Messages that were, urgent ones left out."),
        ),
    ),
)
