"""``pjsip_wizard.conf``: one section makes the endpoint, AOR, auths, identify and registrations of a peer."""

# Overriding methods are documented by the base class.
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Iterator, Mapping

from asterism.config.errors import flatten
from asterism.config.file import Option, Section
from asterism.core.errors import ConfigError, Position
from asterism.data.backends import Backend, Files, Loaded
from asterism.data.kinds import BOOL, NAME, NAMES, TEXT
from asterism.data.options import ConfiguredObject, InvalidOptionError, derived, option

_PARTS_OF = {
    "endpoint": ("endpoint",),
    "aor": ("aor",),
    "auth": ("inbound_auth", "outbound_auth"),
    "identify": ("identify",),
    "registration": ("registration",),
}
_PARTS = (*(part for parts in _PARTS_OF.values() for part in parts), "phoneprov")


class Wizard(ConfiguredObject, type="wizard"):
    """Describes a phone or trunk once; the objects it needs are made from that.

    ``part/name`` sets option ``name`` of one of them (``endpoint/context=office``).
    """

    SOURCES = ("config,pjsip_wizard.conf,criteria=type=wizard",)

    parts: Mapping[str, tuple[Option, ...]] = derived({})
    """The ``part/name`` options by part, under their own names."""

    transport = option(NAME, "", "Transport of the objects made.")
    remote_hosts = option(NAMES, (), "Hosts, each host[:port]: contacts, sources and registrars.")
    outbound_proxy = option(TEXT, "", "Route for endpoint, AOR and registrations.")
    sends_auth = option(BOOL, False, "Answer challenges; needs outbound_auth/username.")
    accepts_auth = option(BOOL, False, "Challenge; needs inbound_auth/username.")
    sends_registrations = option(BOOL, False, "Register at every remote host.")
    sends_line_with_registrations = option(BOOL, False, "Recognise calls by the registration they answer.")
    accepts_registrations = option(BOOL, False, "Let the peer register; set aor/max_contacts.")
    has_phoneprov = option(BOOL, False, "Make a provisioning user.", no_effect="phones are not provisioned")
    server_uri_pattern = option(TEXT, "sip:${REMOTE_HOST}", "How a registrar's URI is made.")
    client_uri_pattern = option(TEXT, "sip:${USERNAME}@${REMOTE_HOST}", "How the registered URI is made.")
    contact_pattern = option(TEXT, "sip:${REMOTE_HOST}", "How the AOR's contacts are made.")
    has_hint = option(BOOL, False, "Make a hint, which shows the state of the endpoint; needs hint_exten.")
    hint_context = option(TEXT, "", "Context of the hint; empty: that of the endpoint.")
    hint_exten = option(TEXT, "", "Extension of the hint.")
    hint_application = option(TEXT, "", "Priority 1 of that extension, application(arguments).")

    def take_unknown(self, item: Option) -> bool:
        part, slash, name = item.name.partition("/")
        key = part.lower()
        if not slash or key not in _PARTS:
            return False
        made = Option(name, item.value, item.position, item.arrow, item.inherited)
        self.parts = {**self.parts, key: (*self.parts.get(key, ()), made)}
        return True

    def validate(self, given: frozenset[str]) -> None:
        for name, part in (("sends_auth", "outbound_auth"), ("accepts_auth", "inbound_auth")):
            if getattr(self, name) and not self.value(part, "username"):
                raise InvalidOptionError(name, f"it needs {part}/username")
        if self.sends_registrations and not self.remote_hosts:
            raise InvalidOptionError("sends_registrations", "it needs remote_hosts")
        if self.has_hint and not self.hint_exten:
            raise InvalidOptionError("has_hint", "it needs hint_exten")

    def value(self, part: str, name: str) -> str:
        """The last ``part/name`` option's value."""
        return next((o.value for o in reversed(self.parts.get(part, ())) if o.name.lower() == name), "")

    def sections(self, kind: str) -> Iterator[Section]:
        """The sections of type ``kind`` that this one stands for."""
        if kind == "endpoint":
            yield self._section(self.id, "endpoint", self._endpoint())
        elif kind == "aor":
            yield self._section(self.id, "aor", self._aor())
        elif kind == "auth":
            if self.accepts_auth:
                yield self._section(f"{self.id}-iauth", "inbound_auth", [])
            if self.sends_auth:
                yield self._section(f"{self.id}-oauth", "outbound_auth", [])
        elif kind == "identify":
            explicit = self.value("identify", "match")
            automatic = self.remote_hosts and not self.accepts_registrations and not self.sends_line_with_registrations
            if explicit or automatic:
                match = [] if explicit else [("match", ",".join(self.remote_hosts))]
                yield self._section(f"{self.id}-identify", "identify", [("endpoint", self.id), *match])
        elif kind == "registration" and self.sends_registrations:
            for number, host in enumerate(self.remote_hosts):
                yield self._section(f"{self.id}-reg-{number}", "registration", self._registration(host))

    def _section(self, name: str, part: str, options: list[tuple[str, str]]) -> Section:
        position = self.position or Position("", 0)
        made = [Option(key, value, position) for key, value in (*options, ("@pjsip_wizard", self.id)) if value]
        return Section(name, position, options=[*made, *self.parts.get(part, ())])

    def _endpoint(self) -> list[tuple[str, str]]:
        return [
            ("aors", self.id),
            ("transport", self.transport),
            ("outbound_proxy", self.outbound_proxy),
            ("auth", f"{self.id}-iauth" if self.accepts_auth else ""),
            ("outbound_auth", f"{self.id}-oauth" if self.sends_auth else ""),
        ]

    def _aor(self) -> list[tuple[str, str]]:
        made = [("outbound_proxy", self.outbound_proxy)]
        if not self.accepts_registrations and not self.value("aor", "contact"):
            made.extend(("contact", self._filled(self.contact_pattern, host)) for host in self.remote_hosts)
        return made

    def _registration(self, host: str) -> list[tuple[str, str]]:
        line = self.sends_line_with_registrations
        return [
            ("server_uri", self._filled(self.server_uri_pattern, host)),
            ("client_uri", self._filled(self.client_uri_pattern, host)),
            ("transport", self.transport),
            ("outbound_proxy", self.outbound_proxy),
            ("outbound_auth", f"{self.id}-oauth" if self.sends_auth else ""),
            ("line", "yes" if line else ""),
            ("endpoint", self.id if line else ""),
        ]

    def _filled(self, pattern: str, host: str) -> str:
        username = self.value("outbound_auth", "username")
        return pattern.replace("${REMOTE_HOST}", host).replace("${USERNAME}", username)


