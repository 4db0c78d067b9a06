"""Calls that the server makes by itself: the manager's ``Originate`` and ``channel originate``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.module import Module
from asterism.core.restriction import DANGEROUS_APPLICATIONS, DANGEROUS_FUNCTIONS, REACHING_OUT, restricted, restriction
from asterism.media.formats import Format, format_named
from asterism.pbx.calls.dialing import Dialer
from asterism.pbx.channels.extension import Extension
from asterism.pbx.channels.technology import Uncallable
from asterism.pbx.dialplan.language.places import parse_place
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.pbx.vocabulary.flow import EndDialplan
from asterism.pbx.vocabulary.party import PartyId, parse_caller_id

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host, HostServer

DEFAULT_TIMEOUT = 30.0
FAILED = "failed"
"""The extension for calls to extensions that nobody answered."""
MAX_PENDING = 1000
"""Asynchronous originates that may be waiting for an answer at a time."""

REASON_FAILED = 0
REASON_NO_ANSWER = 3
REASON_ANSWERED = 4
REASON_BUSY = 5
REASON_CONGESTION = 8
_REFUSALS = {Control.BUSY: REASON_BUSY, Control.CONGESTION: REASON_CONGESTION}

_RUNNING_OTHERS = frozenset({"exec", "execif", "execiftime", "tryexec"})
"""Applications that run what their arguments name. Originating into them needs the class ``system``, as in Asterisk."""
_SUSPICIOUS_DATA = ("SHELL", "EVAL")


@dataclass(slots=True)
class OriginateRequest:
    """Destination to call, and the ``application`` or extension that the channel then runs; ``timeout`` in seconds."""

    destination: str
    context: str = ""
    exten: str = ""
    priority: int = 1
    application: str = ""
    data: str = ""
    timeout: float = DEFAULT_TIMEOUT
    caller: PartyId | None = None
    account: str = ""
    uniqueid: str = ""
    other_uniqueid: str = ""
    """The uniqueid of the second half of a Local channel."""
    formats: tuple[Format, ...] = ()
    """Formats offered to the destination, the preferred one first."""
    early_media: bool = False
    """Whether audio before the answer counts as one."""
    predial: str = ""
    variables: list[tuple[str, str]] = field(default_factory=list)
    """What is set on the channel before it is called: variables, and functions (``CHANNEL(language)``)."""
    run: Callable[[Any], Awaitable[None]] | None = None
    """Code that the channel runs instead of an application or an extension."""
    prepare: Callable[[Channel], None] | None = None
    """Called with the channel before anything is done with it."""
    restriction: int = 0
    """The rules of :mod:`asterism.core.restriction` for the application; the dialplan has none."""


@dataclass(slots=True)
class Originated:
    """Result of an originate: the channel that answered, or ``None`` and the manager's ``Reason``."""

    channel: Channel | None
    reason: int
    cause: int = 0
    """Why the call was not answered, as a Q.850 cause; 0 if unknown."""


async def originate(pbx: Host, request: OriginateRequest) -> Originated:
    """Call ``request.destination``; once it answers, the channel waits to be started with :func:`start`.

    Where nobody answers, the extension ``failed`` of the context that it was for is run, if there is one, on a channel
    without a far end; its variable ``REASON`` is the manager's ``Reason``.
    """
    result = await _call(pbx, request)
    if result.channel is None and request.exten and pbx.dialplan.exists(request.context, FAILED):
        _run_failed(pbx, request, result.reason)
    return result


class Nowhere(Uncallable):
    """The technology of channels without a far end, which run the extension ``failed``."""

    name = "OutgoingSpoolFailed"
    description = "Calls that nobody answered"


def _run_failed(pbx: Host, request: OriginateRequest, reason: int) -> None:
    technology = Nowhere()
    channel = pbx.create_channel(technology, technology.name, context=request.context, exten=FAILED)
    if request.account:
        channel.set_accountcode(request.account)
    _set_variables(channel, request)
    channel.set_variable("REASON", str(reason))
    pbx.start(channel)


