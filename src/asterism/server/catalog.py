"""Which modules there are, under which names, and which of them ``modules.conf`` asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from asterism.core.errors import ModuleError
from asterism.core.module import Module
from asterism.core.registry import Owner


class ModuleState(Enum):
    """The state of a module; the value is what ``module show`` prints."""

    NOT_RUNNING = "Not Running"
    RUNNING = "Running"


@dataclass(slots=True, eq=False)
class LoadedModule:
    """A known module: its class and, where it came from a file, that; its instance and owner while it is loaded."""

    module_class: type[Module]
    path: Path | None = None
    instance: Module | None = None
    owner: Owner | None = None
    started: bool = False

    @property
    def name(self) -> str:
        """The module's own name."""
        return self.module_class.name

    @property
    def state(self) -> ModuleState:
        """Running once loaded."""
        return ModuleState.RUNNING if self.instance else ModuleState.NOT_RUNNING


@dataclass(slots=True)
class ModulePlan:
    """The settings of ``modules.conf``: which modules to load, to leave out and to require.

    ``files`` are the names of all files in the configuration folder.
    """

    autoload: bool = True
    preload: list[str] = field(default_factory=list)
    load: list[str] = field(default_factory=list)
    noload: set[str] = field(default_factory=set)
    require: list[str] = field(default_factory=list)
    files: frozenset[str] = frozenset()


@dataclass(slots=True)
class Selection:
    """The result of a plan: the modules in load order (the core's first), those that must not fail, those left out."""

    modules: list[LoadedModule]
    must: set[str]
    left_out: set[str]


def canonical_name(name: str) -> str:
    """A module name as typed, without ``.so`` and with ``res_sip``, its name in the design, spelt ``res_pjsip``."""
    name = name.strip().lower().removesuffix(".so")
    if name == "res_sip" or name.startswith("res_sip_"):
        name = "res_pjsip" + name.removeprefix("res_sip")
    return name


