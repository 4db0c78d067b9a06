"""Passes requests from the stack to the applications.

In-dialog requests go to their dialog's usage, in the dialog's work. All others pass the interception
steps in order of priority, then are offered to the services. Everything is called as a plain
function; only when a callback returns an awaitable is the request parked.
"""

from __future__ import annotations

from collections.abc import Awaitable
from inspect import isawaitable
from typing import TYPE_CHECKING

from asterism.core.containment import FAILURES, attempt, task_ends
from asterism.data.errors import DataUnavailableError
from asterism.sip.decision import Decision
from asterism.sip.extensions import refuse, unknown_extensions
from asterism.sip.nat_detection import forces_rport
from asterism.sip.parking import Parking
from asterism.sip.rx import Rx
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.sip.core import SipCore
    from asterism.sip.dialogs import DialogEntry
    from asterism.sip.service import InterceptionStep, Service
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request, Response
    from asterism.stack.transactions.server import ServerTransaction
    from asterism.stack.transactions.server_invite import InviteServerTransaction

OVERLOAD_METHODS = frozenset({"INVITE", "REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE", "OPTIONS"})
SCHEMES = frozenset({"sip", "sips", "tel"})
_UNTAKEN = {"SUBSCRIBE": 489, "PUBLISH": 489, "PRACK": 481}
MAX_WAITING_IN_DIALOG = 100
"""Requests that may wait for their turn in one dialog: far below what makes a work count as congested."""
RETRY_AFTER = ("Retry-After", "5")


