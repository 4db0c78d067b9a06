"""Local channels: calls to an extension of this server's own dialplan (``Local/exten@context/options``).

A Local channel is two channels, the halves. The first, ``;1``, is what was asked for: it is called, answers and is
bridged as a phone would be. The second, ``;2``, runs the extension as a caller would. What either is shown the other
reports as done by its far end, in the next pass of the loop; their audio is a pair of streams in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.media.formats import SLIN
from asterism.media.jitter import JitterSettings
from asterism.media.memory import memory_pair
from asterism.media.stream import AUDIO, IMAGE, ChannelStream
from asterism.pbx.calls import local_events
from asterism.pbx.calls.completion.table import inside
from asterism.pbx.calls.local_fax import FaxHalf
from asterism.pbx.calls.local_optimization import optimise
from asterism.pbx.channels.jitter import buffer_input
from asterism.pbx.channels.security import KEY as SECURITY
from asterism.pbx.channels.security import Security
from asterism.pbx.channels.texting import PLAIN, send_text, take_text
from asterism.pbx.channels.transfer import TransferStatus
from asterism.pbx.dialplan.language.foreign import foreign, joined, shadow
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.errors import RequestError
from asterism.pbx.vocabulary.party import PartyId, Redirecting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asterism.media.formats import Format
    from asterism.media.memory import MemoryStream
    from asterism.media.stream import Offered
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.technology import ChannelRequest
    from asterism.pbx.channels.transfer import TransferOrder
    from asterism.pbx.vocabulary.host import Host

OPTIONS = "jmn"
"""``n``: stays in the call; ``j``, only with ``n``: a jitter buffer on what the second half hears; ``m``: hold is told
to the other half."""


class LocalPair:
    """The two halves of one Local channel, and the place they were asked for.

    ``optimises`` says whether they leave the call when they can, ``passes_hold`` whether one half's hold is told to
    the far end of the other instead of being dealt with here.
    """

    __slots__ = (
        "_considered", "asked", "context", "exten", "first_moves", "jitter_buffer", "one", "optimises", "passes_hold",
        "pbx", "technology", "two",
    )  # fmt: skip

    def __init__(self, technology: LocalTechnology, pbx: Host, exten: str, context: str, options: str) -> None:
        self.technology = technology
        self.pbx = pbx
        self.exten = exten
        self.context = context
        self.optimises = "n" not in options
        self.jitter_buffer = "j" in options and "n" in options
        self.passes_hold = "m" in options
        self.asked = False
        """Whether leaving the call has been requested explicitly."""
        self.first_moves = False
        """Whether it is the party with the first half that moves, where either may."""
        self._considered = False
        self.one: LocalHalf
        self.two: LocalHalf

    def consider(self) -> None:
        """See in the next pass of the loop whether the halves can leave the call."""
        if self.optimises and not self._considered:
            self._considered = True
            self.pbx.loop.call_soon(self._optimise)

    def _optimise(self) -> None:
        self._considered = False
        optimise(self)

    def optimise_away(self) -> None:
        """Have the halves leave the call as soon as they can, whatever the options said."""
        self.optimises = self.asked = True
        self.consider()

    def begin(self) -> bool:
        """Have the second half run the extension as the first one's caller; ``False``: there is none, both end."""
        one, two = self.one.channel, self.two.channel
        if two.dead:
            return False
        if not self.pbx.dialplan.exists(self.context, self.exten, 1, one.connected.number):
            self.pbx.log.notice("No such extension %s@%s in call to Local channel", self.exten, self.context)
            self.two.parted = True
            two.hang_up()
            return False
        _hand_over(one, two)
        bus = self.pbx.bus
        if bus.listeners[local_events.LOCAL_BRIDGE]:
            bus.publish(local_events.LOCAL_BRIDGE, one, two, self.context, self.exten, self.optimises)
        self.pbx.start(two)
        return True


def _hand_over(one: Channel, two: Channel) -> None:
    """Give the second half what the first was given: variables, parties, account, hops."""
    depths = one.inheritance or {}
    for name, value in list(one.variables.items()):
        two.set_variable("_" * depths.get(name, 0) + name, value)
    two.hops = one.hops
    two.set_linkedid(one.linkedid)
    two.callid = one.callid
    two.language = one.language
    two.music_class = one.music_class
    two.tenantid = one.tenantid
    two.redirecting = one.redirecting
    two.dialed = one.dialed
    old_account, two.accountcode = two.accountcode, one.accountcode
    two.peeraccount = one.peeraccount
    two.caller = two.ani = one.connected or two.caller
    two.connected = one.caller
    bus = two.pbx.bus
    if two.caller and bus.listeners[events.NEW_CALLERID]:
        bus.publish(events.NEW_CALLERID, two)
    if old_account != two.accountcode:
        bus.publish(events.NEW_ACCOUNT_CODE, two, old_account)
    if two.connected and bus.listeners[events.NEW_CONNECTED_LINE]:
        bus.publish(events.NEW_CONNECTED_LINE, two)


