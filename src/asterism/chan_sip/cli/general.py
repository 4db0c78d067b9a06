"""``sip show domains|settings|registry|mwi|tcp|objects|sched`` and ``sip reload``."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from asterism.applications.pubsub.subscription import State
from asterism.chan_sip import registry
from asterism.chan_sip.cli import tables
from asterism.chan_sip.cli.settings import show_settings
from asterism.chan_sip.cli.turns import in_turns
from asterism.chan_sip.domains import domains
from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.objects.register_line import masked
from asterism.chan_sip.realtime.peers import is_realtime
from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Documentation
from asterism.hostport import format_host_port
from asterism.stack.errors import ParseError
from asterism.stack.transactions.client import ClientTransaction
from asterism.stack.uri import Uri
from asterism.transport.stream import StreamTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asterism.applications.outbound_registration.table import OutboundRegistrations
    from asterism.chan_sip.cli.legs import Leg, Legs
    from asterism.chan_sip.dialogs import SipDialogs
    from asterism.chan_sip.objects.peer import SipPeer
    from asterism.chan_sip.peers import Peers
    from asterism.chan_sip.realtime.module import SipRealtime
    from asterism.sip.server import SipServer

HIDDEN = "<hidden>"
_OBJECT = "name: {}\ntype: {}\nobjflags: 0\nrefcount: {}\n\n"
_TIMERS = (
    "retrans_pkt", "__sip_autodestruct", "expire_register", "auto_congest", "sip_reg_timeout", "sip_poke_peer_s",
    "sip_poke_peer_now", "sip_poke_noanswer", "sip_reregister", "sip_reinvite_retry",
)  # fmt: skip


class GeneralCommands:
    """The commands.

    ``registrations`` and ``realtime`` give the tables of outbound registrations and of peers in databases, ``None``
    without these modules; ``reload`` reads ``sip.conf`` again.
    """

    def __init__(
        self,
        server: SipServer,
        peers: Peers,
        legs: Legs,
        dialogs: SipDialogs,
        registrations: Callable[[], OutboundRegistrations | None],
        realtime: Callable[[], SipRealtime | None],
        reload: Callable[[], Awaitable[None]],
    ) -> None:
        self._server = server
        self._peers = peers
        self._legs = legs
        self._dialogs = dialogs
        self._registrations = registrations
        self._realtime = realtime
        self._reload = reload
        self._highest = 0

    def _bound(self) -> dict[str, str]:
        """Address and port of the first transport of each protocol."""
        found: dict[str, str] = {}
        for _name, protocol, host, port in self._server.sip.listening():
            found.setdefault(protocol, format_host_port(host, port))
        return found

    def _domains(self) -> list[tuple[str, str, str]]:
        """Domain, context and source of each local domain."""
        return [
            (one.name, one.context, "[Configured]" if one.configured else "[Automatic]")
            for one in domains(self._legs.general)
        ]

    @command("sip show domains", Documentation(
        "List the local SIP domains", "sip show domains", "The domains of domain lines and those found by autodomain.",
    ))  # fmt: skip
    def show_domains(self, _call: CommandCall) -> str:
        """One line for each."""
        found = self._domains()
        if not found:
            return "SIP Domain support not enabled.\n\n"
        rows = [tables.domain_row(domain, context or "(default)", source) for domain, context, source in found]
        return f"{tables.domain_row('Our local SIP domains:', 'Context', 'Set by')}{''.join(rows)}\n"

    @command("sip show settings", Documentation(
        "Show the general settings of sip.conf", "sip show settings", "What [general] says, and what else counts.",
    ))  # fmt: skip
    def show_settings(self, call: CommandCall) -> str:
        """All of them in groups."""
        call.takes_nothing()
        general = self._legs.general or SipGeneral("general")
        agent = general.useragent or self._server.sip.state.user_agent
        realtime = self._realtime()
        active = realtime is not None and realtime.active
        return show_settings(
            general, self._bound(), realtime="Enabled" if active else "Disabled",
            history=self._dialogs.recording, domains=bool(self._domains()), agent=agent,
        )  # fmt: skip

    @command("sip show registry", Documentation(
        "List the registrations at other servers", "sip show registry",
        "Those of register lines and callbackextension, with their state.",
    ))  # fmt: skip
    def show_registry(self, call: CommandCall) -> str:
        """One line for each."""
        call.takes_nothing()
        table = self._registrations()
        rows = []
        for client in () if table is None else registry.of_sip(table):
            when = client.registered_at
            host = format_host_port(*registry.host_and_port(client.config.server_uri))
            rows.append(tables.registry_row(
                host, False, registry.username(client), registry.refresh(client), registry.state_of(client),
                "" if when is None else time.strftime("%a, %d %b %Y %H:%M:%S", time.localtime(when)),
            ))  # fmt: skip
        return f"{tables.REGISTRY_HEAD}{''.join(rows)}{len(rows)} SIP registrations.\n"

    @command("sip show mwi", Documentation(
        "List our subscriptions to mailboxes", "sip show mwi", "Those of mwi lines, at other servers.",
    ))  # fmt: skip
    def show_mwi(self, _call: CommandCall) -> str:
        """One line for each."""
        rows = [tables.mwi_row("Host", "Username", "Mailbox", "Subscribed")]
        for config, found in self._legs.mailboxes():
            try:
                uri = Uri.parse(config.server_uri)
            except ParseError:
                continue
            mailbox = config.mailbox.partition("@")[0]
            subscribed = "Yes" if found is not None and found.phase is State.ACTIVE else "No"
            rows.append(tables.mwi_row(f"{uri.host}:{uri.port or 5060}", uri.user or "", mailbox, subscribed))
        return "".join(rows)

    @command("sip show tcp", Documentation(
        "List the SIP connections", "sip show tcp", "Connections by TCP, TLS and WebSocket; Server: it was accepted.",
    ))  # fmt: skip
    def show_tcp(self, call: CommandCall) -> str:
        """One line for each."""
        call.takes_nothing()
        rows = []
        transports = self._server.sip.transports.transports.values() if self._server.sip.started else ()
        for transport in transports:
            for flow in transport.flows() if isinstance(transport, StreamTransport) else ():
                kind = "Server" if getattr(flow, "accepted", True) else "Client"
                rows.append(tables.tcp_row(format_host_port(*flow.remote[:2]), flow.transport.upper(), kind))
        return tables.TCP_HEAD + "".join(rows)

    # What is in memory.

    @command("sip show objects", Documentation(
        "List what is held in memory", "sip show objects",
        "Peers, those with an address once more by it, registrations and dialogs. The counts are of what refers to"
        " each: the table, its address, its timers, its calls.",
    ))  # fmt: skip
    async def show_objects(self, call: CommandCall) -> str:
        """Four lines for each."""
        call.takes_nothing()
        peers = self._peers
        sections = peers.sections()
        legs = list(self._legs.all(self._dialogs))
        related = Counter(name for name in (self._related(leg) for leg in legs) if name)
        databases = sum(map(is_realtime, sections))
        text = f"-= Peer objects: {len(sections) - databases} static, {databases} realtime, 1 autocreate =-\n\n"
        located: list[tuple[tuple[str, int], str]] = []

        def row(peer: SipPeer) -> str:
            made = _OBJECT.format(peer.name, "peer", self._references(peer, related))
            address = peers.address(peer)
            if address is not None:
                located.append((address, made))
            return made

        text += "".join(await in_turns(sections, row))
        text += "-= Peer objects by IP =-\n\n" + "".join(made for _, made in sorted(located))
        general = self._legs.general
        lines = () if general is None else general.register
        text += f"-= Registry objects: {len(lines)} =-\n\n"
        shown = bool(getattr(self._server.options, "show_secrets", False))
        text += "".join(f"name: {line if shown else masked(line, HIDDEN)}\n" for line in reversed(lines))
        text += "-= Dialog objects:\n\n"
        return text + "".join(_OBJECT.format(leg.call_id, "dialog", 3 if _stands(leg) else 2) for leg in legs)

    def _related(self, leg: Leg) -> str:
        """The peer that a call, a mailbox's subscription or our OPTIONS refers to."""
        seen = leg.seen
        mailbox = leg.incoming is not None and leg.incoming.notifier.event == "message-summary"
        if leg.session is not None or mailbox or (seen is not None and seen.method == "OPTIONS" and not seen.incoming):
            return self._legs.peer_of(leg)
        return ""

    def _references(self, peer: SipPeer, related: Counter[str]) -> int:
        located = self._peers.address(peer) is not None
        registered = self._peers.registration(peer) is not None
        return 1 + located + registered + bool(located and peer.qualify) + related[peer.name]

    @command("sip show sched", Documentation(
        "Count the timers of SIP", "sip show sched",
        "How many timers run, by what they are for: requests sent again, dialogs to be forgotten, registrations to"
        " expire, peers to be asked. Highwater is the most that were seen when this was called.",
    ))  # fmt: skip
    def show_sched(self, _call: CommandCall) -> str:
        """One line for each kind."""
        counts = self._timers()
        core = self._server.sip
        total = max(len(core.layer.timers) if core.started else 0, sum(counts.values()))
        self._highest = max(self._highest, total)
        unknown = total - sum(counts.values())
        rows = "".join(f"    {name} : {counts[name]}\n" for name in _TIMERS)
        return f"\n Highwater = {self._highest}\n schedcnt = {total}\n{rows}   <unknown> : {unknown}\n"

    def _timers(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        core = self._server.sip
        for transaction in core.layer.transactions() if core.started else ():
            if isinstance(transaction, ClientTransaction):
                method = transaction.request.method
                counts["retrans_pkt"] += 1
                counts["sip_poke_noanswer"] += method == "OPTIONS"
                counts["sip_reg_timeout"] += method == "REGISTER"
        counts["__sip_autodestruct"] = sum(one.incoming and one.ends is not None for one in self._dialogs)
        for peer in self._peers.all():
            located = self._peers.address(peer) is not None
            counts["expire_register"] += self._peers.registration(peer) is not None
            counts["sip_poke_peer_s"] += bool(located and peer.qualify)
        table = self._registrations()
        counts["sip_reregister"] = sum(
            bool(client.next_attempt) for client in (registry.of_sip(table) if table else ())
        )
        return counts

    @command("sip reload", Documentation(
        "Read sip.conf again", "sip reload", "Calls and registrations go on; what is wrong is in the log.",
    ))  # fmt: skip
    async def reload(self, _call: CommandCall) -> str:
        """Reload the module."""
        await self._reload()
        return ""


def _stands(leg: Leg) -> bool:
    """Whether something else than the time after its end holds a dialog: a call, a subscriber, a request of ours."""
    waits = leg.seen is not None and not leg.seen.incoming and leg.outgoing is None
    return leg.session is not None or leg.incoming is not None or waits