class Catalog:
    """Every known module, loaded or not."""

    def __init__(self) -> None:
        self._modules: dict[str, LoadedModule] = {}
        self._names: dict[str, LoadedModule] = {}

    def __iter__(self) -> Iterator[LoadedModule]:
        """In the order in which they became known."""
        return iter(list(self._modules.values()))

    # -- names ---------------------------------------------------------------------------------

    def add(self, module_class: type[Module], path: Path | None = None) -> LoadedModule:
        """Make a module known.

        Raises:
            ModuleError: It has no name, or one of its names is another module's already.
        """
        self.check(module_class)
        known = self._modules[module_class.name] = LoadedModule(module_class, path)
        for name in names_of(module_class):
            self._names[name] = known
        return known

    def check(self, module_class: type[Module], replacing: Iterable[LoadedModule] = ()) -> None:
        """Raise :class:`ModuleError` where a class cannot be added; names of those that it replaces are free."""
        name = module_class.name
        if not isinstance(name, str) or not name or not name.isprintable() or " " in name:
            raise ModuleError(f"{name!r} cannot be the name of a module")
        for each in names_of(module_class):
            holder = self._names.get(each)
            if holder is not None and holder not in replacing:
                origin = holder.path or holder.module_class.__module__
                raise ModuleError(f"module '{name}' is refused: '{each}' is the module '{holder.name}' of {origin}")

    def forget(self, known: LoadedModule) -> None:
        """Forget a module that no longer exists."""
        self._modules.pop(known.name, None)
        for name in [name for name, holder in self._names.items() if holder is known]:
            del self._names[name]

    def find(self, name: str) -> LoadedModule | None:
        """The module of that name or alias, or that does the work of Asterisk's module of that name."""
        return self._names.get(canonical_name(name))

    def by_name(self) -> list[LoadedModule]:
        """Every module, sorted."""
        return [self._modules[name] for name in sorted(self._modules)]

    def names(self) -> list[str]:
        """Every name that is understood."""
        return list(self._names)

    # -- what to load ----------------------------------------------------------------------------

    def needs(self, known: LoadedModule) -> set[str]:
        """The names of the modules that one requires itself."""
        return {needed.name for each in known.module_class.requires if (needed := self.find(each)) is not None}

    def parts(self, loaded: set[str]) -> list[LoadedModule]:
        """The modules that are part of one in ``loaded``, or of the core, and are not in it."""
        return [
            known
            for known in self
            if known.name not in loaded
            and any(each == "core" or self._is_in(each, loaded) for each in known.module_class.part_of)
        ]

    def _is_in(self, name: str, loaded: set[str]) -> bool:
        found = self.find(name)
        return found is not None and found.name in loaded

    def kept(self, plan: ModulePlan) -> dict[str, str]:
        """Names in ``noload`` without effect, as :func:`canonical_name` has them, each with the reason.

        A core module, an Asterisk module that is only part of one here, or a module that serves another.
        """
        serving = self._serving(plan)
        reasons: dict[str, str] = {}
        for name in map(canonical_name, plan.noload):
            known = self.find(name)
            if known is None:
                continue
            cls = known.module_class
            if (cls.core and name == known.name) or name in map(canonical_name, cls.covers):
                reasons[name] = f"the module '{known.name}' does its work too, and stays"
            elif known.name in serving:
                master = serving[known.name]
                reasons[name] = (
                    f"'{master.name}' needs it, and there is a {master.module_class.configured_by}; "
                    f"noload = {master.name} leaves that out"
                )
        return reasons

    def _serving(self, plan: ModulePlan) -> dict[str, LoadedModule]:
        """The modules that do the work of another one that is wanted, each with that."""
        unwanted = set(map(canonical_name, plan.noload))
        named = set(map(canonical_name, (*plan.preload, *plan.load, *plan.require)))
        found: dict[str, LoadedModule] = {}
        for master in self:
            cls = master.module_class
            names = set(names_of(cls))
            if cls.configured_by in plan.files and not names & unwanted and (plan.autoload or names & named):
                for known in self:
                    if any(name.startswith(cls.served_by) for name in names_of(known.module_class)):
                        found[known.name] = master
        return found

    def select(self, plan: ModulePlan) -> Selection:
        """Select the modules to load.

        Modules named by ``noload`` are left out, and so are those that require them. Parts of a module come with it.

        Raises:
            ModuleError: A module of ``require`` does not exist, or ``noload`` leaves out its needs.
        """
        required = {name: self.find(name) for name in plan.require}
        for name, found in required.items():
            if found is None:
                raise ModuleError(f"module '{name}' is required by modules.conf and does not exist")
        must = {found.name for found in required.values() if found is not None}
        without_effect = self.kept(plan)
        unwanted = {
            found.name
            for name in plan.noload
            if canonical_name(name) not in without_effect and (found := self.find(name)) is not None
        }
        left_out = self._with_dependents(unwanted - must)
        if must & left_out:
            raise ModuleError(
                f"module '{min(must & left_out)}' is required by modules.conf, which leaves out its needs"
            )
        chosen = {known.name: known for known in self if known.module_class.core}

        def take(known: LoadedModule | None) -> None:
            if known is not None and known.name not in chosen and known.name not in left_out:
                chosen[known.name] = known

        for name in (*plan.preload, *plan.require, *plan.load, *self._serving(plan)):
            take(self.find(name))
        if plan.autoload:
            for known in self:
                take(known)
        grown = True
        while grown:
            before = len(chosen)
            for known in list(chosen.values()):
                for name in known.module_class.requires:
                    take(self.find(name))
            for known in self.parts(set(chosen)):
                take(known)
            grown = len(chosen) > before
        return Selection(list(chosen.values()), must, left_out)

    def _with_dependents(self, names: set[str]) -> set[str]:
        """``names`` and every module that requires one of them, directly or not."""
        found = set(names)
        grown = True
        while grown:
            more = {known.name for known in self if self.needs(known) & found} - found
            found |= more
            grown = bool(more)
        return found


def names_of(module_class: type[Module]) -> list[str]:
    """Every name that a module answers to."""
    names = (module_class.name, *module_class.aliases, *module_class.covers)
    return list(dict.fromkeys(map(canonical_name, names)))
