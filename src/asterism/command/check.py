"""``asterism check DIR``: validate a configuration folder and print everything that will not work."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.command.checking.problems import Problems, mistaken
from asterism.config.asterisk_conf import DEFAULT_PATH, DIRECTORIES, OPTIONS, AsteriskConf, Directories, Options
from asterism.config.file import ConfigFile
from asterism.core.errors import ConfigError
from asterism.core.nearest import suggestion

if TYPE_CHECKING:
    from asterism.command.checking.dialplan import Lines
    from asterism.data import ConfiguredObject, Data
    from asterism.data.backends import Backend
    from asterism.pbx.calls.parking.settings import LotSettings

USAGE = """\
Usage: asterism check [--no-bind] [DIR]        (default: /etc/asterisk)

Prints everything that will not work, with file, line and what was probably meant; the exit status is 1 if there is
anything. Nothing that the configuration names is run: no #exec, no file of the folder modules.

  --no-bind   do not try whether addresses and ports can be had, for the configuration of another machine
"""

FILES = frozenset((
    "acl.conf", "amd.conf", "asterisk.conf", "browser_phone.conf", "ccss.conf", "cdr.conf", "cdr_custom.conf",
    "cdr_manager.conf", "cel.conf", "cel_custom.conf", "cli.conf", "cli_aliases.conf", "confbridge.conf", "enum.conf",
    "extconfig.conf", "extensions.conf", "features.conf", "http.conf", "indications.conf", "logger.conf",
    "manager.conf", "modules.conf", "musiconhold.conf", "pjsip.conf", "pjsip_notify.conf", "pjsip_wizard.conf",
    "res_config_sqlalchemy.conf", "res_fax.conf", "res_parking.conf", "resolver_unbound.conf", "rtp.conf", "sip.conf",
    "sip_notify.conf", "sorcery.conf", "udptl.conf", "users.conf",
))  # fmt: skip
"""The files that are read. Others are Asterisk's, or are included by these."""

_REFERENCES = {
    "aors": "aor",
    "auth": "auth",
    "outbound_auth": "auth",
    "acl": "named_acl",
    "contact_acl": "named_acl",
    "transport": "transport",
}
"""Options that name objects of another type."""


def run_check(words: Sequence[str]) -> int:
    """Run the command; returns 1 when there are problems, 2 when it was called wrongly."""
    rest = [word for word in words if word != "--no-bind"]
    if len(rest) > 1 or rest[:1] in (["-h"], ["--help"]):
        print(USAGE, end="", file=sys.stderr if len(rest) > 1 else sys.stdout)
        return 2 if len(rest) > 1 else 0
    folder = Path(rest[0] if rest else DEFAULT_PATH.parent)
    if folder.name == DEFAULT_PATH.name and folder.is_file():
        folder = folder.parent  # what -C takes
    if not folder.is_dir():
        print(f"asterism: '{folder}' is not a folder; which is meant? asterism check DIR", file=sys.stderr)
        return 2
    problems, notes = check(folder, bind="--no-bind" not in words)
    for problem in problems:
        print(problem)
    for note in notes:
        print(f"note: {note}")
    count = len(problems)
    print(f"{count} problem{'' if count == 1 else 's'} found in {folder}" if count else f"{folder}: no problems found")
    return 1 if count else 0