class Distributor:
    """The stack's user: takes every request that belongs to no transaction yet."""

    __slots__ = ("core", "counters", "parking")

    def __init__(self, core: SipCore) -> None:
        self.core = core
        self.parking = Parking(core)
        self.counters = {"requests": 0, "in_dialog": 0, "unhandled": 0, "failed": 0, "overload": 0, "malformed": 0}

    # From the stack.

    def on_request(self, request: Request) -> None:
        """Handle a new request; nothing that goes wrong in here reaches the loop."""
        flow = request.flow
        if flow is None:
            return
        self.counters["requests"] += 1
        rx = Rx(self.core, request, flow, request.received_at or 0.0)
        try:
            if request.to.tag:
                entry = self.core.dialogs.find(request)
                if entry is None and self.core.dialogs.expects(request):
                    entry = self.core.dialogs.begun_by(request)
                if entry is not None:
                    self._to_dialog(entry, rx)
                    return
                if request.method != "REGISTER":
                    rx.respond_stateless(481)
                    return
            elif request.method == "BYE":
                # As Asterisk 22 does. All others, a PRACK too, must first say who they are.
                rx.respond_stateless(481)
                return
            if self.core.state.overloaded and request.method in OVERLOAD_METHODS:
                self.counters["overload"] += 1
                rx.respond_stateless(503, headers=(RETRY_AFTER,))
                return
            if request.uri.scheme not in SCHEMES:
                rx.respond_stateless(416)
                return
            steps = self.core.steps
            order = steps.by_method.get(request.method) or steps.others
            self._intercept(rx, order.ordered if flow.reliable else order.for_datagrams)
        except Exception as error:
            self.failed(rx, error)

    def on_ack(self, request: Request) -> bool:
        """Hand the ACK to a 2xx to the dialog's usages, in its work; ``False``: too much waits there."""
        try:
            entry = self.core.dialogs.find(request)
            if entry is not None:
                if entry.work.queued >= MAX_WAITING_IN_DIALOG:
                    return False
                entry.work.push(self._ack, entry, request)
        except ParseError as error:
            # A field that is read only now: as bad as if the message could not have been read at all.
            if request.flow is not None:
                self.on_malformed(error, b"", request.flow)
        except FAILURES:
            self.core.log.exception("an ACK could not be handled")
        return True

    def on_cancel(self, transaction: InviteServerTransaction, request: Request) -> None:
        """End a parked INVITE, or tell the transaction's user (``transaction.user.on_cancel``)."""
        if self.parking.cancel(transaction):
            return
        user = transaction.user
        if user is not None:
            try:
                user.on_cancel(transaction, request)
            except FAILURES:
                self.core.log.exception("a CANCEL could not be handled")

    def on_ack_timeout(self, transaction: InviteServerTransaction) -> None:
        """Tell the transaction's user that its final response was never acknowledged."""
        self._tell(transaction, "on_ack_timeout")

    def on_response_error(self, transaction: ServerTransaction) -> None:
        """Tell the transaction's user that its response could not be sent."""
        self._tell(transaction, "on_response_error")

    def on_stray_response(self, response: Response) -> None:
        """Offer a response without transaction to the services."""
        log = self.core.log
        for service in self.core.services:
            if attempt(log, f"on_response of SIP service '{service.name}'", False, service.on_response, response):
                return

    def on_malformed(self, error: ParseError, data: bytes, flow: Flow) -> None:
        """Count what is no SIP message."""
        self.counters["malformed"] += 1
        for hook in self.core.state.malformed_hooks:
            attempt(self.core.log, "a hook for malformed messages", None, hook, error, flow)

    # In a dialog.

    def _to_dialog(self, entry: DialogEntry, rx: Rx) -> None:
        self.counters["in_dialog"] += 1
        rx.dialog = entry
        rx.endpoint = endpoint = entry.endpoint
        if endpoint is not None and (
            not endpoint.force_rport or (endpoint.detect_nat and not forces_rport(endpoint, rx.request))
        ):
            rx.restore_via()
        rx.work = entry.work
        work = entry.work
        if work.queued >= MAX_WAITING_IN_DIALOG or not work.push(self._in_dialog, entry, rx):
            rx.respond_stateless(503, headers=(RETRY_AFTER,))

    def _in_dialog(self, entry: DialogEntry, rx: Rx) -> None:
        try:
            status = entry.dialog.receive_request(rx.request)
            if status:
                rx.respond(status)
                return
            endpoint = rx.endpoint
            if endpoint is not None and endpoint.habits.methods and rx.request.method not in endpoint.habits.methods:
                rx.respond(501)
                return
            if rx.request.get("Require") is not None:
                unknown = unknown_extensions(self.core, rx.request)
                if unknown:
                    refuse(rx, unknown)
                    return
            for usage in tuple(entry.usages):
                if usage.on_request(rx) is not False:
                    return
            self._nobody(rx)
        except FAILURES as error:
            self.failed(rx, error, "a usage of the dialog")

    def _ack(self, entry: DialogEntry, request: Request) -> None:
        for usage in tuple(entry.usages):
            attempt(self.core.log, "a usage of the dialog", None, usage.on_ack, request, passing=(ParseError,))

    # Out of dialog.

    def _intercept(self, rx: Rx, steps: tuple[InterceptionStep, ...]) -> None:
        for position, step in enumerate(steps):
            subjects = step.subjects
            if subjects is not None and not subjects:
                continue
            try:
                decision = step.evaluate(rx)
                if decision is None:
                    continue
                if not isinstance(decision, Decision):
                    self.parking.park(rx, self._intercept_later(rx, steps, position, decision))
                    return
                if step.apply(decision, rx):
                    return
            except FAILURES as error:
                # A request does not pass a step that fails.
                self.failed(rx, error, f"interception step '{step.name}'")
                return
        self._serve(rx, self.core.services.by_method[rx.request.method])

    async def _intercept_later(
        self, rx: Rx, steps: tuple[InterceptionStep, ...], position: int, waiting: Awaitable[Decision | None]
    ) -> None:
        try:
            decision = await waiting
            while True:
                if decision is not None and steps[position].apply(decision, rx):
                    return
                position += 1
                if position >= len(steps):
                    break
                found = steps[position].evaluate(rx)
                decision = found if found is None or isinstance(found, Decision) else await found
        except FAILURES as error:
            if task_ends(error):
                raise
            self.failed(rx, error, f"interception step '{steps[position].name}'")
            return
        await self._serve_later(rx, self.core.services.by_method[rx.request.method], 0, None)

    def _serve(self, rx: Rx, services: tuple[Service, ...]) -> None:
        for position, service in enumerate(services):
            try:
                if service.selective and not service.accepts(rx):
                    continue
                taken = service.on_request(rx)
            except FAILURES as error:
                self.failed(rx, error, f"SIP service '{service.name}'")
                return
            if taken is True:
                return
            if taken is not False and taken is not None:
                self.parking.park(rx, self._serve_later(rx, services, position, taken))
                return
        self._nobody(rx)

    async def _serve_later(
        self, rx: Rx, services: tuple[Service, ...], position: int, waiting: Awaitable[bool] | None
    ) -> None:
        while position < len(services):
            service = services[position]
            try:
                found = waiting if waiting is not None else service.accepts(rx) and service.on_request(rx)
                if await found if isawaitable(found) else found:
                    return
            except FAILURES as error:
                if task_ends(error):
                    raise
                self.failed(rx, error, f"SIP service '{service.name}'")
                return
            waiting = None
            position += 1
        self._nobody(rx)

    def _nobody(self, rx: Rx) -> None:
        """Answer a request that no service accepted.

        489 for event methods, with what could be asked for (RFC 6665 8.3.2), 481 for PRACK (RFC 3262 section 3) and
        for SUBSCRIBE and NOTIFY in a dialog, 501 for all else (as Asterisk does).
        """
        self.counters["unhandled"] += 1
        status = _UNTAKEN.get(rx.request.method, 501)
        if rx.dialog is not None and rx.request.method in ("SUBSCRIBE", "NOTIFY"):
            # RFC 6665 4.1.3, 4.2.1: no subscription of this dialog.
            status = 481
        if rx.request.method == "INVITE":
            rx.respond(status)
        else:
            headers = (("Allow-Events", self.core.state.capabilities.events),) if status == 489 else ()
            rx.respond_stateless(status, headers=headers)

    def failed(self, rx: Rx, error: BaseException, name: str = "") -> None:
        """Answer a request whose handling raised: the parser's own status, or 500, logged once.

        ``name`` is the extension that raised, where it is known.
        """
        self.counters["failed"] += 1
        try:
            headers: tuple[tuple[str, str], ...] = ()
            if isinstance(error, ParseError):
                status = error.status
            elif isinstance(error, DataUnavailableError):
                # The data layer told it once; every request of the outage would only repeat it.
                status, headers = 503, (("Retry-After", "5"),)
            else:
                status = 500
                self.core.log.error(
                    "%s failed at %s (Call-ID %r)",
                    name or "the SIP core", rx.request.method, rx.request.get("Call-ID"),
                    exc_info=error, extra={"extension": name or "the SIP core"},
                )  # fmt: skip
            if not rx.answered:
                rx.respond_stateless(status, headers=headers)
        except Exception as second:  # the request may lack what a response must echo
            self.core.log.debug("no response possible: %s", second)

    def _tell(self, transaction: ServerTransaction, method: str) -> None:
        callback = getattr(transaction.user, method, None)
        if callback is not None:
            try:
                callback(transaction)
            except FAILURES:
                self.core.log.exception("%s failed", method)
