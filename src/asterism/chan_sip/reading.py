"""Reading ``sip.conf`` and ``users.conf``.

An option that has a wrong value keeps its default and the section counts: a phone that worked with ``chan_sip``
shall not be left out for one line. What is wrong is told with file and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.objects.peer import USER_SUFFIX, SipPeer
from asterism.chan_sip.objects.shared import SipOptions
from asterism.config.file import ConfigFile, Option, Section
from asterism.config.values import is_true
from asterism.core.errors import ConfigError, Position
from asterism.core.nearest import suggestion
from asterism.data.options import HIDDEN, OptionSpec

ALIASES: Mapping[str, str] = {
    "canreinvite": "directmedia",
    "username": "defaultuser",
    "externip": "externaddr",
    "matchexterniplocally": "matchexternaddrlocally",
    "sslenable": "tlsenable",
    "sslbindaddr": "tlsbindaddr",
    "tlscert": "tlscertfile",
    "sslcert": "tlscertfile",
    "sslprivatekey": "tlsprivatekey",
    "tlscadir": "tlscapath",
    "sslcipher": "tlscipher",
    "sslclientmethod": "tlsclientmethod",
    "outofcallmessagecontext": "outofcall_message_context",
    "messagecontext": "outofcall_message_context",
    "maxexpirey": "maxexpiry",
    "defaultexpirey": "defaultexpiry",
    "subscribe_context": "subscribecontext",
}
"""Other names of options: those of older versions, and spellings that have always been accepted."""

KINDS = ("user", "peer", "friend")
SPECIAL = ("general", "authentication")
_USERS_ONLY = frozenset(("hassip", "registersip"))
_NOT_INHERITED = ("contact_rules", "contactacl", "callerid")
"""What ``[general]`` says of these counts for the server, beside what a peer says."""

_LISTS = frozenset(
    (
        "allow", "disallow", "permit", "deny", "contactpermit", "contactdeny", "directmediapermit", "directmediadeny",
        "localnet",
    )
)  # fmt: skip
"""Lists whose other items count when one cannot be read: a phone shall not lose all its codecs for a name."""
_DENYING = frozenset(("deny", "contactdeny", "directmediadeny"))
_ALL = "0.0.0.0/0,::/0"


def canonical(name: str) -> str:
    """The name of an option as the tables have it."""
    key = name.lower()
    return ALIASES.get(key, key)


@dataclass(slots=True)
class SipConf:
    """What ``sip.conf`` and ``users.conf`` say.

    Attributes:
        general: ``[general]`` and ``[authentication]``.
        peers: users, peers and friends by id, in file order.
        general_lines: the lines of the two general sections.
        lines: the lines of each peer, by its id, those of templates first.
        problems: what is wrong and has no effect.
        warnings: unknown options, and what else may be a mistake.
    """

    general: SipGeneral
    peers: dict[str, SipPeer] = field(default_factory=dict)
    general_lines: list[Option] = field(default_factory=list)
    lines: dict[str, list[Option]] = field(default_factory=dict)
    problems: list[ConfigError] = field(default_factory=list)
    warnings: list[ConfigError] = field(default_factory=list)
    general_positions: dict[str, Position] | None = None
    """Where the options of ``[general]`` are set, once somebody has asked."""
    _unknown: set[tuple[str, int]] = field(default_factory=set)

    def position(self, peer: SipPeer | None, *names: str) -> Position:
        """Where one of these options is set for a peer: by it, else in ``[general]``, else where it begins."""
        places = (self.lines.get(peer.id, ()), self.general_lines) if peer is not None else (self.general_lines,)
        for lines in places:
            for line in reversed(lines):
                if canonical(line.name) in names:
                    return line.position
        fallback = self.general.position if peer is None else peer.position
        return fallback or Position("", 0)


def read(file: ConfigFile, users: ConfigFile | None = None) -> SipConf:
    """Read the two files, each whole already."""
    reader = _Reader(SipConf(SipGeneral("general")))
    reader.read(file, users)
    return reader.conf


def read_alone(conf: SipConf, section: Section, kind: str, origin: str) -> SipConf:
    """A section that is in no file, as if it stood below the ``[general]`` of this one, alone.

    ``kind`` is its type, ``origin`` what :attr:`SipPeer.origin` is to say.
    """
    reader = _Reader(SipConf(conf.general, general_lines=conf.general_lines, general_positions=conf.general_positions))
    peer = reader.take(section, kind, section.options, told=False)
    peer.origin = origin
    return reader.conf


class _Reader:
    def __init__(self, conf: SipConf) -> None:
        self.conf = conf
        self._prototype = prototype(conf.general)

    def read(self, file: ConfigFile, users: ConfigFile | None) -> None:
        self._general(file)
        self._prototype = prototype(self.conf.general)
        for section in file:
            if section.name.lower() not in SPECIAL:
                self._section(section)
        if users is not None:
            self._users(users)

    def _general(self, file: ConfigFile) -> None:
        conf = self.conf
        section = file.options("general")
        conf.general.position = section.position
        credentials = [line for line in file.options("authentication") if line.name.lower() == "auth"]
        conf.general_lines = [*section.options, *credentials]
        self._fill(conf.general, conf.general_lines, told=True)
        self._check(conf.general)

    def _section(self, section: Section) -> None:
        conf = self.conf
        kind = section.get("type").strip().lower()
        if kind not in KINDS:
            line = section.find("type")
            near = suggestion(kind, KINDS)
            text = f"'{kind}' is no type{near}" if kind else "it has no type"
            where = section.position if line is None else line.position
            conf.problems.append(
                ConfigError(
                    f"section '{section.name}' is left out: {text}; accepted: {', '.join(KINDS)}", where, "type"
                )
            )
            return
        self.take(section, kind, section.options, told=True)

    def take(self, section: Section, kind: str, lines: Iterable[Option], *, told: bool) -> SipPeer:
        conf = self.conf
        name = section.name
        known = conf.peers.get(name)
        if known is not None and {known.kind, kind} == {"user", "peer"}:
            if known.kind == "user":
                self._rename(known)
            else:
                name += USER_SUFFIX
            known = conf.peers.get(name)
        if known is not None:
            text = f"'{section.name}' is already defined at {known.position}: these lines are added to it"
            conf.warnings.append(ConfigError(text, section.position))
            peer = known
            peer.kind = kind if known.kind == kind else "friend"
        else:
            peer = self._prototype.replace()
            peer.id, peer.position, peer.kind = name, section.position, kind
            conf.peers[name] = peer
            conf.lines[name] = []
        own = list(lines)
        conf.lines[name].extend(own)
        self._fill(peer, own, told=told)
        self._check(peer)
        return peer

    def _rename(self, user: SipPeer) -> None:
        """Make room for the peer of the same name; the order of definition stays."""
        conf = self.conf
        old, new = user.id, user.id + USER_SUFFIX
        conf.peers = {new if key == old else key: peer for key, peer in conf.peers.items()}
        conf.lines[new] = conf.lines.pop(old)
        user.id = new

    def _fill(self, item: SipOptions, lines: Iterable[Option], *, told: bool) -> None:
        cls = type(item)
        for line in lines:
            name = canonical(line.name)
            spec = cls.spec(name)
            if spec is None:
                if name.startswith("@"):
                    item.fields = {**item.fields, name[1:]: line.value}
                elif told and name != "type":
                    self._unknown(item, line)
                continue
            try:
                setattr(item, spec.into, spec.kind.parse(line.value, getattr(item, spec.into)))
            except ValueError as error:
                if name in _LISTS:
                    self._fill_each(item, line, spec)
                else:
                    self.conf.problems.append(_refused(item, line, spec, str(error)))

    def _fill_each(self, item: SipOptions, line: Option, spec: OptionSpec) -> None:
        """Take those of a list that can be read; one of ``deny`` that cannot refuses everybody."""
        for word in filter(None, map(str.strip, re.split("[,|()]", line.value))):
            try:
                setattr(item, spec.into, spec.kind.parse(word, getattr(item, spec.into)))
            except ValueError as error:
                text = str(error)
                if spec.name in _DENYING:
                    text += "; in its place all addresses are denied"
                    setattr(item, spec.into, spec.kind.parse(_ALL, getattr(item, spec.into)))
                self.conf.problems.append(_refused(item, line, spec, text))

    def _unknown(self, item: SipOptions, line: Option) -> None:
        mark = (line.position.path, line.position.line)
        if mark in self.conf._unknown:
            return  # a template's line: every section that has it would tell
        self.conf._unknown.add(mark)
        cls = type(item)
        place = "a peer" if isinstance(item, SipPeer) else "[general]"
        if SipGeneral.spec(canonical(line.name)) is not None:
            text = f"option '{line.name}' belongs into [general], and has no effect for {place}"
        elif SipPeer.spec(canonical(line.name)) is not None:
            text = f"option '{line.name}' belongs into the section of a peer, and has no effect in {place}"
        else:
            near = suggestion(line.name, (*(spec.name for spec in cls.OPTIONS), *ALIASES))
            text = f"there is no option '{line.name}' for {place}{near}; it has no effect"
        self.conf.warnings.append(ConfigError(text, line.position, line.name))

    def _check(self, item: SipOptions) -> None:
        if item.session_expires < item.session_minse:
            text = f"{_label(item)}: session-expires is less than session-minse; both keep their defaults"
            names = ("session-expires", "session-minse")
            peer = item if isinstance(item, SipPeer) else None
            self.conf.problems.append(ConfigError(text, self.conf.position(peer, *names), names[0]))
            item.session_expires, item.session_minse = 1800, 90
        if isinstance(item, SipPeer) and not item.host:
            # Not taken for dynamic: whoever registered would then be the peer.
            text = f"{_label(item)}: option 'host' is empty: it can neither register nor be called"
            accepted = "dynamic, an address or a name"
            where = self.conf.position(item, "host")
            self.conf.problems.append(ConfigError(f"{text}; accepted: {accepted}", where, "host", accepted))

    def _users(self, users: ConfigFile) -> None:
        """``users.conf``: sections with ``hassip = yes``, there or in ``[general]``, are friends."""
        general = users.options("general")
        for section in users:
            if section.name.lower() in SPECIAL:
                continue
            hassip, registers = section.flag("hassip", general.flag("hassip")), section.find("registersip")
            lines = [line for line in (*general, *section) if line.name.lower() not in _USERS_ONLY]
            if hassip:
                peer = self.take(section, "friend", lines, told=False)
                peer.origin = "users.conf"
                if not peer.mailbox and is_true(_value(lines, "hasvoicemail")):
                    peer.mailbox = (f"{section.name}@default",)
            if is_true(registers.value) if registers is not None else general.flag("registersip"):
                self._registers(section, lines)

    def _registers(self, section: Section, lines: list[Option]) -> None:
        host, username = _value(lines, "host"), _value(lines, "username")
        if host and host.lower() != "dynamic" and username:
            secret, contact = _value(lines, "secret"), _value(lines, "contact") or "s"
            made = f"{username}:{secret}@{host}/{contact}" if secret else f"{username}@{host}/{contact}"
            line = section.find("registersip") or section.find("host")
            place = section.position if line is None else line.position
            self.conf.general_lines.append(Option("register", made, place, arrow=True))
            self.conf.general.register = (*self.conf.general.register, made)


def _value(lines: list[Option], name: str) -> str:
    return next((line.value for line in reversed(lines) if line.name.lower() == name), "")


def prototype(general: SipGeneral) -> SipPeer:
    """A peer with the values of ``[general]``."""
    made = SipPeer("")
    for name in SipOptions.defaults():
        if name not in _NOT_INHERITED:
            setattr(made, name, getattr(general, name))
    return made


def _label(item: SipOptions) -> str:
    return f"{item.kind} '{item.name}'" if isinstance(item, SipPeer) else "[general]"


def _refused(item: SipOptions, line: Option, spec: OptionSpec, reason: str) -> ConfigError:
    value = HIDDEN if spec.secret else line.value
    return ConfigError(
        f"{_label(item)}: option '{line.name}' cannot be '{value}': {reason}; accepted: {spec.kind.accepted}",
        line.position,
        spec.name,
        spec.kind.accepted,
    )


def options_of(conf: SipConf) -> Iterator[Option]:
    """Every line of every peer."""
    for lines in conf.lines.values():
        yield from lines
