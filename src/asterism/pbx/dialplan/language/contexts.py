"""The table of contexts, extensions and priorities, and how a priority is found in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from asterism.core.errors import Position
from asterism.pbx.dialplan.language.patterns import Pattern, compile_pattern, fold, matches, order
from asterism.pbx.dialplan.language.substitution import Template, compile_text
from asterism.pbx.dialplan.language.timing import TimeSpec

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

HINT = -1
"""The priority of hint lines."""

MAX_INCLUDES = 128

ExtensionFunction = Callable[["Channel"], Awaitable[None]]


class Priority:
    """One line: what an extension does at one priority.

    ``application`` with ``data`` as written and, when something in it is to be replaced, ``template``;
    or ``run``, an extension written in Python. ``registrar`` is who added the line ("pbx_config", a module).
    """

    __slots__ = ("application", "data", "extension", "label", "number", "position", "registrar", "run", "template")

    def __init__(
        self,
        extension: Extension,
        number: int,
        application: str,
        data: str,
        registrar: str,
        label: str = "",
        position: Position | None = None,
        run: ExtensionFunction | None = None,
    ) -> None:
        self.extension = extension
        self.number = number
        self.label = label
        self.application = application
        self.data = data
        self.registrar = registrar
        self.position = position
        self.run = run
        compiled = compile_text(data)
        self.template: Template | None = None if isinstance(compiled, str) else compiled

    def __repr__(self) -> str:
        return f"<Priority {self.extension.name},{self.number} {self.application}({self.data})>"


class Extension:
    """All priorities of one name (and caller-ID match, ``None`` for any caller) in one context."""

    __slots__ = ("callerid", "context", "labels", "name", "pattern", "priorities")

    def __init__(self, context: Context, name: str, callerid: str | None) -> None:
        self.context = context
        self.name = name
        self.callerid = callerid
        self.pattern: Pattern | None = compile_pattern(name) if name[:1] == "_" else None
        self.priorities: dict[int, Priority] = {}
        self.labels: dict[str, int] = {}

    def takes_caller(self, callerid: str) -> bool:
        """Whether the caller's number fits; an empty ``callerid`` match takes only callers without number."""
        if self.callerid is None:
            return True
        return matches(self.callerid, callerid) if self.callerid else not callerid

    @property
    def order(self) -> tuple[object, ...]:
        """Sort key: exact names, then patterns; with caller-ID match before without."""
        return (*order(self.name), self.callerid is None, order(self.callerid or ""))


class Include:
    """One ``include`` line; ``spec`` limits it to certain times."""

    __slots__ = ("context", "registrar", "spec", "text")

    def __init__(self, context: str, registrar: str, spec: TimeSpec | None = None, text: str = "") -> None:
        self.context = context
        self.registrar = registrar
        self.spec = spec
        self.text = text or context


class Context:
    """A context: exact names in a dictionary, patterns sorted, includes in order."""

    __slots__ = ("_exact", "_patterns", "extensions", "ignore_patterns", "includes", "name", "registrar")

    def __init__(self, name: str, registrar: str) -> None:
        self.name = name
        self.registrar = registrar
        self.extensions: dict[tuple[str, str | None], Extension] = {}
        self.includes: list[Include] = []
        self.ignore_patterns: list[tuple[str, str]] = []
        self._exact: dict[str, tuple[Extension, ...]] = {}
        self._patterns: tuple[Extension, ...] = ()

    def add(
        self,
        name: str,
        number: int,
        application: str,
        data: str,
        registrar: str,
        *,
        callerid: str | None = None,
        label: str = "",
        position: Position | None = None,
        run: ExtensionFunction | None = None,
    ) -> Priority:
        """Add a priority. Raises :class:`ValueError` when another line has the place or the label."""
        key = (name.lower(), None if callerid is None else callerid.lower())
        extension = self.extensions.get(key)
        if extension is not None and number in extension.priorities:
            raise ValueError(f"extension '{name}' in context '{self.name}' has a priority {number} already")
        if extension is not None and label and label in extension.labels:
            raise ValueError(f"extension '{name}' in context '{self.name}' has a label '{label}' already")
        if extension is None:
            extension = self.extensions[key] = Extension(self, name, callerid)
            self._enter(extension)
        priority = Priority(extension, number, application, data, registrar, label, position, run)
        extension.priorities[number] = priority
        if label:
            extension.labels[label] = number
        return priority

    def remove(self, priority: Priority) -> bool:
        """Remove one line; ``False`` when it is not there any more."""
        extension = priority.extension
        if extension.priorities.get(priority.number) is not priority:
            return False
        del extension.priorities[priority.number]
        if priority.label:
            extension.labels.pop(priority.label, None)
        if not extension.priorities:
            callerid = extension.callerid
            self.extensions.pop((extension.name.lower(), None if callerid is None else callerid.lower()), None)
            self._leave(extension)
        return True

    def candidates(self, exten: str, callerid: str) -> Iterator[Extension]:
        """The extensions that match, best first."""
        key = exten if exten.isdigit() else fold(exten)
        for extension in self._exact.get(key, ()):
            if extension.callerid is None or extension.takes_caller(callerid):
                yield extension
        for extension in self._patterns:
            if extension.pattern.match(key) is not None and extension.takes_caller(callerid):  # type: ignore[union-attr]
                yield extension

    def find(self, exten: str, number: int, callerid: str) -> Priority | None:
        """The line of priority ``number`` in this context itself."""
        # Digits and names as they stand in the table are their own keys.
        key = exten if exten.isdigit() or exten in self._exact else fold(exten)
        for extension in self._exact.get(key, ()):
            found = extension.priorities.get(number)
            if found is not None and (extension.callerid is None or extension.takes_caller(callerid)):
                return found
        for extension in self._patterns:
            found = extension.priorities.get(number)
            if (
                found is not None
                and extension.pattern.match(key) is not None  # type: ignore[union-attr]
                and (extension.callerid is None or extension.takes_caller(callerid))
            ):
                return found
        return None

    def sorted_extensions(self) -> list[Extension]:
        """Extensions as listings show them: exact names, then patterns in matching order."""
        return sorted(self.extensions.values(), key=lambda extension: extension.order)

    def _enter(self, extension: Extension) -> None:
        """Add an extension to the index. For exact names only one entry changes: registrations may add thousands."""
        if extension.pattern is not None:
            self._patterns = tuple(sorted((*self._patterns, extension), key=lambda one: one.order))
            return
        key = fold(extension.name)
        self._exact[key] = tuple(sorted((*self._exact.get(key, ()), extension), key=lambda one: one.order))

    def _leave(self, extension: Extension) -> None:
        """Remove an extension from the index."""
        if extension.pattern is not None:
            self._patterns = tuple(one for one in self._patterns if one is not extension)
            return
        key = fold(extension.name)
        left = tuple(one for one in self._exact.get(key, ()) if one is not extension)
        if left:
            self._exact[key] = left
        else:
            self._exact.pop(key, None)


