"""A REFER within a call (RFC 3515, RFC 5589): the phone transfers it.

What is done is :mod:`asterism.pbx.calls.transfers`; here SIP is told what becomes of it. A :class:`Transfer` is the
outcome of that on one side and the implicit subscription of the REFER on the other. The subscription is a usage of the
dialog beside the session (RFC 5057): a phone that sends BYE at once is told the outcome all the same, and one that
waits for it gets our BYE only when it has heard it and had time for a BYE of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.invite import REFERRED_BY
from asterism.applications.session.refer_to import SEND_TO_VM, headers_with, read
from asterism.applications.session.replaces import Refusal, find
from asterism.applications.session.state import SessionState
from asterism.core.containment import attempt
from asterism.pbx.calls.transfers.attended import attended
from asterism.pbx.calls.transfers.blind import blind
from asterism.pbx.calls.transfers.results import TransferResult
from asterism.pbx.dialplan.functions.lists import hash_of
from asterism.pbx.dialplan.language.foreign import foreign
from asterism.pbx.vocabulary.party import Redirecting
from asterism.sip.identifiers.lookup import user_part
from asterism.stack.errors import ParseError
from asterism.stack.message import reason_phrase

if TYPE_CHECKING:
    from asterism.applications.session.refer_to import Wanted
    from asterism.applications.session.session import Session
    from asterism.pbx.channels.channel import Channel
    from asterism.sip.implicit import ImplicitSubscription
    from asterism.sip.rx import Rx
    from asterism.stack.dialog import Dialog
    from asterism.stack.timers import Timer

NAME = "refer"
"""The datastore of a session that a REFER of its phone transfers; also the event package."""
GRACE = 4.0
"""Seconds that a phone has for a BYE of its own, once it knows that its transfer has succeeded."""
EXTERNAL_REPLACES = "external_replaces"
"""The extension for transfers to a dialog that is not here."""

_STATUSES = {TransferResult.INVALID: 404, TransferResult.NOT_PERMITTED: 403, TransferResult.FAIL: 503}
"""What the subscription tells of a transfer that was not begun."""
_REASON = ("Reason", "Q.850;cause=16")
"""The Reason with which Asterisk refuses a REFER."""


class Transfer:
    """One REFER that was accepted (``Outcome``), until nothing more is to be said of it.

    Args:
        session: the call that is transferred.
        wanted: what is asked for.
        headers: what the dialplan may read of the request, by name.
    """

    __slots__ = (
        "_at_once",
        "_headers",
        "_known",
        "_progress",
        "_session",
        "_subscription",
        "_timer",
        "_told",
        "_wanted",
    )

    def __init__(self, session: Session, wanted: Wanted, headers: dict[str, str]) -> None:
        self._session: Session | None = session
        self._wanted = wanted
        self._headers = headers
        self._subscription: ImplicitSubscription | None = None
        self._at_once = session.endpoint.habits.refer_at_once
        self._progress = session.endpoint.refer_blind_progress and not self._at_once
        self._known = False
        """Whether the outcome is known."""
        self._told = True
        """Whether the phone knows all that it will be told."""
        self._timer: Timer | None = None

    @property
    def under_way(self) -> bool:
        """Whether the outcome is not known yet."""
        return not self._known

    def subscribe(self, rx: Rx, dialog: Dialog) -> bool:
        """Open the subscription, where there can be one; whether there is one."""
        session = self._session
        keeper = None if session is None else session.core.implicit.get(NAME)
        if keeper is None or not self._wanted.subscribed:
            return False
        self._told = False
        self._subscription = keeper.open(rx, dialog, self._wanted.uri.user or "s", self._settled)
        return True

    def begin(self) -> None:
        """Carry the REFER out."""
        session = self._session
        channel = None if session is None else session.channel
        if session is None or channel is None:
            self.done(481)
            return
        if not self._at_once:
            self._say(100)
        result = attempt(
            session.core.log, "a transfer by REFER", TransferResult.FAIL, self._carry_out, session, channel
        )
        if result is not TransferResult.SUCCESS:
            self.done(_STATUSES[result])
        elif not self._follows:
            self.done(200)

    @property
    def _follows(self) -> bool:
        """Whether the outcome is waited for."""
        return not self._at_once and (self._progress or self._wanted.replaces is not None)

    def _carry_out(self, session: Session, channel: Channel) -> TransferResult:
        uri, replaces = self._wanted.uri, self._wanted.replaces
        context = channel.get_variable("TRANSFER_CONTEXT") or session.endpoint.context
        exten = uri.user
        if exten and session.core.state.ignore_uri_user_options:
            exten = user_part(exten)
        if replaces is not None:
            other = find(session.core, replaces)
            if other is not None:
                if other.endpoint.id != session.endpoint.id and session.endpoint.allow_replaces not in _OTHERS:
                    return TransferResult.NOT_PERMITTED
                if other.channel is None:
                    return TransferResult.INVALID
                return attended(channel, other.channel, outcome=self)
            exten = EXTERNAL_REPLACES

        def prepare(transferred: Channel) -> None:
            self._mark(transferred, channel, context)

        follows = self._progress
        return blind(channel, context, exten or "s", outcome=self if follows else None, prepare=prepare, keeps=follows)

    def _mark(self, transferred: Channel, transferer: Channel, context: str) -> None:
        """Tell the dialplan what the REFER said."""
        wanted = self._wanted
        transferred.set_variable("SIPREFERRINGCONTEXT", context)
        if wanted.referred_by:
            transferred.set_variable(f"__{REFERRED_BY}", foreign(wanted.referred_by))
        transferred.set_variable("SIPREFERTOHDR", foreign(str(wanted.uri)))
        if wanted.replaces is not None:
            transferred.set_variable("SIPREPLACESHDR", foreign(str(wanted.replaces)))
        if self._headers:
            table = hash_of(transferred, "TRANSFER_DATA")
            table.clear()
            table.update((name, foreign(value)) for name, value in self._headers.items())
        session = self._session
        if session is not None:
            for callback in session.profile.callbacks["on_transferred"]:
                callback(session, transferred)
        if wanted.voicemail:
            by = transferer.caller
            now = Redirecting(from_=by, to=by, original=by, reason=SEND_TO_VM, count=1)
            before = transferred.redirecting
            transferred.redirecting = now if before is None else before.then(now)

    # Outcome.

    def progress(self, status: int) -> None:
        """The transferred party is told that it rings, or hears something."""
        if not self._at_once:
            self._say(status)

    def done(self, status: int) -> None:
        """The outcome."""
        if self._known:
            return
        self._known = True
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.close(_fragment(status))

    def _say(self, status: int) -> None:
        if self._subscription is not None:
            self._subscription.notify(_fragment(status))

    def _settled(self) -> None:
        """The subscription is over: the phone has been told all that it will be told."""
        self._subscription = None
        self._told = True
        session = self._session
        if session is not None and session.bye_pending:
            self._wait(session)

    # The end of the call.

    def holds_bye(self) -> bool:
        """Whether the phone is to get no BYE yet; asked when our side ends the call."""
        session = self._session
        if session is None:
            return False
        if self._told and self._timer is None:
            self._wait(session)
        return True

    def _wait(self, session: Session) -> None:
        self._timer = session.call_later(GRACE, self._leave)

    def _leave(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.say_bye()

    def close(self) -> None:
        """The session is over (datastore of it); the subscription may go on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._session = None


