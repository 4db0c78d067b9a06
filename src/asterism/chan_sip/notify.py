"""NOTIFYs sent by hand in chan_sip's way: ``sip_notify.conf``, ``sip notify`` and the action ``SIPnotify``."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING

from asterism.chan_sip.objects.general import general_of
from asterism.chan_sip.peers import Peers, peers_of
from asterism.chan_sip.translation.names import GUEST
from asterism.core.commands import ActionCall, CommandCall, action, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import AsterismError, CommandError, UsageError
from asterism.core.module import Module
from asterism.hostport import format_host_port, split_host_port
from asterism.pbx.calls.originate import parse_variables
from asterism.sip.notify.content import Content, NotifyError, content_of, load_templates
from asterism.sip.notify.sender import Outcome
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.errors import SipError
from asterism.stack.uri import Uri
from asterism.transport.errors import TransportError

if TYPE_CHECKING:
    from asterism.chan_sip.objects.peer import SipPeer
    from asterism.sip.contacts import Contact
    from asterism.sip.server import SipServer
    from asterism.stack.message import Request

FILE = "sip_notify.conf"
_USER = "asterisk"
"""Display name and user of From where neither the peer nor ``[general]`` says another."""


def without_escapes(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same with escaped semicolons as semicolons: values are written as in ``sip_notify.conf``."""
    return [(name, value.replace("\\;", ";")) for name, value in pairs]


class NoAddressError(NotifyError):
    """There is nowhere to send a NOTIFY to."""


class SipNotifier:
    """Sends them."""

    def __init__(self, server: SipServer, peers: Peers) -> None:
        self._core = server.sip
        self._log = server.log
        self._peers = peers

    async def send(self, name: str, content: Content) -> None:
        """To a peer, or to ``host[:port]`` where there is no peer of this name.

        Raises:
            NoAddressError: it has no address, or none is found.
            NotifyError: the request cannot be made.
        """
        peer = self._peers.get(name)
        if peer is not None:
            contact = self._peers.contact(peer)
            if contact is None:
                raise NoAddressError(f"'{name}' has no address")
            self._send(contact, self._core.data.objects(Endpoint).get(peer.id), peer, content)
            return
        uri = _address(name)
        endpoint = self._core.data.objects(Endpoint).get(GUEST)
        try:
            way = self._core.way_to(uri, endpoint)
            if not hasattr(way, "flow"):
                await way
        except (AsterismError, SipError, TransportError, OSError) as error:
            raise NoAddressError(f"'{name}': {error}") from error
        self._send(uri, endpoint, None, content)

    def send_in_dialog(self, call_id: str, content: Content) -> bool:
        """Within the dialog of a Call-ID: a call or a subscription. ``False``: there is no such dialog."""
        core = self._core
        for entry in core.dialogs:
            if entry.dialog.call_id == call_id:
                request = entry.dialog.create_request("NOTIFY")
                self._fill(request, content)
                flow = getattr(entry.dialog, "flow", None)
                core.send(request, Outcome(self._log, call_id), entry.endpoint, flow, entry.dialog.next_hop)
                return True
        return False

    def _send(self, target: Contact | Uri, endpoint: Endpoint | None, peer: SipPeer | None, content: Content) -> None:
        core = self._core
        where = str(target) if isinstance(target, Uri) else target.uri
        try:
            request = core.create_request("NOTIFY", target, endpoint)
            self._address(request, peer)
            self._fill(request, content)
        except (AsterismError, SipError, ValueError) as error:
            raise NotifyError(f"a NOTIFY to {where} cannot be made: {error}") from error
        core.send(request, Outcome(self._log, where), endpoint)

    def _address(self, request: Request, peer: SipPeer | None) -> None:
        """From and Contact name the caller ID of ``[general]``, or the peer's ``fromuser``."""
        general = general_of(self._core.data)
        user = (peer.fromuser if peer is not None else "") or (general.callerid.number if general is not None else "")
        user = user or _USER
        for name in ("From", "Contact"):
            value = request.get(name) or ""
            _, _, rest = value.partition("@")
            display = f'"{user}" ' if name == "From" else ""
            request.set_header(name, f"{display}<sip:{user}@{rest}")

    def _fill(self, request: Request, content: Content) -> None:
        for name, value in content.headers:
            # What a program sets instead of ours (User-Agent, Max-Forwards) is not there twice.
            if request.has(name):
                request.set_header(name, value)
            else:
                request.add_header(name, value)
        if content.body:
            request.set_body(content.body)


