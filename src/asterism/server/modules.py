"""The module loader: which modules a server has, in what order they load, and ``modules.conf``.

Modules come from three places: those that ship with Asterism (:mod:`asterism.server.discovery`), entry points
of the group ``asterism.modules``, and Python files in the ``modules`` folder beside the configuration
(:mod:`asterism.server.files`).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.core.errors import AlreadyRunningError, AsterismError, ModuleError
from asterism.core.exits import exits_held
from asterism.core.module import Module
from asterism.core.registry import Owner
from asterism.server.catalog import Catalog, LoadedModule, ModulePlan
from asterism.server.discovery import builtin_modules
from asterism.server.events import LOAD, UNLOAD
from asterism.server.files import ModuleFiles

if TYPE_CHECKING:
    from asterism.server.server import Server


class ModuleLoader:
    """Loads, starts, reloads and unloads the modules of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.catalog = Catalog()
        self._files: ModuleFiles | None = None
        self._order: list[LoadedModule] = []
        self._left_out: set[str] = set()
        self._running = False

    # -- discovery ---------------------------------------------------------------------------

    def discover(self) -> None:
        """Learn every module there is, without loading any. What cannot be taken is logged."""
        for module_class in builtin_modules():
            if self.catalog.find(module_class.name) is None:  # a program has put its own in this place
                self.catalog.add(module_class)
        for entry in entry_points(group="asterism.modules"):
            try:
                self.add(entry.load())
            except ModuleError as error:
                self._server.log.error("entry point '%s': %s", entry.name, error)
            except (Exception, SystemExit):
                self._server.log.exception("module '%s' cannot be imported", entry.name)
        self._files = ModuleFiles((self._server.paths.etc / "modules", self._server.paths.modules))
        self._look_for_files()

    def add(self, module_class: type[Module]) -> None:
        """Make a module class known, as if it had been discovered (tests, programs). Harmless when it is already.

        Raises:
            ModuleError: One of its names is another module's.
        """
        found = self.catalog.find(module_class.name)
        if found is None or found.module_class is not module_class:
            self.catalog.add(module_class)

    def _look_for_files(self) -> dict[str, ModuleError]:
        """Run the files that were not yet, and those that were changed since and have nothing loaded.

        Returns what cannot be run, by the file's name without suffix.
        """
        files = self._files
        failed: dict[str, ModuleError] = {}
        if files is None:
            return failed
        for path in files.paths():
            known = self._of_file(path)
            if files.is_current(path) or any(each.instance for each in known):
                continue
            try:
                self._take(path, files.run(path), known)
            except ModuleError as error:
                failed[path.stem] = error
                self._server.log.error("%s", error, exc_info=error.__cause__)
        return failed

    def _take(self, path: Path, classes: list[type[Module]], before: list[LoadedModule]) -> None:
        """Have the classes of a file stand for what it had ``before``; those that cannot be taken are logged."""
        for each in before:
            self.catalog.forget(each)
        for module_class in classes:
            try:
                self.catalog.add(module_class, path)
            except ModuleError as error:
                self._server.log.error("%s: %s", path, error)

    def _of_file(self, path: Path) -> list[LoadedModule]:
        return [known for known in self.catalog if known.path == path]

    # -- look-up -----------------------------------------------------------------------------

    def find(self, name: str) -> LoadedModule | None:
        """The known module of that name or alias, loaded or not."""
        return self.catalog.find(name)

    def is_loaded(self, name: str) -> bool:
        """Whether the module of that name or alias is loaded."""
        found = self.find(name)
        return found is not None and found.instance is not None

    def known(self) -> list[LoadedModule]:
        """Every known module, by name."""
        return self.catalog.by_name()

    # -- start-up and shutdown -----------------------------------------------------------------

    async def load_all(self, plan: ModulePlan) -> None:
        """Load the core's modules and those that the plan asks for, then start them all.

        What ``noload`` names stays out, and so does what requires it.

        Raises:
            ModuleError: A core module or one that ``require`` names did not load, or one that ``require`` names did
                not start.
            AlreadyRunningError: Another server runs on this configuration.
        """
        log = self._server.log
        selection = self.catalog.select(plan)
        self._left_out = selection.left_out
        for name, reason in sorted(self.catalog.kept(plan).items()):
            log.warning("modules.conf: noload = %s has no effect: %s", name, reason)
        for known in selection.modules:
            try:
                await self._load(known)
            except (Exception, SystemExit) as error:
                if known.module_class.core:
                    raise
                if known.name in selection.must:
                    raise ModuleError(f"module '{known.name}' is required and did not load: {error}") from error
                log.error("module '%s' did not load: %s", known.name, error, exc_info=_unexpected(error))
        self._server.data.load()
        for known in list(self._order):
            try:
                await self._start(known)
            except AlreadyRunningError:
                raise
            except (Exception, SystemExit) as error:
                core = known.module_class.core and not isinstance(error, ModuleError)
                if core or known.name in selection.must:
                    raise
                if isinstance(error, ModuleError):
                    log.error("module '%s': %s; the server goes on without it", known.name, error)
                else:
                    log.error("module '%s' did not start: %s", known.name, error, exc_info=_unexpected(error))
        self._running = True

    async def unload_all(self) -> None:
        """Unload everything, last loaded first; a module that fails to stop does not stop the others."""
        self._running = False
        for known in reversed(list(self._order)):
            try:
                await self._unload(known)
            except (Exception, SystemExit):
                self._server.log.exception("module '%s' failed to unload", known.name)

    # -- one module ------------------------------------------------------------------------------

    async def load(self, name: str) -> None:
        """Load and start one module on a live server, and what is part of it. New files are looked for first.

        Raises:
            ModuleError: There is none of that name, it is loaded already, or it did not load or start.
        """
        found = self.find(name)
        if found is None or found.instance is None:
            failed = self._look_for_files()
            found = self.find(name)
            if found is None and name in failed:
                raise failed[name]
        if found is None:
            raise ModuleError(f"module '{name}' does not exist")
        if found.instance is not None:
            raise ModuleError(f"module '{name}' is already loaded")
        bus = self._server.bus
        try:
            await self._open([found])
        except (Exception, SystemExit) as error:
            bus.publish(LOAD, f"{found.name}.so", "Decline" if isinstance(error, AsterismError) else "Failure")
            raise
        bus.publish(LOAD, f"{found.name}.so", "Success")

    async def _open(self, modules: Iterable[LoadedModule]) -> None:
        """Load modules; if the server runs, what is part of them as well, and start them."""
        before = self._possible_parts()
        for known in modules:
            await self._load(known)
        if not self._running:
            return
        for known in self._possible_parts():
            if known not in before:  # one that was possible was unloaded
                try:
                    await self._load(known)
                except (Exception, SystemExit) as error:
                    self._server.log.error(
                        "module '%s' did not load: %s", known.name, error, exc_info=_unexpected(error)
                    )
        self._server.data.load()
        for known in list(self._order):
            await self._start(known)

    def _possible_parts(self) -> list[LoadedModule]:
        """What is part of the modules that are loaded, and has all that it needs."""
        loaded = {known.name for known in self._order}
        return [
            known
            for known in self.catalog.parts(loaded)
            if known.name not in self._left_out and self.catalog.needs(known) <= loaded
        ]

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
        """Let one module with its parts, or every one, read its configuration again.

        A file with new code is run and takes its place.

        Raises:
            ModuleError: The module is not loaded, or its new code cannot be had; then the old one goes on.
        """
        if name:
            found = self.find(name)
            if found is None or found.instance is None:
                raise ModuleError(f"module '{name}' is not loaded")
            if self.has_new_code(found):
                assert found.path is not None
                await self._renew(found.path)
            else:
                await _maybe_await(found.instance.reload())
            await self._reload_each(self._parts_of(found))
            return
        for path in {known.path for known in self._order if known.path is not None and self.has_new_code(known)}:
            try:
                await self._renew(path)
            except ModuleError as error:
                self._server.log.error("%s", error, exc_info=error.__cause__)
        await self._reload_each(list(self._order))

    async def _reload_each(self, modules: Iterable[LoadedModule]) -> None:
        """Reload some, one after the other; what fails is told."""
        for known in modules:
            if known.instance is None:
                continue
            try:
                await _maybe_await(known.instance.reload())
            except (Exception, SystemExit) as error:
                self._server.log.error("reload of '%s' failed: %s", known.name, error, exc_info=_unexpected(error))

    def _parts_of(self, whole: LoadedModule) -> list[LoadedModule]:
        """The loaded modules that a module is divided into, and their parts, in the order of loading."""
        names, before = {whole.name}, 0
        while len(names) > before:
            before = len(names)
            for known in self._order:
                wholes = (self.find(each) for each in known.module_class.part_of)
                if any(each is not None and each.name in names for each in wholes):
                    names.add(known.name)
        return [known for known in self._order if known.name in names and known is not whole]

    def can_reload(self, known: LoadedModule) -> bool:
        """Whether a module has a ``reload`` of its own, or new code."""
        return known.module_class.reload is not Module.reload or self.has_new_code(known)

    def has_new_code(self, known: LoadedModule) -> bool:
        """Whether a module came from a file that was changed since."""
        return known.path is not None and self._files is not None and not self._files.is_current(known.path)

    async def _renew(self, path: Path) -> None:
        """Replace the modules of a file by those that it holds now."""
        assert self._files is not None
        before = self._of_file(path)
        loaded = [known for known in self._order if known in before]
        for known in loaded:
            uses = self.use_count(known, apart_from=before)
            if uses:
                raise ModuleError(f"module '{known.name}' is in use ({uses}): its old code goes on")
        classes = self._files.run(path)
        for module_class in classes:
            self.catalog.check(module_class, before)
        for known in reversed(loaded):
            await self._unload(known)
        self._take(path, classes, before)
        names = {known.name for known in loaded}
        try:
            await self._open(known for known in self._of_file(path) if known.name in names)
        except (Exception, SystemExit) as error:
            new = self._of_file(path)
            for known in [known for known in reversed(self._order) if known in new]:
                await self._unload(known)
            self._take(path, [known.module_class for known in before], new)
            await self._open(known for known in self._of_file(path) if known.name in names)
            raise ModuleError(f"the new code of {path} did not load, the old one goes on: {error}") from error

    def use_count(self, known: LoadedModule, apart_from: Iterable[LoadedModule] = ()) -> int:
        """The module's own uses, the calls in its applications, and the loaded modules that require it."""
        if known.instance is None or known.owner is None:
            return 0
        dependents = sum(known.name in self.catalog.needs(other) for other in self._order if other not in apart_from)
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
            with self._exits_held(known):
                await _maybe_await(instance.load(self._server.bound(owner)))
        except BaseException:
            owner.release()
            raise
        known.instance, known.owner, known.started = instance, owner, False
        self._order.append(known)

    def _exits_held(self, known: LoadedModule) -> AbstractContextManager[None]:
        """Tasks of modules that are not the project's own cannot end the loop."""
        own = known.module_class.__module__.startswith("asterism.")
        return nullcontext() if own else exits_held(self._server.log)

    async def _start(self, known: LoadedModule) -> None:
        if known.instance is None or known.started:
            return
        known.started = True
        with self._exits_held(known):
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


def _unexpected(error: BaseException) -> bool:
    return not isinstance(error, AsterismError)