class LocalHalf(FaxHalf):
    """The far end of one half: the other half."""

    __slots__ = ("_untold", "media", "offered")

    call_id = ""

    def __init__(
        self, pair: LocalPair, streams: Sequence[ChannelStream], media: MemoryStream, offered: Offered
    ) -> None:
        super().__init__(pair, streams)
        self.media = media
        """The audio; it is the first of its kind in ``streams``."""
        self.offered = offered
        """Streams and codecs of the caller, offered to the parties that the second half calls."""
        self.channel: Channel
        self.other: LocalHalf
        media.on_joined = pair.consider
        self._untold = False
        """Whether the caller ID has changed without an event."""

    @property
    def is_first(self) -> bool:
        """Whether this is ``;1``."""
        return self.pair.one is self

    def _tell(self, control: Control, data: object = None) -> None:
        """Have the other half report something as done by its far end: later, for drivers report nothing at once."""
        if not self.parted:
            self.pair.pbx.loop.call_soon(self.other.report, control, data)

    def report(self, control: Control, data: object = None) -> None:
        """The other half was shown something, or answered."""
        channel = self.channel
        if channel.dead:
            return
        if control is Control.RINGING and channel.state < ChannelState.RING:
            channel.set_state(ChannelState.RINGING)
        elif control is Control.REDIRECTING and isinstance(data, Redirecting):
            channel.redirecting = data
        if control is not Control.BUSY:
            self.tell_caller()
        channel.queue_control(control, data)

    def tell_caller(self) -> None:
        """Tell a caller ID that has changed: as in Asterisk 22, with the next thing that happens to the channel."""
        if self._untold:
            self._untold = False
            self.pair.pbx.bus.publish(events.NEW_CALLERID, self.channel)

    def attach(self, channel: Channel) -> None:
        """It is the far end of another channel from now on."""
        self.channel = channel

    # -- ChannelDriver ---------------------------------------------------------------------------------------

    def call(self, timeout: float | None) -> bool:
        """Start the extension on the second half; ``False`` where there is none."""
        return self.pair.begin()

    def require_security(self, demand: Security) -> bool:
        """The other half demands the same of those that it calls."""
        self.other.channel.data[SECURITY] = Security(demand.signaling, demand.media)
        return True

    def answer(self) -> None:
        """The other half is answered by its far end."""
        self._tell(Control.ANSWER)

    def indicate(self, condition: Control, data: object = None) -> bool:
        """The other half's far end does what this one is shown."""
        if condition is Control.HOLD or condition is Control.UNHOLD:
            if not self.pair.passes_hold:
                return False
        elif condition is Control.CONNECTED_LINE:
            other = self.other
            if self.parted or not isinstance(data, PartyId) or other.channel.caller == data:
                return True
            # Known at once, told with what happens next.
            other.channel.caller = data
            other._untold = True
            self.pair.pbx.loop.call_soon(other.channel.queue_control, condition)
            return True
        self._tell(condition, data)
        return True

    def hangup(self, cause: int) -> None:
        """The other half's far end has hung up."""
        self.close_fax()
        for stream in self.streams:
            if stream.port is not None:
                stream.port.close()
        pair = self.pair
        if self.other.channel.dead:
            pair.technology.pairs.pop(pair, None)
        if self.parted:
            return
        self.parted = self.other.parted = True
        other = self.other.channel
        if not self.is_first:
            status = self.channel.variables.get("DIALSTATUS")
            if status:
                other.set_variable("CHANLOCALSTATUS", status)
        self.tell_caller()
        if not other.dead:
            pair.pbx.loop.call_soon(other.queue_hangup, cause)

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """The other half's far end sends a digit."""
        if not self.parted:
            self.pair.pbx.loop.call_soon(self.other._report_digit, digit, duration_ms)

    def _report_digit(self, digit: str, duration_ms: int) -> None:
        self.channel.queue_digit_begin(digit)
        self.channel.queue_digit(digit, duration_ms)

    def offer_streams(self, offered: Offered) -> None:
        """The streams of a pair are those that it began with."""

    def send_text(self, text: str, content_type: str = PLAIN) -> bool:
        """The other half's peer in its bridge gets the text, if it takes one, or what runs on it and waits for one."""
        channel = self.other.channel
        if self.parted:
            return False
        if channel.bridge is None:
            return take_text(channel, text)
        peer = channel.bridge.peer(channel)
        return peer is not None and send_text(peer, text, content_type)

    def transfer(self, order: TransferOrder) -> None:
        """Not supported: there is no far end that could call somebody else."""
        order.done(0, TransferStatus.UNSUPPORTED)

    def channel_item(self, name: str) -> str | None:
        """There are none."""
        return None


