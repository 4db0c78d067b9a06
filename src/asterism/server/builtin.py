"""The modules that ship with Asterism, in the order they load when nothing else decides."""

from __future__ import annotations

CORE_MODULES = (
    "asterism.interfaces.logger.module:LoggerModule",
    "asterism.server.core_module:CoreModule",
    "asterism.interfaces.manager.module:ManagerModule",
    "asterism.interfaces.console.module:ConsoleModule",
)
"""Always loaded, never unloaded: what an operator needs to see and steer any server."""

LOADABLE_MODULES: tuple[str, ...] = ()
"""Loaded as ``modules.conf`` says."""