class WizardBackend(Backend):
    """Supplies the objects of one type that the wizards of a file make."""

    name = "pjsip_wizard"

    def __init__(self, cls: type[ConfiguredObject], files: Files, arguments: list[str]) -> None:
        super().__init__(cls)
        self._files = files
        self._path = arguments[0] if arguments else "pjsip_wizard.conf"

    def load(self, previous: Mapping[str, ConfiguredObject]) -> Loaded:
        file = self._files.get(self._path)
        if file is None:
            return Loaded(dict(previous))
        loaded = Loaded()
        for section in file:
            if section.get("type").lower() == "wizard":
                self._load_one(section, previous, loaded)
        return loaded

    def options(self) -> Iterator[Option]:
        file = self._files.get(self._path)
        for section in file or ():
            if section.get("type").lower() == "wizard":
                for item in section:
                    part, slash, name = item.name.partition("/")
                    if slash and part.lower() in _PARTS_OF.get(self.cls.TYPE, ()):
                        yield Option(name, item.value, item.position, item.arrow, item.inherited)

    def places(self) -> Mapping[str, Position]:
        file = self._files.get(self._path)
        found: dict[str, Position] = {}
        for section in file or ():
            if section.get("type").lower() == "wizard":
                try:
                    wizard = Wizard.from_options(section.name, section.options, section.position)
                except ConfigError:
                    found[section.name] = section.position
                    continue
                found.update((made.name, section.position) for made in wizard.sections(self.cls.TYPE))
        return found

    def _load_one(self, section: Section, previous: Mapping[str, ConfiguredObject], loaded: Loaded) -> None:
        mine = {key: item for key, item in previous.items() if item.fields.get("pjsip_wizard") == section.name}
        try:
            wizard = Wizard.from_options(section.name, section.options, section.position)
        except ConfigError:
            # Told once, by the table of the wizards themselves.
            loaded.objects.update(mine)
            return
        for made in wizard.sections(self.cls.TYPE):
            try:
                loaded.objects[made.name] = self.cls.from_options(made.name, made.options, made.position)
            except ConfigError as error:
                loaded.errors.extend(flatten(error))
                if made.name in mine:
                    loaded.objects[made.name] = mine[made.name]
