"""The variables of a channel, and what called channels inherit of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from asterism.pbx.vocabulary import events

if TYPE_CHECKING:
    from asterism.pbx.vocabulary.host import Host

_DEFERRED = "(deferred)"
"""Placeholder for the value of a variable that is computed when it is read; compared by identity."""


class ChannelVariables:
    """The part of a channel that keeps variables; the channel makes what it keeps them in."""

    __slots__ = ("_deferred", "_variables", "inheritance", "pbx")

    pbx: Host
    _variables: dict[str, str]
    _deferred: list[tuple[Sequence[str], Callable[[], Iterable[str]]]]
    inheritance: dict[str, int] | None

    def set_variable(self, name: str, value: str | None, shown: str = "") -> None:
        """Set a channel variable, ``None`` deletes it; publishes VarSet, with the name ``shown`` if there is one.

        A leading ``_`` makes called channels inherit it, ``__`` theirs too. A variable that is set
        again counts as the newest.
        """
        plain = name
        depth = 0
        if name[:1] == "_":
            depth = 2 if name[1:2] == "_" else 1
            plain = name[depth:]
        variables = self._variables
        variables.pop(plain, None)
        if value is not None:
            variables[plain] = value
        if depth and value is not None:
            if self.inheritance is None:
                self.inheritance = {}
            self.inheritance[plain] = depth
        elif self.inheritance:
            self.inheritance.pop(plain, None)
        bus = self.pbx.bus
        if bus.listeners[events.VAR_SET]:
            bus.publish(events.VAR_SET, self, shown or name, value or "")

    def set_variables(self, values: Mapping[str, str]) -> None:
        """Set several variables, as :meth:`set_variable` one by one; their names have no underscore in front."""
        if self.inheritance or self.pbx.bus.listeners[events.VAR_SET]:
            for name, value in values.items():
                self.set_variable(name, value)
            return
        variables = self._variables
        if not variables.keys().isdisjoint(values):
            for name in values:
                variables.pop(name, None)
        variables.update(values)

    def delete_variables(self, names: Sequence[str]) -> None:
        """Delete several variables, as :meth:`set_variable` one by one; their names have no underscore in front."""
        if self.inheritance or self.pbx.bus.listeners[events.VAR_SET]:
            for name in names:
                self.set_variable(name, None)
            return
        for name in names:
            self._variables.pop(name, None)

    def defer_variables(self, names: Sequence[str], values: Callable[[], Iterable[str]]) -> None:
        """Set variables whose values cost something: ``values`` is called when somebody listens or reads.

        What it tells may not change any more. The names have no underscore in front.
        """
        if self.inheritance or self.pbx.bus.listeners[events.VAR_SET]:
            self.set_variables(dict(zip(names, values(), strict=True)))
            return
        self.set_variables(dict.fromkeys(names, _DEFERRED))
        self._deferred.append((names, values))

    @property
    def variables(self) -> dict[str, str]:
        """The channel's variables by their plain names, the newest last."""
        if self._deferred:
            deferred, self._deferred = self._deferred, []
            variables = self._variables
            for names, values in reversed(deferred):  # of two that set the same variable the newer counts
                for name, value in zip(names, values(), strict=True):
                    if variables.get(name) is _DEFERRED:
                        variables[name] = value
        return self._variables

    def inherit_variables(self, parent: ChannelVariables) -> None:
        """Take over the variables that ``parent`` was given with ``_`` (once) or ``__`` (for ever)."""
        if parent.inheritance:
            for name, depth in list(parent.inheritance.items()):
                self.set_variable("__" + name if depth == 2 else name, parent.variables[name])

    def has_any(self, names: frozenset[str], other: ChannelVariables | None = None) -> bool:
        """Whether one of these variables is set, on this channel, on the ``other`` one, or globally."""
        return not (
            names.isdisjoint(self._variables)
            and (other is None or names.isdisjoint(other._variables))
            and names.isdisjoint(self.pbx.dialplan.globals)
        )

    def get_variable(self, name: str) -> str | None:
        """A channel variable, else the global one; ``None`` when neither is set."""
        value = self._variables.get(name)
        if value is _DEFERRED:
            value = self.variables.get(name)
        return value if value is not None else self.pbx.dialplan.globals.get(name)