def check(folder: Path, *, bind: bool = False) -> tuple[list[ConfigError], list[ConfigError]]:
    """Every problem of a configuration folder, in order of files and lines, and notes on what has no effect.

    With ``bind`` the addresses are tried that the server would listen on.
    """
    from asterism.command.checking.conferences import commands_not_run, sounds_of
    from asterism.command.checking.dialplan import check_dialplan
    from asterism.command.checking.media import check_dtls, fax_notes
    from asterism.command.checking.records import check_records, check_templates
    from asterism.sip.objects.endpoint import Endpoint

    found = Problems()
    conf = found.collect(lambda: AsteriskConf.load(folder / "asterisk.conf", missing_ok=True))
    options, directories = Options(), Directories.below(folder.absolute())
    if conf is not None:
        found.add(conf.problems)
        options = conf.options
        if (folder / "asterisk.conf").exists():
            directories = conf.directories
    allow_exec = None if options.execincludes else False
    files: dict[str, ConfigFile] = {}
    for name in sorted(FILES):
        if not (folder / name).exists():
            continue
        file = found.collect(partial(ConfigFile.load, folder / name, root=folder, allow_exec=allow_exec))
        if file is not None:
            found.add(file.warnings)
            found.note(ConfigError("#exec is not run by 'asterism check'", position) for position in file.not_run)
            files[name] = file
    for name, reader in _READERS.items():
        if name in files:
            found.add(found.collect(partial(reader, files[name])) or [])
    if "rtp.conf" in files:
        found.add(found.collect(partial(_check_rtp, files["rtp.conf"], files.get("acl.conf"))) or [])
    if "musiconhold.conf" in files:
        found.add(_check_music(files["musiconhold.conf"], directories))
    found.add(check_records(files, folder))
    lines = _make_lines(folder, files, options, directories, found)
    check_templates(files, lines)
    if "confbridge.conf" in files:
        for names, position in sounds_of(files["confbridge.conf"]):
            lines.check_sounds(names, position)
        if not options.recording_commands:
            found.add(commands_not_run(files["confbridge.conf"]))
    if "extensions.conf" in files:
        found.collect(lambda: check_dialplan(files["extensions.conf"], lines, found))
    data = _check_objects(folder, allow_exec, files, found)
    for endpoint in data.all(Endpoint):
        for name, _value in endpoint.set_var:
            lines.check_name(name, endpoint.position)
    found.add(check_dtls(data))
    found.note(fax_notes(data, files.get("extensions.conf")))
    if "extensions.conf" in files:
        found.note(_unknown_contexts(files["extensions.conf"], files.get("res_parking.conf"), data))
    _check_listeners(folder, files, data, directories if bind else None, found)
    return found.sorted(), found.notes()


def _unknown_contexts(file: ConfigFile, parking: ConfigFile | None, data: Data) -> Iterator[ConfigError]:
    """Contexts that are named and nowhere made: no problem, for Python and the manager make some too."""
    from asterism.sip.objects.endpoint import Endpoint

    contexts = {section.name for section in file} - {"general", "globals"}
    if parking is not None:
        contexts.update(lot.context for lot in _parking_lots(parking) if lot.parkext)
    wanted = [
        (f"endpoint '{endpoint.id}': the {option.replace('_', ' ')}", value, endpoint.position, option)
        for endpoint in data.all(Endpoint)
        for option in ("context", "message_context")
        if (value := getattr(endpoint, option))
    ]
    for section in file:
        for option in section:
            if option.name.lower() == "include":
                name = option.value.partition(",")[0].partition("|")[0].strip()
                wanted.append(("the included context", name, option.position, "include"))
    for what, name, position, option_name in wanted:
        if name not in contexts and "$" not in name:
            text = f"{what} '{name}' is not in extensions.conf{suggestion(name, sorted(contexts))}"
            yield ConfigError(text, position, option_name)


def _make_lines(
    folder: Path, files: dict[str, ConfigFile], options: Options, directories: Directories, found: Problems
) -> Lines:
    """Check ``modules.conf``, and make what checks lines of dialplan with what it has loaded."""
    from asterism.command.checking.dialplan import Languages, Lines
    from asterism.command.checking.modules import check_modules
    from asterism.command.checking.registries import read_registries
    from asterism.media.soundfiles import Sounds
    from asterism.server.files import module_paths

    modules = module_paths((folder / "modules", directories.modules))
    registries = read_registries(modules, chan_sip=(folder / "sip.conf").exists())
    loaded = check_modules(files.get("modules.conf"), registries, found)
    data = Path(directories.data)
    sounds = Sounds((data, Path(directories.spool)), system=Path(directories.share))
    languages = Languages.below(sounds, data, options.defaultlanguage)
    return Lines(registries, loaded, languages, found, options, files.get("confbridge.conf"))


def _check_listeners(
    folder: Path, files: dict[str, ConfigFile], data: Data, directories: Directories | None, found: Problems
) -> None:
    """Check certificates, and with ``directories`` whether addresses and ports can be had."""
    from asterism.command.checking import listeners
    from asterism.interfaces.console import protocol, sockets

    wanted = listeners.sip_listeners(data)
    found.add(listeners.check_certificates(data))
    if "http.conf" in files:
        wanted += listeners.check_http(files["http.conf"], folder, found)
    if "browser_phone.conf" in files:
        listeners.check_browser_phone(files["browser_phone.conf"], files.get("http.conf"), found)
    if "manager.conf" in files:
        wanted += listeners.check_manager(files["manager.conf"], files.get("acl.conf"), folder, found)
    if directories is not None:
        live = sockets.is_live(str(Path(directories.run) / protocol.SOCKET_NAME))
        found.add(listeners.try_to_bind(wanted, live))


