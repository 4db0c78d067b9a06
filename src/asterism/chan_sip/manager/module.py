"""The manager's actions of chan_sip about peers and registrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from asterism.applications.outbound_registration.module import OutboundRegistrationModule
from asterism.applications.qualify import QualifyModule
from asterism.chan_sip.manager.events import QUALIFY_DONE, PeerEvents, ask
from asterism.chan_sip.manager.fields import details, entry
from asterism.chan_sip.objects.general import SipGeneral, general_of
from asterism.chan_sip.peers import peers_of
from asterism.chan_sip.realtime.module import realtime_of
from asterism.chan_sip.registry import RegistryEvents, host_and_port, of_sip, refresh, state_of, username
from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import ModuleError
from asterism.core.module import Module
from asterism.pbx.assembly.server import PbxServer
from asterism.sip.server import SipServer

if TYPE_CHECKING:
    from asterism.applications.outbound_registration.table import OutboundRegistrations
    from asterism.chan_sip.objects.peer import SipPeer
    from asterism.chan_sip.peers import Peers


class ManagerServer(SipServer, PbxServer, Protocol):
    """A server with endpoints and mailboxes."""

    modules: Any


_PEER = Argument("Peer", "Its name: the section of sip.conf.", True)
_STATUS = {"OK": "Reachable", "LAGGED": "Lagged", "UNREACHABLE": "Unreachable", "UNKNOWN": "Unknown"}


def registrations_of(server: ManagerServer) -> OutboundRegistrations:
    """The registrations at other servers. Raises :class:`ModuleError` without the module."""
    found = server.modules.find(OutboundRegistrationModule.name)
    if found is None or not isinstance(found.instance, OutboundRegistrationModule):
        raise ModuleError("the module 'outbound_registration' is not loaded")
    return found.instance.registrations


class ChanSipManager(Module):
    """Actions and events for programs that know chan_sip."""

    name = "chan_sip_manager"
    part_of = ("chan_sip",)
    requires = ("res_pjsip", "chan_sip", "chan_sip_peers", "qualify", "outbound_registration")
    description = "Manager actions and events of chan_sip"

    server: ManagerServer
    peers: Peers

    def load(self, server: ManagerServer) -> None:
        """Register actions and events."""
        self.server = server
        self.peers = peers_of(server)
        self._events = PeerEvents(server.sip)
        self._registry = RegistryEvents(registrations_of(server), server.sip.bus)
        self._telling = False
        server.register_events(QUALIFY_DONE)
        server.register_marked(self)
        server.data.observe(SipGeneral, lambda _change: self._follow())

    def start(self) -> None:
        """Begin to tell."""
        self._follow()

    def unload(self) -> None:
        """Tell nothing more."""
        self._tell(False)

    def _follow(self) -> None:
        """Tell while there is a ``sip.conf``."""
        self._tell("general" in self.server.data.objects(SipGeneral))

    def _tell(self, wanted: bool) -> None:
        if wanted is not self._telling:
            self._telling = wanted
            for part in (self._events, self._registry):
                part.start() if wanted else part.stop()

    def _messages(self, peer: SipPeer) -> int:
        """The counts that a peer was told last, as one number; -1 while it has mailboxes and was told nothing."""
        if not peer.mailbox:
            return 0
        if self.peers.address(peer) is None:
            return -1
        counts = self.server.pbx.mailboxes.total(peer.mailbox)
        return counts.new << 16 | counts.old

    @action(
        "SIPpeers",
        "system,reporting",
        Documentation(
            "List the peers of sip.conf.",
            "Action: SIPpeers",
            "Each peer comes as an event PeerEntry with its address and whether it answers, then PeerlistComplete.",
            see_also=("SIPshowpeer", "SIPpeerstatus"),
        ),
    )
    def list_peers(self, call: ActionCall) -> None:
        """One PeerEntry per peer, by name."""
        call.begin_list("Peer status list will follow")
        realtime = realtime_of(self.server)
        for peer in self.peers.all():
            if realtime is None or realtime.listed(peer):
                call.item("PeerEntry", entry(peer, self.peers, "no" if realtime is None else realtime.shown(peer)))
        call.end_list("PeerlistComplete")

    @action(
        "SIPshowpeer",
        "system,reporting",
        Documentation(
            "Show one peer of sip.conf.",
            "Action: SIPshowpeer",
            "The response has its settings and its state.",
            (_PEER,),
            ("SIPpeers",),
        ),
    )
    def show_peer(self, call: ActionCall) -> None:
        """Everything of one peer."""
        name = call.get("Peer")
        if not name:
            call.error("Peer: <name> missing.")
            return
        peer = self.peers.get(name)
        if peer is None:
            call.error(f"Peer {name} not found.")
            return
        general = general_of(self.server.data)
        call.success(fields=details(peer, self.peers, general, self._messages(peer)))

    @action(
        "SIPqualifypeer",
        "system,reporting",
        Documentation(
            "Ask a peer of sip.conf whether it answers.",
            "Action: SIPqualifypeer",
            "It is sent an OPTIONS now. SIPQualifyPeerDone says that this was done, PeerStatus what came of it.",
            (_PEER,),
            ("SIPQualifyPeerDone", "PeerStatus"),
        ),
    )
    def qualify_peer(self, call: ActionCall) -> None:
        """Send an OPTIONS."""
        name = call.get("Peer")
        if not name:
            call.error("Peer: <name> missing.")
            return
        peer = self.peers.get(name)
        if peer is None:
            call.error("Peer not found")
            return
        call.success("SIP peer found - will qualify")
        found = self.server.modules.find(QualifyModule.name)
        qualifier = found.instance.qualifier if found is not None and found.instance is not None else None
        ask(self.server.sip, self.peers, peer, qualifier, call.action_id)

    @action(
        "SIPshowregistry",
        "system,reporting",
        Documentation(
            "List the registrations of sip.conf at other servers.",
            "Action: SIPshowregistry",
            "Each comes as an event RegistryEntry with its state and the time of the last success, then "
            "RegistrationsComplete.",
            see_also=("Registry",),
        ),
    )
    def show_registry(self, call: ActionCall) -> None:
        """One RegistryEntry per registration."""
        call.begin_list("Registrations will follow")
        for client in of_sip(registrations_of(self.server)):
            host, port = host_and_port(client.config.server_uri)
            domain, domain_port = host_and_port(client.config.client_uri)
            call.item(
                "RegistryEntry",
                (
                    ("Host", host),
                    ("Port", port),
                    ("Username", username(client)),
                    ("Domain", domain),
                    ("DomainPort", domain_port),
                    ("Refresh", refresh(client)),
                    ("State", state_of(client)),
                    ("RegistrationTime", int(client.registered_at or 0)),
                ),
            )
        call.end_list("RegistrationsComplete")

    @action(
        "SIPpeerstatus",
        "system",
        Documentation(
            "Say whether peers of sip.conf answer.",
            "Action: SIPpeerstatus",
            "Each comes as an event PeerStatus, then SIPpeerstatusComplete.",
            (Argument("Peer", "The name of one; all without."),),
            ("PeerStatus", "SIPpeers"),
        ),
    )
    def peer_status(self, call: ActionCall) -> None:
        """One PeerStatus per peer and user."""
        name = call.get("Peer")
        found = [one for one in self.peers.sections() if not name or one.name == name]
        if name and not found:
            call.error("No such peer")
            return
        call.begin_list("Peer status will follow")
        for peer in found:
            status, _, time = self.peers.status(peer).partition(" (")
            fields: list[tuple[str, object]] = [
                ("Privilege", "System"),
                ("ChannelType", "SIP"),
                ("Peer", f"SIP/{peer.name}"),
                ("PeerStatus", _STATUS.get(status, status)),
            ]
            if time:
                fields.append(("Time", time.removesuffix(" ms)")))
            call.item("PeerStatus", fields)
        call.end_list("SIPpeerstatusComplete")
