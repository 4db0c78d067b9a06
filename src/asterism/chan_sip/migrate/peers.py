"""``sip.conf`` as ``pjsip.conf``: which sections there are, and what is told of each line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asterism.chan_sip.migrate.destinations import Account, Destinations, Peer
from asterism.chan_sip.migrate.identify import add_identify
from asterism.chan_sip.migrate.layout import Layout, Place
from asterism.chan_sip.migrate.names import PlainNames
from asterism.chan_sip.migrate.report import Entry, Outcome, Report
from asterism.chan_sip.migrate.sharing import Templates, Written
from asterism.chan_sip.migrate.source import SourceFile
from asterism.chan_sip.migrate.text import Rewriter, World
from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.reading import SPECIAL, SipConf, canonical, read
from asterism.chan_sip.translation.rules import NO_RULE, Remark, Translation
from asterism.chan_sip.translation.translate import translate
from asterism.config.file import ConfigFile, Option, Section
from asterism.config.values import is_true
from asterism.core.errors import Position

_OUTCOMES = {
    "translated": Outcome.TRANSLATED, "changed": Outcome.CHANGED, "untranslated": Outcome.UNTRANSLATED,
}  # fmt: skip
_SECRET = frozenset(("secret", "md5secret", "remotesecret", "auth", "register", "mwi"))
ANONYMOUS = "anonymous"
_ALWAYS = {
    "srvlookup": True, "alwaysauthreject": True, "notifyhold": True, "notifycid": True, "callcounter": True,
    "callevents": True, "limitonpeers": True, "counteronpeer": True, "pedantic": True, "ignoresdpversion": True,
    "use_q850_reason": True, "autocreatepeer": False, "autodomain": False, "allowexternaldomains": True,
    "regextenonqualify": False, "dumphistory": False, "ignoreregexpire": False, "jbenable": False,
    "relaxdtmf": False, "rfc2833compensate": False, "buggymwi": False, "jblog": False, "directrtpsetup": False,
    "domainsasrealm": False, "registertrying": False, "authfailureevents": False, "useclientcode": False,
}  # fmt: skip
"""Options whose one value asks for what chan_pjsip does anyway."""
_REASONS = {
    "accept_outofcall_message": "MESSAGEs are taken: a message_context without extensions refuses them",
    "auth_message_requests": "MESSAGE is challenged like all else: an endpoint without auth is not",
    "authfailureevents": "security events tell of wrong passwords",
    "call-limit": "calls of a device are not counted against a limit",
    "callcounter": "calls of a device are always counted",
    "regexten": "the extension of a registered phone is the name of its AOR (regcontext of [global])",
    "session-refresher": "who refreshes is agreed on in each call",
    "ignoresdpversion": "an offer counts whatever its version",
    "cos_text": "there is no traffic class for text",
    "tos_text": "there is no traffic class for text",
    "directrtpsetup": "media moves once the call is answered",
    "ignoreregexpire": "an expired registration is gone",
    "jblog": "frames of jitter buffers are not logged",
    "notifymimetype": "states of mailboxes are application/simple-message-summary",
    "pedantic": "messages are always read as RFC 3261 says",
    "refer_addheaders": "headers of a transfer cannot be added",
    "registertrying": "a REGISTER is not answered 100",
    "relaxdtmf": "tones have to be clear",
    "rfc2833compensate": "telephone events without an end are not mended",
    "rtautoclear": "memory_cache in sorcery.conf says how long objects of databases are kept",
    "rtcachefriends": "memory_cache in sorcery.conf keeps objects of databases",
    "rtsavepath": "the Path of a registration is kept where support_path is set",
    "rtsavesysname": "registrations always name their server (reg_server)",
    "rtupdate": "sorcery.conf says where registrations are kept",
    "shrinkcallerid": "numbers stay as they come: FILTER in the dialplan takes signs out",
    "stunaddr": "it belongs into rtp.conf",
    "subscribe_network_change_event": "a change of the address outside is not noticed",
    "textsupport": "allow=t140 and max_text_streams of an endpoint",
    "websocket_write_timeout": "websocket_write_timeout of a transport",
}
"""Why there is nothing for options that no rule is about."""
_OF_OTHERS = frozenset(("dial", "cc_monitor_policy", "cc_agent_policy", "checkmwi"))
"""Lines that administration programs write and chan_sip never read, or reads no more."""


@dataclass
class Peers:
    """What has been read of ``sip.conf``, and what becomes of it."""

    file: ConfigFile
    conf: SipConf
    names: PlainNames
    translation: Translation
    inherits: dict[Place, list[str]] = field(default_factory=dict)
    general_places: dict[Place, str] = field(default_factory=dict)
    """The options of ``[general]`` by their places."""

    @classmethod
    def read(
        cls,
        file: ConfigFile,
        users: ConfigFile | None,
        names: PlainNames,
        taken: Iterable[str],
        report: Report,
        within: Callable[[str], str],
    ) -> Peers:
        """Read the file, without the peers whose names are in ``taken``: another file has them."""
        merged = _merged(file, report, within)
        elsewhere = {name.lower() for name in taken}
        for section in [each for each in merged.sections if each.name.lower() in elsewhere]:
            if section.name.lower() not in SPECIAL:
                merged.sections.remove(section)
                report.add(_entry(section.position, within, Outcome.UNTRANSLATED, f"[{section.name}]",
                                  "pjsip.conf has an object of this name"))  # fmt: skip
        conf = read(merged, users)
        translation = translate(conf, names)
        add_identify(conf, names, translation)
        found = cls(merged, conf, names, translation)
        found.general_places = {_place(line.position): canonical(line.name) for line in conf.general_lines}
        for section in merged.sections:
            found.inherits.setdefault(_place(section.position), list(section.inherits))
        for problem in conf.problems:
            if problem.position is not None:
                report.add(_entry(problem.position, within, Outcome.UNTRANSLATED, problem.option or "section",
                                  problem.message))  # fmt: skip
        return found

    def world(self, realtime: bool) -> World:
        """What the dialplan needs to know."""
        peers: dict[str, Peer] = {}
        constants: dict[tuple[str, str], str] = {}
        for peer in self.conf.peers.values():
            if peer.is_peer:
                host = "" if peer.dynamic else peer.host
                peers[peer.name] = Peer(self.names.endpoint(peer), host, peer.port)
            constants.update(_constants(peer))
        domains = tuple(line.partition(",")[0].strip() for line in self.conf.general.domain)
        return World(Destinations(peers, realtime), domains=domains, constants=constants)

    def tell(self, report: Report, within: Callable[[str], str]) -> dict[Place, str]:
        """Report what became of each line; returns remarks for those that are not translated."""
        worst: dict[Place, Remark] = {}
        order = list(_OUTCOMES)
        for remark in self.translation.remarks:
            place = _place(remark.option.position)
            known = worst.get(place)
            if known is None or order.index(remark.outcome) > order.index(known.outcome):
                worst[place] = remark
        left: dict[Place, str] = {}
        for place, remark in worst.items():
            remark = self._softened(remark)
            outcome = _OUTCOMES[remark.outcome]
            shown = _shown(remark.option)
            target = remark.target if outcome is not Outcome.UNTRANSLATED else ""
            report.add(Entry(within(place[0]), place[1], outcome, shown, target, remark.text))
            if outcome is Outcome.UNTRANSLATED and remark.option.value:
                left[place] = f"not translated: {shown}" + (f" ({remark.text})" if remark.text else "")
        return left

    def _softened(self, remark: Remark) -> Remark:
        """The remark, or another one where a line asks for what is so anyway, or gets what it asks for here."""
        option = remark.option
        name = canonical(option.name)
        if name == "allowguest":
            target = f"endpoint {ANONYMOUS}" if self.conf.general.allowguest else ""
            return Remark(option, "translated", "" if target else "without an endpoint anonymous", target)
        usual = _ALWAYS.get(name)
        if remark.outcome != "translated" and usual is not None and is_true(option.value) == usual:
            return Remark(option, "translated", "it is always so")
        reason = _REASONS.get(name)
        if reason and remark.text == NO_RULE:
            return Remark(option, "untranslated", reason)
        if name in _OF_OTHERS:
            return Remark(option, "translated", "a note of the program that wrote the file")
        if remark.text == NO_RULE and SipGeneral.spec(name) is None and SipPeer.spec(name) is None:
            return Remark(option, "changed", "chan_sip has no such option either")
        return remark

    def write(
        self,
        files: Mapping[Path, SourceFile],
        world: World,
        report: Report,
        within: Callable[[Path], str | None],
        relative: Callable[[str], str],
    ) -> dict[str, str]:
        """The new files, by their names in the configuration folder."""
        remarks = self.tell(report, relative)
        every = [section for sections in self.translation.sections.values() for section in sections]
        _rewrite_variables(every, world)
        taken = {section.name for section in every}
        templates = Templates(self.file, self.names, taken)
        places: dict[Place, list[Written]] = {}
        last: list[Written] = []
        known = {line.place for file in files.values() for line in file.lines}
        for section in every:
            place = self._place_of(section)
            written = templates.write(section, self.inherits.get(_place(section.position), ()))
            if place in known:
                places.setdefault(place, []).append(written)
            else:
                last.append(written)
        added = list(self._added(world, templates, taken))
        head = self._head()
        for template in self.file.templates:
            places.setdefault(_place(template.position), []).extend(templates.used(template.name))
        own = [*templates.used(""), *added] if head in known else []
        if head in known:
            places[head] = [*places.get(head, ()), *own]
        else:
            last = [*templates.used(""), *added, *last]
        return Layout(files, places, last, remarks, within).write()

    def _head(self) -> Place:
        general = self.file.section("general")
        return ("", 0) if general is None else _place(general.position)

    def _place_of(self, section: Section) -> Place:
        """Where a section is written: at its peer's header, at the line that makes it, or where ``[general]`` is."""
        place = _place(section.position)
        if place in self.inherits:
            return place
        lines = self.general_places
        if lines.get(place) in ("register", "mwi", "auth"):
            return place
        return self._head() if place in lines or not place[1] else place

    def _added(self, world: World, templates: Templates, taken: set[str]) -> Iterator[Written]:
        """Endpoints that no line has made: for strangers, for addresses of no peer, for destinations with passwords."""
        if self.conf.general.allowguest and ANONYMOUS not in taken:
            yield templates.plain(ANONYMOUS)
        destinations = world.destinations
        if destinations.needs_outside:
            yield templates.plain(destinations.outside, CALLED_ONLY)
        for account in destinations.accounts.values():
            yield from _account(account, templates)


