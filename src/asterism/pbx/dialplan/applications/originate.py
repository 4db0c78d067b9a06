"""Originate: a call that the dialplan makes beside the one that it runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.core.documentation import Argument, Documentation
from asterism.core.restriction import restriction
from asterism.pbx.calls.originate import (
    DEFAULT_TIMEOUT,
    MAX_PENDING,
    REASON_BUSY,
    REASON_CONGESTION,
    REASON_NO_ANSWER,
    OriginateRequest,
    named_formats,
    originate,
    start,
)
from asterism.pbx.dialplan.applications.dial.called import gosub
from asterism.pbx.dialplan.language.arguments import number, split_arguments, split_assignment, split_letters
from asterism.pbx.dialplan.language.places import parse_place
from asterism.pbx.vocabulary.causes import Cause
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule
from asterism.pbx.vocabulary.party import PartyId

if TYPE_CHECKING:
    from asterism.pbx.calls.originate import Originated
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import HostServer

STATUS = "ORIGINATE_STATUS"
_LETTERS = "abBCcnv"
_WITH_ARGUMENT = frozenset("bBCcnv")
_KINDS = ("app", "exten")
_REASONS = {REASON_NO_ANSWER: "RINGING", REASON_BUSY: "BUSY", REASON_CONGESTION: "CONGESTION"}
_CAUSES: dict[int, str] = {Cause.USER_BUSY: "BUSY", Cause.NORMAL_CIRCUIT_CONGESTION: "CONGESTION"}


class OriginateApplication(PbxModule):
    """The application."""

    name: ClassVar[str] = "app_originate"
    description: ClassVar[str] = "Originate call"

    def load(self, server: HostServer) -> None:
        """Register the application."""
        super().load(server)
        self._tasks: set[asyncio.Task[Originated]] = set()

    def unload(self) -> None:
        """Give up the calls that are being made."""
        for task in list(self._tasks):
            task.cancel()

    def use_count(self) -> int:
        """Number of calls that wait for an answer."""
        return len(self._tasks)

    @application(
        "Originate",
        Documentation(
            "Make another call.",
            "Originate(Technology/Resource,type,arg1[,arg2[,arg3[,timeout[,options]]]])",
            "Calls somebody, who is connected to an application or an extension when he answers, and waits for that. "
            "The two calls have nothing to do with each other; where the channel hangs up meanwhile, the other call "
            "is made all the same. ORIGINATE_STATUS is SUCCESS once it is answered (with option a: begun), BUSY, "
            "CONGESTION, RINGING when nobody answered in time, HANGUP when the call was given up, or FAILED.",
            (
                Argument("Technology/Resource", "Whom to call.", True),
                Argument(
                    "type",
                    "What he is connected to.",
                    True,
                    (("app", "the application arg1 with the arguments arg2"), ("exten", "arg1,arg2,arg3")),
                ),
                Argument("arg1", "The application, or the context.", True),
                Argument("arg2", "Its arguments in quotes if there are several, or the extension."),
                Argument("arg3", "The priority or label, 1 by default."),
                Argument("timeout", f"How long to wait for the answer, in seconds ({DEFAULT_TIMEOUT:.0f})."),
                Argument(
                    "options",
                    "Letters, some with an argument.",
                    values=(
                        ("a", "Do not wait for the answer."),
                        (
                            "b(context^exten^priority[(arg1[^...])])",
                            "Run this subroutine on the new channel before it is called.",
                        ),
                        ("B(context^exten^priority[(arg1[^...])])", "Run this subroutine on this channel before."),
                        ("C(codecs)", "What is offered, with commas between: alaw,ulaw."),
                        ("c(number)", "Number of the caller that is shown."),
                        ("n(name)", "Name of the caller that is shown."),
                        (
                            "v(name=value[^name=value...])",
                            "Variables of the new channel; with _ or __ in front they are inherited.",
                        ),
                    ),
                ),
            ),
            ("Dial",),
        ),
    )
    async def originate(self, channel: Channel, args: str) -> None:
        """Run Originate."""
        log = self.pbx.dialplan.log
        fields = [*split_arguments(args, limit=7), *[""] * 7][:7]
        destination, kind, first, second, third, seconds, letters = (part.strip() for part in fields)
        kind = kind.lower()
        if kind not in _KINDS or not destination or not first:
            log.warning("Originate: it takes a destination, 'app' or 'exten', and what to connect it to: %s", args)
            channel.set_variable(STATUS, "FAILED")
            return
        options = dict(split_letters(letters, _WITH_ARGUMENT))
        for letter in options:
            if letter not in _LETTERS:
                log.warning("Originate: option '%s' is not supported", letter)
        timeout = number(seconds) if seconds else DEFAULT_TIMEOUT
        if timeout is None:
            log.warning("Originate: '%s' is no time: %.0f seconds it is", seconds, DEFAULT_TIMEOUT)
            timeout = DEFAULT_TIMEOUT
        request = OriginateRequest(
            destination,
            timeout=timeout or DEFAULT_TIMEOUT,
            caller=_caller(options),
            formats=named_formats(options.get("C") or ""),
            predial=options.get("b") or "",
            variables=_variables(options.get("v") or ""),
            restriction=restriction.get(),
        )
        if kind == "app":
            request.application, request.data = first, second
            if self.pbx.applications.get(first) is None:
                log.warning("Originate: there is no application '%s'", first)
                channel.set_variable(STATUS, "FAILED")
                return
        else:
            exten = second or channel.exten
            priority = self.pbx.dialplan.resolve_priority(first, exten, third or "1")
            if not priority:
                log.warning("Originate: %s@%s has no priority '%s'", exten, first, third)
                channel.set_variable(STATUS, "FAILED")
                return
            request.context, request.exten, request.priority = first, exten, priority
        if len(self._tasks) >= MAX_PENDING:
            log.warning("Originate: %d calls wait for an answer already", MAX_PENDING)
            channel.set_variable(STATUS, "CONGESTION")
            return
        before = options.get("B")
        if before:
            await gosub(channel, parse_place(before))
        task = self.pbx.loop.create_task(self._make(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if "a" in options:
            channel.set_variable(STATUS, "SUCCESS")
            return
        await self._wait(channel, task)
        channel.set_variable(STATUS, "HANGUP" if task.cancelled() else _status(task.result()))

    async def _make(self, request: OriginateRequest) -> Originated:
        result = await originate(self.pbx, request)
        if result.channel is not None:
            start(self.pbx, result.channel, request)
        return result

    async def _wait(self, channel: Channel, task: asyncio.Task[Originated]) -> None:
        """Wait for the outcome; a hang-up of the channel ends the wait and not the call that is made."""
        over: asyncio.Future[bool] = self.pbx.loop.create_future()

        def done(_task: asyncio.Task[Any]) -> None:
            if not over.done():
                over.set_result(True)

        task.add_done_callback(done)
        await channel.park(None, 0, over)


def _caller(options: dict[str, str | None]) -> PartyId | None:
    name, digits = (options.get("n") or "").strip(), (options.get("c") or "").strip()
    return PartyId(digits, name) if name or digits else None


def _variables(text: str) -> list[tuple[str, str]]:
    found = [split_assignment(part) for part in split_arguments(text, "^")] if text else []
    return [pair for pair in found if pair is not None and pair[0]]


def _status(result: Originated) -> str:
    if result.channel is not None:
        return "SUCCESS"
    return _REASONS.get(result.reason) or _CAUSES.get(result.cause, "FAILED")
