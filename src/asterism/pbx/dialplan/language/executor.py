"""Runs a channel through the dialplan: one coroutine per call, one look-up per priority."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from asterism.core.containment import FAILURES, report_failure, task_ends
from asterism.core.restriction import DANGEROUS_APPLICATIONS, REACHING_OUT, restriction
from asterism.pbx.channels.ending import PARTED
from asterism.pbx.channels.extension import Extension, raise_end
from asterism.pbx.channels.playing import start_tone
from asterism.pbx.dialplan.language.state import DialplanState, Frame, Raised
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.errors import ChannelHangup, HungUpAway
from asterism.pbx.vocabulary.flow import EndDialplan, Goto, HandedOver, SubroutineReturned

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asterism.core.log import ServerLogger
    from asterism.core.registry import Registry
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.dialplan.language.contexts import ContextTable, Priority
    from asterism.pbx.dialplan.language.environment import Environment
    from asterism.pbx.vocabulary.marks import Application

MAX_FRAMES = 512
YIELD_EVERY = 64
"""Priorities run at a stretch; then other calls get their turn, so that an endless loop does not block them."""
_REFUSED_WAIT = 10.0
"""Seconds to wait for the other half of a Local channel to hang up after a refusal; then this half ends the call."""
SLOW_LINE = 0.001
"""Seconds that the expansion of one line may take; after a slower one (a long expression) others get their turn too."""


class Executor:
    """Executes priorities; ``autofallthrough`` is the option of ``extensions.conf``."""

    def __init__(
        self,
        table: ContextTable,
        applications: Registry[Application],
        environment: Environment,
        log: ServerLogger,
    ) -> None:
        self.table = table
        self.applications = applications
        self.environment = environment
        self.log = log
        self.autofallthrough = True

    @staticmethod
    def state(channel: Channel) -> DialplanState:
        """The dialplan's own memory of a channel."""
        found: DialplanState | None = channel.dialplan_state
        if found is None:
            found = channel.dialplan_state = DialplanState()
        return found

    async def execute(self, channel: Channel, jump: Goto | None = None) -> None:
        """Run ``channel`` from its position to the end of the call, then ``h``, then hang it up.

        ``jump`` is where it goes first. Never raises, except when the task itself is cancelled, and
        :class:`HandedOver`.
        """
        cause: int | None = None
        away = False
        restriction.set(0)  # the dialplan is the administrator's, whoever sent the channel there
        try:
            cause = await self._run(channel, jump=jump)
            while channel.follower is not None and channel.follower.ended():
                cause = await self._run(channel)  # a transfer that failed: it goes back to the transferer
        except ChannelHangup as hangup:
            away = isinstance(hangup, HungUpAway)
        except (asyncio.CancelledError, HandedOver):
            raise
        except Exception:
            report_failure(self.log, f"the dialplan of {channel.name}")
            cause = Cause.NETWORK_OUT_OF_ORDER
        if cause is not None:
            channel.hangup_cause = cause
        if not channel.hangup_cause and channel.state == ChannelState.UP:
            channel.hangup_cause = Cause.NORMAL_CLEARING
        await self.finish(channel, away)

    async def finish(self, channel: Channel, away: bool = False) -> None:
        """Run ``h`` of the channel's context, if there is one, and hang it up; without ``h`` when it was ``away``."""
        state: DialplanState | None = channel.dialplan_state
        if state is not None and state.absolute is not None:
            state.absolute.cancel()
            state.absolute = None
        if away:
            channel.hang_up()
            return
        runs_h = channel.runs_h and self.table.find(channel.context, "h", 1, channel.caller.number) is not None
        if runs_h or channel.outgoing is not None or channel.handlers is not None:
            channel.tell_dialplan_end()
            await self._run_end(channel, runs_h)
            return
        channel.end_dialplan()

    async def run_h(self, channel: Channel) -> None:
        """Run ``h`` of the context of a channel that has no dialplan, if there is one, and hang the channel up."""
        await self._run_end(channel, self.table.find(channel.context, "h", 1, channel.caller.number) is not None)

    async def _run_end(self, channel: Channel, runs_h: bool) -> None:
        if runs_h:
            await self._run_hangup_extension(channel, channel.context)
        if channel.outgoing is not None and channel.stage not in PARTED:
            channel.new_exten(*channel.outgoing)
        if channel.handlers is not None:
            await channel.handlers.run()
        channel.hang_up()

    async def gosub(
        self,
        channel: Channel,
        context: str,
        exten: str,
        priority: int | str,
        args: Sequence[str] = (),
        hanging_up: bool = False,
    ) -> str:
        """Run a subroutine on ``channel`` up to its ``Return`` and give back what it returned.

        The channel's own position is kept. One that is ``hanging_up`` runs what it need not wait for. Raises
        :class:`ChannelHangup` when it hangs up meanwhile, ``EndDialplan`` when the subroutine ended the call.
        """
        position = channel.context, channel.exten, channel.priority
        shown = channel.application, channel.appdata
        number = self.resolve(channel, context, exten, priority)
        if number is None or self.table.find(context, exten, number, channel.caller.number) is None:
            self.log.warning("No subroutine at %s,%s,%s", context, exten, priority)
            return ""
        state = self.state(channel)
        depth = len(state.frames)
        self.push_frame(channel, Frame(*position, boundary=True), args)
        channel.context, channel.exten, channel.priority = context, exten, number
        value, place = "", ""
        if self.log.verbosity >= 3:
            place = f"{context},{exten},{number}" + (f"({','.join(args)})" if args else "")
            self.log.verbose(3, "%s Internal Gosub(%s) start", channel.name, place)
        outside = restriction.set(0)
        try:
            await self._run(channel, fall_through=False, hanging_up=hanging_up)
            self.log.warning("Subroutine %s,%s of %s ended without Return", context, exten, channel.name)
        except SubroutineReturned as returned:
            value = returned.value
            self.pop_frame(channel)
            channel.set_variable("GOSUB_RETVAL", value)
        finally:
            restriction.reset(outside)
            while len(state.frames) > depth:
                self.pop_frame(channel)
            channel.context, channel.exten, channel.priority = position
            channel.run_application(*shown)
            if self.log.verbosity >= 2:
                self._tell_end(channel)
            if place:
                self.log.verbose(3, "%s Internal Gosub(%s) complete GOSUB_RETVAL=%s", channel.name, place, value)
        return value

    async def run_aside(self, channel: Channel, context: str, exten: str, priority: int | str) -> bool:
        """Run dialplan until it ends or returns, and have the channel's position back; ``False``: there is none.

        Raises what :meth:`gosub` raises.
        """
        position = channel.context, channel.exten, channel.priority
        shown = channel.application, channel.appdata
        number = self.resolve(channel, context, exten, priority)
        if number is None or self.table.find(context, exten, number, channel.caller.number) is None:
            self.log.warning("There is no extension at %s,%s,%s", context, exten, priority)
            return False
        frames = self.state(channel).frames
        depth = len(frames)
        frames.append(Frame(*position, boundary=True))
        channel.context, channel.exten, channel.priority = context, exten, number
        outside = restriction.set(0)
        try:
            await self._run(channel, fall_through=False)
        except SubroutineReturned:
            pass
        finally:
            restriction.reset(outside)
            while len(frames) > depth:
                self.pop_frame(channel)
            channel.context, channel.exten, channel.priority = position
            channel.application, channel.appdata = shown
        return True

    async def application(self, channel: Channel, name: str, data: str) -> bool:
        """Run one application with ``data`` as it is; ``False`` when there is none of that name.

        Raises ``EndDialplan`` for one that a manager client without the class ``system`` asked for and may not run.
        """
        found = self.applications.get(name)
        if found is None:
            return False
        if restriction.get() & DANGEROUS_APPLICATIONS and name.strip().lower() in REACHING_OUT:
            self.log.warning(
                "%s: application %s is refused to a manager client without class system", channel.name, name
            )
            raise EndDialplan
        await found(channel, data)
        return True

    def resolve(self, channel: Channel, context: str, exten: str, priority: int | str) -> int | None:
        """The number of a priority given as number or label; ``None`` for an unknown label."""
        if isinstance(priority, int):
            return priority
        priority = priority.strip()
        if priority.isascii() and priority.isdigit():
            return int(priority[:9])
        return self.table.find_label(context, exten, priority, channel.caller.number)

    def raise_exception(self, channel: Channel, reason: str, context: str = "") -> None:
        """Go to the extension ``e`` of ``context`` (the channel's) by raising ``Goto``; return where there is none.

        It is there for what has no extension of its own (``i``, ``t``, ``T``). A channel in ``e`` is not sent there.
        """
        context, exten = context or channel.context, channel.exten
        if exten == "e" or self.table.find(context, "e", 1, channel.caller.number) is None:
            return
        place = Raised(reason, channel.context, self.environment.foreign(exten), channel.priority)
        self.state(channel).exception = place
        raise Goto(context, "e", 1)

    def push_frame(self, channel: Channel, frame: Frame, args: Sequence[str]) -> None:
        """Open a subroutine frame with ``ARG1``...; raises ``EndDialplan`` when there are too many."""
        state = self.state(channel)
        if len(state.frames) >= MAX_FRAMES:
            self.log.error("Too many nested subroutines on %s", channel.name)
            raise EndDialplan
        previous = state.frames[-1].arguments if state.frames else 0
        state.frames.append(frame)
        frame.arguments = len(args)
        for index, value in enumerate(args, 1):
            self.set_local(channel, f"ARG{index}", value)
        for index in range(len(args) + 1, previous + 1):
            self.set_local(channel, f"ARG{index}", "")
        self.set_local(channel, "ARGC", str(len(args)))

    def pop_frame(self, channel: Channel) -> Frame | None:
        """Close the newest frame: its local variables get back what they hid."""
        state = self.state(channel)
        if not state.frames:
            return None
        frame = state.frames.pop()
        for name, value in reversed(frame.hidden.items()):
            channel.set_variable(name, value)
        return frame

    def set_local(self, channel: Channel, name: str, value: str) -> None:
        """Set a variable of the newest frame; without a frame a normal one."""
        frames = self.state(channel).frames
        if frames and name not in frames[-1].hidden:
            frames[-1].hidden[name] = channel.variables.get(name)
        channel.set_variable(name, value, f"LOCAL({name})")

    async def _run(
        self, channel: Channel, fall_through: bool = True, hanging_up: bool = False, jump: Goto | None = None
    ) -> int | None:
        """Run priorities until the dialplan ends; return the cause that was asked for.

        A channel that is ``hanging_up`` runs ``h``: what it does not wait for still works.
        """
        find = self.table.find
        jumped = True
        executed = 0
        detour: Callable[[Channel], Awaitable[None]] | None = None
        while True:
            executed += 1
            if not executed % YIELD_EVERY:
                await asyncio.sleep(0)
            try:
                if not hanging_up:
                    channel.check()
                if jump is not None:
                    found, jump = jump, None
                    raise found
                if detour is not None:
                    body, detour = detour, None
                    try:
                        await body(channel)
                    except ChannelHangup:
                        raise HungUpAway from None
                priority = find(channel.context, channel.exten, channel.priority, channel.caller.number)
                if priority is None:
                    if not fall_through:
                        return None
                    await self._no_priority(channel, jumped)
                    jumped = True
                    continue
                await self._step(channel, priority, fall_through or hanging_up)
            except Goto as place:
                context = place.context or channel.context
                exten = place.exten or channel.exten
                number = self.resolve(channel, context, exten, place.priority)
                if number is None:
                    self.log.warning("Priority '%s' of %s@%s does not exist", place.priority, exten, context)
                    if place.missed is not None:
                        place.missed(channel)
                    return self._no_cause(channel)
                channel.context, channel.exten, channel.priority = context, exten, number
                detour = place.before
                jumped = detour is None
                if detour is not None:
                    channel.run_application()
            except EndDialplan as end:
                if not fall_through:
                    raise
                return end.cause
            else:
                jumped = False
                channel.priority += 1

    async def _step(self, channel: Channel, priority: Priority, tells: bool) -> None:
        """Run one priority; ``tells``: an end of the dialplan by it is logged here, else by who runs the subroutine."""
        if priority.run is not None:
            channel.new_exten(priority.application, priority.data)
            if self.log.verbosity >= 3:
                self._tell_step(channel, priority.application, priority.data)
            try:
                await self._run_python(channel, priority)
            except (ChannelHangup, EndDialplan):
                if tells and self.log.verbosity >= 2:
                    self._tell_end(channel)
                raise
            return
        application = self.applications.get(priority.application)
        if application is None:
            self.log.warning(
                "No application '%s' for extension (%s, %s, %d)",
                priority.application,
                channel.context,
                channel.exten,
                channel.priority,
            )
            self.raise_exception(channel, "ERROR")
            if tells and self.log.verbosity >= 2:
                self._tell_end(channel)
            raise EndDialplan(self._no_cause(channel))
        template = priority.template
        if template is None:
            data = priority.data
        elif template.functions and self.environment.waits(template.functions):
            data = await template.expand_later(self.environment, channel)
        else:
            started = monotonic()
            data = template.expand(self.environment, channel)
            if monotonic() - started > SLOW_LINE:
                await asyncio.sleep(0)
        channel.new_exten(priority.application, data)
        if self.log.verbosity >= 3:
            self._tell_step(channel, priority.application, data)
        try:
            await application(channel, data)
        except (ChannelHangup, EndDialplan):
            if tells and self.log.verbosity >= 2:
                self._tell_end(channel)
            raise
        except (Goto, HandedOver, SubroutineReturned):
            raise
        except (*FAILURES, BaseExceptionGroup) as error:
            if task_ends(error):
                raise
            if tells and self.log.verbosity >= 2:
                self._tell_end(channel)
            raise_end(channel, error, f"application {priority.application}")

    def _tell_step(self, channel: Channel, application: str, data: str) -> None:
        self.log.verbose(
            3, 'Executing [%s@%s:%d] %s("%s", "%s") in new stack',
            channel.exten, channel.context, channel.priority, application, channel.name, data,
        )  # fmt: skip

    def _tell_end(self, channel: Channel) -> None:
        """The application that runs has ended the dialplan."""
        self.log.verbose(
            2, "Spawn extension (%s, %s, %d) exited non-zero on '%s'",
            channel.context, channel.exten, channel.priority, channel.name,
        )  # fmt: skip

    @staticmethod
    async def _run_python(channel: Channel, priority: Priority) -> None:
        assert priority.run is not None
        await Extension(channel, priority.run, f"extension {channel.exten}@{channel.context}").run()

    async def _no_priority(self, channel: Channel, jumped: bool) -> None:
        """The next priority does not exist: go to ``i`` or wait for digits by raising Goto, or end the call."""
        context, exten = channel.context, channel.exten
        caller = channel.caller.number
        if jumped:
            if exten != "i" and self.table.find(context, exten, 1, caller) is None:
                if self.table.find(context, "i", 1, caller) is not None:
                    channel.set_variable("INVALID_EXTEN", self.environment.foreign(exten))
                    raise Goto(context, "i", 1)
                self.raise_exception(channel, "INVALID")
                self.log.warning(
                    "Channel '%s' sent to invalid extension but no invalid handler: context,exten,priority=%s,%s,%d",
                    channel.name, context, exten, channel.priority,
                )  # fmt: skip
                raise EndDialplan(self._no_cause(channel))
            if self.table.find(context, exten, 1, caller) is None:
                raise EndDialplan(self._no_cause(channel))
        if not self.autofallthrough:
            await self.wait_exten(channel, self.state(channel).response_timeout)
        await self.fall_through(channel)

    async def fall_through(self, channel: Channel) -> None:
        """Apply ``autofallthrough`` when there is no further priority: end the call according to DIALSTATUS."""
        status = channel.variables.get("DIALSTATUS", "")
        self.log.verbose(3, "Auto fallthrough, channel '%s' status is '%s'", channel.name, status or "UNKNOWN")
        if status == "BUSY":
            await self.busy(channel, Control.BUSY, Cause.USER_BUSY, 10.0)
        if status in ("CHANUNAVAIL", "CONGESTION"):
            await self.busy(channel, Control.CONGESTION, Cause.NORMAL_CIRCUIT_CONGESTION, 10.0)
        raise EndDialplan(self._no_cause(channel))

    @staticmethod
    def _no_cause(channel: Channel) -> int | None:
        """A call that ends unanswered without anybody saying why has no cause, whatever a Dial without answer left."""
        if channel.state == ChannelState.UP:
            return None
        answered = channel.variables.get("DIALSTATUS") == "ANSWER"
        return channel.hangup_cause or Cause.NORMAL_CLEARING if answered else 0

    async def busy(self, channel: Channel, control: Control, cause: Cause, seconds: float | None) -> None:
        """Tell the caller busy or congestion, let an answered one hear the tone for a while, end the call.

        The final response to an unanswered call ends it, so there is nothing to wait for. In a Local channel it
        is the other half's caller that ends it.
        """
        channel.hangup_cause = cause
        if channel.state != ChannelState.UP:
            channel.set_state(ChannelState.BUSY)
        channel.indicate(control)
        if channel.state == ChannelState.UP:
            start_tone(channel, "busy" if control is Control.BUSY else "congestion")
            await channel.park(seconds)
            raise EndDialplan(cause)
        if getattr(channel.technology, "inside", False):
            with contextlib.suppress(ChannelHangup):
                await channel.park(_REFUSED_WAIT)
        raise EndDialplan(cause)

    async def wait_exten(self, channel: Channel, seconds: float, context: str = "", digits: str = "") -> None:
        """Collect digits and go to the extension they name, else to ``i`` or ``t``, by raising ``Goto``.

        ``digits`` are those that were dialled already; without any the first may take ``seconds``. Extensions are
        those of ``context``, by default the channel's. Returns when nothing was dialled and there is no ``t``.
        """
        context, caller = context or channel.context, channel.caller.number
        if not digits:
            digits = await channel.read_digit(seconds) or ""
        if not digits:
            if self.table.find(context, "t", 1, caller) is not None:
                raise Goto(context, "t", 1)
            self.raise_exception(channel, "RESPONSETIMEOUT", context)
            return
        while self.table.matches_more(context, digits, caller):
            digit = await channel.read_digit(self.state(channel).digit_timeout)
            if not digit:
                break
            digits += digit
        if self.table.find(context, digits, 1, caller) is not None:
            raise Goto(context, digits, 1)
        if self.table.find(context, "i", 1, caller) is not None:
            channel.set_variable("INVALID_EXTEN", self.environment.foreign(digits))
            raise Goto(context, "i", 1)
        self.raise_exception(channel, "INVALID", context)
        self.log.warning("Invalid extension '%s' in context '%s', which has no extension 'i'", digits, context)
        raise EndDialplan

    def begins(self, context: str, digits: str, caller: str, *, longer: bool = False) -> bool:
        """Whether an extension of the context begins with these digits; with ``longer`` one that has more."""
        more = self.table.matches_more(context, digits, caller)
        return more if longer else more or self.table.find(context, digits, 1, caller) is not None

    async def complete(self, channel: Channel) -> None:
        """Wait for further digits of the channel's extension, and go to the one that they make, or to ``i``."""
        context, digits, caller = channel.context, channel.exten, channel.caller.number
        if self.table.matches_more(context, digits, caller):
            await self.wait_exten(channel, 0, context, digits)
        if self.table.find(context, "i", 1, caller) is None:
            self.raise_exception(channel, "INVALID", context)
            self.log.warning("Extension '%s' in context '%s' has no longer one, and there is no 'i'", digits, context)
            raise EndDialplan
        channel.set_variable("INVALID_EXTEN", self.environment.foreign(digits))
        raise Goto(context, "i", 1)

    async def _run_hangup_extension(self, channel: Channel, context: str) -> None:
        state = self.state(channel)
        while state.frames:
            self.pop_frame(channel)
        channel.context, channel.exten, channel.priority = context, "h", 1
        with contextlib.suppress(ChannelHangup, EndDialplan, SubroutineReturned):
            await self._run(channel, fall_through=False, hanging_up=True)
