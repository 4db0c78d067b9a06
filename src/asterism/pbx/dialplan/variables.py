"""Channel and global variables, and which of them a called channel inherits."""

from __future__ import annotations

from typing import Any


class Variables(dict[str, str]):
    """Variables by plain name.

    ``assign`` understands the underscores of ``Set(_V=x)`` and ``Set(__V=x)``: inherited by a called
    channel once, or by its called channels too. ``inheritance`` keeps 1 or 2 by name.
    """

    __slots__ = ("inheritance",)

    def __init__(self, *args: Any, **kwargs: str) -> None:
        super().__init__(*args, **kwargs)
        self.inheritance: dict[str, int] | None = None

    def assign(self, name: str, value: str | None) -> str:
        """Set ``name``, given with its underscores; ``None`` deletes it. Return the plain name."""
        depth = 0
        if name[:1] == "_":
            depth = 2 if name[1:2] == "_" else 1
            name = name[depth:]
        if value is None:
            self.pop(name, None)
            if self.inheritance:
                self.inheritance.pop(name, None)
            return name
        self[name] = value
        if depth:
            if self.inheritance is None:
                self.inheritance = {}
            self.inheritance[name] = depth
        elif self.inheritance:
            self.inheritance.pop(name, None)
        return name

    def inherited(self) -> list[tuple[str, str]]:
        """What a called channel is given, for its ``assign``: ``_V`` arrives as ``V``, ``__V`` as ``__V``."""
        if not self.inheritance:
            return []
        return [("__" + name if depth == 2 else name, self[name]) for name, depth in self.inheritance.items()]
