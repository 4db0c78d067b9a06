"""Unsolicited NOTIFYs of message-summary: message counts of another server (``incoming_mwi_mailbox``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.applications.pubsub.bodies.message_summary import TYPE, counts_in
from asterism.pbx.states.mailboxes import MessageCounts
from asterism.sip.decision import Decision, Outcome
from asterism.sip.service import Service
from asterism.stack.errors import ParseError
from asterism.stack.headers import Event as EventHeader

if TYPE_CHECKING:
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.sip.core import SipCore
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx

MAX_BODY = 4096
"""Bytes of a summary that is read."""


class IncomingMwi(Service):
    """Takes NOTIFY of message-summary outside a dialog from endpoints that may set a mailbox."""

    name: ClassVar[str] = "incoming_mwi"
    priority: ClassVar[int] = 85
    methods: ClassVar[frozenset[str]] = frozenset({"NOTIFY"})
    types: ClassVar[frozenset[str]] = frozenset({TYPE})

    def __init__(self, core: SipCore, pbx: Pbx) -> None:
        self._core = core
        self._mailboxes = pbx.mailboxes
        self._log = pbx.log

    def evaluate(self, rx: Rx) -> Decision | None:
        """Whether it is a summary, from an endpoint with ``incoming_mwi_mailbox``."""
        endpoint = rx.endpoint
        if endpoint is None:
            return None
        where = f"endpoint {endpoint.id}"
        try:
            event, media = rx.request.typed(EventHeader), rx.request.content_type
        except ParseError as error:
            return Decision(Outcome.REJECT, error.message, error.status, where)
        if event is None or event.package != "message-summary":
            return Decision(Outcome.REJECT, "no NOTIFY of this package is taken outside a dialog", 489, where)
        if not endpoint.incoming_mwi_mailbox:
            return Decision(Outcome.REJECT, "no incoming_mwi_mailbox", 404, where, endpoint.position)
        if media is None or f"{media.type}/{media.subtype}".lower() != TYPE:
            return Decision(Outcome.REJECT, f"no body of type {TYPE}", 415, where)
        body = rx.request.body
        if len(body) > MAX_BODY:
            return Decision(Outcome.REJECT, f"the body has more than {MAX_BODY} bytes", 413, where)
        mailbox = endpoint.incoming_mwi_mailbox
        return Decision(Outcome.TAKE, mailbox, 200, where, endpoint.position, counts_in(body))

    def apply(self, decision: Decision, rx: Rx) -> None:
        """Set the mailbox; a summary that counts no voice messages changes nothing."""
        if decision.outcome is Outcome.TAKE and decision.data is not None and rx.endpoint is not None:
            self._mailboxes.set(rx.endpoint.incoming_mwi_mailbox, decision.data)
        if self._core.test_events.wanted and rx.endpoint is not None:
            self._test(decision, rx, rx.endpoint)
        if decision.status >= 300:
            self._log.notice(
                "a NOTIFY from %s is refused with %d: %s", decision.object, decision.status, decision.reason
            )
        headers: tuple[tuple[str, str], ...] = ()
        if decision.status == 415:
            headers = (("Accept", TYPE),)
        elif decision.status == 489:
            headers = (("Allow-Events", self._core.state.capabilities.events),)
        rx.respond(decision.status, headers=headers)

    def _test(self, decision: Decision, rx: Rx, endpoint: Endpoint) -> None:
        """Tell tests of a summary that was taken, or has no mailbox."""
        tests = self._core.test_events
        if decision.status == 404:
            tests.send("PUBSUB_NO_INCOMING_MWI_MAILBOX", (("Endpoint", endpoint.id),))
        elif isinstance(decision.data, MessageCounts):
            counts = decision.data
            lines = rx.request.body.decode("utf-8", "replace").splitlines()
            account = next((line for line in lines if line.lower().startswith("message-account:")), "")
            headers = (
                ("Endpoint", endpoint.id), ("Mailbox", endpoint.incoming_mwi_mailbox),
                ("MessageAccount", account.partition(":")[2].strip()), ("VoiceMessagesNew", counts.new),
                ("VoiceMessagesOld", counts.old), ("VoiceMessagesUrgentNew", counts.urgent_new),
                ("VoiceMessagesUrgentOld", counts.urgent_old),
            )  # fmt: skip
            tests.send("PUBSUB_INCOMING_MWI_PUBLISH", headers)
