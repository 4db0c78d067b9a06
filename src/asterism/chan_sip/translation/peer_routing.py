"""Rules of a peer's options that say where it is: its AOR, transports, NAT, proxies, registrations."""

from __future__ import annotations

import re

from asterism.chan_sip.translation.rules import Draft, Rule, here, same
from asterism.hostport import format_host_port, split_host_port

_DETECTED = {"signalling": "auto_force_rport", "media": "auto_comedia"}
_RETRY = 10
"""Seconds between the checks of a peer that does not answer."""
_PROXY = re.compile(r"(?:(udp|tcp|tls|ws|wss)://|sip:)?([^,]*)", re.IGNORECASE)


def _host(draft: Draft) -> None:
    peer = draft.peer
    if not peer.is_peer:
        return
    draft.endpoint("aors", draft.names.aor(peer))
    if peer.dynamic:
        draft.aor("max_contacts", "1")
        draft.aor("remove_existing", "yes")
    elif peer.host:
        draft.aor("contact", _contact(draft, peer.host))


def _defaultip(draft: Draft) -> None:
    peer = draft.peer
    if peer.dynamic and peer.defaultip:
        draft.aor("contact", _contact(draft, peer.defaultip))
        draft.aor("contact_until_registered", "yes")


def _contact(draft: Draft, host: str) -> str:
    """The URI of a peer that is at ``host``."""
    peer = draft.peer
    try:
        name, port = split_host_port(host)
    except ValueError:
        name, port = host, None
    user = f"{peer.defaultuser}@" if peer.defaultuser else ""
    protocol = peer.transport[0] if peer.transport else "udp"
    marked = "" if protocol == "udp" else f";transport={protocol}"
    return f"sip:{user}{format_host_port(name, peer.port or port)}{marked}"


def _transport(draft: Draft) -> None:
    """One transport is that of its requests; of several, the one by which it registers, or that its URI names."""
    peer, names = draft.peer, draft.names
    if len(peer.transport) == 1 and peer.transport[0] in _served(draft):
        draft.endpoint("transport", names.transport(peer.transport[0]))


def _served(draft: Draft) -> set[str]:
    """The protocols that are switched on; WebSocket has a transport of its own for all."""
    general = draft.general
    there = {"udp": general.udpenable, "tcp": general.tcpenable, "tls": general.tlsenable}
    return {name for name, on in there.items() if on}


def _qualify(draft: Draft) -> None:
    peer = draft.peer
    if peer.qualify:
        draft.aor("qualify_frequency", str(min(peer.qualifyfreq, 86400)))
        draft.aor("qualify_timeout", f"{2 * peer.qualify / 1000:.6f}")
        if peer.qualifyfreq > _RETRY:
            draft.aor("qualify_retry_frequency", str(_RETRY))


def proxy_uri(text: str) -> str:
    """The URI of an ``outboundproxy``, ``[transport://]host[:port][,force]``; empty when there is no host in it."""
    match = _PROXY.match(text.strip())
    if match is None or not match[2].strip():
        return ""
    host = match[2].strip().split(";")[0]
    marked = f";transport={match[1].lower()}" if match[1] and match[1].lower() != "udp" else ""
    return f"sip:{host}{marked};lr"


def _outboundproxy(draft: Draft) -> None:
    uri = proxy_uri(draft.peer.outboundproxy)
    if uri:
        draft.endpoint("outbound_proxy", uri)
        draft.aor("outbound_proxy", uri)


def _nat(draft: Draft) -> None:
    words = draft.peer.nat
    # What is done for whoever is found to be behind a NAT goes before doing it always.
    rport = bool({"force_rport", "auto_force_rport"} & set(words))
    media = bool({"comedia", "auto_comedia"} & set(words))
    detected = [name for name, word in _DETECTED.items() if word in words]
    draft.endpoint("detect_nat", ",".join(detected))
    draft.endpoint("force_rport", "yes" if rport else "no")
    draft.endpoint("rewrite_contact", "yes" if rport else "no")
    draft.endpoint("rtp_symmetric", "yes" if media else "no")


def _contact_rules(draft: Draft) -> None:
    for rule in draft.peer.contact_rules:
        draft.endpoint(f"contact_{'permit' if rule.allow else 'deny'}", str(rule.network))


RULES = (
    Rule("callbackextension", ("registration.server_uri", "registration.client_uri", "registration.contact_user")),
    Rule("host", ("endpoint.aors", "aor.contact", "aor.max_contacts", "aor.remove_existing"), apply=_host),
    Rule("port", ("aor.contact",)),
    Rule("defaultip", ("aor.contact", "aor.contact_until_registered"), apply=_defaultip),
    Rule("defaultuser", ("aor.contact", "auth.username")),
    Rule("transport", ("endpoint.transport", "aor.contact"), apply=_transport),
    Rule("qualify", ("aor.qualify_frequency", "aor.qualify_timeout", "aor.qualify_retry_frequency"), apply=_qualify),
    Rule("qualifyfreq", ("aor.qualify_frequency",)),
    Rule("contactpermit", ("endpoint.contact_permit", "endpoint.contact_deny"), apply=_contact_rules),
    Rule("contactdeny", ("endpoint.contact_permit", "endpoint.contact_deny")),
    same("contactacl", "endpoint.contact_acl"),
    same("supportpath", "aor.support_path"),
    Rule("outboundproxy", ("endpoint.outbound_proxy", "aor.outbound_proxy"), apply=_outboundproxy),
    Rule(
        "nat",
        ("endpoint.force_rport", "endpoint.rewrite_contact", "endpoint.rtp_symmetric", "endpoint.detect_nat"),
        apply=_nat,
    ),
    same("keepalive", "aor.keep_alive_interval"),
    here("regexten", "extensions that exist while the peer is registered"),
    same("maxforwards", "endpoint.max_forwards"),
)
