"""The dialplan of one server: contexts, globals and the executor behind one object, ``pbx.dialplan``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from asterism.core.calling import require_async
from asterism.core.containment import attempt
from asterism.core.errors import Position
from asterism.pbx.dialplan.language.contexts import HINT, Context, ContextTable, ExtensionFunction, Priority
from asterism.pbx.dialplan.language.environment import Environment
from asterism.pbx.dialplan.language.executor import Executor
from asterism.pbx.dialplan.language.substitution import expand, expand_later
from asterism.pbx.vocabulary import events

if TYPE_CHECKING:
    from asterism.core.events import EventBus
    from asterism.core.log import ServerLogger
    from asterism.core.registry import Owner, Registry
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.marks import Application, Function

PYTHON = "Python"
"""Application name shown for an extension written in Python; its data is the function's name."""


class Overlay:
    """An environment with some further variables, for texts without a channel."""

    def __init__(self, environment: Environment, variables: Mapping[str, str]) -> None:
        self._environment = environment
        self._variables = variables
        self.plain_text = environment.plain_text
        self.function = environment.function
        self.function_in_expression = environment.function_in_expression
        self.wait_function = environment.wait_function
        self.warn = environment.warn

    def variable(self, channel: Channel | None, name: str) -> str | None:
        """One of the further variables, else what the environment has."""
        found = self._variables.get(name)
        return self._environment.variable(channel, name) if found is None else found


