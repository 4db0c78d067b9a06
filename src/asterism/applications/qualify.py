"""Qualify: OPTIONS to contacts, to know whether they answer and how fast."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.module import Module
from asterism.sip.contacts import Contact, ContactStatus
from asterism.sip.objects.aor import Aor
from asterism.sip.objects.contact import Contact as StoredContact
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.global_ import GlobalSettings
from asterism.sip.scheduled import ScheduledTask
from asterism.sip.sending import SendError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asterism.sip.core import SipCore
    from asterism.sip.server import SipServer
    from asterism.stack.message import Response
    from asterism.stack.timers import Timer
    from asterism.stack.transactions.client import ClientTransaction


_TICK = 0.1
"""Seconds; regular checks are made at multiples of it."""
_FIRST_RATE = 100
"""Contacts that are asked within a second of the start, if the interval allows for so slow a beginning."""


class _Probe:
    """One OPTIONS on its way: a ``ClientUser``."""

    __slots__ = ("_contact", "_owner", "_sent", "_timer", "done")

    def __init__(self, owner: Qualifier, contact: Contact, sent: float, timeout: float) -> None:
        self._owner = owner
        self._contact = contact
        self._sent = sent
        self.done = False
        self._timer: Timer | None = owner.timers.call_later(timeout, self._expired) if timeout > 0 else None

    def on_response(self, _transaction: ClientTransaction, response: Response) -> None:
        if response.status >= 200:
            good = response.status < 300 or not self._owner.only_2xx(self._contact)
            self._finish(ContactStatus.REACHABLE if good else ContactStatus.UNREACHABLE)

    def on_timeout(self, _transaction: ClientTransaction) -> None:
        self._finish(ContactStatus.UNREACHABLE)

    def on_transport_error(self, _transaction: Any) -> None:
        self._finish(ContactStatus.UNREACHABLE)

    def _expired(self) -> None:
        # The timer is over, the transaction is not: a late answer still counts.
        self._owner.outcome(self._contact, ContactStatus.UNREACHABLE, None)

    def _finish(self, status: ContactStatus) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self.done:
            self.done = True
            rtt = self._owner.timers.clock() - self._sent if status is ContactStatus.REACHABLE else None
            self._owner.outcome(self._contact, status, rtt)


class Qualifier:
    """Sends OPTIONS to each contact of an AOR with ``qualify_frequency``, one timer per contact."""

    def __init__(self, core: SipCore) -> None:
        self._core = core
        self._location = core.location
        self._timers: dict[str, Timer] = {}
        self._runs: dict[str, tuple[int, float, float]] = {}
        """Number of qualifies of each contact, and the times of the last and the first."""

    @property
    def timers(self) -> Any:
        """The stack's timer queue."""
        return self._core.layer.timers

    def __len__(self) -> int:
        """Number of contacts that are qualified regularly."""
        return len(self._timers)

    def tasks(self) -> Iterator[ScheduledTask]:
        """Scheduled qualifies, one for each contact, for ``pjsip show scheduled_tasks``."""
        for contact_id, timer in self._timers.items():
            runs, last, first = self._runs.get(contact_id, (0, None, self.timers.clock()))
            aor_id, _, digest = contact_id.replace("@@", ";@").rpartition(";@")
            aor = self._core.data.get(Aor, aor_id)
            interval = aor.qualify_frequency if isinstance(aor, Aor) else 0
            yield ScheduledTask(f"pjsip/options/{aor_id}-{digest[:8]}", interval, runs, last, timer.when, first)

    def start(self) -> None:
        """Begin with every contact there is, spread over the interval, and follow registrations."""
        limit = self._core.data.single(GlobalSettings).max_initial_qualify_time
        self._location.on_added.append(self.added)
        self._location.on_removed.append(self.removed)
        found = [
            (aor, contact)
            for aor in self._core.data.all(Aor)
            if aor.qualify_frequency
            for contact in self._location.contacts(aor.id)
        ]
        # The few of a small system are asked soon; a large one is spread over the interval.
        enough = len(found) / _FIRST_RATE
        paced = 0
        for aor, contact in found:
            self._location.expect_qualify(contact)
            gap, together = aor.pace
            if together:
                self._schedule(contact, paced // together * gap)
                paced += 1
                continue
            spread = min(aor.qualify_frequency, limit) if limit else aor.qualify_frequency
            self._schedule(contact, random.uniform(0, min(spread, enough)))
        self._location.index()

    def stop(self) -> None:
        """Cancel every timer."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._runs.clear()
        if self.added in self._location.on_added:
            self._location.on_added.remove(self.added)
            self._location.on_removed.remove(self.removed)

    def synchronize(self, aor: Aor) -> None:
        """Take the AOR's present settings for its contacts."""
        for contact in self._location.contacts(aor.id):
            timer = self._timers.pop(contact.id, None)
            if timer is not None:
                timer.cancel()
            if aor.qualify_frequency:
                self._location.expect_qualify(contact)
                self._schedule(contact, 0.0)
            else:
                self._location.forget_state(contact.id)

    def added(self, contact: Contact) -> None:
        """A contact was registered: ask it at once if its AOR wants that."""
        if self._frequency(contact):
            self._location.expect_qualify(contact)
            self._schedule(contact, 0.0)

    def removed(self, contact: Contact) -> None:
        """A contact is gone."""
        self._runs.pop(contact.id, None)
        timer = self._timers.pop(contact.id, None)
        if timer is not None:
            timer.cancel()

    def _aor(self, contact: Contact) -> Aor | None:
        found = self._core.data.get(Aor, contact.aor)
        return found if isinstance(found, Aor) else None

    def _frequency(self, contact: Contact) -> int:
        aor = self._aor(contact)
        return aor.qualify_frequency if aor is not None else contact.qualify_frequency

    def only_2xx(self, contact: Contact) -> bool:
        """Whether an error response counts as unreachable."""
        aor = self._aor(contact)
        return aor.qualify_2xx_only if aor is not None else contact.qualify_2xx_only

    def _schedule(self, contact: Contact, delay: float) -> None:
        timers = self.timers
        when = timers.clock() + delay
        if delay:
            # Those that are due within the same moment are asked together: each wake-up of the loop costs as much.
            when = round(when / _TICK) * _TICK
        self._timers[contact.id] = timers.call_at(when, self._due, contact)

    def _due(self, contact: Contact) -> None:
        self._timers.pop(contact.id, None)
        frequency = self._frequency(contact)
        if not frequency:
            self._location.forget_state(contact.id)
            return
        if not contact.permanent:
            # A refresh replaced the object.
            current = self._core.data.get(StoredContact, contact.id)
            if not isinstance(current, StoredContact):
                return
            contact = current
        elif not self._location.is_permanent(contact):
            self._location.forget_state(contact.id)
            return
        self._schedule(contact, float(frequency))
        now = self.timers.clock()
        runs, _, first = self._runs.get(contact.id, (0, now, now))
        self._runs[contact.id] = (runs + 1, now, first)
        self.qualify(contact)

    def qualify(self, contact: Contact) -> None:
        """Ask one contact now."""
        aor = self._aor(contact)
        timeout = aor.qualify_timeout if aor is not None else contact.qualify_timeout
        endpoint = self._endpoint(contact)
        probe = _Probe(self, contact, self.timers.clock(), timeout)
        try:
            request = self._core.create_request("OPTIONS", contact, endpoint)
        except SendError as error:
            self._core.log.warning("contact '%s' cannot be qualified: %s", contact.uri, error)
            probe.on_transport_error(None)
            return
        if aor is not None and aor.outbound_proxy:
            request.prepend_header("Route", f"<{aor.outbound_proxy.strip('<>')}>")
        self._core.send(request, probe, endpoint)

    def _endpoint(self, contact: Contact) -> Endpoint | None:
        names = [contact.endpoint] if contact.endpoint else self._location.endpoints_of(contact.aor)
        for name in names:
            found = self._core.data.get(Endpoint, name)
            if isinstance(found, Endpoint):
                return found
        return None

    def outcome(self, contact: Contact, status: ContactStatus, rtt: float | None) -> None:
        """Note an answer or its absence, unless the contact is gone."""
        if not contact.permanent and not isinstance(self._core.data.get(StoredContact, contact.id), StoredContact):
            return
        if self._frequency(contact):
            self._location.set_reachability(contact, status, rtt)
            aor = self._aor(contact)
            timer = self._timers.get(contact.id)
            if status is ContactStatus.UNREACHABLE and aor is not None and aor.qualify_retry_frequency and timer:
                timer.cancel()
                self._schedule(contact, float(aor.qualify_retry_frequency))


class QualifyModule(Module):
    """Checks contacts with OPTIONS."""

    name = "qualify"
    part_of = ("res_pjsip",)
    aliases = ("res_pjsip_qualify",)
    requires = ("res_pjsip",)
    description = "Checks contacts with SIP OPTIONS"

    server: SipServer
    qualifier: Qualifier

    def load(self, server: SipServer) -> None:
        """Register the commands."""
        self.server = server
        self.qualifier = Qualifier(server.sip)
        server.owner.on_release(server.sip.state.scheduled.add(self.qualifier.tasks))
        server.register_marked(self)

    def start(self) -> None:
        """Begin to ask."""
        self.qualifier.start()

    def unload(self) -> None:
        """Stop asking."""
        self.qualifier.stop()

    def _endpoint(self, name: str) -> Endpoint:
        found = self.server.data.get(Endpoint, name)
        if not isinstance(found, Endpoint):
            raise CommandError(f"Unable to retrieve endpoint {name}\n")
        return found

    def _aors(self, endpoint: Endpoint) -> list[Aor]:
        found = (self.server.data.get(Aor, name) for name in endpoint.aors)
        return [aor for aor in found if isinstance(aor, Aor)]

    @command(
        "pjsip qualify",
        Documentation(
            "Ask all contacts of an endpoint whether they answer.",
            "pjsip qualify <endpoint>",
            "Sends an OPTIONS to each contact of each of the endpoint's AORs, whatever their interval.",
            (Argument("endpoint", "The endpoint's name.", required=True),),
        ),
    )
    def qualify(self, call: CommandCall) -> str:
        """Send OPTIONS to the contacts of an endpoint."""
        if len(call.args) != 1:
            raise UsageError("one endpoint")
        endpoint = self._endpoint(call.args[0])
        lines: list[str] = []
        for aor in self._aors(endpoint):
            lines.append(f"Qualifying AOR '{aor.id}' on endpoint '{endpoint.id}'\n")
            for contact in self.server.sip.location.contacts(aor.id):
                self.qualifier.qualify(contact)
        return "".join(lines)

    @action(
        "PJSIPQualify",
        "system,reporting",
        Documentation(
            "Ask all contacts of an endpoint whether they answer.",
            "Action: PJSIPQualify",
            description="Sends OPTIONS to every contact of the endpoint now; what comes of it is told by "
            "ContactStatus events.",
            arguments=(Argument("Endpoint", "The endpoint's name.", required=True),),
        ),
    )
    def qualify_action(self, call: ActionCall) -> None:
        """Send OPTIONS to the contacts of an endpoint."""
        name = call.get("Endpoint")
        if not name:
            call.error("Endpoint parameter missing.")
            return
        endpoint = self.server.data.get(Endpoint, name)
        if not isinstance(endpoint, Endpoint):
            call.error("Unable to retrieve endpoint")
            return
        for aor in self._aors(endpoint):
            for contact in self.server.sip.location.contacts(aor.id):
                self.qualifier.qualify(contact)
        call.success("Endpoint found, will qualify")

    @command(
        "pjsip show qualify endpoint",
        Documentation(
            "Show how an endpoint's contacts are checked.",
            "pjsip show qualify endpoint <endpoint>",
            arguments=(Argument("endpoint", "The endpoint's name.", required=True),),
        ),
    )
    def show_endpoint(self, call: CommandCall) -> str:
        """The settings of each AOR of an endpoint."""
        if len(call.args) != 1:
            raise UsageError("one endpoint")
        endpoint = self._endpoint(call.args[0])
        return "".join(_settings(aor, f" on endpoint '{endpoint.id}'") for aor in self._aors(endpoint)) + "\n"

    @command(
        "pjsip show qualify aor",
        Documentation(
            "Show how an AOR's contacts are checked.",
            "pjsip show qualify aor <aor>",
            arguments=(Argument("aor", "The AOR's name.", required=True),),
        ),
    )
    def show_aor(self, call: CommandCall) -> str:
        """The settings of one AOR."""
        if len(call.args) != 1:
            raise UsageError("one AOR")
        aor = self.server.data.get(Aor, call.args[0])
        if not isinstance(aor, Aor):
            raise CommandError(f"Unable to retrieve aor '{call.args[0]}' qualify options\n")
        return _settings(aor, "")

    @command(
        "pjsip reload qualify endpoint",
        Documentation(
            "Take an endpoint's changed qualify settings.",
            "pjsip reload qualify endpoint <endpoint>",
            arguments=(Argument("endpoint", "The endpoint's name.", required=True),),
        ),
    )
    def reload_endpoint(self, call: CommandCall) -> str:
        """Synchronize each AOR of an endpoint."""
        if len(call.args) != 1:
            raise UsageError("one endpoint")
        endpoint = self._endpoint(call.args[0])
        lines: list[str] = []
        for aor in self._aors(endpoint):
            self.qualifier.synchronize(aor)
            lines.append(f"Synchronizing AOR '{aor.id}' on endpoint '{endpoint.id}'\n")
        return "".join(lines)

    @command(
        "pjsip reload qualify aor",
        Documentation(
            "Take an AOR's changed qualify settings.",
            "pjsip reload qualify aor <aor>",
            arguments=(Argument("aor", "The AOR's name.", required=True),),
        ),
    )
    def reload_aor(self, call: CommandCall) -> str:
        """Synchronize one AOR."""
        if len(call.args) != 1:
            raise UsageError("one AOR")
        aor = self.server.data.get(Aor, call.args[0])
        if not isinstance(aor, Aor):
            raise CommandError(f"Unable to retrieve aor '{call.args[0]}'\n")
        self.qualifier.synchronize(aor)
        return f"Synchronizing AOR '{aor.id}'\n"


def _settings(aor: Aor, where: str) -> str:
    # The timeout is printed in whole seconds under the unit ms, 0 as long as below a thousand (as in Asterisk 22).
    return (
        f" * AOR '{aor.id}'{where}\n"
        f"  Qualify frequency    : {aor.qualify_frequency} sec\n"
        f"  Qualify timeout      : {int(aor.qualify_timeout / 1000)} ms\n"
        f"  Qualify 2xx only     : {'yes' if aor.qualify_2xx_only else 'no'}\n"
        f"  Authenticate qualify : {'yes' if aor.authenticate_qualify else 'no'}\n"
    )
