"""``register =>``, and peers with ``callbackextension``: registrations of this server at others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from asterism.chan_sip.objects.register_line import RegisterLine, host_and_port
from asterism.chan_sip.translation.general_auth import names_of
from asterism.chan_sip.translation.general_making import GeneralObject, lines_of, yes_no
from asterism.chan_sip.translation.rules import Rule
from asterism.core.errors import ConfigError, Position
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.chan_sip.objects.peer import SipPeer
    from asterism.chan_sip.reading import SipConf
    from asterism.chan_sip.translation.names import Names
    from asterism.config.file import Section

FOREVER = 2**32 - 1
"""Attempts of a registration that is never given up."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A registration that is to be made.

    Attributes:
        line: what is registered where.
        position: where that is said.
        peer: whose settings are used, ``None`` for nobody's.
        problem: why it cannot be, or what of it cannot.
        usable: whether it is made all the same.
    """

    line: RegisterLine
    position: Position
    peer: SipPeer | None = None
    problem: str = ""
    usable: bool = True


def wanted(conf: SipConf) -> Iterator[Wanted]:
    """Every registration: those of the lines in their order, then those of peers."""
    for line in lines_of(conf, "register"):
        yield _with_peer(conf, RegisterLine.parse(line.value), line.position)
    for peer in conf.peers.values():
        if peer.callbackextension:
            yield _callback(conf, peer)


def registrations(conf: SipConf, names: Names, kind: str) -> Iterable[Section]:
    """The registrations, and the credentials of each."""
    if kind not in ("", "registration", "auth"):
        return
    shared = names_of(conf, names)
    for number, each in enumerate((one for one in wanted(conf) if one.usable), 1):
        auths = [*_peer_auths(each.peer, names), *shared]
        if each.line.secret or each.line.auth_user:
            auths.insert(0, names.registration_auth(number))
            if kind != "registration":
                yield _auth(conf, names.registration_auth(number), each)
        if kind != "auth":
            yield _registration(conf, names, number, each, auths)


def _peer_auths(peer: SipPeer | None, names: Names) -> list[str]:
    """The credentials for single realms that the peer of a line has."""
    if peer is None or not peer.is_peer:
        return []
    return [names.outbound_auth(peer, number) for number, _ in enumerate(peer.auth, 1)]


def problems(conf: SipConf) -> Iterator[ConfigError]:
    """What is wrong with registrations whose lines are right by themselves."""
    for each in wanted(conf):
        if each.problem:
            name = "register" if each.peer is None or not each.peer.callbackextension else "callbackextension"
            yield ConfigError(f"option '{name}': {each.problem}", each.position, name)


def _with_peer(conf: SipConf, line: RegisterLine, position: Position) -> Wanted:
    """Look the peer of a line up: the one before ``?``, else one that the host is the name of."""
    if line.peer:
        peer = conf.peers.get(line.peer)
        if peer is None:
            return Wanted(line, position, None, f"there is no peer '{line.peer}'; its settings are not used")
        if line.host == line.peer and not peer.dynamic:
            line = _at_peer(line, peer)
        return Wanted(line, position, peer)
    peer = conf.peers.get(line.host)
    if peer is None or not peer.is_peer:
        return Wanted(line, position)
    if peer.dynamic:
        text = f"'{line.host}' is a peer that registers here: it has no address to register at"
        return Wanted(line, position, peer, text, usable=False)
    return Wanted(_at_peer(line, peer), position, peer)


def _at_peer(line: RegisterLine, peer: SipPeer) -> RegisterLine:
    try:
        host, port = host_and_port(peer.host)
    except ValueError:
        host, port = peer.host, 0
    return replace(line, host=host, port=line.port or peer.port or port)


def _callback(conf: SipConf, peer: SipPeer) -> Wanted:
    position = conf.position(peer, "callbackextension")
    secret = peer.remotesecret or peer.secret
    user = peer.defaultuser or peer.fromuser
    line = RegisterLine(user, peer.host, peer.port, secret=secret, extension=peer.callbackextension, peer=peer.name)
    if peer.dynamic or not peer.is_peer:
        return Wanted(line, position, peer, f"peer '{peer.name}' has no host to register at", usable=False)
    if not user:
        return Wanted(line, position, peer, f"peer '{peer.name}' has no defaultuser to register", usable=False)
    return Wanted(_at_peer(replace(line, port=0), peer), position, peer)


def _auth(conf: SipConf, name: str, each: Wanted) -> Section:
    made = GeneralObject(conf, "auth", name, each.position)
    made.put("username", each.line.auth_user or each.line.user)
    made.put("password", each.line.secret)
    return made.section


def _registration(conf: SipConf, names: Names, number: int, each: Wanted, auths: list[str]) -> Section:
    general, line, peer = conf.general, each.line, each.peer
    protocol = line.transport or (peer.transport[0] if peer is not None and peer.transport else "udp")
    made = GeneralObject(conf, "registration", names.registration(number), each.position)
    params = {} if protocol == "udp" else {"transport": protocol}
    made.put("server_uri", str(Uri("sip", "", line.host.lower(), line.port or None, params=params)))
    domain, domain_port = line.domain, line.domain_port
    if not domain:
        domain = (peer.fromdomain if peer is not None else "") or line.host
    made.put("client_uri", str(Uri("sip", line.user, domain.lower(), domain_port or None)))
    made.put("contact_user", line.extension or "s")
    if protocol in served(conf):
        made.put("transport", names.transport(protocol))
    made.put("expiration", str(line.expiry or general.defaultexpiry))
    made.put("retry_interval", str(general.registertimeout), "registertimeout")
    made.put("max_retries", str(general.registerattempts or FOREVER), "registerattempts")
    made.put("auth_rejection_permanent", "no")
    if general.register_retry_403:
        made.put("forbidden_retry_interval", str(general.registertimeout), "register_retry_403", "registertimeout")
    made.put("max_random_initial_delay", "0")
    if auths:
        made.put("outbound_auth", ",".join(auths))
    proxy = (peer.outboundproxy if peer is not None else "") or general.outboundproxy
    made.put("outbound_proxy", proxy_route(proxy), "outboundproxy")
    made.put("support_path", yes_no(peer.supportpath if peer is not None else general.supportpath), "supportpath")
    return made.section


def served(conf: SipConf) -> frozenset[str]:
    """The protocols of which ``sip.conf`` has a transport."""
    general = conf.general
    on = {"udp": general.udpenable, "tcp": general.tcpenable, "tls": general.tlsenable}
    return frozenset(name for name, enabled in on.items() if enabled)


def proxy_route(text: str) -> str:
    """``[transport://]host[:port][,force]`` as a route: ``sip:host:port;lr``, ``""`` where it is none."""
    text = text.partition(",")[0].strip()
    protocol, separator, rest = text.partition("://")
    if not separator:
        protocol, rest = "", text
    if not rest:
        return ""
    try:
        host, port = host_and_port(rest)
    except ValueError:
        return ""
    params: dict[str, str | None] = {"transport": protocol.lower()} if protocol and protocol.lower() != "udp" else {}
    return str(Uri("sip", "", host.lower(), port or None, params={**params, "lr": None}))


RULES = (
    Rule("register", ("registration.server_uri", "registration.client_uri", "registration.contact_user",
         "registration.expiration", "auth.password")),
    Rule("callbackextension", ("registration.contact_user",)),
    Rule("registertimeout", ("registration.retry_interval",)),
    Rule("registerattempts", ("registration.max_retries",)),
    Rule("register_retry_403", ("registration.forbidden_retry_interval",)),
)  # fmt: skip
