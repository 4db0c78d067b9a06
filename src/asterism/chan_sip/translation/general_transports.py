"""``[general]``: the transports, their certificates and their addresses outside a NAT."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from asterism.chan_sip.translation.general_making import GeneralObject, yes_no
from asterism.chan_sip.translation.rules import Rule
from asterism.data.network import SocketAddress, with_mask
from asterism.hostport import format_host_port, split_host_port

if TYPE_CHECKING:
    from asterism.chan_sip.objects.general import SipGeneral
    from asterism.chan_sip.reading import SipConf
    from asterism.chan_sip.translation.names import Names
    from asterism.config.file import Section

PORT = 5060
TLS_PORT = 5061
_ANY = "0.0.0.0"
_BIND = {
    "udp": ("udpbindaddr", "bindaddr", "bindport", "udpenable"),
    "tcp": ("tcpbindaddr", "udpbindaddr", "bindaddr", "bindport", "tcpenable"),
    "tls": ("tlsbindaddr", "udpbindaddr", "bindaddr", "tlsenable"),
}
"""Options of which the first that is set tells where a transport's address is from."""


def transports(conf: SipConf, names: Names, kind: str) -> Iterable[Section]:
    """The transports that are switched on: UDP, TCP and TLS."""
    if kind not in ("", "transport"):
        return
    for protocol, bind in binds(conf.general).items():
        if protocol in names.given:
            continue
        yield _transport(conf, names, protocol, bind)
        if names.written and bind.host == "::":
            # Asterism serves both families by one; a file is read by others too.
            yield _transport(conf, names, protocol, SocketAddress(_ANY, bind.port))


def binds(general: SipGeneral) -> dict[str, SocketAddress]:
    """The addresses of the transports that are switched on, by protocol; each with a port."""
    found: dict[str, SocketAddress] = {}
    udp = udp_bind(general)
    if general.udpenable:
        found["udp"] = udp
    if general.tcpenable:
        own = general.tcpbindaddr
        found["tcp"] = udp if own is None else SocketAddress(own.host, own.port or PORT)
    if general.tlsenable:
        own = general.tlsbindaddr
        found["tls"] = SocketAddress(own.host if own else udp.host, (own.port if own else 0) or TLS_PORT)
    return found


def default_port(transport: str) -> int:
    """The port of an address that names none, by its transport in small letters; that of UDP where it is empty."""
    return TLS_PORT if transport in ("tls", "wss") else PORT


def udp_bind(general: SipGeneral) -> SocketAddress:
    """The address of UDP: ``udpbindaddr``, else ``bindaddr``; a port of its own goes before ``bindport``."""
    own = general.udpbindaddr or general.bindaddr
    host, port = (own.host, own.port) if own is not None else (_ANY, 0)
    return SocketAddress(host, port or general.bindport or PORT)


def remapped(general: SipGeneral) -> bool:
    """Whether peers outside see another address: that takes ``localnet`` too, as in ``chan_sip``."""
    return bool(general.localnet and (general.externaddr or general.externhost))


def external(general: SipGeneral) -> tuple[str, int]:
    """Host and port that peers outside see; 0: the port listened on. ``externhost`` goes before ``externaddr``."""
    try:
        host, port = split_host_port(general.externhost or general.externaddr)
    except ValueError:
        return general.externhost or general.externaddr, 0
    return host, port or 0


def host_of(text: str) -> str:
    """The host of ``host[:port]``; of what is neither, all of it."""
    try:
        return split_host_port(text)[0]
    except ValueError:
        return text


def _transport(conf: SipConf, names: Names, protocol: str, bind: SocketAddress) -> Section:
    general = conf.general
    name = names.transport(protocol, 6 if bind.host == "::" and names.written else 4)
    made = GeneralObject(conf, "transport", name, conf.position(None, *_BIND[protocol]))
    # Also where it is the default: a transport without it is hard to read.
    made.add("protocol", protocol, *_BIND[protocol])
    made.put("bind", format_host_port(bind.host, bind.port), *_BIND[protocol])
    made.put("tos", str(general.tos_sip), "tos_sip")
    made.put("cos", str(general.cos_sip), "cos_sip")
    made.put("allow_reload", "yes")
    if remapped(general):
        _outside(made, general, protocol)
    if protocol != "udp":
        made.put("auth_timeout", str(general.tcpauthtimeout), "tcpauthtimeout")
        made.put("auth_limit", str(general.tcpauthlimit), "tcpauthlimit")
    if protocol == "tls":
        _certificates(made, general)
    return made.section