class Dialplan:
    """Contexts and what runs them.

    State is in objects that stay: a copy of the PBX bound to a module sees the same dialplan.
    """

    def __init__(
        self,
        applications: Registry[Application],
        functions: Registry[Function],
        bus: EventBus,
        log: ServerLogger,
    ) -> None:
        self.applications = applications
        self.functions = functions
        self.bus = bus
        self.log = log
        self.globals: dict[str, str] = {}
        self.table = ContextTable()
        self.environment = Environment(functions, self.globals, log)
        self.environment.automatic["HINT"] = lambda channel: self._hint_of(channel, name=False)
        self.environment.automatic["HINTNAME"] = lambda channel: self._hint_of(channel, name=True)
        self.executor = Executor(self.table, applications, self.environment, log)
        self.execute = self.executor.execute
        self.gosub = self.executor.gosub
        self.run_aside = self.executor.run_aside
        self._observers: list[Callable[[], None]] = []

    # -- looking up ------------------------------------------------------------------------------

    def find(self, context: str, exten: str, priority: int = 1, callerid: str = "") -> Priority | None:
        """The line that a call at this place would run, own context first, then includes."""
        return self.table.find(context, exten, priority, callerid)

    def exists(self, context: str, exten: str, priority: int = 1, callerid: str = "") -> bool:
        """Whether there is a line at this place."""
        return self.table.find(context, exten, priority, callerid) is not None

    def resolve_priority(self, context: str, exten: str, label: str, callerid: str = "") -> int | None:
        """The priority that a label (or a number as text) names; ``None`` for an unknown label."""
        if label.isascii() and label.isdigit():
            return int(label[:9])
        return self.table.find_label(context, exten, label, callerid)

    def find_hint(self, context: str, exten: str) -> str | None:
        """The hint of an extension as written, with ``${EXTEN}`` and globals replaced; ``None`` without hint."""
        line = self.table.find(context, exten, HINT)
        if line is None:
            return None
        text = line.application
        return self.expand_with(text, {"EXTEN": self.environment.foreign(exten)}) if "$" in text else text

    def hint_lines(self) -> list[tuple[str, str, str]]:
        """Every hint line: context, extension (a pattern as written) and hint as written."""
        return [
            (context.name, extension.name, extension.priorities[HINT].application)
            for context in self.table.contexts.values()
            for extension in context.sorted_extensions()
            if HINT in extension.priorities
        ]

    # -- changing --------------------------------------------------------------------------------

    def add_extension(
        self,
        owner: Owner | None,
        context: str,
        exten: str,
        priority: int,
        application: str,
        data: str = "",
        *,
        registrar: str = "",
        callerid: str | None = None,
        label: str = "",
        position: Position | None = None,
        run: ExtensionFunction | None = None,
        replace: bool = False,
    ) -> Callable[[], None]:
        """Add one line; return what removes it. Released with ``owner``, kept by reloads of the file.

        Raises :class:`ValueError` when another line has the place, unless ``replace`` is set.
        """
        if not registrar:
            registrar = owner.name if owner is not None else "pbx_config"
        table = self.table.context(context, registrar)
        if replace:
            old = table.extensions.get((exten.lower(), None if callerid is None else callerid.lower()))
            if old is not None and priority in old.priorities:
                table.remove(old.priorities[priority])
        line = table.add(
            exten,
            priority,
            application,
            data,
            registrar,
            callerid=callerid,
            label=label,
            position=position,
            run=run,
        )

        def remove() -> None:
            now = line.extension.context
            if now.remove(line):
                self._drop_empty(now)
                self.changed()

        self.changed()
        return remove if owner is None else owner.on_release(remove)

    def add_lines(
        self, context: str, registrar: str, lines: Iterable[tuple[str, int, str, str]]
    ) -> tuple[list[Priority], list[str]]:
        """Add lines (extension, priority, application, data) to one context, and say which places were taken.

        The caller tells :meth:`changed` once it has changed all that it wants to.
        """
        added: list[Priority] = []
        complaints: list[str] = []
        for exten, priority, application, data in lines:
            try:
                added.append(self.table.context(context, registrar).add(exten, priority, application, data, registrar))
            except ValueError as error:
                complaints.append(str(error))
        return added, complaints

    def remove_lines(self, lines: Iterable[Priority]) -> None:
        """Remove lines that are still there, and contexts that are empty then; the caller tells :meth:`changed`."""
        for line in lines:
            context = line.extension.context
            if context.remove(line):
                self._drop_empty(context)

    def add_python(
        self, owner: Owner, context: str, exten: str, priority: int, function: ExtensionFunction
    ) -> Callable[[], None]:
        """Add an extension written in Python; return what removes it.

        Raises :class:`~asterism.core.errors.NotAsyncError` for a function that is not ``async``.
        """
        require_async(function, f"extension {exten}@{context}")
        name = getattr(function, "__qualname__", type(function).__name__)
        return self.add_extension(owner, context, exten, priority, PYTHON, name, run=function)

    def remove_extension(
        self, context: str, exten: str, priority: int | None = None, callerid: str | None = None
    ) -> bool:
        """Remove an extension or one of its priorities, whoever added it; ``False`` if there is none."""
        table = self.table.get(context)
        extension = (
            None
            if table is None
            else table.extensions.get((exten.lower(), None if callerid is None else callerid.lower()))
        )
        if table is None or extension is None:
            return False
        lines = list(extension.priorities.values()) if priority is None else [extension.priorities.get(priority)]
        removed = [line is not None and table.remove(line) for line in lines]
        self._drop_empty(table)
        self.changed()
        return any(removed)

    def replace(self, registrar: str, loaded: ContextTable) -> list[str]:
        """Put a freshly read file in place of what ``registrar`` had; return complaints about clashes."""
        complaints = self.table.replace(registrar, loaded)
        self.changed()
        return complaints

    def observe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` after each change of the dialplan (hints must be read again); return the undo."""
        self._observers.append(callback)
        return lambda: self._observers.remove(callback)

    def changed(self) -> None:
        """Tell the observers that the dialplan has changed."""
        for callback in tuple(self._observers):
            attempt(self.log, "an observer of the dialplan", None, callback)

    def _drop_empty(self, table: Context) -> None:
        if not (table.extensions or table.includes) and table.registrar not in ("pbx_config",):
            self.table.contexts.pop(table.name, None)

    # -- running ---------------------------------------------------------------------------------

    async def execute_application(self, channel: Channel, name: str, data: str) -> bool:
        """Run one application on a channel; ``False`` when there is none of that name."""
        return await self.executor.application(channel, name, data)

    def expand(self, text: str, channel: Channel | None = None) -> str:
        """Replace variables, functions and expressions in ``text``."""
        return expand(text, self.environment, channel)

    async def expand_later(self, text: str, channel: Channel | None = None) -> str:
        """Like :meth:`expand`, where functions may take their time."""
        return await expand_later(text, self.environment, channel)

    def expand_with(self, text: str, variables: Mapping[str, str]) -> str:
        """Like :meth:`expand` without a channel; ``variables`` go before those of the server."""
        return expand(text, Overlay(self.environment, variables), None)

    def set_global(self, name: str, value: str) -> None:
        """Set a global variable; an empty value deletes it."""
        name = name.lstrip("_")
        self.globals.pop(name, None)
        if value:
            self.globals[name] = value
        self.bus.publish(events.VAR_SET, None, name, value)

    def set_fixed(self, variables: Mapping[str, str]) -> None:
        """Set variables of the whole server (``SYSTEMNAME``, ``ASTETCDIR``, ...)."""
        self.environment.fixed.update(variables)

    def _hint_of(self, channel: Channel, *, name: bool) -> str:
        devices, display_name = split_hint(self.find_hint(channel.context, channel.exten) or "")
        return display_name if name else devices


def split_hint(hint: str) -> tuple[str, str]:
    """The devices of a hint, with its presence provider, and its name: ``PJSIP/a,CustomPresence:p,Alice``."""
    devices, _, rest = hint.partition(",")
    first, _, second = rest.partition(",")
    if ":" in first:
        return f"{devices},{first}", second
    return devices, first
