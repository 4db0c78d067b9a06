"""CHANNEL, TIMEOUT, HANGUPCAUSE: the channel itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.config.values import is_true
from asterism.core.documentation import Argument, Documentation
from asterism.media.stream import VIDEO
from asterism.pbx.calls import hangup_handlers
from asterism.pbx.calls.hangup_handlers import HangupHandlers
from asterism.pbx.calls.parking.settings import LOT_KEY
from asterism.pbx.channels.security import KEY as SECURITY
from asterism.pbx.channels.security import Security
from asterism.pbx.vocabulary.controls import STATE_NAMES, SoftHangup
from asterism.pbx.vocabulary.flow import FunctionError, Goto, needs_channel
from asterism.pbx.vocabulary.marks import function, function_writer
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_SECURITY = {"secure_bridge_signaling": "signaling", "secure_bridge_media": "media"}
_AMA_FLAGS = {"default": 3, "omit": 1, "billing": 2, "documentation": 3}
_ITEMS = (
    ("accountcode", "R/W: account code"),
    ("amaflags", "R/W: flag for billing, 1 (omit), 2 (billing) or 3 (documentation)"),
    ("appdata", "arguments of the application that runs"),
    ("appname", "the application that runs"),
    ("audionativeformat", "codec of the audio, as (ulaw)"),
    ("audioreadformat", "codec in which audio is received"),
    ("audiowriteformat", "codec in which audio is sent"),
    ("callgroup", "R/W: numbers of the groups in which its calls may be picked up"),
    ("callid", "its call's mark in the log, as [C-0000000a]"),
    ("channame", "as name"),
    ("channeltype", "its technology"),
    ("checkhangup", "1 while it is being hung up, else 0"),
    ("context", "context of the dialplan"),
    ("exten", "extension of the dialplan"),
    ("hangup_handler_pop", "W: take the newest hangup handler away, and add the one given, if any"),
    ("hangup_handler_push", "W: add a subroutine that runs at the channel's end, behind h, the newest first"),
    ("hangup_handler_wipe", "W: take all hangup handlers away, and add the one given, if any"),
    ("hangupsource", "the channel that has hung up"),
    ("language", "R/W: language of prompts"),
    ("linkedid", "identifier that it shares with the channels of its call"),
    ("max_forwards", "how many more times its call may be forwarded"),
    ("musicclass", "R/W: class of music on hold"),
    ("name", "its name"),
    ("namedcallgroup", "R/W: the same as callgroup, by names"),
    ("namedpickupgroup", "R/W: the same as pickupgroup, by names"),
    ("onhold", "1 while it is on hold, else 0"),
    ("parkinglot", "R/W: the lot in which it is parked"),
    ("pickupgroup", "R/W: numbers of the groups whose calls it may pick up"),
    ("secure_bridge_media", "R/W: 1 to have only those called whose media are encrypted, 0 to take that back"),
    ("secure_bridge_signaling", "R/W: 1 to have only those called whose signalling is encrypted, 0 to take that back"),
    ("state", "its state"),
    ("tenantid", "R/W: tenant"),
    ("tonezone", "R/W: country of its tones, a zone of indications.conf; empty: the server's"),
    ("transfercapability", "kind of connection in ISDN, always SPEECH"),
    ("uniqueid", "its identifier"),
    ("userfield", "R/W: a text for the log of channel events"),
    ("videonativeformat", "codec of the video, as (h264); (nothing) without video"),
)


class ChannelFunctions(PbxModule):
    """The channel."""

    name = "func_channel"
    covers = ("func_timeout", "func_hangupcause")
    description = "The channel in the dialplan"

    @function(
        "CHANNEL",
        Documentation(
            "An item of the channel.",
            "CHANNEL(item)",
            "Besides those listed, the items of the channel's technology. An unknown item is empty.",
            (Argument("item", "", True, _ITEMS),),
            ("CALLERID",),
        ),
        marks=True,
    )
    def read(self, channel: Channel | None, args: str) -> str:
        """One item."""
        channel = needs_channel(channel)
        item = args.strip()
        found = self._generic(channel, item.lower())
        if found is not None:
            return found
        technical = channel.ask_driver("channel_item", None, item)
        if technical is not None:
            return self.pbx.dialplan.environment.foreign(technical)
        self.pbx.log.warning("Unknown or unavailable item requested: '%s'", item)
        return ""

    def _generic(self, channel: Channel, item: str) -> str | None:
        simple = {
            "name": channel.name,
            "channame": channel.name,
            "uniqueid": channel.uniqueid,
            "linkedid": channel.linkedid,
            "accountcode": channel.accountcode,
            "amaflags": str(channel.amaflags),
            "userfield": channel.userfield,
            "language": channel.language,
            "musicclass": channel.music_class,
            "tonezone": channel.tone_zone,
            "tenantid": channel.tenantid,
            "callgroup": _groups(channel.call_group),
            "pickupgroup": _groups(channel.pickup_group),
            "namedcallgroup": ",".join(sorted(channel.named_call_group)),
            "namedpickupgroup": ",".join(sorted(channel.named_pickup_group)),
            "channeltype": channel.technology.name,
            "state": STATE_NAMES[channel.state],
            "hangupsource": channel.hangup_source,
            "onhold": "1" if channel.on_hold else "0",
            "checkhangup": "0" if channel.alive else "1",
            "appname": channel.application,
            "appdata": channel.appdata,
            "context": channel.context,
            "exten": self.pbx.dialplan.environment.foreign(channel.exten),
            "max_forwards": channel.variables.get("max_forwards") or "20",
            "dtmf_features": "",
            "transfercapability": "SPEECH",
            "callid": f"[C-{channel.callid:08x}]",
            "parkinglot": channel.data.get(LOT_KEY, ""),
        }
        if item in _SECURITY:
            demand: Security | None = channel.data.get(SECURITY)
            value = None if demand is None else getattr(demand, _SECURITY[item])
            return "" if value is None else str(int(value))
        found = simple.get(item)
        if found is None and item in ("audionativeformat", "audioreadformat", "audiowriteformat"):
            stream = channel.stream
            if stream is None or stream.format is None:
                return ""
            return f"({stream.format.name})" if item == "audionativeformat" else stream.format.name
        if item == "videonativeformat":
            codecs = next((codecs for kind, codecs in channel.offered if kind == VIDEO), ())
            return f"({'|'.join(one.name for one, _ in codecs) or 'nothing'})"
        return found

    @function_writer("CHANNEL")
    def write(self, channel: Channel | None, args: str, value: str) -> None:
        """The items that may be changed."""
        channel = needs_channel(channel)
        item = args.strip().lower()
        if item == "accountcode":
            channel.set_accountcode(value)
        elif item == "language":
            channel.language = value
        elif item == "musicclass":
            channel.music_class = value
        elif item == "tonezone":
            if channel.pbx.tone_zones.get(value) is None:
                raise FunctionError(f"there is no tone zone '{value}'")
            channel.tone_zone = value.lower()
        elif item == "parkinglot":
            channel.data[LOT_KEY] = value
        elif item == "hangup_handler_push":
            hangup_handlers.push(channel, value)
        elif item == "hangup_handler_pop":
            hangup_handlers.change(channel, HangupHandlers.pop, value)
        elif item == "hangup_handler_wipe":
            hangup_handlers.change(channel, HangupHandlers.wipe, value)
        elif item == "tenantid":
            channel.tenantid = value
        elif item == "userfield":
            channel.userfield = value
        elif item == "amaflags":
            number = _AMA_FLAGS.get(value.strip().lower())
            if number is None and value.strip() in ("1", "2", "3"):
                number = int(value)
            if number is None:
                raise FunctionError(f"'{value}' is not an AMA flag")
            channel.amaflags = number
        elif item in _SECURITY:
            demand = channel.data.setdefault(SECURITY, Security())
            setattr(demand, _SECURITY[item], is_true(value))
        elif item in ("callgroup", "pickupgroup"):
            bits = _group_bits(value)
            if item == "callgroup":
                channel.call_group = bits
            else:
                channel.pickup_group = bits
        elif item in ("namedcallgroup", "namedpickupgroup"):
            names = frozenset(name for part in value.split(",") if (name := part.strip()))
            if item == "namedcallgroup":
                channel.named_call_group = names
            else:
                channel.named_pickup_group = names
        else:
            raise FunctionError("it cannot be written")

    @function(
        "TIMEOUT",
        Documentation(
            "Time limits of the channel, in seconds.",
            "TIMEOUT(which)",
            arguments=(
                Argument(
                    "which",
                    "",
                    True,
                    (
                        ("absolute", "the call's length from now on; 0 for no limit; goes to the extension T"),
                        ("digit", "between two digits"),
                        ("response", "before the first digit"),
                    ),
                ),
            ),
            see_also=("WaitExten",),
        ),
    )
    def read_timeout(self, channel: Channel | None, args: str) -> str:
        """``absolute``, ``digit``, ``response``."""
        channel = needs_channel(channel)
        state = self.pbx.dialplan.executor.state(channel)
        which = args.strip().lower()
        if which == "absolute":
            timer = state.absolute
            return "0" if timer is None else f"{max(0.0, timer.when() - self.pbx.loop.time()):.3f}"
        if which == "digit":
            return f"{state.digit_timeout:.3f}"
        if which == "response":
            return f"{state.response_timeout:.3f}"
        raise FunctionError("it takes absolute, digit or response")

    @function_writer("TIMEOUT")
    def write_timeout(self, channel: Channel | None, args: str, value: str) -> None:
        """A number of seconds; 0 puts digit and response back to their defaults."""
        channel = needs_channel(channel)
        state = self.pbx.dialplan.executor.state(channel)
        which = args.strip().lower()
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds < 1e8:
            raise FunctionError(f"'{value}' is not a number of seconds")
        if which == "absolute":
            if state.absolute is not None:
                state.absolute.cancel()
                state.absolute = None
            if seconds:
                state.absolute = self.pbx.loop.call_later(seconds, self._expired, channel)
        elif which == "digit":
            state.digit_timeout = seconds or 5.0
        elif which == "response":
            state.response_timeout = seconds or 10.0
        else:
            raise FunctionError("it takes absolute, digit or response")

    def _expired(self, channel: Channel) -> None:
        self.pbx.dialplan.executor.state(channel).absolute = None
        if self.pbx.test_events.wanted:
            self.pbx.test_events.send("HANGUP_TIME", (("Channel", channel.name),))
        if self.pbx.dialplan.exists(channel.context, "T", 1, channel.caller.number):
            channel.redirect(Goto(channel.context, "T", 1))
            return
        try:
            self.pbx.dialplan.executor.raise_exception(channel, "ABSOLUTETIMEOUT")
        except Goto as place:
            channel.redirect(place)
        else:
            channel.soft_hangup(SoftHangup.TIMEOUT)

    @function(
        "HANGUPCAUSE",
        Documentation(
            "Why the channel ended or a channel that it called failed.",
            "HANGUPCAUSE(channel,type)",
            arguments=(
                Argument("channel", "As HANGUPCAUSE_KEYS lists them.", True),
                Argument("type", "", True, (("ast", "Q.850 text"), ("tech", "as the technology says"))),
            ),
            see_also=("HANGUPCAUSE_KEYS",),
        ),
        foreign=True,
    )
    def read_cause(self, channel: Channel | None, args: str) -> str:
        """``channel,ast|tech``."""
        name, _, kind = args.partition(",")
        causes = needs_channel(channel).data.get("HANGUPCAUSE") or {}
        found = causes.get(name.strip())
        if found is None:
            raise FunctionError(f"nothing is known of channel '{name}'")
        return str(found[0] if kind.strip().lower() == "ast" else found[1])

    @function(
        "HANGUPCAUSE_KEYS",
        Documentation("The channels that HANGUPCAUSE knows.", "HANGUPCAUSE_KEYS()", see_also=("HANGUPCAUSE",)),
        marks=True,
    )
    def read_cause_keys(self, channel: Channel | None, args: str) -> str:
        """Joined by commas."""
        return ",".join(needs_channel(channel).data.get("HANGUPCAUSE") or {})


def _groups(bits: int) -> str:
    return ", ".join(str(number) for number in range(64) if bits >> number & 1)


def _group_bits(text: str) -> int:
    bits = 0
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not part.strip():
            continue
        try:
            low = int(first)
            high = int(last) if dash else low
        except ValueError:
            raise FunctionError(f"'{text}' is not a list of groups") from None
        for number in range(max(low, 0), min(high, 63) + 1):
            bits |= 1 << number
    return bits
