"""The registries of the server: its modules, and the applications, functions and technologies that they register.

They are asked of a server without configuration that is put together and never opened. Files of the folder ``modules``
are not run: a check must not do what the configuration says. What they define is looked for in their text.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import logging
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asterism.core.errors import ConfigError, Position

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asterism.core.documentation import Documentation
    from asterism.core.registry import Entry
    from asterism.server.catalog import Catalog
    from asterism.server.server import Server


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that a module brings: its name, and the module's."""

    name: str
    module: str
    documentation: Documentation


@dataclass(slots=True)
class Registries:
    """The modules that there are, and by folded name what they bring."""

    catalog: Catalog
    applications: dict[str, Offer]
    functions: dict[str, Offer]
    technologies: dict[str, Offer]
    words: set[str] = field(default_factory=set)
    """Every text in the files of the folder ``modules``: one of them may be the name of what such a file defines."""
    problems: list[ConfigError] = field(default_factory=list)


def read_registries(files: Iterable[Path], *, chan_sip: bool = False) -> Registries:
    """Collect what there is; ``files`` are the module files of the configuration.

    ``chan_sip``: there is a ``sip.conf``, without which the technology SIP is not registered.
    """
    # A thread of its own: whoever calls this may have a loop that runs.
    with ThreadPoolExecutor(1) as pool:
        found: Registries = pool.submit(lambda: asyncio.run(_collect(chan_sip))).result()
    for path in files:
        try:
            tree = ast.parse(path.read_bytes(), str(path))
        except (SyntaxError, ValueError) as error:
            position = Position(str(path), getattr(error, "lineno", None) or 0)
            found.problems.append(ConfigError(f"module file cannot be run: {error}", position))
        except OSError as error:
            found.problems.append(ConfigError(f"module file cannot be read: {error.strerror}", Position(str(path), 0)))
        else:
            found.words |= {
                node.value.lower()
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
    return found


async def _collect(chan_sip: bool) -> Registries:
    from asterism.server.server import Server

    with tempfile.TemporaryDirectory() as folder:
        server = Server.from_config(folder)
        server.log.setLevel(logging.CRITICAL + 1)
        server.modules.discover()
        for known in server.modules.known():
            if known.instance is None:
                with contextlib.suppress(Exception):  # one that needs what is not here declines
                    await server.modules.load(known.name)
        if chan_sip:
            _register_chan_sip(server)
        found = Registries(
            server.modules.catalog,
            _offers(server.pbx.applications),
            _offers(server.pbx.functions),
            _offers(server.pbx.technologies),
        )
        await server.stop()
    return found


def _register_chan_sip(server: Server) -> None:
    """Have the technology SIP, which its module registers when the server starts and there is a ``sip.conf``."""
    from asterism.chan_sip.technology import ChanSipTechnology
    from asterism.core.documentation import Documentation

    known = server.modules.find(ChanSipTechnology.name)
    if known is not None and isinstance(known.instance, ChanSipTechnology) and known.owner is not None:
        server.pbx.technologies.add(known.owner, "SIP", known.instance.technology, Documentation("Peers of sip.conf"))


def _offers(entries: Iterable[Entry[Any]]) -> dict[str, Offer]:
    return {entry.name.lower(): Offer(entry.name, entry.owner.name, entry.documentation) for entry in entries}