def _outside(made: GeneralObject, general: SipGeneral, protocol: str) -> None:
    origins = ("externhost", "externaddr")
    host, port = external(general)
    made.put("external_signaling_address", host, *origins)
    made.put("external_media_address", host, *origins)
    if protocol == "tcp" and general.externtcpport:
        made.put("external_signaling_port", str(general.externtcpport), "externtcpport")
    elif protocol == "tls":
        made.put("external_signaling_port", str(general.externtlsport or TLS_PORT), "externtlsport", *origins)
    elif port:
        made.put("external_signaling_port", str(port), *origins)
    for net in general.localnet:
        made.put("local_net", with_mask(net), "localnet")
    if general.matchexternaddrlocally:
        made.put("match_local_net", "yes", "matchexternaddrlocally")


def _certificates(made: GeneralObject, general: SipGeneral) -> None:
    made.put("cert_file", general.tlscertfile, "tlscertfile", "tlsenable")
    made.put("priv_key_file", general.tlsprivatekey, "tlsprivatekey")
    made.put("ca_list_file", general.tlscafile, "tlscafile")
    made.put("ca_list_path", general.tlscapath, "tlscapath")
    made.put("verify_server", yes_no(not general.tlsdontverifyserver), "tlsdontverifyserver", "tlsenable")
    if general.tlsverifyclient:
        made.put("verify_client", "yes", "tlsverifyclient")
        made.put("require_client_cert", "yes", "tlsverifyclient")
    if general.tlscipher.upper() != "ALL":
        made.put("cipher", general.tlscipher.replace(",", ":"), "tlscipher")
    made.put("method", method(general), "tlsdisablev12", "tlsdisablev11", "tlsclientmethod")


def method(general: SipGeneral) -> str:
    """The oldest version of TLS, as ``transport.method`` has it: never older than the library's own choice.

    Only ``tlsclientmethod=tlsv1`` asks for older ones.
    """
    if general.tlsdisablev1 and general.tlsdisablev11:
        return "tlsv1_3" if general.tlsdisablev12 else "tlsv1_2"
    if general.tlsclientmethod == "tlsv1":
        return "tlsv1_1" if general.tlsdisablev1 else "tlsv1"
    return "unspecified"


def _rules() -> Iterator[Rule]:
    for option in ("bindaddr", "udpbindaddr", "tcpbindaddr", "tlsbindaddr", "bindport"):
        yield Rule(option, ("transport.bind",))
    for option in ("udpenable", "tcpenable", "tlsenable"):
        yield Rule(option, ("transport.protocol",))
    yield Rule("tos_sip", ("transport.tos",))
    yield Rule("cos_sip", ("transport.cos",))
    for option in ("externaddr", "externhost"):
        yield Rule(
            option,
            ("transport.external_signaling_address", "transport.external_signaling_port",
             "transport.external_media_address"),
            "without localnet it has no effect; a name is looked up by whoever reads it", "changed",
            here="names are looked up at the start, that of externhost every externrefresh seconds",
        )  # fmt: skip
    yield Rule(
        "externrefresh", (), "a name in pjsip.conf is not looked up again", "untranslated",
        here="the interval at which the name of externhost is looked up",
    )  # fmt: skip
    yield Rule("externtcpport", ("transport.external_signaling_port",))
    yield Rule("externtlsport", ("transport.external_signaling_port",))
    yield Rule("localnet", ("transport.local_net",))
    yield Rule("matchexternaddrlocally", ("transport.match_local_net",))
    yield Rule("tcpauthtimeout", ("transport.auth_timeout",))
    yield Rule("tcpauthlimit", ("transport.auth_limit",), "for each transport, not for all together", "changed")
    yield Rule("tlscertfile", ("transport.cert_file",))
    yield Rule("tlsprivatekey", ("transport.priv_key_file",))
    yield Rule("tlscafile", ("transport.ca_list_file",))
    yield Rule("tlscapath", ("transport.ca_list_path",))
    yield Rule("tlsdontverifyserver", ("transport.verify_server",))
    yield Rule("tlsverifyclient", ("transport.verify_client", "transport.require_client_cert"))
    yield Rule("tlscipher", ("transport.cipher",))
    text = "it is the oldest version of both directions; TLS 1.0 and 1.1 are spoken only with tlsclientmethod=tlsv1"
    for option in ("tlsclientmethod", "tlsdisablev1", "tlsdisablev11", "tlsdisablev12"):
        yield Rule(option, ("transport.method",), text, "changed")


RULES = tuple(_rules())
