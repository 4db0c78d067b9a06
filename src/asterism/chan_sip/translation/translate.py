"""``sip.conf`` as objects of ``pjsip.conf``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import chain

from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.reading import SipConf, canonical, prototype
from asterism.chan_sip.translation import (
    general,
    general_auth,
    peer_calls,
    peer_identity,
    peer_media,
    peer_routing,
    peer_security,
)
from asterism.chan_sip.translation.names import Names
from asterism.chan_sip.translation.rules import Draft, Outcome, Rule, Translation, remarks_of
from asterism.config.file import Option, Section
from asterism.core.errors import Position
from asterism.data.network import parse_address
from asterism.hostport import split_host_port

PEER_RULES: Mapping[str, Rule] = {
    rule.option: rule
    for part in (peer_routing, peer_security, peer_calls, peer_identity, peer_media)
    for rule in part.RULES
}
"""The rules of the options of peers, by the option's name."""

GENERAL_RULES: Mapping[str, Rule] = {rule.option: rule for rule in general.RULES}
"""The rules of options that only ``[general]`` has; those that ``apply`` write to the objects of each peer."""

GeneralSections = Callable[[SipConf, Names, str], Iterable[Section]]
GENERAL: tuple[GeneralSections, ...] = general.SECTIONS
"""What makes the objects of ``[general]``: each gives the sections of one type of ``pjsip.conf`` (``""``: of all)."""


@cache
def _rules_for(kind: str) -> tuple[Rule, ...]:
    """The peer rules that write options of a type; ``""``: all that write any."""
    rules = chain(PEER_RULES.values(), GENERAL_RULES.values())
    return tuple(rule for rule in rules if rule.apply is not None and (not kind or kind in rule.kinds))


def draft_of(conf: SipConf, peer: SipPeer, names: Names, kind: str = "") -> Draft:
    """The objects of one peer, of one type or of all."""
    draft = Draft(conf, peer, names, kind)
    start = peer.position or Position("", 0)
    own = {canonical(line.name): line.position for line in conf.lines.get(peer.id, ())}
    general = _general_positions(conf)
    draft.position = start
    if not kind or kind == "endpoint":
        draft.endpoint("identify_by", "")
        if peer.id != names.guest():
            draft.endpoint("@chan_sip", peer.name)
    for rule in _rules_for(kind):
        draft.position = own.get(rule.option) or general.get(rule.option) or start
        assert rule.apply is not None
        rule.apply(draft)
    return draft


def _guest(conf: SipConf, names: Names, kind: str) -> Iterator[Section]:
    """The endpoint of those who are no peers, which has what ``[general]`` says."""
    if names.written or kind not in ("", "endpoint"):
        return
    guest = prototype(conf.general)
    guest.id, guest.position, guest.kind = names.guest(), conf.general.position, "user"
    draft = draft_of(conf, guest, names, "endpoint")
    # A user is called by nobody, this one may be.
    draft.endpoint("outbound_auth", ",".join(general_auth.names_of(conf, names)))
    for made in draft.made.values():
        yield made.section


def _general_positions(conf: SipConf) -> Mapping[str, Position]:
    if conf.general_positions is None:
        conf.general_positions = {canonical(line.name): line.position for line in conf.general_lines}
    return conf.general_positions


def sections_of(conf: SipConf, names: Names, kind: str) -> Iterator[Section]:
    """The sections of one type of ``pjsip.conf``, made one after the other: there may be very many peers."""
    for part in GENERAL:
        yield from part(conf, names, kind)
    if kind in _kinds():
        for peer in conf.peers.values():
            for made in draft_of(conf, peer, names, kind).made.values():
                yield made.section
    yield from _guest(conf, names, kind)


@cache
def _kinds() -> frozenset[str]:
    return frozenset(
        chain.from_iterable(rule.kinds for rule in (*PEER_RULES.values(), *GENERAL_RULES.values()) if rule.apply)
    )


def _the_same(general: SipGeneral) -> Mapping[str, tuple[Outcome, str]]:
    """Options of ``[general]`` that are quite the same with the values they have, though not with all."""
    found = (
        ("externaddr", bool(general.localnet) and _is_address(general.externaddr)),
        ("notifyringing", general.notifyringing == "yes"),
        ("sdpsession", " " not in general.sdpsession),
    )
    return {name: ("translated", "") for name, same in found if same}


def _is_address(text: str) -> bool:
    try:
        parse_address(split_host_port(text)[0])
    except ValueError:
        return False
    return True


def translate(conf: SipConf, names: Names) -> Translation:
    """Everything, with a remark on each line."""
    result = Translation()
    for part in GENERAL:
        for section in part(conf, names, ""):
            result.sections.setdefault(section.get("type"), []).append(section)
    result.sections.setdefault("endpoint", []).extend(_guest(conf, names, "endpoint"))
    result.remarks.extend(remarks_of(conf.general_lines, {**PEER_RULES, **GENERAL_RULES}, _the_same(conf.general)))
    for peer in conf.peers.values():
        draft = draft_of(conf, peer, names)
        for (kind, _), made in draft.made.items():
            result.sections.setdefault(kind, []).append(made.section)
        lines: list[Option] = [line for line in conf.lines[peer.id] if line.name.lower() != "type"]
        result.remarks.extend(remarks_of(lines, PEER_RULES, draft.notes))
    return result