def _address(text: str) -> Uri:
    """``host[:port]`` as a URI. Raises :class:`NoAddressError`: it is neither an address nor a name with a domain."""
    try:
        host, port = split_host_port(text)
    except ValueError as error:
        raise NoAddressError(str(error)) from None
    try:
        ip_address(host)
    except ValueError:
        # A name without a dot is a peer that was mistyped: nobody is to wait for a name server.
        if "." not in host.strip("."):
            raise NoAddressError(f"'{text}' is no peer") from None
    try:
        return Uri.parse(f"sip:{format_host_port(host, port)}")
    except SipError as error:
        raise NoAddressError(f"'{text}' is no address") from error


class ChanSipNotify(Module):
    """``sip notify`` and ``SIPnotify``."""

    name = "chan_sip_notify"
    part_of = ("chan_sip",)
    requires = ("res_pjsip", "chan_sip", "chan_sip_peers")
    description = "NOTIFY sent by hand to peers of sip.conf"

    templates: dict[str, Content]

    def load(self, server: SipServer) -> None:
        """Read the templates, and register."""
        self._server = server
        self._peers = peers_of(server)
        self._notifier = SipNotifier(server, self._peers)
        self.templates = {}
        self.reload()
        server.register_marked(self)

    def reload(self) -> None:
        """Read ``sip_notify.conf`` again; one that cannot be read changes nothing."""
        path = self._server.paths.etc / FILE
        self.templates = load_templates(path, self._server.log, self.templates, as_given=True)

    def complete(self, words: list[str]) -> Iterable[str]:
        """Templates, then peers."""
        if len(words) < 2:
            return sorted(self.templates)
        return [peer.name for peer in self._peers.all() if peer.name not in words[1:-1]]

    @command(
        "sip notify",
        Documentation(
            "Send a NOTIFY to peers of sip.conf.",
            "sip notify <type> <peer> [<peer>...]",
            f"The types are the sections of {FILE}. In place of a peer an address or a name with a domain may stand.",
            (
                Argument("type", f"A section of {FILE}.", True),
                Argument("peer", "Peers, or host[:port].", True),
            ),
            ("SIPnotify",),
        ),
        "complete",
    )
    async def send(self, call: CommandCall) -> str:
        """To one or several."""
        if len(call.args) < 2:
            raise UsageError
        name, *targets = call.args
        content = self.templates.get(name)
        if content is None:
            raise CommandError(f"Unable to find notify type '{name}'")
        for target in targets:
            try:
                await self._notifier.send(target, content)
            except NoAddressError:
                call.write(f"Could not create address for '{target}'\n")
            except NotifyError as error:
                call.write(f"{error}\n")
            else:
                call.write(f"Sending NOTIFY of type '{name}' to '{target}'\n")
        return ""

    @action(
        "SIPnotify",
        "system",
        Documentation(
            "Send a NOTIFY to a peer of sip.conf, or within a dialog.",
            "Action: SIPnotify",
            "It is sent at once; whether the phone takes it is only logged.",
            (
                Argument("Channel", "A peer, SIP/ before it or not; or host[:port].", True),
                Argument("Variable", "A header, name=value, several with commas; Content gives a line of the body. "
                         "May be repeated. A semicolon in a value may be written \\;"),
                Argument("Call-ID", "The Call-ID of a dialog: it is sent there."),
            ),
            ("sip notify", "PJSIPNotify"),
        ),
    )  # fmt: skip
    async def act(self, call: ActionCall) -> None:
        """Answered before the NOTIFY is."""
        name = call.get("Channel")
        if not name:
            call.error("SIPNotify requires a channel name")
            return
        name = name[4:] if name[:4].lower() == "sip/" else name
        call_id = call.get("Call-ID")
        try:
            content = content_of(without_escapes(parse_variables(call.get_all("Variable"))), as_given=True)
            for passed_over in content.passed_over:
                self._server.log.warning("a NOTIFY goes without '%s': the server writes it itself", passed_over)
            if call_id:
                if not self._notifier.send_in_dialog(call_id, content):
                    call.error("Call-ID not found")
                    return
            else:
                await self._notifier.send(name, content)
        except NoAddressError:
            call.error("Could not create address")
        except NotifyError as error:
            call.error(str(error))
        else:
            call.success("Notify Sent")
