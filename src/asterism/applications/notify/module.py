"""The module ``notify``: ``pjsip send notify``, the action and the application ``PJSIPNotify``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.core.module import Module
from asterism.pbx.assembly.server import PbxServer
from asterism.pbx.calls.originate import parse_variables
from asterism.pbx.dialplan.language.arguments import split_arguments
from asterism.pbx.vocabulary.marks import application, register_marked
from asterism.sip.notify.content import FILE, Content, NotifyError, content_of, load_templates
from asterism.sip.notify.sender import NotifySender
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.server import SipServer

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_KINDS = ("endpoint", "uri", "channel")
_TARGET = "PJSIPNotify requires either an endpoint name, a SIP URI, or a channel."
_WHAT = "PJSIPNotify requires either an Option or Variable(s)."
_ONE = "You must use only one of them."


class NotifyServer(SipServer, PbxServer, Protocol):
    """A server with endpoints and channels."""


class NotifyModule(Module):
    """Sends NOTIFYs by hand."""

    name = "notify"
    aliases = ("res_pjsip_notify",)
    requires = ("res_pjsip",)
    description = "SIP NOTIFY sent by hand"

    templates: dict[str, Content]

    def load(self, server: NotifyServer) -> None:
        """Read the templates, and register."""
        self._server = server
        self._sender = NotifySender(server.sip, server.pbx, server.log)
        self.templates = {}
        self.reload()
        server.register_marked(self)
        register_marked(server.pbx, self)

    def reload(self) -> None:
        """Read ``pjsip_notify.conf`` again; one that cannot be read changes nothing."""
        self.templates = load_templates(self._server.paths.etc / FILE, self._server.log, self.templates)

    def _template(self, name: str) -> Content:
        found = self.templates.get(name)
        if found is None:
            raise NotifyError(f"Unable to find notify type '{name}'")
        return found

    def _given(self, pairs: Iterable[tuple[str, str]]) -> Content:
        content = content_of(pairs)
        for name in content.passed_over:
            self._server.log.warning("a NOTIFY goes without '%s': the server writes it itself", name)
        return content

    # Console.

    def complete(self, words: list[str]) -> Iterable[str]:
        """Templates, then what kind of target, then targets."""
        if len(words) < 2:
            return sorted(self.templates)
        if len(words) == 2:
            return _KINDS
        if words[1] == "endpoint":
            return [endpoint.id for endpoint in self._server.data.all(Endpoint)]
        if words[1] == "channel":
            return [channel.name for channel in self._server.pbx.channels if channel.name.startswith("PJSIP/")]
        return ()

    @command(
        "pjsip send notify",
        Documentation(
            "Send a NOTIFY to endpoints, URIs or channels.",
            "pjsip send notify <type> {endpoint|uri|channel} <peer> [<peer>...]",
            f"The types are the sections of {FILE}. URIs are reached through default_outbound_endpoint; a channel gets "
            "it within its call.",
            (
                Argument("type", f"A section of {FILE}.", True),
                Argument("peer", "Endpoints, URIs or names of channels.", True),
            ),
        ),
        "complete",
    )
    async def send(self, call: CommandCall) -> str:
        """To one or several."""
        if len(call.args) < 3 or call.args[1] not in _KINDS:
            raise UsageError
        name, kind, *targets = call.args
        try:
            content = self._template(name)
        except NotifyError as error:
            raise CommandError(str(error)) from error
        for target in targets:
            call.write(f"Sending NOTIFY of type '{name}' to '{target}'\n")
            try:
                await self._to(kind, target, content)
            except NotifyError as error:
                call.write(f"{error}\n")
        return ""

    async def _to(self, kind: str, target: str, content: Content) -> None:
        if kind == "endpoint":
            await self._sender.to_endpoint(target, content)
        elif kind == "uri":
            await self._sender.to_uri(target, content)
        else:
            self._sender.to_channel_named(target, content)

    # Manager.

    @action(
        "PJSIPNotify",
        "system",
        Documentation(
            "Send a NOTIFY to either an endpoint, an arbitrary URI, or inside a SIP dialog.",
            description="One of Endpoint, URI and channel says where to, one of Option and Variable what. A URI is "
            "reached through default_outbound_endpoint.",
            arguments=(
                Argument("Endpoint", "An endpoint; all its contacts get it."),
                Argument("URI", "Any SIP URI."),
                Argument("channel", "A SIP channel, which gets it within its call."),
                Argument("Option", f"A section of {FILE}."),
                Argument("Variable", "A header, name=value; Content gives a line of the body, Content-Type its type. "
                         "May be repeated."),
            ),
        ),
    )  # fmt: skip
    async def act(self, call: ActionCall) -> None:
        """Answered before the NOTIFY is."""
        targets = [(kind, call.get(kind)) for kind in _KINDS if call.get(kind)]
        option, variables = call.get("Option"), parse_variables(call.get_all("Variable"))
        if len(targets) != 1:
            call.error(f"{_TARGET}  {_ONE}" if targets else _TARGET)
            return
        if bool(option) == bool(variables):
            call.error(f"{_WHAT}{_ONE}")
            return
        try:
            content = self._template(option) if option else self._given(variables)
            await self._to(*targets[0], content)
        except NotifyError as error:
            call.error(str(error))
            return
        call.success("NOTIFY sent")

    # Dialplan.

    @application("PJSIPNotify", Documentation(
        "Send a NOTIFY to a URI, or to the caller within its call",
        "PJSIPNotify([uri],option|&name=value[&name=value...])",
        f"Without a URI the channel's own SIP dialog is used. The option is a section of {FILE}; instead of one the "
        "headers can be given, each after an ampersand, Content being a line of the body.",
        (
            Argument("uri", "Where to; through default_outbound_endpoint."),
            Argument("option", f"A section of {FILE}, or headers.", True),
        ), ("SendText",),
    ))  # fmt: skip
    async def notify(self, channel: Channel, args: str) -> None:
        """Send a NOTIFY; errors are logged, and the dialplan goes on."""
        uri, what = [*split_arguments(args, limit=2), "", ""][:2]
        try:
            if what.startswith("&"):
                parts = split_arguments(what[1:], "&")
                pairs = [split_arguments(part, "=", limit=2, raw=True) for part in parts]
                content = self._given((str(pair[0]), str(pair[1])) for pair in pairs if len(pair) == 2)
            else:
                content = self._template(str(what))
            if uri:
                await self._sender.to_uri(str(uri), content)
            else:
                self._sender.to_channel(channel, content)
        except NotifyError as error:
            channel.pbx.log.warning("PJSIPNotify(%s): %s", args, error)