class LocalTechnology:
    """Makes channels from ``Local/...`` dial strings."""

    name = "Local"
    description = "Local Proxy Channel Driver"
    inside = True

    def __init__(self, pbx: Host) -> None:
        self._pbx = pbx
        self._made = 0
        self.optimisations = 0
        """Number of optimisations begun so far."""
        self.pairs: dict[LocalPair, None] = {}
        """The pairs of which a half is there, the oldest first."""

    def request(self, request: ChannelRequest) -> Channel:
        """Make both halves and give the first.

        Raises:
            RequestError: There is no extension in the dial string (cause 3), or the second half's id is in use (44).
        """
        exten, context, options = parse(request.destination)
        if not exten:
            raise RequestError(Cause.NO_ROUTE_DESTINATION, "no extension to call")
        pbx, requestor = self._pbx, request.requestor
        second_id = request.other_uniqueid or (f"{request.uniqueid};2" if request.uniqueid else "")
        if second_id and (second_id == request.uniqueid or pbx.channels.get(second_id) is not None):
            raise RequestError(Cause.REQUESTED_CHAN_UNAVAIL, f"uniqueid '{second_id}' is in use")
        pair = LocalPair(self, pbx, exten, context, options)
        offered: Offered = () if requestor is None else requestor.offered
        audio = memory_pair(request.formats or _formats(offered, AUDIO) or (SLIN,))
        pairs = [(AUDIO, audio)]
        for kind, codecs in offered:
            if kind not in (AUDIO, IMAGE):
                pairs.append((kind, memory_pair([one for one, _ in codecs])))
        pair.one, pair.two = halves = [
            LocalHalf(pair, [ChannelStream(kind, ends[end]) for kind, ends in pairs], audio[end], offered)
            for end in (0, 1)
        ]
        pair.one.other, pair.two.other = pair.two, pair.one
        device = device_of(exten, context)
        number, self._made = self._made, (self._made + 1) & 0xFFFFFFFF
        places: dict[str, Any] = {"context": context, "exten": exten}
        if requestor is not None:
            places["language"] = requestor.language
        for half, state, uniqueid in zip(
            halves, (ChannelState.DOWN, ChannelState.RING), (request.uniqueid, second_id), strict=True
        ):
            half.channel = pbx.create_channel(
                self,
                device,
                half,
                name=f"{device}-{number:08x};{1 + (half is pair.two)}",
                state=state,
                requestor=requestor if half is pair.one else pair.one.channel,
                uniqueid=uniqueid,
                **places,
            )
        if pair.jitter_buffer:
            buffer_input(pair.two.channel, JitterSettings())
        self.pairs[pair] = None
        if requestor is not None and requestor.data:
            inside(requestor, pair.one.channel, pair.two.channel)
        return pair.one.channel

    def device_state(self, resource: str) -> DeviceState:
        """INVALID without such an extension, INUSE while a call to it is there."""
        exten, context, _ = parse(resource)
        pbx = self._pbx
        if not exten or not pbx.dialplan.exists(context, exten):
            return DeviceState.INVALID
        calls = any(not channel.dead for channel in pbx.channels.of_device(device_of(exten, context)))
        return DeviceState.INUSE if calls else DeviceState.NOT_INUSE


def _formats(offered: Offered, kind: str) -> Sequence[Format]:
    """The codecs of the first stream of a type."""
    return next(([one for one, _ in codecs] for each, codecs in offered if each == kind), ())


def device_of(exten: str, context: str) -> str:
    """The name of the device: ``Local/exten@context``."""
    return f"Local/{exten}@{context}"


def destination(exten: str, context: str) -> str:
    """What to dial for an extension of a context; nothing in their own text divides it."""
    return joined(("Local/", foreign(exten), "@", foreign(context)))


def parse(text: str) -> tuple[str, str, str]:
    """Extension, context and option letters of ``exten[@context][/options]``; none of text from outside divides it."""
    plain = shadow(text)
    slash = plain.find("/", max(0, plain.find("@")))
    end = len(plain) if slash < 0 else slash
    at = plain.rfind("@", 0, end)
    exten, context = (text[:end], "default") if at < 0 else (text[:at], text[at + 1 : end])
    return str(exten), str(context) or "default", str(text[end + 1 :]).lower()


def half_of(channel: Channel) -> LocalHalf | None:
    """The half that a channel is, ``None`` for a channel of another kind."""
    return channel.driver if isinstance(channel.driver, LocalHalf) else None
