"""Unsolicited NOTIFYs for the ``mailboxes`` of endpoints (RFC 3842 has no such thing; phones do)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from asterism.applications.pubsub.bodies.message_summary import TYPE, Summary, summary_text
from asterism.core.errors import AsterismError
from asterism.sip.objects.contact import Contact
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.global_ import GlobalSettings
from asterism.sip.resolving import Way
from asterism.stack.errors import SipError
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from asterism.applications.pubsub.registry import PubSub
    from asterism.data.table import Change
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.pbx.states.mailboxes import MessageCounts
    from asterism.stack.flow import Flow

ALL = ""
"""Stands for all mailboxes of an endpoint at once (``aggregate_mwi``)."""


class _Nobody:
    """Takes the outcome of a NOTIFY that no subscription hangs on."""

    def on_response(self, _transaction: Any, _response: Any) -> None:
        """Whatever it is."""

    def on_timeout(self, _transaction: Any) -> None:
        """Nothing."""

    def on_transport_error(self, _transaction: Any) -> None:
        """Nothing."""


_NOBODY = _Nobody()


class _Recipient:
    """One contact of an endpoint, and the mailbox that it is told of; by value."""

    __slots__ = ("contact", "endpoint", "mailbox", "owner")

    def __init__(self, owner: UnsolicitedMwi, endpoint: str, contact: Contact, mailbox: str) -> None:
        self.owner = owner
        self.endpoint = endpoint
        self.contact = contact
        self.mailbox = mailbox

    def __hash__(self) -> int:
        return hash((self.endpoint, self.contact.id, self.mailbox))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Recipient)
            and (self.endpoint, self.contact.id, self.mailbox) == (other.endpoint, other.contact.id, other.mailbox)
        )  # fmt: skip

    def notify(self, _state: object) -> None:
        """Send the counts as they are by now."""
        self.owner.send(self.endpoint, self.contact, self.mailbox)


class UnsolicitedMwi:
    """Sends mailbox states to endpoints: when they change, when a contact registers, and once at the start."""

    def __init__(self, tables: PubSub, pbx: Pbx) -> None:
        self._tables = tables
        self._core = tables.core
        self._mailboxes = pbx.mailboxes
        self._endpoints: dict[str, dict[str, None]] = {}
        """Names of endpoints by mailbox."""
        self._told: dict[str, tuple[str, ...]] = {}
        """The mailboxes of each endpoint that has some."""
        self._subscribed: dict[tuple[str, str], int] = {}
        """Number of subscriptions, by endpoint and mailbox."""
        self._undo: list[Callable[[], None]] = []
        self._contacts_undo: Callable[[], None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Take up the endpoints, and tell them how things are (``mwi_disable_initial_unsolicited``)."""
        data = self._core.data
        self._undo.append(data.observe(Endpoint, self._endpoint_changed))
        for endpoint in data.all(Endpoint):
            self._follow(endpoint)
        if not data.single(GlobalSettings).mwi_disable_initial_unsolicited:
            for name in self._told:
                self._tell(name)

    def stop(self) -> None:
        """Stop sending."""
        while self._undo:
            self._undo.pop()()
        for name in list(self._told):
            self._leave(name)
        for task in tuple(self._tasks):
            task.cancel()

    def subscribed(self, endpoint: str, mailboxes: Iterable[str]) -> None:
        """A subscription takes the place of telling unasked."""
        for name in mailboxes:
            key = (endpoint, name)
            self._subscribed[key] = self._subscribed.get(key, 0) + 1

    def unsubscribed(self, endpoint: str, mailboxes: Iterable[str]) -> None:
        """A subscription is over: the endpoint gets unsolicited NOTIFYs again, at once."""
        free = False
        for name in mailboxes:
            key = (endpoint, name)
            left = self._subscribed.pop(key, 1) - 1
            if left:
                self._subscribed[key] = left
            elif endpoint in self._endpoints.get(name, ()):
                free = True
        if free:
            self._tell(endpoint)

    # Who is told.

    def _endpoint_changed(self, change: Change[Endpoint]) -> None:
        old, new = change.old, change.new
        if old is not None and (new is None or new.mailboxes != old.mailboxes):
            self._leave(old.id)
        if new is not None and new.id not in self._told:
            self._follow(new)

    def _follow(self, endpoint: Endpoint) -> None:
        if not endpoint.mailboxes:
            return
        self._told[endpoint.id] = endpoint.mailboxes
        for name in endpoint.mailboxes:
            found = self._endpoints.get(name)
            if found is None:
                found = self._endpoints[name] = {}
                self._mailboxes.watch(name, self._mailbox_changed)
            found[endpoint.id] = None
        if self._contacts_undo is None:
            # Observed only now, so that registrations cost nothing more as long as no endpoint is notified.
            self._contacts_undo = self._core.data.observe(Contact, self._contact_changed)

    def _leave(self, name: str) -> None:
        for mailbox in self._told.pop(name, ()):
            found = self._endpoints.get(mailbox)
            if found is not None:
                found.pop(name, None)
                if not found:
                    del self._endpoints[mailbox]
                    self._mailboxes.unwatch(mailbox, self._mailbox_changed)
        if not self._told and self._contacts_undo is not None:
            undo, self._contacts_undo = self._contacts_undo, None
            undo()

    def _mailbox_changed(self, mailbox: str) -> None:
        for name in tuple(self._endpoints.get(mailbox, ())):
            endpoint = self._core.data.get(Endpoint, name)
            if not isinstance(endpoint, Endpoint):
                continue
            if endpoint.mwi_subscribe_replaces_unsolicited and (name, mailbox) in self._subscribed:
                continue
            self._tell(name, mailbox)

    def _contact_changed(self, change: Change[Contact]) -> None:
        contact = change.new
        if contact is None:
            return
        for name in self._core.location.endpoints_of(contact.aor):
            if name in self._told:
                self._tell_contact(name, contact)

    def _tell(self, name: str, mailbox: str = ALL) -> None:
        endpoint = self._core.data.get(Endpoint, name)
        if isinstance(endpoint, Endpoint):
            for aor in endpoint.aors:
                for contact in self._core.location.contacts(aor):
                    self._tell_contact(name, contact, mailbox)

    def _tell_contact(self, name: str, contact: Contact, mailbox: str = ALL) -> None:
        endpoint = self._core.data.get(Endpoint, name)
        if not isinstance(endpoint, Endpoint):
            return
        if endpoint.aggregate_mwi:
            mailboxes: Iterable[str] = (ALL,)
        else:
            mailboxes = (mailbox,) if mailbox else endpoint.mailboxes
        for each in mailboxes:
            self._tables.fan_out.put(_Recipient(self, name, contact, each), None)

    # The NOTIFY.

    def send(self, name: str, contact: Contact, mailbox: str) -> None:
        """Tell one contact."""
        endpoint = self._core.data.get(Endpoint, name)
        if not isinstance(endpoint, Endpoint) or name not in self._told:
            return
        counts = self._mailboxes.total((mailbox,) if mailbox else endpoint.mailboxes)
        try:
            found = self._core.way_to(contact.parsed, endpoint)
        except (OSError, AsterismError, SipError) as error:
            self._core.log.warning("endpoint '%s' cannot be told of its messages: %s", name, error)
            return
        if isinstance(found, Way):
            self._send(endpoint, contact, counts, found)
        else:
            task = asyncio.get_running_loop().create_task(self._send_later(endpoint, contact, counts, found))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send_later(self, endpoint: Endpoint, contact: Contact, counts: MessageCounts, waiting: Any) -> None:
        try:
            self._send(endpoint, contact, counts, await waiting)
        except (OSError, AsterismError, SipError) as error:
            self._core.log.warning("endpoint '%s' cannot be told of its messages: %s", endpoint.id, error)

    def _send(self, endpoint: Endpoint, contact: Contact, counts: MessageCounts, way: Way) -> None:
        core, flow = self._core, way.flow
        capabilities = core.state.capabilities
        habits = endpoint.habits
        headers = (
            *(() if habits.old_bodies else (("Subscription-State", "terminated"),)),
            ("Event", "message-summary"),
            ("Allow-Events", capabilities.events),
        )
        body = summary_text(Summary(counts, self._account(endpoint, flow)), not endpoint.mwi_without_urgent)
        request = core.create_request("NOTIFY", contact, endpoint, headers, body, habits.body_types.get(TYPE, TYPE))
        user = endpoint.mwi_from_user or endpoint.from_user or habits.nobody[1] or endpoint.id
        for header in ("From", "Contact"):
            before, _, value = (request.get(header) or "").partition("@")
            request.set_header(header, f"{before[: before.index('<')]}<sip:{user}@{value}")
        # Where a route leads elsewhere, the way is that of the route.
        core.send(request, _NOBODY, endpoint, None if request.routes else way)

    def _account(self, endpoint: Endpoint, flow: Flow) -> str:
        extension = endpoint.voicemail_extension
        extension = extension or self._core.data.single(GlobalSettings).default_voicemail_extension
        return str(Uri.parse(f"sip:{self._core.layer.sent_by(flow)}").replace(user=extension)) if extension else ""