class ContextTable:
    """All contexts, in order of creation."""

    def __init__(self) -> None:
        self.contexts: dict[str, Context] = {}

    def get(self, name: str) -> Context | None:
        """A context by its exact name."""
        return self.contexts.get(name)

    def context(self, name: str, registrar: str) -> Context:
        """The context ``name``, made by ``registrar`` if there is none."""
        found = self.contexts.get(name)
        if found is None:
            found = self.contexts[name] = Context(name, registrar)
        return found

    def find(self, context: str, exten: str, number: int, callerid: str = "") -> Priority | None:
        """The line that a call at this place runs next: in the context itself, else in its includes."""
        table = self.contexts.get(context)
        if table is None:
            return None
        found = table.find(exten, number, callerid)
        if found is not None or not table.includes:
            return found
        for included in self.reachable(context):
            found = included.find(exten, number, callerid)
            if found is not None:
                return found
        return None

    def find_label(self, context: str, exten: str, label: str, callerid: str = "") -> int | None:
        """The priority that a label names, or ``None``."""
        for table in self.reachable(context, include_self=True):
            for extension in table.candidates(exten, callerid):
                number = extension.labels.get(label)
                if number is not None:
                    return number
        return None

    def matches_more(self, context: str, exten: str, callerid: str = "") -> bool:
        """Whether further digits could make (another) match: reasons to go on waiting for digits."""
        key = fold(exten)
        for table in self.reachable(context, include_self=True):
            for extension in table.extensions.values():
                if not extension.takes_caller(callerid):
                    continue
                if extension.pattern is not None:
                    if extension.pattern.matches_more(key) and extension.pattern.tail != "!":
                        return True
                elif len(extension.name) > len(exten) and fold(extension.name).startswith(key):
                    return True
        return False

    def reachable(self, context: str, include_self: bool = False) -> Iterator[Context]:
        """The contexts that ``context`` includes now, depth first, each once."""
        start = self.contexts.get(context)
        if start is None:
            return
        if include_self:
            yield start
        seen = {context}
        stack = [iter(start.includes)]
        while stack:
            include = next(stack[-1], None)
            if include is None:
                stack.pop()
                continue
            if include.context in seen or (include.spec is not None and not include.spec.matches()):
                continue
            found = self.contexts.get(include.context)
            if found is None or len(seen) > MAX_INCLUDES:
                continue
            seen.add(include.context)
            yield found
            stack.append(iter(found.includes))

    def replace(self, registrar: str, loaded: ContextTable) -> list[str]:
        """Put what ``loaded`` holds in place of everything of ``registrar``.

        What others registered stays, in contexts of the same name too; return a complaint for each line of
        theirs whose place the new file has taken.
        """
        complaints: list[str] = []
        for old in self.contexts.values():
            others = [
                priority
                for extension in old.extensions.values()
                for priority in extension.priorities.values()
                if priority.registrar != registrar
            ]
            includes = [include for include in old.includes if include.registrar != registrar]
            ignored = [one for one in old.ignore_patterns if one[1] != registrar]
            if old.registrar == registrar and not (others or includes or ignored):
                continue
            fresh = loaded.contexts.get(old.name)
            if fresh is None:
                fresh = loaded.contexts[old.name] = Context(old.name, old.registrar)
            for one in others:
                try:
                    moved = fresh.add(
                        one.extension.name,
                        one.number,
                        one.application,
                        one.data,
                        one.registrar,
                        callerid=one.extension.callerid,
                        label=one.label,
                        position=one.position,
                        run=one.run,
                    )
                except ValueError as error:
                    complaints.append(str(error))
                else:
                    # Whoever keeps the line for its removal must still hold the one in the table.
                    one.extension = moved.extension
                    moved.extension.priorities[one.number] = one
            fresh.includes.extend(
                include for include in includes if all(include.context != has.context for has in fresh.includes)
            )
            fresh.ignore_patterns.extend(ignored)
        self.contexts = loaded.contexts
        return complaints
