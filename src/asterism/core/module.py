"""The module protocol: a module deals with one aspect and nothing else (docs/development/architecture.md, "Modules").

A module is a class with a ``name``. ``load`` receives the server *bound to this module*: what is
registered through it, then or later, carries the module as its owner and is undone on unload.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Coroutine
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from asterism.core.commands import Action, Command
from asterism.core.documentation import Documentation
from asterism.core.events import EventBus, EventType, Subscriber
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner, Registry
from asterism.core.routes import Route
from asterism.core.security import SecurityEvents
from asterism.core.test_events import TestEvents


class Subsystem:
    """A part of the server that modules register things with.

    ``bound(owner)`` is a shallow copy that registers in ``owner``'s name. So a subsystem keeps
    all its state in objects it refers to, and never rebinds an attribute after ``__init__``.
    """

    owner: Owner

    def bound(self, owner: Owner) -> Self:
        """This subsystem as ``owner`` sees it."""
        view = copy.copy(self)
        view.owner = owner
        return view


class Paths(Protocol):
    """The folders of ``asterisk.conf`` ``[directories]``."""

    etc: Path
    modules: Path
    varlib: Path
    db: Path
    key: Path
    data: Path
    agi: Path
    spool: Path
    run: Path
    log: Path
    share: Path


class CoreServer(Protocol):
    """Interface of a server for every module; each layer extends it with its own subsystem."""

    name: str
    version: str
    log: ServerLogger
    options: Any  # asterisk.conf [options], typed by the server
    owner: Owner
    bus: EventBus
    name_servers: list[tuple[str, int]]  # where names are looked up, with their ports; empty: the system's
    security: SecurityEvents
    test_events: TestEvents
    commands: Registry[Command]
    actions: Registry[Action]
    routes: Registry[Route]

    @property
    def paths(self) -> Paths:
        """The folders."""

    def register_command(self, item: Command, documentation: Documentation) -> None:
        """Add a console command in the owner's name."""

    def register_action(self, item: Action, documentation: Documentation) -> None:
        """Add a manager action in the owner's name."""

    def register_route(self, item: Route, documentation: Documentation) -> None:
        """Add a route of the HTTP listener in the owner's name."""

    def register_events(self, *types: EventType) -> None:
        """Declare event types in the owner's name."""

    def register_marked(self, holder: object) -> None:
        """Register everything that decorators marked on ``holder``'s methods."""

    def subscribe(self, event_type: EventType | None, subscriber: Subscriber) -> None:
        """Subscribe to the bus until the owner is released."""

    def uptime(self) -> tuple[int, int]:
        """Seconds since start and since the last reload."""

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a task that the server keeps, logs the failure of, and cancels when it stops."""


class Module:
    """Base class of modules; every method may be left as it is.

    ``core`` modules are part of every server: always loaded, never unloaded. ``aliases`` are other accepted names
    (``registrar``); ``requires`` are names of modules that must be loaded before. ``part_of`` are modules that this one
    comes with, whatever ``modules.conf`` says of it save ``noload``; ``core`` is there always: it stands for what
    Asterisk has built in. ``covers`` are modules of Asterisk whose work is only a part of this one's: to ``load`` one
    of them loads this, ``noload`` of one has no effect. ``description`` and ``support`` show in ``module show``.

    ``configured_by`` is a file that is there only where the module is wanted. Then all modules come with it that have a
    name beginning with one of ``served_by``: they do its work, so that ``noload`` of one has no effect.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    requires: ClassVar[tuple[str, ...]] = ()
    part_of: ClassVar[tuple[str, ...]] = ()
    covers: ClassVar[tuple[str, ...]] = ()
    configured_by: ClassVar[str] = ""
    served_by: ClassVar[tuple[str, ...]] = ()
    core: ClassVar[bool] = False
    description: ClassVar[str] = ""
    support: ClassVar[str] = "core"

    def load(self, server: Any) -> Awaitable[None] | None:
        """Start: register with ``server``. The default registers what decorators marked.

        Raise :class:`~asterism.core.errors.ModuleError` to decline.
        """
        server.register_marked(self)
        return None

    def start(self) -> Awaitable[None] | None:
        """Start: called once every module of the start-up is loaded, or right after a later ``load``.

        The configured objects are there by now. Sockets are opened here, so that nothing
        arrives before the module that serves it.

        Raise :class:`~asterism.core.errors.ModuleError` for what could not be opened: it is logged, the module and the
        server go on, unless ``modules.conf`` requires the module.
        """
        return None

    def unload(self) -> Awaitable[None] | None:
        """Stop: close sockets and tasks. Registrations are undone by the loader afterwards."""
        return None

    def reload(self) -> Awaitable[None] | None:
        """Read the configuration again, keeping the old state where the new one is wrong."""
        return None

    def use_count(self) -> int:
        """How many calls, subscriptions or works use this module; not 0 refuses ``unload``."""
        return 0