CALLED_ONLY = Option("identify_by", "ip", Position("", 0))
"""Of an endpoint that is called and without a password: nobody comes in by writing its name into From."""


def _account(account: Account, templates: Templates) -> Iterator[Written]:
    nowhere = Position("", 0)
    yield templates.plain(account.endpoint, CALLED_ONLY, Option("outbound_auth", account.endpoint, nowhere))
    secret = ("password_digest", f"MD5:{account.md5}") if account.md5 else ("password", account.secret)
    lines = [Option("username", account.username, nowhere), Option(*secret, nowhere)]
    yield Written("auth", account.endpoint, (), lines)


def _merged(file: ConfigFile, report: Report, within: Callable[[str], str]) -> ConfigFile:
    """The file with a user and a peer of one name as one friend: ``pjsip.conf`` has one endpoint of a name."""
    merged = ConfigFile(file.path)
    merged.templates, merged.paths = file.templates, file.paths
    kinds: dict[str, dict[str, Section]] = {}
    for section in file.sections:
        kind = section.get("type").strip().lower()
        known = kinds.setdefault(section.name, {})
        other = known.get({"user": "peer", "peer": "user"}.get(kind, ""))
        if other is None or section.name.lower() in SPECIAL:
            known[kind] = section
            merged.sections.append(section)
            continue
        peer, user = (other, section) if kind == "user" else (section, other)
        options = [option for each in (peer, user) for option in each.options if option.name.lower() != "type"]
        both = Section(section.name, other.position, inherits=[*peer.inherits, *user.inherits],
                       options=[*options, Option("type", "friend", other.position)])  # fmt: skip
        merged.sections[merged.sections.index(other)] = both
        why = "user and peer of this name are one endpoint; where both say something, the user counts"
        report.add(_entry(section.position, within, Outcome.CHANGED, f"[{section.name}]", why))
    return merged


