"""The PBX subsystem: registries, channels, bridges, dialplan, device states."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from asterism.core.calling import require_async
from asterism.core.containment import FAILURES, report_failure, task_ends
from asterism.core.documentation import Documentation
from asterism.core.events import EventBus
from asterism.core.log import log_subject
from asterism.core.module import Subsystem
from asterism.core.registry import Owner, Registry
from asterism.core.restriction import restriction
from asterism.pbx.assembly import admission
from asterism.pbx.assembly.channel import Channel, QuietChannel
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.bridges.table import BridgeTable
from asterism.pbx.bridges.technologies import TECHNOLOGIES
from asterism.pbx.calls.completion.table import Completion
from asterism.pbx.calls.conference.conference import Conference
from asterism.pbx.calls.conference.table import Conferences
from asterism.pbx.calls.fax.session import Faxes
from asterism.pbx.calls.features.table import Features
from asterism.pbx.calls.originate import OriginateRequest, originate, start
from asterism.pbx.calls.parking.parking import Parking
from asterism.pbx.calls.recording.table import Recordings
from asterism.pbx.channels.indications.table import ToneZones
from asterism.pbx.channels.music.playing import MusicClasses
from asterism.pbx.channels.security import KEY as SECURITY
from asterism.pbx.channels.security import pass_on
from asterism.pbx.channels.table import ChannelTable
from asterism.pbx.channels.technology import ChannelRequest
from asterism.pbx.dialplan.language.table import Dialplan
from asterism.pbx.messaging.queue import Messages
from asterism.pbx.records.lines import Records
from asterism.pbx.states.device_states import DeviceStates
from asterism.pbx.states.hints import Hints
from asterism.pbx.states.mailboxes import Mailboxes
from asterism.pbx.vocabulary import events, marks
from asterism.pbx.vocabulary.causes import EXCHANGE_ROUTING_ERROR, Cause
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import ChannelHangup, Goto, NotAnsweredError, RequestError
from asterism.pbx.vocabulary.flow import HandedOver
from asterism.pbx.vocabulary.party import NOBODY, PartyId, parse_caller_id

if TYPE_CHECKING:
    from asterism.media.formats import Format
    from asterism.media.server import MediaServer
    from asterism.pbx.channels.channel import Channel as CoreChannel
    from asterism.pbx.channels.technology import ChannelDriver, ChannelTechnology
    from asterism.pbx.messaging.message import MessageTechnology
    from asterism.pbx.states.presence import Presence
    from asterism.pbx.vocabulary.host import TransferTarget


MAX_HOPS = 70
"""Maximum number of hops of a call that originates here (RFC 3261 8.1.1.6)."""


class _Counters:
    """Counters and the refusal reason, shared by the ``bound`` copies of the PBX."""

    __slots__ = ("callids", "calls", "channels", "processed", "refusal", "uniqueids")

    def __init__(self) -> None:
        self.callids = 0
        self.channels = 0
        self.uniqueids = 0
        self.calls = 0
        self.processed = 0
        self.refusal = ""


class Pbx(Subsystem):
    """Everything about calls that is not one protocol's: the ``Host`` of the rooms, and what extensions ask.

    The channels that it makes are all of the class that extensions get.
    """

    server: MediaServer

    def __init__(self, server: MediaServer, dialplan: Dialplan | None = None) -> None:
        """Make the PBX of ``server``; ``dialplan`` replaces the one made from ``asterism.pbx.dialplan``."""
        self.owner = server.owner
        self.server = server
        self.bus = server.bus
        self.test_events = server.test_events
        self.log = server.log
        self.applications: Registry[marks.Application] = Registry("application", str.lower)
        self.functions: Registry[marks.Function] = Registry("function")
        self.technologies: Registry[ChannelTechnology] = Registry("channel technology", str.lower)
        self.channels: ChannelTable[Channel] = ChannelTable()
        self.bridges = BridgeTable(TECHNOLOGIES)
        self._counters = _Counters()
        self.device_states = DeviceStates(self)
        self.hints = Hints(self)
        self.mailboxes = Mailboxes(server.bus, server.log, self.device_states)
        self.music = MusicClasses(server.log)
        self.tone_zones = ToneZones()
        self.presence: dict[str, Callable[[str], Presence | None]] = {}
        """Functions that return the presence of ``Provider:name`` in hints, by provider."""
        if dialplan is None:
            dialplan = Dialplan(self.applications, self.functions, server.bus, server.log)
        self.dialplan: Dialplan = dialplan
        self.codes: dict[str, Callable[[CoreChannel], Awaitable[None]]] = {}
        """Handlers of feature codes that can be dialled in every context (``pickupexten``), by code."""
        self.transfer_targets: list[TransferTarget] = []
        """Places to which a blind transfer goes without the dialplan (parking)."""
        self.features = Features(server.log)
        self.messages = Messages(self)
        self.completion = Completion(self)
        self.conferences = Conferences()
        self.faxes = Faxes()
        self.parking = Parking(self)
        self.recordings = Recordings(self)
        self.records = Records(server.log, server.paths)
        dialplan.observe(self.hints.update)

    @cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that the server runs on."""
        return asyncio.get_running_loop()

    # -- registration --------------------------------------------------------------------------------

    def register_application(
        self, name: str, item: Callable[[Channel, str], Awaitable[None]], documentation: Documentation
    ) -> None:
        """Add a dialplan application in the owner's name; raises ``NotAsyncError`` for one that is not ``async``."""
        require_async(item, f"application '{name}'")
        accepted: Any = item
        self.applications.add(self.owner, name, accepted, documentation)

    def register_function(self, name: str, item: marks.Function, documentation: Documentation) -> None:
        """Add a dialplan function in the owner's name; raises ``NotAsyncError`` where it reads or writes ``async``."""
        item.check()
        self.functions.add(self.owner, name, item, documentation)

    def register_technology(self, technology: ChannelTechnology) -> None:
        """Add a channel technology in the owner's name."""
        documentation = Documentation(technology.description or technology.name)
        self.technologies.add(self.owner, technology.name, technology, documentation)
        prefix = technology.name + "/"
        for device in self.hints.followed_devices:
            if device.startswith(prefix):
                self.device_states.changed(device)

    def register_message_technology(
        self, prefix: str, technology: MessageTechnology, documentation: Documentation
    ) -> None:
        """Have messages to ``prefix:...`` carried, in the owner's name."""
        self.messages.technologies.add(self.owner, prefix, technology, documentation)

    def register_marked(self, holder: object) -> None:
        """Register the applications and functions marked on ``holder``'s methods."""
        marks.register_marked(self, holder)

    def extension(self, context: str, exten: str, priority: int = 1) -> Callable[[Any], Any]:
        """Decorate an ``async def`` that takes a :class:`Channel` as an extension of the dialplan.

        For example::

        @server.pbx.extension("default", "100")
        async def greet(channel: Channel) -> None: ...

        Raises :class:`~asterism.core.errors.NotAsyncError` for a function that is not ``async``, and
        :class:`~asterism.core.errors.DuplicateError` where another has this place.
        """

        def decorate(function: Any) -> Any:
            self.dialplan.add_python(self.owner, context, exten, priority, function)
            return function

        return decorate

    # -- channels ------------------------------------------------------------------------------------

    def next_uniqueid(self) -> str:
        """A new ``<epoch>.<n>``, with the system's name in front if it has one."""
        counters = self._counters
        number = counters.uniqueids
        counters.uniqueids = number + 1
        prefix = getattr(self.server.options, "systemname", "")
        unique = f"{int(time.time())}.{number}"
        return f"{prefix}-{unique}" if prefix else unique

    def next_callid(self) -> int:
        """The number of a new call in log lines."""
        self._counters.callids += 1
        return self._counters.callids

    def create_channel(
        self,
        technology: ChannelTechnology,
        device: str,
        driver: ChannelDriver | None = None,
        *,
        state: ChannelState = ChannelState.DOWN,
        caller: PartyId = NOBODY,
        context: str = "default",
        exten: str = "s",
        accountcode: str = "",
        language: str = "",
        dialed: str = "",
        requestor: CoreChannel | None = None,
        uniqueid: str = "",
        name: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> Channel:
        """Make a channel of ``device`` ("PJSIP/alice"); publishes Newchannel, then VarSet of ``variables``.

        ``requestor`` is the channel that calls this one: they share a linkedid. ``uniqueid`` replaces
        the generated one (ValueError if it is taken). Names are like ``PJSIP/alice-0000000d``: the number counts up
        over all devices; ``name`` is the whole name where a technology counts by itself.
        """
        counters = self._counters
        if uniqueid and self.channels.get(uniqueid) is not None:
            raise ValueError(f"uniqueid '{uniqueid}' is in use")
        if not uniqueid:
            uniqueid = self.next_uniqueid()
        linkedid = uniqueid if requestor is None else requestor.linkedid
        if not name:
            number = counters.channels
            counters.channels = (number + 1) & 0xFFFFFFFF
            name = f"{device}-{number:08x}"
        channel = Channel(self, technology, name, uniqueid, linkedid, state)
        if requestor is None:
            channel.callid = self.next_callid()
        else:
            channel.callid = requestor.callid
        if self.test_events.wanted:
            self._test_callid(channel)
        channel.driver = driver
        channel.caller = channel.ani = caller
        channel.context = context
        channel.exten = exten
        channel.accountcode = accountcode
        channel.dialed = dialed
        channel.language = language or getattr(self.server.options, "defaultlanguage", "") or "en"
        self.channels.add(channel)
        if self.bus.listeners[events.NEWCHANNEL]:
            self.bus.publish(events.NEWCHANNEL, channel)
        if variables:
            self.give_variables(channel, variables)
        if state is not ChannelState.DOWN:
            self.device_states.channel_changed(device)
        return channel

    def give_variables(self, channel: CoreChannel, variables: Mapping[str, str]) -> None:
        """Set variables, and what else can be set (``CHANNEL(musicclass)``), as their owner's configuration says."""
        for name, value in variables.items():
            if "(" in name:
                self.dialplan.environment.assign(channel, name, value)
            else:
                channel.set_variable(name, value)

    def create_quiet_channel(self, technology: ChannelTechnology, name: str) -> Channel:
        """Make a channel that is not a call: it is not listed, raises no events and cannot call others."""
        quiet = self.bound(self.owner)
        quiet.bus = EventBus(self.log)
        uniqueid = self.next_uniqueid()
        channel = QuietChannel(quiet, technology, name, uniqueid, uniqueid, ChannelState.UP)
        channel.callid = self.next_callid()
        if self.test_events.wanted:
            self._test_callid(channel)
        return channel

    def _test_callid(self, channel: Channel) -> None:
        call = f"[C-{channel.callid:08x}]"
        headers = (("State", "CallIDChange"), ("Channel", channel.name), ("CallID", call), ("PriorCallID", ""))
        self.test_events.send("CallIDChange", headers)

    def request(
        self,
        destination: str,
        requestor: CoreChannel | None = None,
        formats: Sequence[Format] = (),
        uniqueid: str = "",
        other_uniqueid: str = "",
    ) -> Channel:
        """Make a channel to ``Technology/resource``, not yet called.

        ``uniqueid`` is what the channel is to be known by instead of a generated one, ``other_uniqueid`` the second
        half of a Local channel. Raises
        :class:`RequestError`, also for a ``uniqueid`` in use and for a ``requestor`` that makes no calls. Each channel
        made at the request of another is one hop: a call that leads back here ends.
        """
        technology, slash, resource = destination.partition("/")
        found = self.technologies.get(technology) if slash else None
        if found is None:
            raise RequestError(Cause.CHAN_NOT_IMPLEMENTED, f"no channel technology '{technology}'")
        if uniqueid and self.channels.get(uniqueid) is not None:
            raise RequestError(Cause.REQUESTED_CHAN_UNAVAIL, f"uniqueid '{uniqueid}' is in use")
        if requestor is not None and not requestor.may_call:
            raise RequestError(Cause.CHAN_NOT_IMPLEMENTED, f"{requestor.name} makes no calls")
        hops = MAX_HOPS if requestor is None or requestor.hops is None else requestor.hops
        if hops < 1:
            if requestor is not None:
                requestor.out_of_hops = True
                self.log.notice("%s: the call has made too many hops to go on to %s", requestor.name, destination)
            raise RequestError(EXCHANGE_ROUTING_ERROR, "the call has made too many hops")
        asked_at = time.time()
        try:
            made: Any = found.request(ChannelRequest(resource, requestor, formats, uniqueid, other_uniqueid))
        except RequestError:
            raise
        except FAILURES:
            report_failure(self.log, f"request of the channel technology '{technology}'")
            for channel in self.channels:
                if channel.technology is found and channel.created >= asked_at:
                    channel.hang_up()  # it was made, and nobody else knows of it
            raise RequestError(Cause.INTERWORKING, f"the channel technology '{technology}' failed") from None
        if requestor is not None:
            made.hops = hops - 1
            if SECURITY in requestor.data:
                pass_on(requestor, made)
        asked: Channel = made
        return asked

    async def prepare(self, destinations: Iterable[str]) -> None:
        """Let technologies load the objects from databases that they need to call these destinations (``PJSIP/alice``).

        An object that cannot be loaded is missing when the destination is called.
        """
        for destination in destinations:
            technology, slash, resource = destination.partition("/")
            found = self.technologies.get(technology) if slash else None
            prepare = getattr(found, "prepare", None)
            if prepare is not None:
                try:
                    await prepare(resource)
                except FAILURES as error:
                    if task_ends(error):
                        raise
                    report_failure(self.log, f"prepare of the channel technology '{technology}'")

    def start(
        self, channel: CoreChannel, body: Callable[[Channel], Awaitable[None]] | None = None, counts: int = 1
    ) -> asyncio.Task[None]:
        """Run the channel in the call's one task; the channel ends with it.

        It runs the dialplan from its position, or ``body`` if one is given. ``counts``: 0 for one that is a part of
        another's call.
        """
        counters = self._counters
        counters.calls += counts
        counters.processed += counts
        channel.task = task = self.loop.create_task(
            self._run(channel, body or self.dialplan.execute, counts), name=channel.name
        )
        return task

    async def _run(self, channel: CoreChannel, body: Callable[[Any], Awaitable[None]], counts: int) -> None:
        log_subject.set(channel)
        restriction.set(0)  # whoever started the call: what it may do is said by its body
        kept = False
        application, appdata = channel.application, channel.appdata
        try:
            try:
                await body(channel)
            except Goto as jump:
                await self.dialplan.execute(channel, jump)
        except ChannelHangup:
            pass
        except HandedOver:
            kept = True
        except FAILURES as error:
            if task_ends(error):
                raise
            report_failure(self.log, f"the dialplan of {channel.name}")
        finally:
            self._counters.calls -= counts
            if channel.task is asyncio.current_task():
                channel.task = None
            if not kept and channel.application != application:
                channel.run_application(application, appdata)  # as before it ran anything: it ends as that
            if not kept and not channel.dead:
                channel.end_dialplan()

    async def originate(
        self,
        destination: str,
        run: Callable[[Channel], Awaitable[None]] | None = None,
        *,
        context: str = "default",
        exten: str = "",
        priority: int = 1,
        timeout: float = 30.0,
        caller_id: str = "",
        accountcode: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> Channel:
        """Call ``Technology/resource``; see :meth:`asterism.server.server.Server.originate`."""
        if (run is None) == (not exten):
            raise ValueError("give either a function or an extension")
        if run is not None:
            require_async(run, "what an originated channel runs")
        request = OriginateRequest(
            destination,
            context,
            exten,
            priority,
            timeout=timeout,
            caller=parse_caller_id(caller_id) if caller_id else None,
            account=accountcode,
            variables=list((variables or {}).items()),
            run=run,
        )
        result = await originate(self, request)
        if result.channel is None or not result.channel.alive:
            raise NotAnsweredError(destination, result.cause)
        start(self, result.channel, request)
        # Every channel is made by create_channel.
        return cast("Channel", result.channel)

    def create_bridge(self, name: str = "") -> Bridge:
        """A bridge for any number of channels, which stays until its ``dismiss()``.

        ``await channel.join(bridge)`` brings a channel in; ``name`` is what listings show.
        """
        return Bridge(self, kind="base", name=name, dissolve=False, permanent=True)

    def conference(self, name: str) -> Conference:
        """The conference of that name; it begins now if there is none, with the profile ``default_bridge``.

        It ends with its last user, or by ``end()``: ask for it again then. One into which nobody comes stays.
        """
        found = self.conferences.get(name)
        return Conference(self, name) if found is None or found.closing else found

    def calls_within(self, owner: Owner) -> int:
        """Number of channels that run an application registered by ``owner``."""
        own = {entry.name for entry in self.applications if entry.owner is owner}
        return sum(channel.application in own for channel in self.channels) if own else 0

    def refusal(self) -> str:
        """Why new calls are refused now (``maxcalls``, ``maxload``, ``minmemfree``, a stop); empty if they are not."""
        return self._counters.refusal or admission.refusal(self.server.options, self._counters.calls)

    def refuse_calls(self, reason: str) -> None:
        """Take no new calls from now on, or take them again when ``reason`` is empty."""
        self._counters.refusal = reason

    @property
    def active_calls(self) -> int:
        """Number of channels that run dialplan."""
        return self._counters.calls

    @property
    def processed_calls(self) -> int:
        """Number of channels that have run dialplan since the start."""
        return self._counters.processed

    def bridge_of(self, uniqueid: str) -> Bridge | None:
        """The bridge of that id."""
        return self.bridges.get(uniqueid)
