"""Restrictions on running code that was started by a manager client.

The rules hold for whatever the client's request reaches, however deep: applications that run others, functions
within functions, variables that name functions. They follow the task (a :class:`~contextvars.ContextVar`), so
that calls of others which run meanwhile have nothing to do with them. Lines of the dialplan are the administrator's:
whoever runs them lifts the rules until they return.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

DANGEROUS_FUNCTIONS = 1
"""Functions that reach outside the PBX are neither read nor written (``live_dangerously = no``)."""
DANGEROUS_APPLICATIONS = 2
"""Applications that reach outside the PBX are not run: they need the manager class ``system``."""
WRITES = 4
"""Nothing is assigned: neither variables nor functions."""

restriction: ContextVar[int] = ContextVar("restriction", default=0)
"""The rules that hold now, as a sum of the numbers above."""

REACHING_OUT = frozenset({
    "agi", "backticks", "deadagi", "eagi", "externalivr", "minivmnotify", "mixmonitor", "originate", "stasis", "system",
    "trysystem",
})  # fmt: skip
"""Names, in lower case, of applications that start programs, calls or other servers' code."""


def file_allowed(path: Path, folder: Path) -> bool:
    """Whether the code that runs now may write ``path``: a client that may not reach outside, below ``folder`` only."""
    return not restriction.get() & DANGEROUS_FUNCTIONS or path.resolve().is_relative_to(folder.resolve())


@contextmanager
def restricted(rules: int) -> Iterator[None]:
    """Add ``rules`` for all code called within the block."""
    token = restriction.set(restriction.get() | rules)
    try:
        yield
    finally:
        restriction.reset(token)
