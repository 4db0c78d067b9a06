"""The backend ``sip.conf``: the objects that ``sip.conf`` and ``users.conf`` make, of one type each."""

# Overriding methods are documented, and their arguments named, by the base class.
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Iterable, Mapping

from asterism.applications.pubsub.outbound.objects import OutboundSubscription
from asterism.chan_sip.habits import habits_of
from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.reading import SipConf, options_of, read
from asterism.chan_sip.translation.general import problems
from asterism.chan_sip.translation.general_endpoint import sdp_session
from asterism.chan_sip.translation.general_transports import binds
from asterism.chan_sip.translation.names import Names
from asterism.chan_sip.translation.translate import sections_of
from asterism.config.errors import flatten
from asterism.config.file import ConfigFile, Option, Section
from asterism.core.errors import ConfigError, Position
from asterism.data.backends import Backend, Loaded
from asterism.data.data import Data
from asterism.data.options import ConfiguredObject
from asterism.sip.objects import TYPES, Aor, Contact, Endpoint, Registration, TransportConfig

FILE = "sip.conf"
USERS_FILE = "users.conf"
SOURCE = "sip.conf"
"""The name of the backend."""


class SipConfSource:
    """What ``sip.conf`` says, read once for all types in each load."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self.names = Names()
        self._files: tuple[ConfigFile | None, ConfigFile | None] | None = None
        self._conf: SipConf | None = None

    def conf(self) -> SipConf | None:
        """The file as it is now, without peers that others have; ``None`` when it cannot be read."""
        files = (self._data.files.get(FILE), self._data.files.get(USERS_FILE))
        if self._files is None or files[0] is not self._files[0] or files[1] is not self._files[1]:
            self._files = files
            file, users = files
            self._conf = None
            if file is not None:
                self._conf = read(file, users)
                self._leave_out(self._conf)
                self._use_transports(self._conf)
        return self._conf

    @property
    def exists(self) -> bool:
        """Whether there is a ``sip.conf`` at all: without one there are no objects, not even of defaults."""
        file = self._data.files.get(FILE)
        return file is None or bool(file.paths)

    def _leave_out(self, conf: SipConf) -> None:
        """Leave out the peers whose names are those of endpoints or AORs that come from elsewhere."""
        for cls in (Endpoint, Aor):
            for name, place in self._data.places(cls, apart=SOURCE).items():
                peer = conf.peers.pop(name, None)
                if peer is not None:
                    del conf.lines[name]
                    there = place or "another backend"
                    text = f"{peer.kind} '{name}' is left out: there is an {cls.TYPE} of this name at {there}"
                    conf.warnings.append(ConfigError(text, peer.position))

    def _use_transports(self, conf: SipConf) -> None:
        """A transport of another file with the protocol and the address that we want is used."""
        wanted = binds(conf.general)
        self.names.given = {
            item.protocol: item.id
            for item in reversed(self._data.elsewhere(TransportConfig, SOURCE))
            if item.bind is not None and wanted.get(item.protocol) == item.bind
        }


class SipConfBackend(Backend):
    """The objects of one type."""

    name = SOURCE

    def __init__(self, cls: type[ConfiguredObject], source: SipConfSource) -> None:
        super().__init__(cls)
        self._source = source

    def load(self, previous: Mapping[str, ConfiguredObject]) -> Loaded:
        conf = self._source.conf()
        if conf is None:
            return Loaded(dict(previous))
        loaded = Loaded()
        if not self._source.exists:
            return loaded
        if self.cls is SipGeneral:
            loaded.objects[conf.general.id] = conf.general
            loaded.errors, loaded.warnings = [*conf.problems, *problems(conf)], conf.warnings
        elif self.cls is SipPeer:
            loaded.objects.update(conf.peers)
        else:
            for section in sections_of(conf, self._source.names, self.cls.TYPE):
                made = self.make(section, loaded.errors)
                if made is not None:
                    loaded.objects[section.name] = made
                    finish(made, conf)
        return loaded

    def options(self) -> Iterable[Option]:
        conf = self._source.conf()
        if conf is None:
            return ()
        if self.cls is SipGeneral:
            return conf.general_lines
        return options_of(conf) if self.cls is SipPeer else ()

    def places(self) -> Mapping[str, Position]:
        conf = self._source.conf()
        if conf is None:
            return {}
        return {section.name: section.position for section in sections_of(conf, self._source.names, self.cls.TYPE)}

    def make(self, section: Section, errors: list[ConfigError]) -> ConfiguredObject | None:
        """The object; options that it refuses are told and left out."""
        try:
            return self.cls.from_options(section.name, section.options, section.position)
        except ConfigError as error:
            refused = flatten(error)
        errors.extend(refused)
        names = {error.option.lower() for error in refused}
        rest = [line for line in section.options if line.name.lower() not in names]
        try:
            return self.cls.from_options(section.name, rest, section.position)
        except ConfigError as error:
            errors.extend(flatten(error))
            return None


def finish(made: ConfiguredObject, conf: SipConf) -> None:
    """Give an object what no option of ``pjsip.conf`` can say; the peers of ``conf`` are those that objects name."""
    if isinstance(made, Endpoint):
        made.habits = habits_of(conf.general, conf.peers.get(made.id))
        # The option would replace its blanks.
        made.sdp_session = sdp_session(conf.general)
    elif isinstance(made, Aor):
        made.pace = (conf.general.qualifygap / 1000, conf.general.qualifypeers)
    elif isinstance(made, Registration | OutboundSubscription):
        made.habits = habits_of(conf.general, None)


def install(data: Data) -> SipConfSource:
    """Make the types of ``sip.conf`` known, and have its objects among all others."""
    source = SipConfSource(data)
    data.register_backend(SOURCE, lambda cls, _arguments: SipConfBackend(cls, source))
    data.register_type(SipGeneral)
    data.register_type(SipPeer)
    for cls in TYPES:
        if cls is not Contact:
            data.add_source(cls, SOURCE)
    data.add_source(OutboundSubscription, SOURCE)
    return source
