"""Manager actions that list SIP objects (``PJSIPShow...``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.data.options import ConfiguredObject
from asterism.sip.cli.fetching import needs
from asterism.sip.cli.layout import ShowServer, device_word, sorted_contacts
from asterism.sip.cli.manager_order import in_asterisk_order
from asterism.sip.devices import device_of
from asterism.sip.objects.aor import Aor
from asterism.sip.objects.auth import Auth
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.identify import Identify
from asterism.sip.objects.transport import TransportConfig

if TYPE_CHECKING:
    from asterism.sip.contacts import Contact

Fields = list[tuple[str, object]]


class SipActions(Module):
    """The manager actions that show SIP objects."""

    name = "sip_actions"
    part_of = ("res_pjsip",)
    requires = ("sip_cli",)
    description = "Manager actions that show SIP objects"

    server: ShowServer

    def load(self, server: ShowServer) -> None:
        """Register the actions."""
        self.server = server
        server.register_marked(self)

    @action(
        "PJSIPShowEndpoints",
        "system",
        Documentation(
            "List the endpoints.",
            "Action: PJSIPShowEndpoints",
            description="Each endpoint comes as an event EndpointList with its state, contacts and objects, "
            "then EndpointListComplete.",
        ),
    )
    @needs(Endpoint, Aor)
    def endpoints(self, call: ActionCall) -> None:
        """One EndpointList event per endpoint."""
        call.begin_list("A listing of Endpoints follows, presented as EndpointList events")
        for endpoint in sorted(self.server.data.all(Endpoint), key=lambda item: item.id):
            contacts = "".join(f"{item.aor}/{item.uri}," for item in self._contacts(endpoint.aors))
            call.item(
                "EndpointList",
                [
                    ("ObjectType", "endpoint"),
                    ("ObjectName", endpoint.id),
                    ("Transport", endpoint.transport),
                    ("Aor", ",".join(endpoint.aors)),
                    ("Auths", ",".join(endpoint.auth)),
                    ("OutboundAuths", ",".join(endpoint.outbound_auth)),
                    ("Contacts", contacts),
                    ("DeviceState", device_word(self.server, endpoint)),
                    ("ActiveChannels", len(self.server.pbx.channels.of_device(device_of(endpoint)))),
                ],
            )
        call.end_list("EndpointListComplete")

    @action(
        "PJSIPShowEndpoint",
        "system",
        Documentation(
            "Show an endpoint and what belongs to it.",
            "Action: PJSIPShowEndpoint",
            description="The endpoint, its AORs, auths, transport, identify objects and contacts come as one "
            "event each with all their options, then EndpointDetailComplete. Passwords are "
            "hidden.",
            arguments=(Argument("Endpoint", "The endpoint's name.", required=True),),
        ),
    )
    @needs(Endpoint, field="Endpoint")
    def endpoint(self, call: ActionCall) -> None:
        """Detail events of the endpoint, its auths, transport, AORs, contacts and identifies, in Asterisk's order."""
        name = call.get("Endpoint")
        if not name:
            call.error("PJSIPShowEndpoint requires an endpoint name")
            return
        data = self.server.data
        endpoint = data.get(Endpoint, name)
        if not isinstance(endpoint, Endpoint):
            call.error(f"Unable to retrieve endpoint {name}")
            return
        call.begin_list("Following are Events for each object associated with the Endpoint")
        owner: Fields = [("EndpointName", endpoint.id)]
        state: Fields = [
            ("DeviceState", device_word(self.server, endpoint)),
            ("ActiveChannels", len(self.server.pbx.channels.of_device(device_of(endpoint)))),
        ]
        call.item("EndpointDetail", self._object("endpoint", endpoint) + state)
        for auth_name in (*endpoint.auth, *endpoint.outbound_auth):
            auth = data.get(Auth, auth_name)
            if isinstance(auth, Auth):
                call.item("AuthDetail", self._object("auth", auth) + owner)
        config = data.get(TransportConfig, endpoint.transport) if endpoint.transport else None
        if isinstance(config, TransportConfig):
            call.item("TransportDetail", self._object("transport", config) + owner)
        for aor in self._aors(endpoint.aors):
            call.item("AorDetail", self._aor(aor, "Contacts") + self._totals(aor) + owner)
        for contact in self._contacts(endpoint.aors):
            call.item("ContactStatusDetail", self._contact_status(contact, endpoint.id))
        for identify in data.find(Identify, "endpoint", endpoint.id):
            call.item("IdentifyDetail", self._object("identify", identify) + owner)
        call.end_list("EndpointDetailComplete")

    @action(
        "PJSIPShowAors",
        "system",
        Documentation(
            "List the AORs.",
            "Action: PJSIPShowAors",
            description="Each AOR comes as an event AorList with all its options, then AorListComplete.",
        ),
    )
    @needs(Aor)
    def aors(self, call: ActionCall) -> None:
        """One AorList event per AOR."""
        call.begin_list("A listing of AORs follows, presented as AorList events")
        for aor in sorted(self.server.data.all(Aor), key=lambda item: item.id):
            call.item("AorList", self._aor(aor, "Contacts"))
        call.end_list("AorListComplete")

    @action(
        "PJSIPShowAuths",
        "system",
        Documentation(
            "List the auth objects.",
            "Action: PJSIPShowAuths",
            description="Each auth comes as an event AuthList with its options, then AuthListComplete. "
            "Passwords are hidden.",
        ),
    )
    @needs(Auth)
    def auths(self, call: ActionCall) -> None:
        """One AuthList event per auth object."""
        call.begin_list("A listing of Auths follows, presented as AuthList events")
        for auth in sorted(self.server.data.all(Auth), key=lambda item: item.id):
            call.item("AuthList", self._object("auth", auth))
        call.end_list("AuthListComplete")

    @action(
        "PJSIPShowContacts",
        "system",
        Documentation(
            "List the contacts.",
            "Action: PJSIPShowContacts",
            description="Each contact that is bound or configured comes as an event ContactList with its "
            "state, then ContactListComplete.",
        ),
    )
    def contacts(self, call: ActionCall) -> None:
        """One ContactList event per contact."""
        call.begin_list("A listing of Contacts follows, presented as ContactList events")
        for contact in sorted_contacts(self.server.sip.location.all()):
            state = self.server.sip.location.state(contact)
            reach: Fields = [("Status", state.status.event_name), ("RoundtripUsec", state.rtt_usec)]
            call.item("ContactList", self._object("contact", contact) + reach)
        call.end_list("ContactListComplete")

    @action(
        "PJSIPShowRegistrationsInbound",
        "system",
        Documentation(
            "List the AORs of every endpoint with their contacts.",
            "Action: PJSIPShowRegistrationsInbound",
            description="Each AOR that phones may register at comes as an event InboundRegistrationDetail, "
            "then InboundRegistrationDetailComplete.",
        ),
    )
    @needs(Endpoint, Aor)
    def registrations(self, call: ActionCall) -> None:
        """One InboundRegistrationDetail event per AOR of each endpoint."""
        call.begin_list("Following are Events for each Inbound registration")
        for endpoint in sorted(self.server.data.all(Endpoint), key=lambda item: item.id):
            for aor in self._aors(endpoint.aors):
                names = self._contact_names(aor)
                # Here, and only here, the list ends with a comma.
                contacts = ("Contacts", f"{names}," if names else "")
                call.item("InboundRegistrationDetail", [*self._aor(aor, "Contact"), contacts])
        call.end_list("InboundRegistrationDetailComplete")

    @action(
        "PJSIPShowRegistrationInboundContactStatuses",
        "system",
        Documentation(
            "List the registered contacts with their state.",
            "Action: PJSIPShowRegistrationInboundContactStatuses",
            description="Each contact of a registration comes as an event ContactStatusDetail with its state "
            "and round-trip time, then ContactStatusDetailComplete.",
        ),
    )
    def contact_statuses(self, call: ActionCall) -> None:
        """One ContactStatusDetail event per contact."""
        call.begin_list("Following are ContactStatusEvents for each Inbound registration")
        location = self.server.sip.location
        for contact in sorted_contacts(location.all()):
            names = location.endpoints_of(contact.aor)
            call.item("ContactStatusDetail", self._contact_status(contact, contact.endpoint or next(iter(names), "")))
        call.end_list("ContactStatusDetailComplete")

    def _object(self, kind: str, item: ConfiguredObject) -> Fields:
        secrets = bool(getattr(self.server.options, "show_secrets", False))
        return object_fields(kind, item, secrets)

    def _aor(self, aor: Aor, contacts: str) -> Fields:
        """The AOR's options, ``contacts`` being the name of the field with all its contacts."""
        names = self._contact_names(aor)
        return [(contacts, names) if name == "Contact" else (name, value) for name, value in self._object("aor", aor)]

    def _contact_names(self, aor: Aor) -> str:
        return ",".join(f"{item.aor}/{item.uri}" for item in self._contacts((aor.id,)))

    def _aors(self, names: Iterable[str]) -> list[Aor]:
        found = (self.server.data.get(Aor, name) for name in names)
        return [aor for aor in found if isinstance(aor, Aor)]

    def _contacts(self, aors: Iterable[str]) -> list[Contact]:
        location = self.server.sip.location
        return [contact for name in aors for contact in sorted_contacts(location.contacts(name))]

    def _totals(self, aor: Aor) -> Fields:
        contacts = self.server.sip.location.contacts(aor.id)
        registered = sum(not contact.permanent for contact in contacts)
        return [("TotalContacts", len(contacts)), ("ContactsRegistered", registered)]

    def _contact_status(self, contact: Contact, endpoint: str) -> Fields:
        state = self.server.sip.location.state(contact)
        registered: Fields = []
        if not contact.permanent:
            via = f"{contact.via_addr}:{contact.via_port}" if contact.via_addr else ""
            registered = [("ViaAddress", via), ("CallID", contact.call_id)]
        return [
            ("AOR", contact.aor),
            ("URI", contact.uri),
            ("UserAgent", contact.user_agent),
            ("RegExpire", contact.expiration_time),
            *registered,
            ("Status", state.status.event_name),
            ("RoundtripUsec", state.rtt_usec),
            ("EndpointName", endpoint),
            ("ID", contact.id),
            ("AuthenticateQualify", int(contact.authenticate_qualify)),
            ("OutboundProxy", contact.outbound_proxy),
            ("Path", contact.path),
            ("QualifyFrequency", contact.qualify_frequency),
            ("QualifyTimeout", f"{contact.qualify_timeout:.3f}"),
            ("Qualify2xxOnly", int(contact.qualify_2xx_only)),
        ]


def object_fields(kind: str, item: ConfiguredObject, show_secrets: bool) -> Fields:
    """An object's type, name and options, in Asterisk's order."""
    return [("ObjectType", kind), ("ObjectName", item.id), *in_asterisk_order(kind, item.manager_fields(show_secrets))]