_OTHERS = frozenset(("identified", "yes"))
"""Values of ``allow_replaces`` with which a phone may also take the place of others' calls."""


def _fragment(status: int) -> str:
    """A ``message/sipfrag`` with the first line of a response (RFC 3420, RFC 3515 2.4.5)."""
    return f"SIP/2.0 {status} {reason_phrase(status)}\r\n"


def refusal(session: Session, rx: Rx) -> Refusal | Wanted:
    """What a REFER to a call asks for, or why it is refused; changes nothing."""
    if not session.endpoint.allow_transfer:
        return Refusal(
            session.endpoint.habits.transfer_refusal.status, "the endpoint may not transfer (allow_transfer)"
        )
    try:
        wanted = read(rx.request)
    except ParseError as error:
        return Refusal(error.status, error.message)
    channel = session.channel
    if session.state is not SessionState.CONFIRMED or session.bye_pending or channel is None:
        return Refusal(403, "only an answered call can be transferred")
    before = session.datastores.get(NAME)
    if before is not None and before.under_way:
        return Refusal(491, "the call is being transferred")
    return wanted


def take(session: Session, rx: Rx) -> None:
    """Take a REFER within the dialog of a call, in its work."""
    found = refusal(session, rx)
    if not isinstance(found, Refusal):
        dialog = session.dialog
        assert dialog is not None
        session.take_target(rx.request)
        accept(session, found, rx, dialog)
        return
    endpoint = session.endpoint
    session.core.log.info("a REFER of %s is refused with %d: %s", endpoint.id, found.status, found.reason)
    headers = () if endpoint.suppress_q850_reason_headers else (_REASON,)
    phrase = "" if endpoint.allow_transfer else endpoint.habits.transfer_refusal.phrase
    session.respond(rx, found.status, phrase, headers)


def accept(session: Session, wanted: Wanted, rx: Rx, dialog: Dialog) -> None:
    """Answer a REFER, in the dialog of which what becomes of it is told, and carry it out."""
    channel = session.channel
    prefix = None if channel is None else channel.get_variable("GET_TRANSFERRER_DATA")
    headers = headers_with(rx.request, prefix) if prefix else {}
    before: Any = session.datastores.pop(NAME, None)
    if before is not None:
        before.close()
    transfer = session.datastores[NAME] = Transfer(session, wanted, headers)
    session.holds_bye = transfer.holds_bye
    capabilities = session.core.state.capabilities
    told = transfer.subscribe(rx, dialog)
    keeper = session.core.implicit.get(NAME)
    first = ("Expires", str(keeper.expires)) if told and keeper is not None else ("Refer-Sub", "false")
    at_once = session.endpoint.habits.refer_at_once
    lines = [*(() if at_once else (first,)), ("Contact", dialog.contact), ("Allow", capabilities.allow)]
    if session.profile.supported:
        lines.append(("Supported", session.profile.supported))
    rx.send(rx.make_response(202, headers=lines, to_tag=dialog.local_tag))
    transfer.begin()