def _check_logger(file: ConfigFile) -> list[ConfigError]:
    from asterism.interfaces.logger.settings import read_settings

    return read_settings(file)[1]


def _check_rtp(file: ConfigFile, access_lists: ConfigFile | None) -> list[ConfigError]:
    from asterism.media.settings import OPTIONS as RTP_OPTIONS
    from asterism.media.settings import RtpSettings, read_lists

    errors = list(mistaken(file, {"general": RTP_OPTIONS, "ice_host_candidates": ()}))
    try:
        RtpSettings.from_file(file, read_lists(access_lists) if access_lists is not None else None)
    except ConfigError as error:
        errors.append(error)
    return errors


def _check_music(file: ConfigFile, directories: Directories) -> list[ConfigError]:
    from asterism.pbx.channels.music.classes import GENERAL, OPTIONS, read_settings

    known: dict[str, Sequence[str]] = {section.name: OPTIONS for section in file}
    return [
        *mistaken(file, known | {"general": GENERAL}),
        *read_settings(file, Path(directories.data), Path(directories.share))[1],
    ]


def _check_completion(file: ConfigFile) -> list[ConfigError]:
    from asterism.pbx.calls.completion.module import read_settings

    return read_settings(file)[1]


def _check_features(file: ConfigFile) -> list[ConfigError]:
    from asterism.pbx.calls.features.settings import read_settings

    return read_settings(file)[1]


def _parking_lots(file: ConfigFile) -> Collection[LotSettings]:
    from asterism.pbx.calls.parking.settings import read_settings

    return read_settings(file)[0].lots.values()


def _check_parking(file: ConfigFile) -> list[ConfigError]:
    from asterism.pbx.calls.parking.settings import read_settings

    return read_settings(file)[1]


def _check_faxes(file: ConfigFile) -> list[ConfigError]:
    from asterism.pbx.calls.fax.settings import read_settings

    return read_settings(file)[1]


def _check_udptl(file: ConfigFile) -> list[ConfigError]:
    from asterism.media.udptl_settings import OPTIONS as UDPTL
    from asterism.media.udptl_settings import UdptlSettings

    errors = list(mistaken(file, {"general": tuple(UDPTL)}))
    try:
        UdptlSettings.from_section(file.options("general"))
    except ConfigError as error:
        errors.append(error)
    return errors


def _check_conferences(file: ConfigFile) -> list[ConfigError]:
    from asterism.pbx.calls.conference.profiles import read_settings

    return read_settings(file)[1]


def _check_amd(file: ConfigFile) -> list[ConfigError]:
    from asterism.pbx.dialplan.applications.amd import read_settings

    return read_settings(file)[1]


def _check_records(file: ConfigFile) -> list[ConfigError]:
    from asterism.pbx.records.cdr.settings import read_settings

    return read_settings(file)[1]


def _check_cel(file: ConfigFile) -> list[ConfigError]:
    from asterism.pbx.records.cel.settings import read_settings

    return read_settings(file)[1]


def _check_indications(file: ConfigFile) -> list[ConfigError]:
    from asterism.pbx.channels.indications.settings import read_settings

    return read_settings(file)[1]


def _check_asterisk_conf(file: ConfigFile) -> list[ConfigError]:
    return list(mistaken(file, {"directories": DIRECTORIES, "options": OPTIONS, "files": OPTIONS}))


def _check_section(name: str) -> Callable[[ConfigFile], list[ConfigError]]:
    return lambda file: list(mistaken(file, {name: ()}))


def _check_notify(file: ConfigFile) -> list[ConfigError]:
    from asterism.sip.notify.content import read_templates

    return read_templates(file)[1]


def _check_sip_notify(file: ConfigFile) -> list[ConfigError]:
    from asterism.sip.notify.content import read_templates

    return read_templates(file, as_given=True)[1]


