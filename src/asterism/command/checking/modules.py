"""``modules.conf``: options and modules that do not exist, and which modules would be loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from asterism.command.checking.problems import Problems
from asterism.core.errors import ConfigError, ModuleError, Position
from asterism.core.nearest import suggestion
from asterism.server.catalog import ModulePlan, canonical_name

if TYPE_CHECKING:
    from asterism.command.checking.registries import Registries
    from asterism.config.file import ConfigFile

OPTIONS = ("autoload", "load", "noload", "preload", "preload-require", "require")


def check_modules(file: ConfigFile | None, registries: Registries, found: Problems) -> set[str]:
    """Check ``modules.conf``; returns the names of the modules that it has loaded (all of them without a file)."""
    from asterism.server.server import plan_of

    catalog = registries.catalog
    found.add(registries.problems)
    if file is None or not file.sections:
        return {known.name for known in catalog}
    plan = plan_of(file, Path(file.path).parent)
    without_effect = catalog.kept(plan)
    for option in file.options("modules"):
        name, value = option.name.lower(), canonical_name(option.value)
        if name not in OPTIONS:
            found.add([option.error("not an option of modules.conf" + suggestion(name, OPTIONS), ", ".join(OPTIONS))])
        elif name not in ("autoload", "noload") and catalog.find(value) is None and value not in registries.words:
            near = suggestion(value, catalog.names())
            fatal = ", and the server does not start without it" if "require" in name else ""
            found.add([option.error(f"there is no module '{value}'{fatal}{near}")])
        elif name == "noload" and value in without_effect:
            found.note([ConfigError(f"noload = {value} has no effect: {without_effect[value]}", option.position)])
    plan.require = [name for name in plan.require if catalog.find(name) is not None]
    try:
        selection = catalog.select(plan)
    except ModuleError as error:
        found.add([ConfigError(str(error), Position(file.path, 0))])
        selection = catalog.select(ModulePlan())
    return {known.name for known in selection.modules}
