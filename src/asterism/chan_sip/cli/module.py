"""The module ``chan_sip_cli``: the console commands ``sip ...``, and the watch on dialogs that they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from asterism.applications.outbound_registration.table import OutboundRegistrations
from asterism.applications.pubsub.registry import pubsub
from asterism.applications.qualify import Qualifier
from asterism.applications.session.registry import sessions
from asterism.chan_sip.cli.channels import DialogCommands
from asterism.chan_sip.cli.debug import SipDebug
from asterism.chan_sip.cli.general import GeneralCommands
from asterism.chan_sip.cli.legs import Legs
from asterism.chan_sip.cli.notes import DialogNotes
from asterism.chan_sip.cli.peers import PeerCommands
from asterism.chan_sip.cli.pruning import PruneCommands
from asterism.chan_sip.dialogs import SeenDialog, SipDialogs
from asterism.chan_sip.objects.general import SipGeneral, general_of
from asterism.chan_sip.peers import peers_of
from asterism.chan_sip.realtime.module import SipRealtime, realtime_of
from asterism.core.log import VERBOSE, Multiline
from asterism.core.module import Module
from asterism.core.registry import Owner
from asterism.pbx.assembly.server import PbxServer
from asterism.sip.server import SipServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.data.table import Change
    from asterism.stack.timers import Timer


Part = TypeVar("Part")
_SWEEP = 5.0
"""Seconds between looks for dialogs whose history goes to the log."""


class ConsoleServer(SipServer, PbxServer, Protocol):
    """A server with everything that the commands show."""

    modules: Any

    def bound(self, owner: Owner) -> Self:
        """The server as ``owner`` sees it."""


class ChanSipCli(Module):
    """Has the commands, and watches the wire, while there is a ``sip.conf``."""

    name = "chan_sip_cli"
    part_of = ("chan_sip",)
    requires = ("chan_sip", "chan_sip_peers", "session", "pubsub", "qualify", "outbound_registration")
    description = "Console commands of chan_sip"

    dialogs: SipDialogs
    debug: SipDebug

    def load(self, server: ConsoleServer) -> None:
        """Make everything ready."""
        self._server = server
        core, peers = server.sip, peers_of(server)

        def qualifier() -> Qualifier | None:
            return self._part("qualify", "qualifier", Qualifier)

        def registrations() -> OutboundRegistrations | None:
            return self._part("outbound_registration", "registrations", OutboundRegistrations)

        legs = Legs(server.data, peers, sessions(server), pubsub(server), registrations)
        self.dialogs = SipDialogs(lambda: core.layer.timers.clock() if core.started else 0.0, legs)

        def nat() -> tuple[str, ...]:
            general = general_of(server.data)
            return () if general is None else general.nat

        self.debug = SipDebug(core, peers, server.log, nat)
        sessions(server).register_supplement(DialogNotes(self.dialogs, peers))

        def realtime() -> SipRealtime | None:
            return realtime_of(server)

        async def reload() -> None:
            await server.modules.reload("chan_sip")

        self._holders = (
            PeerCommands(server, server.pbx, peers, qualifier, realtime),
            PruneCommands(peers, realtime),
            DialogCommands(legs, self.dialogs, peers),
            GeneralCommands(server, peers, legs, self.dialogs, registrations, realtime, reload),
            self.debug,
        )
        self._commands: Owner | None = None
        self._sweeping: Timer | None = None
        server.owner.on_release(self._leave)
        server.owner.on_release(self._observe(server))

    def _part(self, module: str, attribute: str, kind: type[Part]) -> Part | None:
        found = self._server.modules.find(module)
        part = getattr(found.instance, attribute, None) if found is not None else None
        return part if isinstance(part, kind) else None

    def _observe(self, server: ConsoleServer) -> Callable[[], None]:
        def changed(_change: Change[SipGeneral]) -> None:
            self._watch()

        return server.data.observe(SipGeneral, changed)

    def start(self) -> None:
        """Watch, and trace where ``sipdebug`` says so."""
        self._watch()
        general = self._general()
        if general is not None and general.sipdebug:
            self.debug.everything = True
            self.debug.apply()

    def _general(self) -> SipGeneral | None:
        return general_of(self._server.data)

    def _watch(self) -> None:
        """Have the commands and watch the wire while there is a ``sip.conf``, and record as it says."""
        core, general = self._server.sip, self._general()
        if not core.started:
            return
        if general is None:
            self._leave()
            return
        if self._commands is None:
            self._commands = Owner(self.name)
            view = self._server.bound(self._commands)
            for holder in self._holders:
                view.register_marked(holder)
            core.state.traces.set(core.transports, "chan_sip", self.dialogs.see)
        self.dialogs.recording = general.recordhistory
        self.dialogs.dump = self._dump if general.dumphistory else None
        if general.dumphistory and self._sweeping is None:
            self._sweeping = core.layer.timers.call_later(_SWEEP, self._sweep)

    def _sweep(self) -> None:
        """Forget dialogs in time: without this they are forgotten when others come or are listed."""
        self._sweeping = None
        if self._commands is not None and self.dialogs.dump is not None:
            for _ in self.dialogs:
                break
            self._sweeping = self._server.sip.layer.timers.call_later(_SWEEP, self._sweep)

    def _dump(self, dialog: SeenDialog) -> None:
        """Write the history of a dialog into the log."""
        lines = "\n".join(f"  {number}. {line}" for number, line in enumerate(dialog.lines, 1))
        kind = "Subscription" if dialog.method == "SUBSCRIBE" else "SIP Call"
        self._server.log.log(
            VERBOSE,
            "---------- SIP HISTORY for '%s'\n  * %s\n%s\n---------- END",
            dialog.call_id,
            kind,
            Multiline(lines),
        )

    def _leave(self) -> None:
        """Take the commands away, and watch no more."""
        owner, self._commands = self._commands, None
        if owner is None:
            return
        owner.release()
        self.debug.off()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        self.dialogs.clear()
        core = self._server.sip
        if core.started:
            core.state.traces.set(core.transports, "chan_sip", None)
