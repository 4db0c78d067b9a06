"""The module loader: which modules a server has, in what order they load, and ``modules.conf``.

Modules come from three places: those that ship with Asterism (:mod:`asterism.server.discovery`), entry points
of the group ``asterism.modules``, and Python files in the ``modules`` folder beside the configuration.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from asterism.core.errors import AsterismError, ModuleError
from asterism.core.module import Module
from asterism.core.registry import Owner
from asterism.server.discovery import builtin_modules, modules_in_file
from asterism.server.events import LOAD, UNLOAD

if TYPE_CHECKING:
    from asterism.server.server import Server


class ModuleState(Enum):
    """Where a module stands; the value is what ``module show`` prints."""

    NOT_RUNNING = "Not Running"
    RUNNING = "Running"


@dataclass(slots=True)
class LoadedModule:
    """A known module: its class, and its instance and owner while it is loaded."""

    module_class: type[Module]
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
    """What ``modules.conf`` asks for."""

    autoload: bool = True
    preload: list[str] = field(default_factory=list)
    load: list[str] = field(default_factory=list)
    noload: set[str] = field(default_factory=set)
    require: list[str] = field(default_factory=list)


def canonical_name(name: str) -> str:
    """A module name as typed, without ``.so`` and with ``res_sip``, its name in the design, spelt ``res_pjsip``."""
    name = name.strip().lower().removesuffix(".so")
    if name == "res_sip" or name.startswith("res_sip_"):
        name = "res_pjsip" + name.removeprefix("res_sip")
    return name


class ModuleLoader:
    """Loads, starts, reloads and unloads the modules of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._modules: dict[str, LoadedModule] = {}
        self._names: dict[str, LoadedModule] = {}
        self._order: list[LoadedModule] = []
        self._running = False

    # -- discovery ---------------------------------------------------------------------------

    def discover(self) -> None:
        """Learn every module there is, without loading any."""
        for module_class in builtin_modules():
            self.add(module_class)
        for entry in entry_points(group="asterism.modules"):
            try:
                self.add(entry.load())
            except Exception:
                self._server.log.exception("module '%s' cannot be imported", entry.name)
        for folder in (self._server.paths.etc / "modules", self._server.paths.modules):
            for path in sorted(folder.glob("*.py")):
                try:
                    for module_class in modules_in_file(path):
                        self.add(module_class)
                except Exception:
                    self._server.log.exception("module file %s cannot be imported", path)

    def add(self, module_class: type[Module]) -> None:
        """Make a module class known, as if it had been discovered (tests, programs)."""
        if module_class.name in self._modules:
            return
        known = LoadedModule(module_class)
        self._modules[module_class.name] = known
        for name in (module_class.name, *module_class.aliases):
            self._names[canonical_name(name)] = known

    # -- look-up -----------------------------------------------------------------------------

    def find(self, name: str) -> LoadedModule | None:
        """The known module of that name or alias, loaded or not."""
        return self._names.get(canonical_name(name))

    def is_loaded(self, name: str) -> bool:
        """Whether the module of that name or alias is loaded."""
        found = self.find(name)
        return found is not None and found.instance is not None

    def known(self) -> list[LoadedModule]:
        """Every known module, by name."""
        return [self._modules[name] for name in sorted(self._modules)]

    # -- start-up and shutdown -----------------------------------------------------------------

    async def load_all(self, plan: ModulePlan) -> None:
        """Load the core's modules and those that the plan asks for, then start them all.

        What ``noload`` names stays out, and so does what requires it.

        Raises:
            ModuleError: A core module or one that ``require`` names did not load.
        """
        required = self._resolve(plan.require)
        for name, found in required.items():
            if found is None:
                raise ModuleError(f"module '{name}' is required by modules.conf and does not exist")
        must = {found.name for found in required.values() if found is not None}
        left_out = self._with_dependents(
            {found.name for found in self._resolve(plan.noload).values() if found is not None} - must
        )
        if must & left_out:
            raise ModuleError(
                f"module '{min(must & left_out)}' is required by modules.conf, which leaves out its needs"
            )
        for known in self._modules.values():
            if known.module_class.core:
                await self._load(known)
        wanted = [*plan.preload, *plan.require, *plan.load]
        if plan.autoload:
            wanted += [known.name for known in self._modules.values() if not known.module_class.core]
        for found in self._resolve(wanted).values():
            if found is None or found.name in left_out:
                continue
            try:
                await self._load(found)
            except Exception as error:
                if found.name in must:
                    raise ModuleError(f"module '{found.name}' is required and did not load: {error}") from error
                self._server.log.error("module '%s' did not load: %s", found.name, error, exc_info=_unexpected(error))
        self._server.data.load()
        for known in list(self._order):
            try:
                await self._start(known)
            except Exception as error:
                if known.module_class.core or known.name in must:
                    raise
                self._server.log.error("module '%s' did not start: %s", known.name, error, exc_info=_unexpected(error))
        self._running = True

    def _resolve(self, names: Iterable[str]) -> dict[str, LoadedModule | None]:
        return {name: self.find(name) for name in names}

    def _with_dependents(self, names: set[str]) -> set[str]:
        """``names`` and every module that requires one of them, directly or not."""
        found = set(names)
        grown = True
        while grown:
            more = {known.name for known in self._modules.values() if self._needs(known) & found} - found
            found |= more
            grown = bool(more)
        return found

    def _needs(self, known: LoadedModule) -> set[str]:
        """The names of the modules that one requires itself."""
        return {needed.name for needed in self._resolve(known.module_class.requires).values() if needed is not None}

    async def unload_all(self) -> None:
        """Unload everything, last loaded first; a module that fails to stop does not stop the others."""
        self._running = False
        for known in reversed(list(self._order)):
            try:
                await self._unload(known)
            except Exception:
                self._server.log.exception("module '%s' failed to unload", known.name)

    # -- one module ------------------------------------------------------------------------------

    async def load(self, name: str) -> None:
        """Load and start one module on a live server; raises :class:`ModuleError`."""
        found = self.find(name)
        if found is None:
            raise ModuleError(f"module '{name}' does not exist")
        if found.instance is not None:
            raise ModuleError(f"module '{name}' is already loaded")
        bus = self._server.bus
        try:
            await self._load(found)
            if self._running:
                self._server.data.load()
                for known in list(self._order):
                    await self._start(known)
        except Exception as error:
            bus.publish(LOAD, f"{found.name}.so", "Decline" if isinstance(error, ModuleError) else "Failure")
            raise
        bus.publish(LOAD, f"{found.name}.so", "Success")

    async def unload(self, name: str) -> None:
        """Unload one module; raises :class:`ModuleError` while it is in use or needed by another."""
        found = self.find(name)
        if found is None or found.instance is None:
            raise ModuleError(f"module '{name}' is not loaded")
        if found.module_class.core:
            raise ModuleError(f"module '{name}' is part of the core")
        uses = self.use_count(found)
        if uses:
            raise ModuleError(f"module '{name}' is in use ({uses})")
        await self._unload(found)
        self._server.bus.publish(UNLOAD, f"{found.name}.so")

    async def reload(self, name: str = "") -> None:
        """Let one module, or every one, read its configuration again."""
        if name:
            found = self.find(name)
            if found is None or found.instance is None:
                raise ModuleError(f"module '{name}' is not loaded")
            await _maybe_await(found.instance.reload())
            return
        for known in list(self._order):
            if known.instance is None:
                continue
            try:
                await _maybe_await(known.instance.reload())
            except Exception as error:
                self._server.log.error("reload of '%s' failed: %s", known.name, error, exc_info=_unexpected(error))

    def use_count(self, known: LoadedModule) -> int:
        """The module's own uses, the calls in its applications, and the loaded modules that require it."""
        if known.instance is None or known.owner is None:
            return 0
        dependents = sum(known.name in self._needs(other) for other in self._order)
        return known.instance.use_count() + self._server.pbx.calls_within(known.owner) + dependents

    # -- inner works -----------------------------------------------------------------------------

    async def _load(self, known: LoadedModule, chain: tuple[str, ...] = ()) -> None:
        if known.instance is not None:
            return
        if known.name in chain:
            raise ModuleError("modules require each other: " + " -> ".join((*chain, known.name)))
        for name in known.module_class.requires:
            needed = self.find(name)
            if needed is None:
                raise ModuleError(f"module '{known.name}' requires '{name}', which does not exist")
            await self._load(needed, (*chain, known.name))
        owner = Owner(known.name)
        instance = known.module_class()
        try:
            await _maybe_await(instance.load(self._server.bound(owner)))
        except BaseException:
            owner.release()
            raise
        known.instance, known.owner, known.started = instance, owner, False
        self._order.append(known)

    async def _start(self, known: LoadedModule) -> None:
        if known.instance is None or known.started:
            return
        known.started = True
        await _maybe_await(known.instance.start())

    async def _unload(self, known: LoadedModule) -> None:
        instance, owner = known.instance, known.owner
        assert instance is not None
        assert owner is not None
        try:
            await _maybe_await(instance.unload())
        finally:
            owner.release()
            known.instance = known.owner = None
            self._order.remove(known)


async def _maybe_await(result: object) -> None:
    if inspect.isawaitable(result):
        await result


def _unexpected(error: Exception) -> bool:
    return not isinstance(error, AsterismError)
