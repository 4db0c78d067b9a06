"""The module of UDPTL: reads ``udptl.conf``, brings the console's ``udptl`` commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import CommandCall, command
from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.core.words import yes_or_no
from asterism.media.engine_module import EngineModule

if TYPE_CHECKING:
    from asterism.media.udptl_ports import UdptlPorts


class UdptlModule(EngineModule):
    """``udptl show config``, ``udptl set debug``."""

    name: ClassVar[str] = "udptl"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "UDPTL, the transport of T.38"
    file: ClassVar[str] = "udptl.conf"

    def engine(self) -> UdptlPorts:
        """See ``EngineModule``."""
        return self._server.media.udptl

    def use_count(self) -> int:
        """Number of open ports."""
        return len(self._server.media.udptl.open_ports)

    @command(
        "udptl show config",
        Documentation(
            "Show the settings of UDPTL",
            "udptl show config",
            "Shows the options of udptl.conf that are in force, defaults included.",
            see_also=("udptl set debug",),
        ),
    )
    def show_config(self, call: CommandCall) -> str:
        """Print the settings."""
        if call.args:
            raise UsageError("no arguments are taken")
        settings = self._server.media.udptl.settings
        rows = (
            ("udptlstart", settings.start),
            ("udptlend", settings.end),
            ("udptlfecentries", settings.entries),
            ("udptlfecspan", settings.span),
            ("use_even_ports", yes_or_no(settings.even_ports).lower()),
            ("udptlchecksums", yes_or_no(settings.checksums).lower()),
        )
        lines = "".join(f"{name + ':':<17}{value}\n" for name, value in rows)
        return f"UDPTL Global options\n--------------------\n{lines}"

    @command(
        "udptl set debug",
        Documentation(
            "Log every UDPTL packet, or stop that",
            "udptl set debug {on|off|ip host[:port]}",
            "While on, each packet that is sent or received is logged with its sequence number and length. With 'ip' "
            "only the packets of one address are logged.",
            (Argument("on|off|ip", "What to log.", True), Argument("host[:port]", "The address, after 'ip'.")),
            ("udptl show config",),
        ),
        complete=lambda words: ("on", "off", "ip") if len(words) <= 1 else (),
    )
    def set_debug(self, call: CommandCall) -> str:
        """Switch the packet log."""
        udptl = self._server.media.udptl
        match call.args:
            case ["on"]:
                udptl.set_debug(True)
                return "UDPTL Debugging Enabled\n"
            case ["off"]:
                udptl.set_debug(False)
                return "UDPTL Debugging Disabled\n"
            case ["ip", address]:
                udptl.set_debug(True, address)
                return f"UDPTL Debugging Enabled for address: {address}\n"
        raise UsageError("on, off, or ip and an address are needed")
