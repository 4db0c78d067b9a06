"""What sections of ``pjsip.conf`` have in common: the templates of ``sip.conf``, and one for what ``[general]`` says.

Each section is written as what it adds to its templates. That is right whatever the templates are: what they say and
the section does not is written back to its default, and where that is not possible the template is not used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

from asterism.applications.pubsub.outbound.objects import OutboundSubscription
from asterism.chan_sip.migrate.names import PlainNames
from asterism.chan_sip.reading import SPECIAL, SipConf, read
from asterism.chan_sip.translation.translate import draft_of
from asterism.config.file import ConfigFile, Option, Section
from asterism.core.errors import Position
from asterism.data.options import ConfiguredObject
from asterism.sip.objects import TYPES

MARK = "\ue000"
"""Begins the names of the sections that are made to see what a template says."""


@dataclass(slots=True)
class Written:
    """A section as it will be written: ``bases`` are its templates, ``options`` what it adds to them."""

    kind: str
    name: str
    bases: tuple[str, ...] = ()
    options: list[Option] = field(default_factory=list)
    template: bool = False


@cache
def _class(kind: str) -> type[ConfiguredObject]:
    known: tuple[type[ConfiguredObject], ...] = (*TYPES, OutboundSubscription)
    return next(each for each in known if kind == each.TYPE)


@lru_cache(maxsize=4096)
def group_of(kind: str, name: str, text: str) -> tuple[str, bool]:
    """The attribute that an option sets, and whether its lines add up."""
    cls = _class(kind)
    spec = cls.spec(name)
    if spec is None:
        return name.lower(), False
    if spec.into != spec.attribute or spec.kind.repeats:
        return spec.into, True
    try:
        once = spec.kind.parse(text, cls.defaults()[spec.into])
        return spec.into, spec.kind.parse(text, once) != once or spec.into == "allow"
    except ValueError:
        return spec.into, True


def _default(kind: str, name: str) -> str | None:
    spec = _class(kind).spec(name)
    return None if spec is None or spec.kind.repeats else spec.kind.format(spec.default)


def difference(kind: str, inherited: Sequence[Option], wanted: Sequence[Option]) -> list[Option] | None:
    """The lines that make ``wanted`` of what is inherited; ``None`` if no lines can."""
    before: dict[str, list[Option]] = {}
    after: dict[str, list[Option]] = {}
    adding: dict[str, bool] = {}
    for options, groups in ((inherited, before), (wanted, after)):
        for option in options:
            group, adds_up = group_of(kind, option.name, option.value)
            groups.setdefault(group, []).append(option)
            adding[group] = adding.get(group, False) or adds_up
    lines: list[Option] = []
    for group in dict.fromkeys((*after, *before)):
        had, have = before.get(group, []), after.get(group, [])
        found = _repeated(kind, group, had, have) if adding[group] else _single(kind, had, have)
        if found is None:
            return None
        lines += found
    return lines


def _single(kind: str, had: list[Option], have: list[Option]) -> list[Option] | None:
    if not have:
        default = _default(kind, had[-1].name)
        if default is None:
            return None
        return [] if had[-1].value == default else [Option(had[-1].name, default, had[-1].position)]
    return [] if had and had[-1].value == have[-1].value else [have[-1]]


def _repeated(kind: str, group: str, had: list[Option], have: list[Option]) -> list[Option] | None:
    if _outcome(kind, had) == _outcome(kind, have):
        return []
    said = [(option.name, option.value) for option in had]
    if [(option.name, option.value) for option in have[: len(had)]] == said:
        return have[len(had) :]
    if group == "allow" and have:
        return [Option("disallow", "all", have[0].position), *have]
    return None


def _outcome(kind: str, lines: list[Option]) -> object:
    """The value that lines which add up have in the end."""
    cls = _class(kind)
    value: object = None
    for number, line in enumerate(lines):
        spec = cls.spec(line.name)
        if spec is None:
            return [(each.name, each.value) for each in lines]
        if not number:
            value = cls.defaults()[spec.into]
        try:
            value = spec.kind.parse(line.value, value)
        except ValueError:
            return [(each.name, each.value) for each in lines]
    return value


class Templates:
    """The templates of a ``sip.conf``, by type of ``pjsip.conf``.

    ``written`` are those that are used, by the template of ``sip.conf`` that they come from (``""``: of ``[general]``).
    """

    def __init__(self, file: ConfigFile, names: PlainNames, taken: Iterable[str]) -> None:
        self._taken = {name.lower() for name in taken}
        self._names = names
        self._flat: dict[str, list[Option]] = {}
        self._headers: dict[tuple[str, str], tuple[str, ...]] = {}
        self.written: dict[str, list[Written]] = {}
        self._used: set[str] = set()
        self._general: dict[str, str] = {}
        self._learn(file)

    def _learn(self, file: ConfigFile) -> None:
        trial = ConfigFile(file.path)
        trial.sections = [section for section in file.sections if section.name.lower() in SPECIAL]
        nowhere = Position(file.path, 0)
        trial.sections.append(Section(MARK, nowhere, options=[Option("type", "friend", nowhere)]))
        templates = [each for each in file.templates if each.name.lower() not in SPECIAL]
        for number, template in enumerate(templates):
            kind = template.get("type").strip().lower()
            options = [option for option in template.options if option.name.lower() != "type"]
            options.append(Option("type", kind if kind in ("user", "peer", "friend") else "friend", template.position))
            trial.sections.append(Section(f"{MARK}{number}", template.position, options=options))
        conf = read(trial)
        general = self._sections(conf, MARK)
        for kind, lines in general.items():
            if lines:
                name = self._free(f"sip-{kind}")
                self._general[kind] = name
                self._keep("", Written(kind, name, (), lines, True), lines)
        for number, template in enumerate(templates):
            for kind, wanted in self._sections(conf, f"{MARK}{number}").items():
                self._template(template, kind, wanted)

    def _sections(self, conf: SipConf, name: str) -> dict[str, list[Option]]:
        """What a trial section becomes, without what has its name in it."""
        peer = conf.peers.get(name)
        if peer is None:
            return {}
        made = draft_of(conf, peer, self._names).made
        return {
            kind: [option for option in usable(each.section) if MARK not in option.value]
            for (kind, section), each in made.items()
            if kind in ("endpoint", "aor") and section == name
        }

    def _template(self, template: Section, kind: str, wanted: list[Option]) -> None:
        key = template.name.lower(), kind
        general = tuple(filter(None, [self._general.get(kind, "")]))
        found = self._shortest(kind, general, self._parents(template.inherits, kind), wanted)
        if found is None:
            return
        parents, lines = found
        if not lines:
            self._headers[key] = parents
            return
        name = self._free(f"{template.name}-{kind}")
        flat = [*(line for parent in parents for line in self._flat[parent]), *lines]
        self._keep(template.name.lower(), Written(kind, name, parents, lines, True), flat)
        self._headers[key] = (name,)

    def _shortest(
        self, kind: str, general: tuple[str, ...], parents: tuple[str, ...], wanted: list[Option]
    ) -> tuple[tuple[str, ...], list[Option]] | None:
        """The templates that save lines, and the lines that are left; ``None`` if ``general`` alone is too much."""
        best: list[Option] | None = self._lines(kind, (*general, *parents), wanted)
        for parent in parents:
            fewer = tuple(each for each in parents if each != parent)
            lines = self._lines(kind, (*general, *fewer), wanted)
            if lines is not None and (best is None or len(lines) <= len(best)):
                parents, best = fewer, lines
        return None if best is None else (parents, best)

    def _lines(self, kind: str, bases: tuple[str, ...], wanted: list[Option]) -> list[Option] | None:
        return difference(kind, [line for name in bases for line in self._flat[name]], wanted)

    def _keep(self, origin: str, written: Written, flat: list[Option]) -> None:
        self._flat[written.name] = flat
        self.written.setdefault(origin, []).append(written)

    def _parents(self, inherits: Iterable[str], kind: str) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for name in inherits:
            found.update(dict.fromkeys(self._headers.get((name.lower(), kind), ())))
        return tuple(found)

    def _free(self, name: str) -> str:
        found, number = name, 1
        while found.lower() in self._taken:
            number += 1
            found = f"{name}-{number}"
        self._taken.add(found.lower())
        return found

    def write(self, section: Section, inherits: Iterable[str]) -> Written:
        """A section as what it adds to the templates that it had in ``sip.conf``, and to what ``[general]`` says."""
        kind, wanted = section.get("type"), usable(section)
        general = tuple(filter(None, [self._general.get(kind, "")]))
        parents = self._parents(inherits, kind)
        found = self._shortest(kind, general, parents, wanted)
        alone = self._shortest(kind, (), parents, wanted) or ((), wanted)
        if found is None or len(found[1]) >= len(alone[1]):
            general, found = (), alone
        bases = (*general, *found[0])
        self._use(bases)
        return Written(kind, section.name, bases, found[1])

    def plain(self, name: str, *options: Option) -> Written:
        """An endpoint that has what ``[general]`` says, and these options."""
        general = tuple(filter(None, [self._general.get("endpoint", "")]))
        self._use(general)
        return Written("endpoint", name, general, list(options))

    def _use(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._used:
                self._used.add(name)
                for each in self.written.values():
                    for template in each:
                        if template.name == name:
                            self._use(template.bases)

    def used(self, origin: str) -> list[Written]:
        """The templates of one of ``sip.conf`` that sections use."""
        return [each for each in self.written.get(origin.lower(), ()) if each.name in self._used]


def usable(section: Section) -> list[Option]:
    """The options of a section for a file that people read: without type, and without what only a server needs."""
    return [
        option for option in section.options
        if option.name.lower() not in ("type", "@chan_sip") and (option.name, option.value) != ("identify_by", "")
    ]  # fmt: skip