def _rewrite_variables(sections: list[Section], world: World) -> None:
    """Values of channel variables that name devices."""
    for section in sections:
        for option in section.options:
            if option.name.lower() == "set_var":
                option.value = Rewriter(world).rewrite(option.value)


def _constants(peer: SipPeer) -> Iterator[tuple[tuple[str, str], str]]:
    """What can be written into a line in place of ``SIPPEER(name,item)``, as far as it is plain text."""
    said = {
        "callerid_name": peer.callerid.name or "", "callerid_num": peer.callerid.number or "",
        "regexten": peer.regexten, "limit": str(peer.call_limit), "dynamic": "yes" if peer.dynamic else "no",
        "maxforwards": str(peer.maxforwards), **{f"chanvar[{name}]": value for name, value in peer.setvar},
    }  # fmt: skip
    for item, value in said.items():
        if all(char.isalnum() or char in " ._@+-" for char in value):
            yield (peer.name.lower(), item), value


def _shown(option: Option) -> str:
    arrow = "=>" if option.arrow else "="
    return f"{option.name} {arrow} {'<hidden>' if canonical(option.name) in _SECRET else option.value}".rstrip()


def _place(position: Position | None) -> Place:
    return ("", 0) if position is None else (position.path, position.line)


def _entry(position: Position | None, within: Callable[[str], str], outcome: Outcome, before: str, why: str) -> Entry:
    path, line = _place(position)
    return Entry(within(path), line, outcome, before, "", why)
