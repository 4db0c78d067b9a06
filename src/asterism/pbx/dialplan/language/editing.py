"""Console commands that change the includes and ignored patterns of contexts until the next restart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Documentation
from asterism.core.errors import CommandError, UsageError
from asterism.pbx.dialplan.language.contexts import Context, Include
from asterism.pbx.dialplan.language.loader import REGISTRAR
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.dialplan.language.table import Dialplan

_EDITOR = "CLI"


def _pair(call: CommandCall, preposition: str) -> tuple[str, str]:
    """``<thing> into|from <context>``."""
    if len(call.args) != 3 or call.args[1] != preposition:
        raise UsageError
    return call.args[0], call.args[2]


class DialplanEditing(PbxModule):
    """``dialplan add|remove include|ignorepat``, ``dialplan remove context``."""

    name = "pbx_dialplan_editing"
    part_of = ("pbx_config",)
    description = "Console commands that edit the dialplan"

    @property
    def _dialplan(self) -> Dialplan:
        found: Dialplan = self.pbx.dialplan
        return found

    def _context(self, name: str) -> Context:
        found = self._dialplan.table.contexts.get(name)
        if found is None:
            raise CommandError(f"There is no existence of '{name}' context")
        return found

    def complete_add(self, words: list[str]) -> Iterable[str]:
        """A context, ``into``, another context."""
        return ("into",) if len(words) == 2 else self._dialplan.table.contexts if len(words) in (1, 3) else ()

    def complete_remove(self, words: list[str]) -> Iterable[str]:
        """A context, ``from``, another context."""
        return ("from",) if len(words) == 2 else self._dialplan.table.contexts if len(words) in (1, 3) else ()

    def complete_context(self, words: list[str]) -> Iterable[str]:
        """A context."""
        return self._dialplan.table.contexts if len(words) == 1 else ()

    @command(
        "dialplan add include",
        Documentation("Include a context in another.", "dialplan add include <context> into <context>"),
        "complete_add",
    )
    def add_include(self, call: CommandCall) -> str:
        """``CONTEXT into CONTEXT``."""
        name, into = _pair(call, "into")
        context = self._dialplan.table.context(into, REGISTRAR)
        if any(include.context == name for include in context.includes):
            raise CommandError(f"Context '{name}' is already included in '{into}' context")
        context.includes.append(Include(name, _EDITOR))
        self._dialplan.changed()
        return f"Context '{name}' included in '{into}' context\n"

    @command(
        "dialplan remove include",
        Documentation("Take an include out of a context.", "dialplan remove include <context> from <context>"),
        "complete_remove",
    )
    def remove_include(self, call: CommandCall) -> str:
        """``CONTEXT from CONTEXT``."""
        name, where = _pair(call, "from")
        context = self._context(where)
        kept = [include for include in context.includes if name not in (include.context, include.text)]
        if len(kept) == len(context.includes):
            raise CommandError(f"There is no include of '{name}' in '{where}' context")
        context.includes[:] = kept
        self._dialplan.changed()
        return f"The include '{name}' has been removed from '{where}' context\n"

    @command(
        "dialplan add ignorepat",
        Documentation(
            "Keep the dial tone after a pattern.",
            "dialplan add ignorepat <pattern> into <context>",
            "Kept and shown with the context; SIP phones make their dial tone themselves.",
        ),
        "complete_add",
    )
    def add_ignore_pattern(self, call: CommandCall) -> str:
        """``PATTERN into CONTEXT``."""
        pattern, into = _pair(call, "into")
        context = self._context(into)
        if any(known == pattern for known, _ in context.ignore_patterns):
            raise CommandError(f"Ignore pattern '{pattern}' is in '{into}' context already")
        context.ignore_patterns.append((pattern, _EDITOR))
        return f"Ignore pattern '{pattern}' added into '{into}' context\n"

    @command(
        "dialplan remove ignorepat",
        Documentation(
            "Take an ignored pattern out of a context.", "dialplan remove ignorepat <pattern> from <context>"
        ),
        "complete_remove",
    )
    def remove_ignore_pattern(self, call: CommandCall) -> str:
        """``PATTERN from CONTEXT``."""
        pattern, where = _pair(call, "from")
        context = self._context(where)
        kept = [each for each in context.ignore_patterns if each[0] != pattern]
        if len(kept) == len(context.ignore_patterns):
            raise CommandError(f"There is no existence of ignore pattern '{pattern}' in '{where}' context")
        context.ignore_patterns[:] = kept
        return f"Ignore pattern '{pattern}' removed from '{where}' context\n"

    @command(
        "dialplan remove context",
        Documentation("Remove a whole context.", "dialplan remove context <context>"),
        "complete_context",
    )
    def remove_context(self, call: CommandCall) -> str:
        """``CONTEXT``."""
        if len(call.args) != 1:
            raise UsageError
        context = self._context(call.args[0])
        for extension in list(context.extensions.values()):
            for line in list(extension.priorities.values()):
                context.remove(line)
        del self._dialplan.table.contexts[context.name]
        self._dialplan.changed()
        return f"Removed context '{context.name}'\n"
