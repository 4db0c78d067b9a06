"""Python files with modules, in the ``modules`` folders: which there are, and what is in them."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from asterism.core.errors import ModuleError
from asterism.core.module import Module
from asterism.server.discovery import modules_of


@dataclass(slots=True)
class ModuleFile:
    """A file that was run: a digest of the text that was, to notice a new one."""

    path: Path
    digest: bytes


class ModuleFiles:
    """The files of some folders; each is run once, and again when its text is another."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._run: dict[Path, ModuleFile] = {}

    def paths(self) -> list[Path]:
        """The files, each once whatever folders and links lead to it; one that begins with ``_`` is no module."""
        return list(module_paths(self._folders))

    def is_current(self, path: Path) -> bool:
        """Whether the file's text has been run; a file that is gone or cannot be read has nothing new to say."""
        known = self._run.get(path)
        try:
            return known is not None and known.digest == _digest(path.read_bytes())
        except OSError:
            return True

    def run(self, path: Path) -> list[type[Module]]:
        """Run a file; the module classes in it.

        Raises:
            ModuleError: It cannot be read or run; the cause is what was raised.
        """
        name = f"asterism_modules.{path.stem}"
        before = sys.modules.get(name)
        python_module = ModuleType(name)
        python_module.__file__ = str(path)
        try:
            source = path.read_bytes()
            # Compiled here: a cached file may be older than its time stamp tells.
            code = compile(source, str(path), "exec", dont_inherit=True)
            sys.modules[name] = python_module  # dataclasses look for their module there
            exec(code, vars(python_module))
        except (Exception, SystemExit) as error:
            if before is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = before
            raise ModuleError(f"module file {path} cannot be run: {type(error).__name__}: {error}") from error
        self._run[path] = ModuleFile(path, _digest(source))
        return list(modules_of(python_module))


def module_paths(folders: Iterable[Path]) -> Iterator[Path]:
    """The module files of ``folders``, by folder and name, each once."""
    seen: set[Path] = set()
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            real = path.resolve()
            if not path.name.startswith("_") and real not in seen:
                seen.add(real)
                yield real


def _digest(source: bytes) -> bytes:
    return hashlib.sha256(source).digest()
