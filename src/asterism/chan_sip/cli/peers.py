"""``sip show peers|peer|users|user|inuse``, ``sip qualify peer``, ``sip unregister``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.chan_sip import words
from asterism.chan_sip.call_limits import CallLimits
from asterism.chan_sip.cli import tables
from asterism.chan_sip.cli.peer_details import Messages, show_peer, show_user
from asterism.chan_sip.cli.turns import in_turns
from asterism.chan_sip.manager.events import ask
from asterism.chan_sip.objects.general import general_of
from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.realtime.peers import is_realtime
from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.like import like_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from asterism.applications.qualify import Qualifier
    from asterism.chan_sip.peers import Peers
    from asterism.chan_sip.realtime.module import SipRealtime
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.sip.server import SipServer

HIDDEN = "<hidden>"
_LIKE = (Argument("like", "Only those in whose name this regular expression is found."),)
_LOAD = Argument("load", "Look for it in the database too.")
_ADDRESS = "(Unspecified)"


class PeerCommands:
    """The commands.

    ``qualifier`` gives what sends OPTIONS, ``realtime`` the peers of databases, ``None`` where these modules are not
    loaded.
    """

    def __init__(
        self,
        server: SipServer,
        pbx: Pbx,
        peers: Peers,
        qualifier: Callable[[], Qualifier | None],
        realtime: Callable[[], SipRealtime | None],
    ) -> None:
        self._server = server
        self._pbx = pbx
        self._peers = peers
        self._qualifier = qualifier
        self._realtime = realtime

    # Completion.

    def complete_peers(self, typed: list[str]) -> Iterable[str]:
        """Names of peers, then ``load``."""
        if len(typed) < 2:
            return [one.name for one in self._peers.all()]
        return ["load"] if len(typed) == 2 else []

    def complete_users(self, typed: list[str]) -> Iterable[str]:
        """Names of users, then ``load``."""
        if len(typed) < 2:
            return [one.name for one in self._peers.users()]
        return ["load"] if len(typed) == 2 else []

    def complete_registered(self, typed: list[str]) -> Iterable[str]:
        """Names of peers that are registered."""
        peers = self._peers
        return [one.name for one in peers.all() if peers.registration(one) is not None] if len(typed) < 2 else []

    # Lists.

    @command(
        "sip show peers", Documentation(
            "List the peers of sip.conf", "sip show peers [like <pattern>]",
            "Peers and friends, with where they are and whether they answer (qualify).", _LIKE,
        ), ("like",),
    )  # fmt: skip
    async def show_peers(self, call: CommandCall) -> str:
        """One line for each, and how many there are."""
        wanted = like_pattern(call.args)
        peers = self._peers
        realtime = self._realtime()
        if realtime is None or not realtime.active:
            realtime = None
        found = [one for one in peers.all() if wanted(one.name) and (realtime is None or realtime.listed(one))]
        counts = {(qualified, online): 0 for qualified in (True, False) for online in (True, False)}

        def row(peer: SipPeer) -> str:
            counts[bool(peer.qualify), peers.online(peer)] += 1
            return self._peer(peer)

        rows = await in_turns(found, row)
        head = tables.PEERS_HEAD if realtime is None else f"{tables.PEERS_HEAD[:-1]}Realtime\n"
        return (
            f"{head}{''.join(rows)}{len(found)} sip peers "
            f"[Monitored: {counts[True, True]} online, {counts[True, False]} offline "
            f"Unmonitored: {counts[False, True]} online, {counts[False, False]} offline]\n"
        )

    def _peer(self, peer: SipPeer) -> str:
        peers = self._peers
        user = peers.username(peer)
        host, port = peers.address(peer) or (_ADDRESS, 0)
        behind = peers.behind_nat(peer)
        return tables.peer_row(
            f"{peer.name}/{user}" if user else peer.name, host, port,
            dynamic=peer.dynamic, rport=words.forced_rport(peer, behind), comedia=words.comedia(peer, behind),
            acl=bool(peer.address_rules) or bool(peer.acl), status=peers.status(peer), description=peer.description,
            realtime="Cached RT" if is_realtime(peer) else "",
        )  # fmt: skip

    @command(
        "sip show users", Documentation(
            "List the users of sip.conf", "sip show users [like <pattern>]",
            "Users and friends, who may call. Passwords are hidden without show_secrets=yes in asterisk.conf.", _LIKE,
        ), ("like",),
    )  # fmt: skip
    async def show_users(self, call: CommandCall) -> str:
        """One line for each."""
        wanted = like_pattern(call.args)
        shown = bool(getattr(self._server.options, "show_secrets", False))

        def row(user: SipPeer) -> str:
            return tables.user_row(
                user.name, user.secret if shown or not user.secret else HIDDEN, user.accountcode, user.context,
                bool(user.address_rules) or bool(user.acl), words.forced_rport(user, self._peers.behind_nat(user)),
            )  # fmt: skip

        rows = await in_turns([one for one in self._peers.users() if wanted(one.name)], row)
        return tables.USERS_HEAD + "".join(rows)

    @command(
        "sip show inuse", Documentation(
            "List the calls of peers and their limits", "sip show inuse [all]",
            "Calls, ringing ones and those on hold, of all peers that have a limit or whose calls are counted"
            " (call-limit, callcounter); with all, of the others too.",
            (Argument("all", "Those without limit too."),),
        ), ("all",),
    )  # fmt: skip
    async def show_inuse(self, call: CommandCall) -> str:
        """One line for each."""
        everything = call.args[:1] == ["all"]

        def row(peer: SipPeer) -> str:
            limit = words.call_limit(peer)
            if not limit and not everything:
                return ""
            return tables.inuse_row(peer.name, self._used(peer), str(limit) if limit else "N/A")

        rows = await in_turns(self._peers.sections(), row)
        return tables.inuse_row("* Peer name", "In use", "Limit") + "".join(rows)

    def _used(self, peer: SipPeer) -> str:
        use = CallLimits(self._pbx).of(peer)
        return f"{use.in_use}/{use.ringing}/{use.on_hold}"

    # One.

    @command(
        "sip show peer", Documentation(
            "Show a peer of sip.conf", "sip show peer <name> [load]", "All its options, and what is known of it now.",
            (Argument("name", "The peer's name.", required=True), _LOAD),
        ), "complete_peers",
    )  # fmt: skip
    async def show_peer(self, call: CommandCall) -> str:
        """Everything."""
        peer = await self._named(call, self._peers.get)
        if peer is None:
            return f"Peer {call.args[0]} not found.\n\n"
        return show_peer(peer, self._peers, general_of(self._server.data), self._told(peer))

    def _told(self, peer: SipPeer) -> Messages | None:
        """The counts that the peer was told last; ``None`` while it has mailboxes and no address."""
        if not peer.mailbox:
            return Messages(0, 0)
        if self._peers.address(peer) is None:
            return None
        counts = self._pbx.mailboxes.total(peer.mailbox)
        return Messages(counts.new, counts.old)

    @command(
        "sip show user", Documentation(
            "Show a user of sip.conf", "sip show user <name> [load]", "The options that count for its calls.",
            (Argument("name", "The user's name.", required=True), _LOAD),
        ), "complete_users",
    )  # fmt: skip
    async def show_user(self, call: CommandCall) -> str:
        """Everything."""
        user = await self._named(call, self._peers.user)
        return f"User {call.args[0]} not found.\n\n" if user is None else show_user(user)

    async def _named(self, call: CommandCall, find: Callable[[str], SipPeer | None]) -> SipPeer | None:
        """The peer of the first word; with ``load`` it is looked for in the database too."""
        if not call.args:
            raise UsageError("a name")
        name = call.args[0]
        if call.args[1:2] == ["load"]:
            await self._server.data.retrieve(SipPeer, name)
        return find(name)

    # Changes.

    @command(
        "sip qualify peer", Documentation(
            "Ask a peer whether it answers", "sip qualify peer <name> [load]",
            "Sends an OPTIONS now. What comes of it is in sip show peers.",
            (Argument("name", "The peer's name.", required=True), _LOAD),
        ), "complete_peers",
    )  # fmt: skip
    async def qualify(self, call: CommandCall) -> str:
        """Send OPTIONS."""
        peer = await self._named(call, self._peers.get)
        if peer is None:
            return f"Peer '{call.args[0]}' not found\n"
        ask(self._server.sip, self._peers, peer, self._qualifier())
        return ""

    @command(
        "sip unregister", Documentation(
            "End the registration of a peer", "sip unregister <peer>",
            "Forgets where it is; its calls go on, and it may register again at once.",
            (Argument("peer", "The peer's name.", required=True),),
        ), "complete_registered",
    )  # fmt: skip
    async def unregister(self, call: CommandCall) -> str:
        """Delete the contact."""
        if len(call.args) != 1:
            raise UsageError("one peer")
        name = call.args[0]
        peer = self._peers.get(name)
        if peer is None:
            return f"Peer unknown: '{name}'. Not unregistered.\n"
        contacts = self._server.sip.location.registered(peer.id)
        if not contacts:
            return f"Peer {name} not registered\n"
        for contact in list(contacts):
            await self._server.data.delete(contact)
        return f"Unregistered peer '{name}'\n\n"