async def _call(pbx: Host, request: OriginateRequest) -> Originated:
    answered: asyncio.Future[bool] = pbx.loop.create_future()

    def done() -> None:
        if not answered.done():
            answered.set_result(True)

    dialer = Dialer(pbx, None, done)
    dialer.answered_early = request.early_media
    await pbx.prepare((request.destination,))
    leg = dialer.request(
        request.destination,
        uniqueid=request.uniqueid,
        other_uniqueid=request.other_uniqueid,
        formats=request.formats,
    )
    if leg is None:
        return Originated(None, REASON_FAILED, Cause.NO_ROUTE_DESTINATION)
    channel = leg.channel
    _prepare(channel, request)
    if request.predial:
        place = parse_place(request.predial)
        try:
            await pbx.dialplan.gosub(
                channel, place.context or channel.context, place.exten or channel.exten, place.priority, place.args
            )
        except (ChannelHangup, EndDialplan):
            channel.hang_up()
            return Originated(None, REASON_FAILED)
    timer = pbx.loop.call_later(request.timeout, _give_up, answered)
    try:
        dialer.call(leg, request.timeout)
        dialer.called()
        in_time = await answered
    except BaseException:
        dialer.cancel(None, Cause.NORMAL_CLEARING)
        raise
    finally:
        timer.cancel()
    if dialer.winner is not None:  # it may have hung up since: it was answered all the same
        return Originated(dialer.winner, REASON_ANSWERED)
    if not in_time:
        dialer.cancel(None, Cause.NO_ANSWER)
        return Originated(None, REASON_NO_ANSWER, Cause.NO_ANSWER)
    return Originated(
        None, REASON_FAILED if dialer.refusal is None else _REFUSALS[dialer.refusal], channel.hangup_cause
    )


def _give_up(answered: asyncio.Future[bool]) -> None:
    if not answered.done():
        answered.set_result(False)


def _prepare(channel: Channel, request: OriginateRequest) -> None:
    channel.new_exten("AppDial2", "(Outgoing Line)")
    _set_variables(channel, request)
    if request.account:
        channel.peeraccount = request.account
        channel.set_accountcode(request.account)
    if request.caller is not None:
        channel.ani = request.caller
        channel.set_caller(request.caller)
        channel.set_connected(request.caller, tell=False)
    if request.prepare is not None:
        request.prepare(channel)


def _set_variables(channel: Channel, request: OriginateRequest) -> None:
    # The last variable first: Asterisk 22 keeps them as a stack.
    for name, value in reversed(request.variables):
        if "(" not in name:
            channel.set_variable(name, value)
            continue
        with restricted(request.restriction):
            channel.pbx.dialplan.environment.assign(channel, name, value)


def start(pbx: Host, channel: Channel, request: OriginateRequest) -> asyncio.Task[None]:
    """Let an answered channel run what the request names, in the task that is returned; one that has gone, nothing."""
    if not channel.alive:
        return pbx.start(channel, _nothing)
    if not request.application and request.run is None:
        channel.context, channel.exten, channel.priority = request.context, request.exten, request.priority
        return pbx.start(channel)

    async def run(one: Channel) -> None:
        restriction.set(request.restriction)
        one.new_exten(request.application, request.data)
        await run_it(one)
        if not request.run:
            one.hang_up()  # as in Asterisk 22: no dialplan ends that would tell of it

    async def run_it(one: Channel) -> None:
        try:
            one.check()
            if request.run is not None:
                await Extension(one, request.run, f"the code of {one.name}").run()
            elif not await pbx.dialplan.execute_application(one, request.application, request.data):
                pbx.log.warning("No such application '%s'", request.application)
        except EndDialplan as end:
            if end.cause is not None:
                one.hangup_cause = end.cause
        except ChannelHangup:
            if request.run:
                raise

    return pbx.start(channel, run)


async def _nothing(_channel: Channel) -> None:
    """It has gone."""


def parse_variables(texts: Iterable[str]) -> list[tuple[str, str]]:
    """The manager's ``Variable`` fields: ``A=1``, or several with commas, ``A=1,B=2``."""
    found: list[tuple[str, str]] = []
    for text in texts:
        for part in text.split(","):
            name, equals, value = part.partition("=")
            if equals and name.strip():
                found.append((name.strip(), value))
    return found


