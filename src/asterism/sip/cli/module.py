"""``pjsip show ...`` and ``pjsip list ...`` for endpoints, AORs, contacts, auths, transports and identifies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from asterism.core.commands import Command, CommandCall
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError
from asterism.core.like import like_pattern
from asterism.core.module import Module
from asterism.data.options import ConfiguredObject
from asterism.sip.cli import layout
from asterism.sip.cli.fetching import when_there
from asterism.sip.cli.layout import ShowServer
from asterism.sip.events import CONTACT_STATUS, PEER_STATUS
from asterism.sip.objects.aor import Aor
from asterism.sip.objects.auth import Auth
from asterism.sip.objects.contact import Contact
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.global_ import GlobalSettings
from asterism.sip.objects.identify import Identify
from asterism.sip.objects.system import SystemSettings
from asterism.sip.objects.transport import TransportConfig


class _Kind:
    """The listing and display of one type of object."""

    def __init__(
        self,
        cls: type[ConfiguredObject],
        singular: str,
        plural: str,
        heads: str,
        rows: Callable[[Any], str],
        list_head: str,
        list_row: Callable[[Any], str],
        spaced: bool,
    ) -> None:
        self.cls = cls
        self.singular = singular
        self.plural = plural
        self.heads = heads
        self.rows = rows
        self.list_head = list_head
        self.list_row = list_row
        self.spaced = spaced


class SipCli(Module):
    """The commands that show SIP objects."""

    name = "sip_cli"
    part_of = ("res_pjsip",)
    aliases = ("res_pjsip_cli",)
    requires = ("res_pjsip",)
    description = "Console commands that show SIP objects"

    server: ShowServer

    def load(self, server: ShowServer) -> None:
        """Register the commands of every type."""
        self.server = server
        server.register_events(CONTACT_STATUS, PEER_STATUS)
        location = server.sip.location
        kinds = (
            _Kind(
                Endpoint, "endpoint", "endpoints", layout.ENDPOINT_HEADS,
                lambda item: layout.endpoint_rows(server, item),
                layout.ENDPOINT_HEAD, lambda item: layout.endpoint_row(server, item), True,
            ),
            _Kind(
                Aor, "aor", "aors", layout.AOR_HEADS, lambda item: layout.aor_row(item, 6, location),
                layout.AOR_HEAD, lambda item: layout.aor_row(item, 6), True,
            ),
            _Kind(Auth, "auth", "auths", layout.AUTH_HEAD, _auth_row, layout.AUTH_HEAD, _auth_row, False),
            _Kind(
                TransportConfig, "transport", "transports", layout.TRANSPORT_HEAD, self._transport_row,
                layout.TRANSPORT_HEAD, self._transport_row, False,
            ),
            _Kind(
                Identify, "identify", "identifies", layout.IDENTIFY_HEADS,
                lambda item: layout.identify_rows(item, 1),
                layout.IDENTIFY_HEAD, lambda item: f" Identify:  {item.id}/{item.endpoint}\n", True,
            ),
            _Kind(
                Contact, "contact", "contacts", layout.CONTACT_HEAD,
                lambda item: layout.contact_row(location, item, 2),
                layout.CONTACT_HEAD, lambda item: layout.contact_row(location, item, 2), False,
            ),
        )  # fmt: skip
        for kind in kinds:
            self._register(kind)
        server.register_command(
            Command("pjsip show settings", self._settings),
            Documentation("Show the [global] and [system] settings in effect.", "pjsip show settings"),
        )
        server.register_command(
            Command("pjsip show identifiers", self._identifiers),
            Documentation("Show the endpoint identifiers in the order they are asked.", "pjsip show identifiers"),
        )

    def _register(self, kind: _Kind) -> None:
        like = Argument("like", "Only objects whose name matches this regular expression.")
        self.server.register_command(
            Command(f"pjsip show {kind.plural}", lambda call: self._when_there(kind, call, self._show_all)),
            Documentation(f"Show all {kind.plural}.", f"pjsip show {kind.plural} [like <pattern>]", arguments=(like,)),
        )
        self.server.register_command(
            Command(f"pjsip list {kind.plural}", lambda call: self._when_there(kind, call, self._list_all)),
            Documentation(f"List all {kind.plural}.", f"pjsip list {kind.plural} [like <pattern>]", arguments=(like,)),
        )
        self.server.register_command(
            Command(
                f"pjsip show {kind.singular}",
                lambda call: self._when_there(kind, call, self._show_one, call.args[:1]),
                self._completer(kind),
            ),
            Documentation(
                f"Show one {kind.singular} with its options.",
                f"pjsip show {kind.singular} <name>",
                arguments=(Argument("name", f"Name of the {kind.singular}.", required=True),),
            ),
        )

    def _when_there(
        self, kind: _Kind, call: CommandCall, show: Callable[[_Kind, CommandCall], str], names: Iterable[str] = ()
    ) -> str | Awaitable[str]:
        """Show objects once they were read: endpoints are listed with their AORs and auths."""
        types = (Endpoint, Aor, Auth) if kind.cls is Endpoint and not names else (kind.cls,)
        return when_there(self.server.data, types, lambda: show(kind, call), names)

    def _completer(self, kind: _Kind) -> Callable[[list[str]], Iterable[str]]:
        def complete(words: list[str]) -> Iterable[str]:
            if len(words) > 1:
                return []
            return [name for name, _ in self._objects(kind, []) if name.startswith(words[0] if words else "")]

        return complete

    def _objects(self, kind: _Kind, args: list[str]) -> list[tuple[str, Any]]:
        """Name and object, sorted, kept to the pattern after ``like``."""
        found: list[tuple[str, Any]]
        if kind.cls is Contact:
            found = [(item.id, item) for item in self.server.sip.location.all()]
        else:
            found = [(item.id, item) for item in self.server.data.all(kind.cls)]
        wanted = like_pattern(args)
        return sorted((entry for entry in found if wanted(entry[0])), key=lambda entry: entry[0])

    def _show_all(self, kind: _Kind, call: CommandCall) -> str:
        found = self._objects(kind, call.args)
        if not found:
            return "No objects found.\n\n"
        blank = "\n" if kind.spaced else ""
        rows = "".join(kind.rows(item) + blank for _, item in found)
        return f"{layout.head(kind.heads)}{rows}\nObjects found: {len(found)}\n\n"

    def _list_all(self, kind: _Kind, call: CommandCall) -> str:
        found = self._objects(kind, call.args)
        if not found:
            return "No objects found.\n\n"
        rows = "".join(kind.list_row(item) for _, item in found)
        return f"{layout.head(kind.list_head)}{rows}\nObjects found: {len(found)}\n\n"

    def _show_one(self, kind: _Kind, call: CommandCall) -> str:
        if not call.args:
            raise CommandError("No object specified.\n")
        name = call.args[0]
        location, data = self.server.sip.location, self.server.data
        item: object = location.find(name) if kind.cls is Contact else data.get(kind.cls, name)
        if not isinstance(item, kind.cls):
            return f"Unable to find object {name}.\n\n"
        blank = "\n" if kind.spaced else ""
        secrets = bool(getattr(self.server.options, "show_secrets", False))
        rows = item.listing(secrets)
        return f"{layout.head(kind.heads)}{kind.rows(item)}{blank}\n{layout.parameters(rows)}\n"

    def _transport_row(self, config: TransportConfig) -> str:
        # Those of WebSockets bind nothing, and are shown as configured.
        own = config.protocol not in ("ws", "wss")
        port = next((port for name, _, _, port in self.server.sip.listening() if own and name == config.id), None)
        return layout.transport_row(config, 0, port)

    def _settings(self, _call: CommandCall) -> str:
        data = self.server.data
        rows = dict(data.single(GlobalSettings).listing())
        rows["user_agent"] = self.server.sip.state.user_agent
        system = data.single(SystemSettings).listing()
        return (
            f"\nGlobal Settings:\n\n{layout.parameters(sorted(rows.items()))}"
            f"\nSystem Settings:\n\n{layout.parameters(system)}"
        )

    def _identifiers(self, _call: CommandCall) -> str:
        names = [name or "name not specified" for name, _ in self.server.sip.identifiers]
        return "".join(f"{name:20}\n" for name in ("Identifier Names:", *names))


def _auth_row(auth: Auth) -> str:
    return f"     Auth:  {auth.id}/{auth.username}\n"