_READERS: dict[str, Callable[[ConfigFile], list[ConfigError]]] = {
    "amd.conf": _check_amd,
    "asterisk.conf": _check_asterisk_conf,
    "ccss.conf": _check_completion,
    "cdr.conf": _check_records,
    "cel.conf": _check_cel,
    "cli.conf": _check_section("startup_commands"),
    "confbridge.conf": _check_conferences,
    "features.conf": _check_features,
    "http.conf": _check_section("general"),
    "indications.conf": _check_indications,
    "logger.conf": _check_logger,
    "modules.conf": _check_section("modules"),
    "pjsip_notify.conf": _check_notify,
    "sip_notify.conf": _check_sip_notify,
    "res_fax.conf": _check_faxes,
    "res_parking.conf": _check_parking,
    "udptl.conf": _check_udptl,
}
"""Files that are no typed objects."""


def _check_objects(folder: Path, allow_exec: bool | None, files: dict[str, ConfigFile], found: Problems) -> Data:
    """Check the typed objects."""
    from asterism.applications.session.codec_notes import codec_notes
    from asterism.chan_sip.backend import install
    from asterism.core.registry import Owner
    from asterism.data import Data
    from asterism.data.backends import MemoryBackend
    from asterism.data.realtime.settings import RealtimeSettings, require_sqlalchemy
    from asterism.server.discovery import configured_types
    from asterism.sip.objects import register_types
    from asterism.sip.objects.endpoint import Endpoint

    log = logging.Logger("asterism.check")
    log.addHandler(logging.NullHandler())
    data = Data(Owner("check"), log, folder, None, allow_exec=allow_exec)
    in_database: set[str] = set()
    realtime = RealtimeSettings.load(data.files, folder)

    def make(cls: type[ConfiguredObject], arguments: list[str]) -> Backend:
        family = arguments[0] if arguments else cls.REALTIME
        if family.lower() not in realtime.families:
            raise ConfigError(f"extconfig.conf does not say in which database the family '{family}' is")
        in_database.add(cls.TYPE)
        return MemoryBackend(cls)

    data.register_backend("realtime", make)
    register_types(data)
    install(data)
    for cls in configured_types():
        if not cls.RUNTIME:
            data.register_type(cls)
    report = data.load()
    found.add([*report.errors, *report.warnings])
    found.add(realtime.problems)
    if in_database:
        found.collect(require_sqlalchemy)
    found.add(data.files.problems)
    found.add(_mistyped(data))
    if not any(file.not_run for file in files.values()):  # what is missing may come from an #exec
        found.add(_dangling(data, in_database))
    found.note([*data.without_effect(), *data.remarks()])
    found.note(ConfigError(note.text, note.first.position, "allow") for note in codec_notes(data.all(Endpoint)))
    return data


def _mistyped(data: Data) -> Iterator[ConfigError]:
    """Sections that were meant to be of a type that there is. Other types are not ours, and no problem."""
    types = [cls.TYPE for cls in data.types()]
    for section in data.unclaimed():
        kind = section.get("type").lower()
        near = suggestion(kind, types)
        if not kind:
            if section.name.lower() != "general":
                yield ConfigError(f"section '{section.name}' has no type, and no effect", section.position, "type")
        elif kind in types:
            text = f"section '{section.name}' has the type '{kind}', which belongs into another file"
            yield ConfigError(text, section.position, "type")
        elif near:
            yield ConfigError(f"section '{section.name}' has an unknown type '{kind}'{near}", section.position, "type")


def _dangling(data: Data, in_database: set[str]) -> Iterator[ConfigError]:
    """Names of objects that do not exist, as far as their type is in files."""
    known = {cls.TYPE: {item.id for item in data.all(cls)} for cls in data.types()}
    for cls in data.types():
        for item in data.all(cls):
            for attribute, kind in _REFERENCES.items():
                spec = cls.spec(attribute)
                if spec is None or kind in in_database or cls.TYPE == "contact":
                    continue
                if cls.TYPE == "sip_peer" or (cls.TYPE == "sip_general" and kind != "named_acl"):
                    continue  # words and credentials, not names of objects; access lists are told of the endpoint
                value = getattr(item, spec.attribute)
                for name in (value,) if isinstance(value, str) else value:
                    if name and name not in known.get(kind, ()):
                        yield ConfigError(
                            f"{cls.TYPE} '{item.id}': option '{attribute}' names the {kind.replace('named_', '')} "
                            f"'{name}', which does not exist",
                            item.position,
                            attribute,
                        )
