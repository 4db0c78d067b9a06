"""Console commands that stop, restart and reload the server."""

from __future__ import annotations

from typing import ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Documentation
from asterism.core.module import Module
from asterism.server.server import Server


class LifecycleModule(Module):
    """``core stop|restart|abort shutdown|reload|waitfullybooted``."""

    name: ClassVar[str] = "core_lifecycle"
    core: ClassVar[bool] = True
    description: ClassVar[str] = "Start, stop and reload"

    server: Server

    def load(self, server: Server) -> None:
        """Register the commands."""
        self.server = server
        server.register_marked(self)

    @command(
        "core waitfullybooted",
        Documentation(
            "Wait until the server has fully booted.",
            "core waitfullybooted",
            "Returns once every module is ready and every socket is open.",
        ),
    )
    async def wait_fully_booted(self, call: CommandCall) -> str:
        """``core waitfullybooted``."""
        call.takes_nothing()
        await self.server.wait_booted()
        return "Asterisk has fully booted.\n"

    def _stop(self, call: CommandCall, **how: bool) -> str:
        call.takes_nothing()
        self.server.request_stop(**how)
        return ""

    @command("core stop now", Documentation("Stop the server, hanging up every call.", "core stop now"))
    def stop_now(self, call: CommandCall) -> str:
        """``core stop now``."""
        return self._stop(call)

    @command(
        "core stop gracefully",
        Documentation(
            "Take no new calls, and stop when those that are have ended.",
            "core stop gracefully",
            "New calls are refused from now on. 'core abort shutdown' takes it back.",
        ),
    )
    def stop_gracefully(self, call: CommandCall) -> str:
        """``core stop gracefully``."""
        return self._stop(call, graceful=True)

    @command(
        "core stop when convenient",
        Documentation(
            "Stop as soon as there is no call.",
            "core stop when convenient",
            "New calls are still taken. 'core abort shutdown' takes it back.",
        ),
    )
    def stop_when_convenient(self, call: CommandCall) -> str:
        """``core stop when convenient``."""
        return self._stop(call, convenient=True)

    @command("core restart now", Documentation("Stop, hanging up every call, and start anew.", "core restart now"))
    def restart_now(self, call: CommandCall) -> str:
        """``core restart now``."""
        return self._stop(call, restart=True)

    @command(
        "core restart gracefully",
        Documentation("Take no new calls, and start anew when those that are have ended.", "core restart gracefully"),
    )
    def restart_gracefully(self, call: CommandCall) -> str:
        """``core restart gracefully``."""
        return self._stop(call, graceful=True, restart=True)

    @command(
        "core restart when convenient",
        Documentation("Start anew as soon as there is no call.", "core restart when convenient"),
    )
    def restart_when_convenient(self, call: CommandCall) -> str:
        """``core restart when convenient``."""
        return self._stop(call, convenient=True, restart=True)

    @command(
        "core abort shutdown",
        Documentation("Take back a stop or restart that waits for calls to end.", "core abort shutdown"),
    )
    def abort_shutdown(self, call: CommandCall) -> str:
        """``core abort shutdown``."""
        call.takes_nothing()
        self.server.abort_stop()
        return ""

    @command("reload", Documentation("As 'core reload'.", "reload"))
    async def reload_short(self, call: CommandCall) -> str:
        """``reload``."""
        return str(await self.reload_all(call))

    @command("core reload", Documentation("Let every module read its configuration again.", "core reload"))
    async def reload_all(self, call: CommandCall) -> str:
        """``core reload``."""
        call.takes_nothing()
        await self.server.reload()
        return ""
