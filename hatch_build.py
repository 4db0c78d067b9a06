"""Compiles hot modules into the wheel with mypyc, when ``ASTERISM_COMPILE=1`` asks for it.

Without the variable, and for an editable install, nothing here does anything: the wheel is pure Python, and neither
a compiler nor mypy is needed. Which modules are compiled stands in ``pyproject.toml``, at
``[tool.hatch.build.targets.wheel.hooks.custom]``. The ``.py`` files stay in the wheel beside the compiled ones:
Python takes the compiled one, tracebacks and ``inspect`` show the source.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE = "ASTERISM_COMPILE"
GROUP = "asterism_compiled"
"""The compiled code of all modules is in one library, ``asterism_compiled__mypyc``."""

_TRAVERSE = re.compile(r"^(\w+)_traverse\((.*?)^\}", re.MULTILINE | re.DOTALL)
_VISIT = re.compile(r"Py_VISIT\(self->(\w+)\)")


def wanted() -> bool:
    """Whether compiling was asked for."""
    value = os.environ.get(VARIABLE, "")
    if value not in {"", "0", "1"}:
        raise SystemExit(f"{VARIABLE} is 1 or 0, not {value!r}")
    return value == "1"


class CompileHook(BuildHookInterface[Any]):
    """Adds the compiled modules to a wheel."""

    def dependencies(self) -> list[str]:
        """What compiling needs: mypy with its types of what the modules import; nothing for a pure wheel."""
        if not wanted():
            return []
        return [*self.config["requires"], *self.metadata.core.dependencies]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say that the wheel is for this Python and this machine."""
        if version == "editable" or not wanted():
            return
        root = Path(self.root)
        modules = self.modules(root / "src")
        self.app.display_info(f"Compiling {len(modules)} modules")
        folder = Path(tempfile.mkdtemp(prefix="asterism-compile-"))
        try:
            libraries = compile_modules(root / "src", modules, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._folder = folder
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        included = {str(library): str(library.relative_to(folder / "lib")) for library in libraries}
        build_data["force_include"].update(included)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder of the compiler."""
        folder = getattr(self, "_folder", None)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def modules(self, source: Path) -> list[str]:
        """The files to compile, relative to ``source``.

        Raises:
            SystemExit: a pattern of the configuration matches nothing.
        """
        chosen: set[str] = set()
        for option, take in (("modules", chosen.update), ("interpreted", chosen.difference_update)):
            for pattern in self.config[option]:
                found = {str(path.relative_to(source)) for path in source.glob(pattern) if path.suffix == ".py"}
                if not found:
                    raise SystemExit(f"{option}: {pattern!r} is no module")
                take(found)
        return sorted(name for name in chosen if Path(name).name != "__init__.py")


def compile_modules(source: Path, modules: Sequence[str], folder: Path) -> list[Path]:
    """Compile modules into ``folder/lib``.

    Raises:
        SystemExit: there is no compiler, or Python's headers are missing, or a module does not compile.
    """
    import sysconfig

    from mypyc.build import mypycify
    from setuptools import Distribution

    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.exists():
        raise SystemExit(f"{VARIABLE}=1 needs Python's headers: {header} is missing (Debian: python3-dev)")
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        raise SystemExit(f"{VARIABLE}=1 needs a C compiler: {compiler!r} is not there (Debian: gcc)")
    before = Path.cwd()
    os.chdir(source)
    try:
        extensions = mypycify(
            ["--config-file=", "--strict", "--ignore-missing-imports", "--cache-dir", str(folder / "types"), *modules],
            opt_level="2",
            debug_level="0",
            multi_file=True,
            target_dir=str(folder / "c"),
            group_name=GROUP,
        )
        _check_collectable(folder / "c")
        command: Any = Distribution({"name": "asterism", "ext_modules": extensions}).get_command_obj("build_ext")
        command.build_lib = str(folder / "lib")
        command.build_temp = str(folder / "objects")
        command.ensure_finalized()
        _compile_in_parallel(command)
        command.run()
    finally:
        os.chdir(before)
    return sorted(path for path in (folder / "lib").rglob("*") if path.is_file())


def _check_collectable(folder: Path) -> None:
    """Refuse classes that the garbage collector would miscount.

    An attribute that a subclass annotates once more is visited twice, and then no cycle through it is ever freed.

    Raises:
        SystemExit: there is one.
    """
    found = []
    for path in sorted(folder.glob("__native_*.c")):
        for function in _TRAVERSE.finditer(path.read_text()):
            visited = _VISIT.findall(function[2])
            if len(set(visited)) < len(visited):
                found.append(function[1])
    if found:
        raise SystemExit(f"annotate an attribute in the base class alone: {', '.join(found)}")


def _compile_in_parallel(command: Any) -> None:
    """Have the files of one extension compiled at once, one per core; setuptools does one after another."""
    build = command.build_extension

    def build_extension(extension: Any) -> None:
        compiler = command.compiler
        if "compile" not in vars(compiler):
            one = compiler.compile

            def compile_all(sources: Sequence[str], **options: Any) -> list[str]:
                with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
                    return list(chain.from_iterable(pool.map(lambda source: one([source], **options), sources)))

            compiler.compile = compile_all
        build(extension)

    command.build_extension = build_extension
