"""How the endpoints of a migrated ``pjsip.conf`` are recognised.

chan_sip looks for a user by the name in From, then for a peer by its address. chan_pjsip does both by options: a trunk
gets an ``identify`` object, and is known by nothing else, since whoever names it in From would be let in otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator

from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.reading import SipConf
from asterism.chan_sip.translation.names import Names
from asterism.chan_sip.translation.rules import Translation
from asterism.config.file import Option, Section
from asterism.core.errors import Position


def add_identify(conf: SipConf, names: Names, translation: Translation) -> None:
    """Add the ``identify`` objects of all peers whose address is known, and ``identify_by`` to their endpoints."""
    if translation.sections.get("identify"):
        return
    endpoints = {section.name: section for section in translation.sections.get("endpoint", ())}
    for peer in conf.peers.values():
        endpoint = endpoints.get(names.endpoint(peer))
        address = address_of(peer)
        if endpoint is None or not address:
            continue
        position = conf.position(peer, "host", "defaultip")
        section = Section(names.identify(peer), peer.position or position)
        section.options += [
            Option("type", "identify", position),
            Option("endpoint", endpoint.name, position),
            *(Option("match", each, position) for each in _matches(address)),
        ]
        translation.sections.setdefault("identify", []).append(section)
        if not peer.dynamic and (peer.kind == "peer" or not endpoint.get("auth")):
            endpoint.options.append(Option("identify_by", "ip", position))
        elif peer.dynamic:
            endpoint.options.append(Option("identify_by", "username,ip", position))
    _by_name_in_credentials(conf, names, endpoints)
    _order(conf, translation)


def _order(conf: SipConf, translation: Translation) -> None:
    """Users by name before peers by address, as in chan_sip."""
    position = conf.general.position or Position("", 0)
    found = translation.sections.setdefault("global", [])
    if not found:
        found.append(Section("global", position, options=[Option("type", "global", position)]))
    options = [option for option in found[0].options if option.name != "endpoint_identifier_order"]
    first = "auth_username," if conf.general.match_auth_username else ""
    options.append(Option("endpoint_identifier_order", f"{first}username,ip,anonymous", position))
    found[0].options = options


def address_of(peer: SipPeer) -> str:
    """The address from which a peer's requests come, as far as the file says; a user has none."""
    if not peer.is_peer:
        return ""
    return peer.defaultip if peer.dynamic else peer.host


def _matches(address: str) -> Iterator[str]:
    bare = address.strip("[]") if address.endswith("]") else address
    host, colon, port = bare.rpartition(":")
    yield host if colon and ":" not in host and port.isdecimal() else bare


def _by_name_in_credentials(conf: SipConf, names: Names, endpoints: dict[str, Section]) -> None:
    if not conf.general.match_auth_username:
        return
    for peer in conf.peers.values():
        endpoint = endpoints.get(names.endpoint(peer))
        if endpoint is not None and endpoint.get("auth") and endpoint.find("identify_by") in (None, _nothing(endpoint)):
            endpoint.options.append(Option("identify_by", "auth_username,username", peer.position or Position("", 0)))


def _nothing(section: Section) -> Option | None:
    """An empty ``identify_by``: what the server's own objects have."""
    found = section.find("identify_by")
    return found if found is not None and not found.value else None
