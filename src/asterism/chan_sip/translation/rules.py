"""How options of ``sip.conf`` become options of ``pjsip.conf``: the table, and what its rules write to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import Any, Literal

from asterism.applications.pubsub.outbound.objects import OutboundSubscription
from asterism.chan_sip.objects.general import SipGeneral
from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.reading import SipConf, canonical
from asterism.chan_sip.translation.names import Names
from asterism.config.file import Option, Section
from asterism.core.errors import Position
from asterism.data.options import ConfiguredObject
from asterism.sip.objects import TYPES

NO_RULE = "there is no such option"
"""What is said of a line that no rule is about."""
Outcome = Literal["translated", "changed", "untranslated"]


@dataclass(frozen=True, slots=True)
class Remark:
    """What became of one line: for ``asterism migrate``, and for the reference.

    Attributes:
        option: the line.
        outcome: ``translated``, ``changed`` (not quite the same) or ``untranslated``.
        text: what differs, or why there is nothing.
        target: ``endpoint.context``; several with commas; empty where there is none.
    """

    option: Option
    outcome: Outcome
    text: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table.

    Attributes:
        option: the option of ``sip.conf``.
        targets: options of ``pjsip.conf`` that it sets, as ``endpoint.context``.
        text: what is not quite the same in ``pjsip.conf``, for who goes there; empty: nothing.
        outcome: of a migration, unless the rule says otherwise of a peer.
        apply: writes the options of one peer; ``None``: another option's rule does it, or other code reads the option.
        here: what the option does in a server that reads ``sip.conf``, where no option of ``pjsip.conf`` has it.
    """

    option: str
    targets: tuple[str, ...] = ()
    text: str = ""
    outcome: Outcome = "translated"
    apply: Callable[[Draft], None] | None = None
    here: str = ""

    @property
    def kinds(self) -> frozenset[str]:
        """The types of its targets."""
        return frozenset(target.partition(".")[0] for target in self.targets)


def same(option: str, target: str, text: str = "") -> Rule:
    """The rule of an option that means what another one does in ``pjsip.conf``, in the same words."""
    spec = SipPeer.spec(option)
    assert spec is not None
    read, write = attrgetter(spec.attribute), spec.kind.format

    @cache
    def usual_value() -> Any:
        kind, _, name = target.partition(".")
        try:
            return spec.kind.parse(usual(kind).get(name, ""), spec.default)
        except ValueError:
            return _NOTHING

    def apply(draft: Draft) -> None:
        value = read(draft.peer)
        if value != usual_value():
            draft.set(target, write(value))

    return Rule(option, (target,), text, "changed" if text else "translated", apply)


def here(option: str, what: str) -> Rule:
    """The rule of an option that other code reads; ``what`` says what it does."""
    return Rule(option, here=what, text=NO_RULE, outcome="untranslated")


_NOTHING = object()


class Made:
    """An object that is being made: a section with the places that its options come from."""

    __slots__ = ("_usual", "kind", "section")

    def __init__(self, kind: str, name: str, position: Position) -> None:
        self.kind = kind
        self.section = Section(name, position)
        self._usual = usual(kind)

    def put(self, name: str, value: str, position: Position) -> None:
        """Set an option, unless it is the default; of options that are repeated the lines add up."""
        if self._usual.get(name) != value:
            self.section.options.append(Option(name, value, position))


class Draft:
    """The objects of one peer, while the rules are applied.

    ``wanted`` is the one type of ``pjsip.conf`` that is asked for; empty: all. Where a rule sets an option of
    another type, nothing happens.
    """

    def __init__(self, conf: SipConf, peer: SipPeer, names: Names, wanted: str = "") -> None:
        self.conf = conf
        self.general: SipGeneral = conf.general
        self.peer = peer
        self.names = names
        self.wanted = wanted
        self.made: dict[tuple[str, str], Made] = {}
        self.notes: dict[str, tuple[Outcome, str]] = {}
        """What rules have to say of this peer's options: outcome and text."""
        self.position: Position = peer.position or Position("", 0)
        """Where the option of the current rule is set."""

    def put(self, kind: str, name: str, option: str, value: str) -> None:
        """Set an option of the object ``name``, which is made when it is not there."""
        if self.wanted and kind != self.wanted:
            return
        made = self.made.get((kind, name))
        if made is None:
            made = self.made[kind, name] = Made(kind, name, self.peer.position or Position("", 0))
            made.section.options.append(Option("type", kind, made.section.position))
        made.put(option, value, self.position)

    def endpoint(self, option: str, value: str) -> None:
        """Set an option of the peer's endpoint."""
        self.put("endpoint", self.names.endpoint(self.peer), option, value)

    def aor(self, option: str, value: str) -> None:
        """Set an option of the peer's AOR; a user has none."""
        if self.peer.is_peer:
            self.put("aor", self.names.aor(self.peer), option, value)

    def set(self, target: str, value: str) -> None:
        """Set ``endpoint.context`` or the like."""
        kind, _, option = target.partition(".")
        (self.endpoint if kind == "endpoint" else self.aor)(option, value)

    def note(self, option: str, outcome: Outcome, text: str) -> None:
        """Say of this peer's option that it is not, or not quite, translated."""
        self.notes[option] = (outcome, text)


@dataclass(slots=True)
class Translation:
    """The objects that a ``sip.conf`` makes, as sections of ``pjsip.conf``, and what became of each line.

    Attributes:
        sections: by the type of ``pjsip.conf``, each option with the place that it comes from.
        remarks: one for each line, in file order of the sections.
    """

    sections: dict[str, list[Section]] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)


@cache
def usual(kind: str) -> Mapping[str, str]:
    """The default of every option of a type of ``pjsip.conf``, as it would be written."""
    types: tuple[type[ConfiguredObject], ...] = (*TYPES, OutboundSubscription)
    cls = next(each for each in types if kind == each.TYPE)
    return {
        spec.name: spec.kind.format(spec.default)
        for spec in cls.OPTIONS
        if spec.into == spec.attribute and not spec.kind.repeats
    }


def remarks_of(
    lines: list[Option], table: Mapping[str, Rule], notes: Mapping[str, tuple[Outcome, str]]
) -> Iterator[Remark]:
    """What became of lines, by their rules and what these have noted."""
    for line in lines:
        name = canonical(line.name)
        rule = table.get(name)
        if rule is None:
            yield Remark(line, "untranslated", NO_RULE)
            continue
        outcome, text = notes.get(name, (rule.outcome, rule.text))
        yield Remark(line, outcome, text, ", ".join(rule.targets))