class Originate(Module):
    """The manager action and the console command that make calls."""

    name: ClassVar[str] = "pbx_originate"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Calls made from the manager and the console"

    def load(self, server: HostServer) -> None:
        """Register the action and the command."""
        self._pbx = server.pbx
        self._log = server.log
        self._tasks: set[asyncio.Task[None]] = set()
        server.register_marked(self)

    def unload(self) -> None:
        """Give up the calls that are being made."""
        for task in list(self._tasks):
            task.cancel()

    def use_count(self) -> int:
        """Number of originated calls that wait for an answer."""
        return len(self._tasks)

    @action(
        "Originate",
        "originate",
        Documentation(
            "Originate a call.",
            description="Calls a channel and, when it answers, sends it to an extension or an application.",
            arguments=(
                Argument("Channel", "What to call, technology/resource.", True),
                Argument("Exten", "Extension to run, with Context and Priority."),
                Argument("Context", "Its context."),
                Argument("Priority", "Its priority, a number or a label."),
                Argument("Application", "Application to run instead."),
                Argument("Data", "The application's arguments."),
                Argument("Timeout", "How long to wait for the answer, in milliseconds (30000)."),
                Argument("CallerID", "Caller ID of the call."),
                Argument("Variable", "Channel variable, name=value; may be repeated."),
                Argument("Account", "Account code."),
                Argument("Async", "true: answer at once and tell the outcome by OriginateResponse."),
                Argument("EarlyMedia", "true: audio before the answer counts as one."),
                Argument("Codecs", "What is offered first, with commas: alaw,ulaw. Unknown names are ignored."),
                Argument("ChannelId", "Uniqueid of the channel."),
                Argument("OtherChannelId", "Uniqueid of the second half of a Local channel."),
                Argument("PreDialGoSub", "Subroutine to run on the channel before the call."),
            ),
            see_also=("OriginateResponse",),
        ),
    )
    async def originate_action(self, call: ActionCall) -> None:
        """Run the action."""
        request = self._read(call)
        if request is None:
            return
        if _is_true(call.get("Async")):
            if len(self._tasks) >= MAX_PENDING:
                call.error("Originate failed")
                return
            task = self._pbx.loop.create_task(self._run_async(request, call.action_id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            call.success("Originate successfully queued")
            return
        result = await originate(self._pbx, request)
        if result.channel is None:
            call.error("Originate failed")
            return
        call.success("Originate successfully queued")
        start(self._pbx, result.channel, request)

    async def _run_async(self, request: OriginateRequest, action_id: str) -> None:
        result = await originate(self._pbx, request)
        channel = result.channel
        caller = request.caller or PartyId()
        if channel is not None and request.caller is None:
            caller = channel.caller
        self._pbx.bus.publish(
            events.ORIGINATE_RESPONSE,
            action_id,
            channel is not None,
            request.destination,
            (request.context, request.exten, request.application, request.data),
            result.reason,
            channel,
            (caller.number, caller.name),
        )
        if channel is not None:
            start(self._pbx, channel, request)

    def _read(self, call: ActionCall) -> OriginateRequest | None:
        """The request, or ``None`` after answering what is wrong with it."""
        destination = call.get("Channel").strip()
        if not destination:
            call.error("Channel not specified")
            return None
        context, exten, application = call.get("Context"), call.get("Exten"), call.get("Application").strip()
        priority_text = call.get("Priority").strip()
        priority: int | None = 0
        if priority_text:
            priority = _number(priority_text)
            if priority is None:
                priority = self._pbx.dialplan.resolve_priority(context, exten, priority_text)
            if not priority:
                call.error("Invalid priority")
                return None
        timeout = _number(call.get("Timeout").strip() or "30000")
        if timeout is None:
            call.error("Invalid timeout")
            return None
        technology, slash, resource = destination.partition("/")
        if not (technology and slash and resource):
            call.error("Invalid channel")
            return None
        if application:
            if self._reaches_out(application, call.get("Data")) and not call.may("system"):
                call.error("Originate Access Forbidden: app or data blacklisted")
                return None
        else:
            if not (exten and context and priority):
                call.error("Originate with 'Exten' requires 'Context' and 'Priority'")
                return None
            if not self._pbx.dialplan.exists(context, exten, priority):
                call.error("Extension does not exist.")
                return None
        uniqueid, other_uniqueid = call.get("ChannelId").strip(), call.get("OtherChannelId").strip()
        if any("/" in one or not one.isprintable() for one in (uniqueid, other_uniqueid)):
            call.error("Invalid uniqueid")
            return None
        if any(one and self._pbx.channels.get(one) is not None for one in (uniqueid, other_uniqueid)):
            call.error("Uniqueid already in use")
            return None
        caller_text = call.get("CallerID").strip()
        return OriginateRequest(
            destination,
            context=context,
            exten=exten,
            priority=priority or 1,
            application=application,
            data=call.get("Data"),
            timeout=timeout / 1000,
            caller=parse_caller_id(caller_text) if caller_text else None,
            account=call.get("Account").strip(),
            uniqueid=uniqueid,
            other_uniqueid=other_uniqueid,
            formats=named_formats(call.get("Codecs")),
            early_media=_is_true(call.get("EarlyMedia")),
            predial=call.get("PreDialGoSub").strip().replace(",", "^"),
            variables=parse_variables(call.get_all("Variable")),
            restriction=0 if call.may("system") else DANGEROUS_APPLICATIONS | DANGEROUS_FUNCTIONS,
        )

    def _reaches_out(self, application: str, data: str) -> bool:
        """Whether the request appears to reach outside the PBX; the binding check is made at run time."""
        name, data = application.lower(), data.upper()
        if name in REACHING_OUT or name in _RUNNING_OTHERS or any(word in data for word in _SUSPICIOUS_DATA):
            return True
        return any(entry.item.dangerous and f"{entry.name.upper()}(" in data for entry in self._pbx.functions)

    @command(
        "channel originate",
        Documentation(
            "Call a channel and connect it to an application or an extension.",
            "channel originate <tech/data> {application <appname> [appdata]|extension [exten@][context]}",
            "Calls the channel for up to 30 seconds. When it answers, it runs the application, or the extension: "
            "'s' if none is given, in the context 'default' if none is given. Arguments with spaces are quoted.",
            see_also=("channel request hangup",),
        ),
    )
    def originate_command(self, call: CommandCall) -> str:
        """Run the command: the call goes on after it has returned."""
        args = call.args
        if len(args) < 3:
            raise UsageError("channel originate")
        destination, kind = args[0], args[1].lower()
        if "/" not in destination:
            raise UsageError("channel originate")
        rules = restriction.get()
        request = OriginateRequest(
            destination, restriction=rules | DANGEROUS_FUNCTIONS if rules & DANGEROUS_APPLICATIONS else 0
        )
        if kind == "application":
            request.application, request.data = args[2], " ".join(args[3:])
        elif kind == "extension" and len(args) == 3:
            exten, at, context = args[2].rpartition("@")
            request.exten, request.context = (exten, context) if at else (args[2], "default")
            request.exten = request.exten or "s"
            request.context = request.context or "default"
        else:
            raise UsageError("channel originate")
        task = self._pbx.loop.create_task(self._run_command(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ""

    async def _run_command(self, request: OriginateRequest) -> None:
        result = await originate(self._pbx, request)
        if result.channel is None:
            self._log.notice("The call to %s was not answered", request.destination)
        else:
            start(self._pbx, result.channel, request)


def _is_true(text: str) -> bool:
    return text.strip().lower() in ("true", "yes", "1", "on", "y", "t")


def named_formats(text: str) -> tuple[Format, ...]:
    """The formats with these names; an unknown name is left out, as in Asterisk 22."""
    found: list[Format] = []
    for name in text[:1000].split(","):
        with suppress(UsageError):
            found.append(format_named(name.strip()))
    return tuple(found)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
